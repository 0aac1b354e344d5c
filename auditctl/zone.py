"""Time zones by the names that users type."""

from collections.abc import Mapping
from datetime import UTC, tzinfo

from auditctl.errors import UsageError

VARIABLE = "TZ"
SYSTEM = "/etc/localtime"
"""The zone of this machine, where no variable names one."""
EXAMPLE = "Africa/Dar_es_Salaam"
ALIKE = 0.8
"""How similar a name must be, of 1, to be suggested."""
LONGEST = 100
"""Characters of a name; none is half as long."""


def parse_zone(text: str, environ: Mapping[str, str]) -> tzinfo:
    """Read ``local``, ``UTC`` or a name of the time zone database."""
    if text.upper() == "UTC":  # by far the most usual, and it needs no database
        return UTC
    if text == "local":
        return _local(environ)
    zone = None if text.startswith("/") else _find(text)
    if zone is None:
        raise UsageError(
            f"There is no time zone {text[:LONGEST]!r}. {_meant(text)}Write local, UTC, or a name "
            f"such as {EXAMPLE}."
        )
    return zone


def _local(environ: Mapping[str, str]) -> tzinfo:
    """Find the zone of this machine, as the C library does; UTC if it has none.

    Raises:
        UsageError: the variable has a form that has no name.

    """
    value = environ.get(VARIABLE)
    name = SYSTEM if value is None else value.removeprefix(":")
    zone = _find(name) if name else UTC
    if zone is None and value is not None:
        raise UsageError(
            f"--tz local: the variable {VARIABLE} names no zone of the time zone database. Use a "
            f"name instead, such as --tz {EXAMPLE}."
        )
    return zone or UTC


def _find(name: str) -> tzinfo | None:
    """Load a zone by its name, or from the path of its file."""
    from zoneinfo import ZoneInfo

    try:
        if name.startswith("/"):
            with open(name, "rb") as file:  # noqa: PTH123
                return ZoneInfo.from_file(file, key=name)
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):  # a folder, no name at all, or unknown
        return None


def _meant(text: str) -> str:
    """Ask whether a similar name was meant: a city without its continent, or a wrong letter."""
    from difflib import get_close_matches
    from zoneinfo import available_timezones

    names = sorted(available_timezones(), reverse=True)  # Africa goes before posix and right
    known = {name.rpartition("/")[2].lower(): name for name in names}
    known |= {name.lower(): name for name in names}
    near = get_close_matches(text[:LONGEST].lower().replace(" ", "_"), known, 1, ALIKE)
    return f"Did you mean {known[near[0]]}? " if near else ""
