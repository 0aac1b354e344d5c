"""One module per value of ``--format``: records become bytes."""

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:  # help texts can do without them
    from collections.abc import Sequence

    from auditctl.record import Record

FormatName = Literal["jsonl", "csv", "table", "parquet"]
FileFormatName = Literal["jsonl", "csv", "parquet"]
"""The formats that the name of a file can ask for."""
SyncFormatName = Literal["jsonl", "csv", "delta"]
"""The formats that `sync` can add to."""
ReportFormatName = Literal["table", "json"]
"""The formats of `verify` and `status`."""


class Format(Protocol):
    """Turns a run's records into the bytes of one format."""

    def rows(self, records: "Sequence[Record]") -> bytes:
        """Write some records, and before the first the header, if any."""

    def end(self) -> bytes:
        """Write the end, and the header if there was no record at all."""
