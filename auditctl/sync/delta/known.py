"""The ids of the events that a source of a table has."""

from datetime import datetime, timedelta

from auditctl.records.record import Record
from auditctl.sync.delta.store import Store
from auditctl.window import BEGINNING, before

MARGIN = timedelta(seconds=1)
"""The log's statistics of a file are cut to milliseconds, and may leave out its last rows."""


class KnownRows:
    """The ids of the rows of a source, as far back as a window reaches.

    Those of undated rows are read only if an undated event comes.
    """

    def __init__(self, store: Store, source: str, provider: str, since: datetime) -> None:
        """Read the ids of rows dated from ``since`` on."""
        self._store = store
        self._own = f"provider = {_quoted(provider)} AND source = {_quoted(source)}"
        self._undated: set[str] | None = None
        dated = "date IS NOT NULL"
        if since != BEGINNING:
            begin = before(since, MARGIN)
            # As it is in the table: a text alone would be read in nanoseconds, from 1677 on.
            time = f"arrow_cast('{begin.isoformat()}', 'Timestamp(Microsecond, Some(\"UTC\"))')"
            dated = f"date >= '{begin.date().isoformat()}' AND time >= {time}"
        self._ids = self._read(dated)

    def new(self, records: list[Record]) -> list[Record]:
        """Return the records that are not known; they are from now on."""
        new = []
        for record in records:
            id_ = record["id"]
            if id_ in self._ids or (record["time"] is None and id_ in self._read_undated()):
                continue
            self._ids.add(id_)
            new.append(record)
        return new

    def _read_undated(self) -> set[str]:
        if self._undated is None:
            self._undated = self._read("date IS NULL")
        return self._undated

    def _read(self, test: str) -> set[str]:
        found: set[str] = set()
        for batch in self._store.batches(["id"], f"{self._own} AND {test}"):
            found.update(batch.column("id").to_pylist())
        return found


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
