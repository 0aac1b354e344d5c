"""The place that a PATH means: files, or a table."""

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


def prepare(place: Place, console: Console) -> None:
    """Prepare for the libraries that a table needs, before they are imported.

    Raises:
        UsageError: they are not installed.

    """
    if isinstance(place, TablePath):
        require("lake", "A Delta table")
        console.keep_others_out()
