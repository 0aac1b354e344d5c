"""The providers that are installed: entry points become subcommands."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from importlib import import_module

from auditctl.interrupts import interrupts
from auditctl.provider import Provider

GROUP = "auditctl.providers"
TITLES = "auditctl.titles"
"""Entry points whose name is the title of a provider, so that help need not import it."""
OF_LOGS = ("order", "permission", "retention")
FACTS = ("name", "title", *OF_LOGS, "rate_limit", "docs")
"""Facts that a provider must state for itself or for each of its logs."""


@cache
def installed() -> dict[str, str]:
    """Find the providers without importing them: subcommand -> ``module:class``.

    Read out of each distribution's entry_points.txt, as the packaging specification lays it
    down, and not through importlib.metadata: that takes a quarter of what a help text may take.
    A program that is packed into one file has no such folders, and does ask it.
    """
    found = _entries(GROUP)
    if not found or not os.path.isfile(__file__):  # noqa: PTH113
        from importlib.metadata import entry_points

        for point in entry_points(group=GROUP):
            found.setdefault(point.name, point.value.partition("[")[0].strip())
    return found


@cache
def titles() -> dict[str, str]:
    """Find the titles that are declared beside providers: ``module:class`` -> title."""
    return {value: title for title, value in _entries(TITLES).items()}


def _entries(group: str) -> dict[str, str]:
    """Read the entry points of a group: name -> value."""
    found: dict[str, str] = {}
    for declared in _declarations():
        section = ""
        for line in declared.split("\n"):
            text = line.partition("#")[0].strip()
            if text.startswith("["):
                section = text.strip("[]").strip()
            elif section == group and "=" in text:
                name, _, value = text.partition("=")
                found.setdefault(name.strip(), value.partition("[")[0].strip())
    return found


def _declarations() -> Iterator[str]:
    for folder in sys.path:
        try:
            names = sorted(os.listdir(folder or "."))  # noqa: PTH208
        except OSError:  # a zip file, or nothing at all
            continue
        for name in names:
            if name.endswith((".dist-info", ".egg-info")):
                path = os.path.join(folder, name, "entry_points.txt")  # noqa: PTH118
                # Most have none, and one that may not be read must not take the others with it.
                with suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
                    yield file.read()


def load(name: str, complain: Callable[[str], None]) -> type[Provider] | None:
    """Import a provider; None if there is none of that name, or if it is broken: then warn.

    A plugin may raise anything when it is imported, and must not take the other
    providers with it.
    """
    value = installed().get(name)
    if value is None:
        return None
    module, _, path = value.partition(":")
    try:
        provider: object = import_module(module)
        for attribute in path.split("."):
            provider = getattr(provider, attribute)
        if not (isinstance(provider, type) and issubclass(provider, Provider)):
            message = "it is no Provider"
            raise TypeError(message)  # noqa: TRY301 - the same end as any other defect
        lacking = [fact for fact in FACTS if not hasattr(provider, fact)]
        if provider.logs:
            lacking = [fact for fact in lacking if fact not in OF_LOGS]
        if lacking or provider.__abstractmethods__ or provider.name != name:
            message = (
                f"it lacks {', '.join([*lacking, *provider.__abstractmethods__]) or 'its name'}"
            )
            raise TypeError(message)  # noqa: TRY301
    except (Exception, SystemExit) as error:  # noqa: BLE001
        if interrupts.status is not None:  # an interruption, or what an import has made of it
            raise SystemExit(interrupts.status) from None
        complain(f"The provider {name} ({value}) is left out, because it is broken: {error}")
        return None
    return provider
