"""The place that a PATH means: files, or a table."""

from auditctl.errors import UsageError
from auditctl.extras import require
from auditctl.paths import Template, parse_template
from auditctl.sync.delta.path import TablePath, parse_table
from auditctl.sync.options import SyncOptions

Place = Template | TablePath


def place_of(options: SyncOptions, *, provider: str, source: str) -> Place:
    """Return the place that the options of a source mean.

    Raises:
        UsageError: it cannot be one, or not with these options; or packages for it are missing.

    """
    if options.format_name() != "delta":
        return parse_template(options.output, provider=provider, source=source)
    table = parse_table(options.output, provider=provider, source=source)
    if options.fields is not None:
        raise UsageError("A table has all fields as columns: leave --fields out.")
    require("lake", "A Delta table")
    return table
