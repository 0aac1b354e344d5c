"""The providers that are installed: entry points become subcommands."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from auditctl.errors import ProviderError
from auditctl.faults import GROUP, last_place, package_of
from auditctl.interrupts import interrupts

if TYPE_CHECKING:  # the list of commands can do without
    from auditctl.provider import Provider

TITLES = "auditctl.titles"
"""Entry points whose name is the title of a provider, so that help need not import it."""
OURS = "auditctl."


@cache
def installed() -> dict[str, str]:
    """Find the providers without importing them: subcommand -> ``module:class``.

    Read out of each distribution's entry_points.txt, as the packaging specification lays it
    down, and not through importlib.metadata: that takes a quarter of what a help text may take.
    A program that is packed into one file has no such folders, and does ask it.
    """
    found = dict(declared().get(GROUP, {}))
    if not found or not os.path.isfile(__file__):  # noqa: PTH113
        from importlib.metadata import entry_points

        for point in entry_points(group=GROUP):
            found.setdefault(point.name, point.value.partition("[")[0].strip())
    # Ours first: examples in help texts are made of the first, and ours have sample data.
    return dict(sorted(found.items(), key=lambda one: not one[1].startswith(OURS)))


def titles() -> dict[str, str]:
    """Find the titles that are declared beside providers: ``module:class`` -> title."""
    return {value: title for title, value in declared().get(TITLES, {}).items()}


@cache
def declared() -> dict[str, dict[str, str]]:
    """Read the entry points of all that is installed: group -> name -> value."""
    found: dict[str, dict[str, str]] = {}
    for declared in _declarations():
        group: dict[str, str] = {}
        for line in declared.split("\n"):
            text = line.partition("#")[0].strip()
            if text.startswith("["):
                group = found.setdefault(text.strip("[]").strip(), {})
            elif "=" in text:
                name, _, value = text.partition("=")
                group.setdefault(name.strip(), value.partition("[")[0].strip())
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


def load(name: str, complain: Callable[[str], None]) -> "type[Provider] | None":
    """Import a provider; None if there is none of that name, or if it is broken: then warn."""
    try:
        return require(name) if name in installed() else None
    except ProviderError as error:
        complain(f"{error} It is left out.")
        return None


def require(name: str) -> "type[Provider]":
    """Import a provider that is installed.

    A plugin may raise anything when it is imported, and must not take the other
    providers with it.
    """
    value = installed()[name]
    module, _, path = value.partition(":")
    try:
        provider: object = import_module(module)
        for attribute in path.split("."):
            provider = getattr(provider, attribute, None)
        return _checked(provider, name)
    except (Exception, SystemExit) as error:
        if interrupts.status is not None:  # an interruption, or what an import has made of it
            raise SystemExit(interrupts.status) from None
        raise ProviderError(
            f"The provider {name} ({value}) cannot be used: {_reason(error, module)}. Report it to "
            f"the authors of the package {package_of(name, module)}."
        ) from error


def _checked(provider: object, name: str) -> "type[Provider]":
    """Check that a plugin has what it needs to be asked."""
    from dataclasses import Field

    from auditctl.declared import secrets, variables
    from auditctl.facts import REQUIRED, REQUIRED_OF_A_LOG, FactError
    from auditctl.provider import Provider

    if not (isinstance(provider, type) and issubclass(provider, Provider)):
        raise FactError("it is no Provider")
    if any(isinstance(value, Field) for value in vars(provider).values()):
        raise FactError("its class lacks @dataclass(frozen=True, kw_only=True)")
    of_logs = REQUIRED_OF_A_LOG if provider.logs else ()
    lacking = [one for one in REQUIRED if not (hasattr(provider, one) or one in of_logs)]
    lacking += [*provider.__abstractmethods__]
    if (provider.pages, provider.pages_from) == (Provider.pages, Provider.pages_from):
        lacking.append("pages")
    if provider.auth is Provider.auth and len(secrets(provider)) != 1:
        lacking.append("auth")
    if "base_url" not in variables(provider):
        lacking.append("the setting base_url")
    if lacking:
        raise FactError(f"it lacks {', '.join(lacking)}")
    if provider.name != name:
        raise FactError(f"its fact name is {provider.name!r}, and must be {name!r}")
    for setting in re.findall(r"{(\w+)}", " ".join(provider.hints.values())):
        if setting not in variables(provider):
            raise FactError(f"its fact hints names {{{setting}}}, and there is no such setting")
    return provider


def _reason(error: BaseException, module: str) -> str:
    """Describe why a provider cannot be imported, without the words of a plugin's exception."""
    from auditctl.facts import FactError

    if isinstance(error, FactError):
        return str(error)
    if isinstance(error, ModuleNotFoundError):
        return f"the module {error.name} is missing"
    place = last_place(error, module)
    return type(error).__name__ + (f" in the module {place[0]}, line {place[1]}" if place else "")
