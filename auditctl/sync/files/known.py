"""The ids of the events that a journal has."""

from collections.abc import Callable

from auditctl.records.record import Record
from auditctl.sync.files.journal import Journal


class KnownIds:
    """The ids of events, as far back as a window reaches.

    Pinned ids are read only if there is an event that may have one: opening costs nothing that
    grows with them.
    """

    def __init__(
        self, journal: Journal, since: str, enough: str, kept_from: Callable[[], str]
    ) -> None:
        """Read the ids; see `Journal.ids` and `Journal.pinned_ids`."""
        self._journal = journal
        self._since = since
        self._kept_from = kept_from
        self._pins = journal.state.pins
        self._found: dict[bool, set[str]] = {}
        self._ids: set[str] = set()
        for ids in journal.ids(since, enough):
            self._ids.update(ids)

    def new(self, records: list[Record]) -> list[Record]:
        """Return the records that are not known; they are from now on."""
        ids, pins = self._ids, self._pins
        here = {record["id"] for record in records}
        if pins is None and len(here) == len(records) and ids.isdisjoint(here):
            ids |= here  # nearly always, and several times as fast
            return records
        new = []
        for record in records:
            id_ = record["id"]
            if id_ in ids:
                continue
            if pins is not None and pins.may_hold(record["time"]) and self._is_pinned(record):
                continue
            ids.add(id_)
            new.append(record)
        return new

    def _is_pinned(self, record: Record) -> bool:
        """Return whether a line pinned the id; ids are read once with a time and once without."""
        undated = record["time"] is None
        if undated not in self._found:
            kept_from = self._kept_from() if undated else None
            found = self._found[undated] = set()
            for pinned in self._journal.pinned_ids(self._since, kept_from):
                found.update(pinned)
        return record["id"] in self._found[undated]
