"""Faults in a provider's own code: messages name its package and the place."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from auditctl.errors import AuditctlError, ContractError, ProviderError
from auditctl.interrupts import interrupts

if TYPE_CHECKING:  # the list of commands can do without
    from auditctl.provider import Provider

GROUP = "auditctl.providers"
"""The entry points of providers: subcommand -> ``module:class``."""
FACE = "auditctl"
"""The package whose faults are ours."""


@contextmanager
def blamed(provider: "type[Provider]") -> Iterator[None]:
    """Turn an exception that a plugin's code has raised into the failure that says so.

    Raises:
        ProviderError: it came from the plugin, or because of what that returned.

    """
    try:
        yield
    except AuditctlError:
        raise
    except Exception as error:
        place = last_place(error, provider.__module__)
        what = type(error).__name__
        if isinstance(error, ContractError):
            place, what = _place_of(provider, error.method), str(error)
        if place is None or interrupts.status is not None:
            raise
        module, line = place
        raise ProviderError(
            f"This is a fault of the provider {provider.name}, not of auditctl: {what}, in the "
            f"module {module}, line {line}. Report it to the authors of the package "
            f"{package_of(provider.name, module)}."
        ) from error


def _place_of(provider: "type[Provider]", method: str) -> tuple[str, int] | None:
    """Return the module and the line where a plugin's method is written."""
    function = getattr(provider, method)
    code = getattr(function, "__code__", None)
    if _is_ours(function.__module__) or code is None:
        return None
    return function.__module__, code.co_firstlineno


def last_place(error: BaseException, home: str) -> tuple[str, int] | None:
    """Return the last module of a plugin's package that an exception went through, and the line.

    None if it went through none, or if the package is auditctl itself.
    """
    package = home.partition(".")[0]
    if _is_ours(home):
        return None
    if isinstance(error, SyntaxError) and error.lineno:
        return home, error.lineno
    from traceback import walk_tb

    places = [(f.f_globals.get("__name__", ""), line) for f, line in walk_tb(error.__traceback__)]
    own = [(module, line) for module, line in places if module.partition(".")[0] == package]
    return own[-1] if own else None


def _is_ours(home: str) -> bool:
    return home.partition(".")[0] == FACE


def package_of(name: str, home: str) -> str:
    """Return the name of the distribution that a provider was installed with."""
    from importlib.metadata import entry_points

    with suppress(OSError):  # from Python 3.15 on, a distribution without metadata is an error
        for point in entry_points(group=GROUP, name=name):
            if point.dist is not None and point.dist.name:
                return point.dist.name
    return home.partition(".")[0]
