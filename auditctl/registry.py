"""The providers that are installed: entry points become subcommands."""

from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from auditctl.provider import Provider

GROUP = "auditctl.providers"


@cache
def installed() -> dict[str, EntryPoint]:
    """Find the providers without importing them: subcommand -> entry point."""
    return {point.name: point for point in entry_points(group=GROUP)}


def load(name: str, complain: Callable[[str], None]) -> type[Provider] | None:
    """Import a provider; one that is broken is left out, and complained of.

    A stranger's module may raise anything when it is imported, and must not take the other
    providers with it.
    """
    point = installed()[name]
    try:
        provider: type[Provider] = point.load()
        if not issubclass(provider, Provider) or provider.name != name:
            message = f"it is no Provider named {name}"
            raise TypeError(message)  # noqa: TRY301 - the same end as any other defect
    except (Exception, SystemExit) as error:  # noqa: BLE001
        complain(f"The provider {name} ({point.value}) is left out, because it is broken: {error}")
        return None
    return provider
