"""The place that a PATH means: files, or a table."""

from collections.abc import Iterable

from auditctl.console import Console
from auditctl.errors import UsageError
from auditctl.extras import require
from auditctl.paths import Template, parse_template
from auditctl.sync.delta.path import TablePath, parse_table
from auditctl.sync.options import SyncOptions

Place = Template | TablePath


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


def prepare(places: Iterable[Place], console: Console) -> None:
    """Prepare for the library for tables, which what follows imports, if a place is one.

    Raises:
        UsageError: it is not installed.

    """
    if any(isinstance(place, TablePath) for place in places):
        require("lake", "A Delta table")
        console.keep_others_out()
