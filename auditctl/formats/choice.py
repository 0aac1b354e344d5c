"""The format that options ask for, and what they may not ask for together."""

from collections.abc import Collection

from auditctl.errors import UsageError
from auditctl.formats import DEFAULT, FORMATS, RECORD, FormatName, SchemaName, offered

NOT_COMPRESSED = (".zst", ".bz2", ".xz", ".zip", ".lz4", ".parquet.gz")


def check_schema(
    format_: FormatName,
    schema: SchemaName,
    typed: Collection[str],
    *,
    raw: bool = False,
    fields: str | None,
) -> None:
    """Check that a schema can be written in a format, with the options that were ``typed``."""
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


def format_of_file(path: str, command: str, chosen: FormatName | None = None) -> FormatName:
    """Choose the format of a file by its name, or confirm the one that was chosen.

    Raises:
        UsageError: the name asks for another format, or for one that the command does not write.

    """
    name = path.lower()
    more = (".gz",) if chosen and FORMATS[chosen].is_binary else ()
    if packed := next(filter(name.endswith, (*NOT_COMPRESSED, *more)), None):
        raise UsageError(
            f"{path}: a file that ends in {packed} cannot be written: .gz is the only compression, "
            "and Parquet files have their own. Use another name, such as audit.jsonl.gz."
        )
    name = name.removesuffix(".gz")
    kinds = FORMATS.items()
    asked = [
        (format_, end) for format_, kind in kinds for end in kind.suffixes if name.endswith(end)
    ]
    if not asked:
        return chosen or DEFAULT
    suffix = asked[0][1]
    possible = [format_ for format_, _ in asked if format_ in offered(command)]
    if not possible:
        raise UsageError(
            f"{path}: a file that ends in {suffix} cannot be written by this command. Use .jsonl "
            "or .csv."
        )
    if chosen and chosen not in possible:
        raise UsageError(
            f"--format {chosen} and a file that ends in {suffix} contradict each other: {path}. "
            f"Use another name, or --format {possible[0]}."
        )
    return chosen or possible[0]
