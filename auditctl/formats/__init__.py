"""The formats that records are written in, by name: a new one is a module here and a line below."""

from collections.abc import Callable, Collection
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeAlias

from auditctl.errors import UsageError

if TYPE_CHECKING:  # help texts can do without them
    from collections.abc import Mapping, Sequence

    from auditctl.records.fields import Field
    from auditctl.records.record import Record
    from auditctl.window import Window


class Kind(NamedTuple):
    """The facts of a format, without its module; `make` imports that."""

    commands: str
    """The commands that offer it for ``--format``. `sync` appends: see `Format`."""
    suffixes: tuple[str, ...] = ()
    """Names of files that end so, or so and ``.gz``, ask for it."""
    extra: str = ""
    """The extra of auditctl that installs what it needs."""
    is_binary: bool = False
    """Not for a terminal."""
    is_json: bool = False
    """JSON Lines, which a terminal gets with more escapes."""


FORMATS: "Mapping[str, Kind]" = {
    "jsonl": Kind("list get sync", (".jsonl", ".ndjson", ".json"), is_json=True),
    "csv": Kind("list get sync", (".csv",)),
    "table": Kind("list get"),
    "summary": Kind("list"),
    "parquet": Kind("list", (".parquet",), extra="lake", is_binary=True),
    "detail": Kind(""),  # what `get` writes to a terminal if nothing is asked for
    "ocsf": Kind("", is_json=True),  # of another schema than the record: see `SchemaName`
    "ecs": Kind("", is_json=True),
}
"""The name of a format, which is also that of its module -> its facts."""
DEFAULT = "jsonl"
"""For a pipe, and for a file whose name asks for no format."""
NOT_COMPRESSED = (".zst", ".bz2", ".xz", ".zip", ".lz4", ".parquet.gz")


def offered(command: str) -> tuple[str, ...]:
    """Return the names of the formats that a command offers."""
    return tuple(name for name, kind in FORMATS.items() if command in kind.commands.split())


if TYPE_CHECKING:
    FormatName: TypeAlias = str
    OneFormatName: TypeAlias = str
    SyncFormatName: TypeAlias = str
else:
    FormatName = Literal[offered("list")]
    OneFormatName = Literal[offered("get")]
    SyncFormatName = Literal[(*offered("sync"), "delta")]  # a table is no format of files
SchemaName = Literal["record", "ocsf", "ecs"]
"""The schemas of JSON Lines; but for the record's, each is a format of its own."""
RECORD: SchemaName = "record"
OcsfVersion = Literal["1.3.0", "1.8.0"]
FIRST_OCSF: OcsfVersion = "1.3.0"
LAST_OCSF: OcsfVersion = "1.8.0"
ReportFormatName = Literal["table", "json"]
"""The formats of a table of facts, such as that of `status`."""


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
        UsageError: the name asks for another format, or for one that the command does not write;
            or it is a URL, from which a folder such as ``s3:`` would be made.

    """
    scheme, colon, _ = path.partition(":/")
    if colon and len(scheme) > 1 and scheme.isidentifier():
        raise UsageError(
            f"{path} looks like a URL, and this would be a file. A store has tables, which sync "
            "writes: s3://bucket/audit. Before a folder with such a name write ./ here."
        )
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


class Layout(NamedTuple):
    """The options of a format; each uses those that it has a use for."""

    fields: "Sequence[Field] | None" = None
    """None: those that suit the format."""
    with_source: bool = False
    """The records have a field ``source`` behind ``provider``."""
    raw: bool = False
    """The provider's own events instead of records."""
    csv_guard: bool = True
    terminal: bool = False
    """People read it on a terminal, which is ``width`` columns wide."""
    width: int = 80
    color: bool = False
    zone: tzinfo = UTC
    """In which people want to see times; in JSON Lines and CSV they stay in UTC."""
    window: "Window | None" = None
    """The window that the records are from; None if it is not known."""
    ocsf_version: OcsfVersion = LAST_OCSF
    base_urls: "Mapping[str, str]" = {}
    """The base URL of each source, or under "" the provider's own: there before the first row."""

    def columns(self) -> "Sequence[Field]":
        """Return the fields that were chosen, or all."""
        from auditctl.records.fields import field
        from auditctl.records.record import FIELDS, OF_SOURCES

        names = OF_SOURCES if self.with_source else FIELDS
        return self.fields or [field(name, there=names) for name in names]


Stable = Callable[[bytes], bytes]
"""Returns a row without what is another each time that it is written."""


class Format(Protocol):
    """Turns a run's records into the bytes of one format.

    If `sync` offers it, ``rows([])`` is the header of each file, empty if there is none, and
    after that the bytes of some records do not depend on those before. If those of one record do
    not depend on the record alone, it has a method ``stable``, which is a `Stable`.
    """

    def rows(self, records: "Sequence[Record]") -> bytes:
        """Write some records, and before the first the header, if any."""

    def end(self) -> bytes:
        """Write the end, and the header if there was no record at all."""
        return b""


class Escaped(Format):
    """JSON Lines without the characters that JSON has as they are, but a terminal obeys."""

    def __init__(self, plain: Format) -> None:
        """Write what ``plain`` does."""
        self._plain = plain

    def rows(self, records: "Sequence[Record]") -> bytes:
        """Write some records."""
        from auditctl.escape import escape_json

        return escape_json(self._plain.rows(records))


def make(name: str, layout: Layout) -> Format:
    """Return a new format of a name: its module's ``make``."""
    from importlib import import_module

    from auditctl.extras import require

    require(FORMATS[name].extra, f"The format {name}")
    module: Any = import_module(f"auditctl.formats.{name}")
    made: Format = module.make(layout)
    return Escaped(made) if layout.terminal and FORMATS[name].is_json else made
