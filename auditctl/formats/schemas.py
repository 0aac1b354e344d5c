"""The check of the options --schema and --ocsf-version against the others."""

from collections.abc import Collection

from auditctl.errors import UsageError
from auditctl.formats import RECORD, FormatName, SchemaName


def check_schema(
    format_: FormatName,
    schema: SchemaName,
    typed: Collection[str],
    *,
    raw: bool = False,
    fields: str | None = None,
) -> None:
    """Check that a schema can be written in a format, with the options that were ``typed``.

    Raises:
        UsageError: it cannot.

    """
    if "ocsf_version" in typed and schema != "ocsf":
        raise UsageError("--ocsf-version is the version of --schema ocsf: add that.")
    if schema == RECORD:
        return
    others = {
        "--raw": raw,
        "--fields": fields is not None,
        f"--format {format_}": format_ != "jsonl",
    }
    if other := next((name for name, is_given in others.items() if is_given), None):
        raise UsageError(
            f"--schema {schema} writes whole events as JSON Lines: it cannot go with {other}. "
            "Leave out one of the two."
        )
