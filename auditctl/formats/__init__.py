"""One module per word of ``--format``: records become bytes."""

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:  # help texts can do without them
    from collections.abc import Sequence

    from auditctl.record import Record

FormatName = Literal["jsonl", "csv", "table"]
FileFormatName = Literal["jsonl", "csv"]
"""What `sync` can append to."""
ReportFormatName = Literal["table", "json"]
"""What `verify` and `status` write."""


class Format(Protocol):
    """What turns a run's records into the bytes of one format."""

    def rows(self, records: "Sequence[Record]") -> bytes:
        """Write some records, and before the first what stands at the top."""

    def end(self) -> bytes:
        """Write what stands at the end, or at the top if there was no record at all."""
