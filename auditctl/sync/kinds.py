"""The two kinds of destinations, files and tables: which of them a PATH means, and its work."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from auditctl.context import Context
from auditctl.errors import LockedError, UsageError
from auditctl.extras import require
from auditctl.paths import Template, parse_template
from auditctl.sync.delta.path import TablePath, parse_table
from auditctl.sync.options import SyncOptions

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from auditctl.sync.destination import Destination, Opening
    from auditctl.sync.profile import FileProfile, TableProfile
    from auditctl.sync.status import Status

Place = Template | TablePath
"""What a PATH means: the files of a template, or a table."""
THREADS = "TOKIO_WORKER_THREADS"
"""The library's variable for the number of its threads."""


def place_of(options: SyncOptions, *, provider: str, source: str) -> Place:
    """Return the place that the options of a source mean.

    Raises:
        UsageError: it cannot be one, or not with these options.

    """
    if options.format_name() != "delta":
        if TablePath(options.output).exists:
            raise UsageError(f"{options.output} is a Delta table: add --format delta.")
        return parse_template(options.output, provider=provider, source=source)
    table = parse_table(options.output, provider=provider, source=source)
    if options.fields is not None:
        raise UsageError("A table has all fields as columns: leave --fields out.")
    return table


def prepare(places: Iterable[Place], context: Context) -> None:
    """Prepare for the library for tables, which what follows imports, if a place is one.

    Raises:
        UsageError: it is not installed.

    """
    if any(isinstance(place, TablePath) for place in places):
        require("lake", "A Delta table")
        context.console.keep_others_out()
        if not re.fullmatch(r"0*[1-9][0-9]{0,3}", context.environ.get(THREADS, "")):
            # Else there would be one for each core, and each keeps memory that it has used. The
            # library fails if the value is 0, no number, or one that is far too large.
            os.putenv(THREADS, "1")


def open_destination(
    profile: "FileProfile | TableProfile", opening: "Opening"
) -> "AbstractContextManager[Destination]":
    """Open a destination for one run alone, as its last commit left it.

    Raises:
        UsageError: it was begun with another profile.
        LockedError: another run holds it.
        IntegrityError: it is not as its last commit left it.
        OutputError: it cannot be written.

    """
    from auditctl.sync.profile import FileProfile

    if isinstance(profile, FileProfile):
        from auditctl.sync.files.destination import open_files

        return open_files(profile, opening)
    from auditctl.sync.delta.destination import open_table

    return open_table(profile, opening.held)


def statuses(
    place: Place,
    source: str | None,
    environ: Mapping[str, str],
    *,
    now: datetime,
    max_age: timedelta | None,
) -> list["Status"]:
    """Read the status of a place; that of a table is one for each source of it.

    Raises:
        UsageError: ``max_age`` is below what a table can tell.

    """
    if isinstance(place, TablePath):
        from auditctl.sync.delta.status import read_table_status

        return read_table_status(place, source, environ, now=now, max_age=max_age)
    from auditctl.sync.files.status import read_status

    return [read_status(place, source, now=now, max_age=max_age)]


def acknowledge(place: Place, source: str | None, environ: Mapping[str, str]) -> None:
    """Note that gaps and deleted files are known, so that they are no failure any more.

    Raises:
        LockedError: a run holds the place.
        IntegrityError, OutputError: it cannot be noted.

    """
    try:
        if isinstance(place, TablePath):
            from auditctl.sync.delta.status import acknowledge_table

            acknowledge_table(place, source, environ)
        else:
            from auditctl.sync.files.status import acknowledge_files

            acknowledge_files(place)
    except LockedError:
        raise LockedError(
            f"A run holds {place.path}, so its gaps stay as they are. Acknowledge them when it has "
            "ended; a service must be stopped for that."
        ) from None


def proofs(
    place: Place, sources: Sequence[str | None], environ: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Prove a place, as rows; a table gives a row for each source of it, or for those named.

    Raises:
        IntegrityError: it is not what was written, or a part of it is gone.
        OutputError: its store cannot be reached.

    """
    if isinstance(place, TablePath):
        from auditctl.sync.delta.verify import verify_table

        return verify_table(place, sources, environ)
    from auditctl.sync.files.verify import verify

    return [verify(place, sources[0])]
