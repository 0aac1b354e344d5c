"""auditctl exports audit logs; here is what a provider is written with."""

__version__ = "0.1.0"

# Not typing's, which takes as long to import as `auditctl --version` may take in all.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from auditctl.http.answer import Answer
    from auditctl.http.client import Client
    from auditctl.http.numbered import NumberedPage, read_numbered, read_once
    from auditctl.http.stream import Stream
    from auditctl.provider import (
        Page,
        Provider,
        Secret,
        basic,
        option,
        secret,
        setting,
    )
    from auditctl.reading import NOTHING, UNREADABLE, full_name, mapping, reach, request, said
    from auditctl.record import Event, Fields
    from auditctl.window import Window

_HOMES = {
    "Answer": "http.answer",
    "Client": "http.client",
    "Event": "record",
    "Fields": "record",
    "NOTHING": "reading",
    "NumberedPage": "http.numbered",
    "Page": "provider",
    "Provider": "provider",
    "Secret": "provider",
    "Stream": "http.stream",
    "UNREADABLE": "reading",
    "Window": "window",
    "basic": "provider",
    "full_name": "reading",
    "mapping": "reading",
    "option": "provider",
    "reach": "reading",
    "read_numbered": "http.numbered",
    "read_once": "http.numbered",
    "request": "reading",
    "said": "reading",
    "secret": "provider",
    "setting": "provider",
}
__all__ = [  # noqa: RUF022 - as one would introduce them
    "Provider",
    "Page",
    "Client",
    "Answer",
    "Stream",
    "NumberedPage",
    "Window",
    "Event",
    "Fields",
    "Secret",
    "setting",
    "secret",
    "option",
    "basic",
    "mapping",
    "reach",
    "said",
    "request",
    "full_name",
    "read_numbered",
    "read_once",
    "NOTHING",
    "UNREADABLE",
    "__version__",
]


def __getattr__(name: str) -> object:
    """Import a name when it is first asked for: ``auditctl --version`` needs none of them."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"auditctl.{_HOMES[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
