"""One module per word of ``--format``: records become bytes."""

from collections.abc import Sequence
from typing import Protocol

from auditctl.record import Record


class Format(Protocol):
    """What turns a run's records into the bytes of one format."""

    def rows(self, records: Sequence[Record]) -> bytes:
        """Write some records, and before the first what stands at the top."""

    def end(self) -> bytes:
        """Write what stands at the end, or at the top if there was no record at all."""
