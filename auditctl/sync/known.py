"""The ids of the events that a destination has, and the events of one answer that share an id."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from auditctl import exact
from auditctl.window import before, shift, to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from auditctl.record import Record
    from auditctl.sync.archive import Archive

EARLY = timedelta(hours=1)
"""An event dated so much later than its window's end is not found by a look back by time."""
COMPARED = ("time", "actor", "action", "target", "status_code", "source_ip")
"""Fields by which two events are told apart without comparing them whole."""


class Known:
    """The ids of what is in the destination already, as far back as a window reaches.

    Pinned ids are read only if there is an event that may have one: opening costs nothing that
    grows with them.
    """

    def __init__(
        self,
        archive: Archive,
        since: datetime,
        kept_from: Callable[[], str],
        clashes: list[str],
        *,
        in_pieces: bool,
    ) -> None:
        """Read the ids.

        Args:
            archive: the destination.
            since: where the window begins.
            kept_from: returns the time before which the provider keeps nothing.
            clashes: gets the id of each event that is left out because a different event in the
                same answer has it.
            in_pieces: one answer may come in many batches, so that the content of each event is
                remembered by its id.

        """
        self._clashes = clashes
        self._ids: set[str] = set()
        self._journal = archive.journal
        self._pins = archive.state.pins
        self._since = to_text(since)
        self._kept_from = kept_from
        self._found: dict[bool, set[str]] = {}
        self._pinned: dict[str, str | None] = {}
        self._contents: dict[str, int] | None = {} if in_pieces else None
        for ids in self._journal.ids(self._since, to_text(before(since, EARLY))):
            self._ids.update(ids)

    def drop(self, batch: Sequence[Record], until: datetime) -> list[Record]:
        """Return the records that are not in the destination, which they are from now on."""
        if self._contents is not None or len({record["id"] for record in batch}) < len(batch):
            self._find_clashes(batch)
        ids, pins = self._ids, self._pins
        early = to_text(shift(until, EARLY))[:-1]
        fresh = []
        for record in batch:
            id_, time = record["id"], record["time"]
            if id_ in ids:
                continue
            if pins is not None and pins.may_hold(time) and self._is_pinned(id_, time):
                continue
            ids.add(id_)
            fresh.append(record)
            if time is None or time[:-1] >= early:  # the look back ends there
                self._pinned[id_] = time
        return fresh

    def _find_clashes(self, batch: Sequence[Record]) -> None:
        """Count different events under one id in one answer; the first of them is kept.

        Between two answers an event may have been changed, so those are not compared.
        """
        here: dict[str, Record] = {}
        for record in batch:
            id_ = record["id"]
            first = here.setdefault(id_, record)
            if first is not record:
                # As JSON: to compare what is nested deep would end in a RecursionError.
                clash = exact.dumps(first["raw"]) != exact.dumps(record["raw"])
            elif self._contents is not None:
                content = hash((*map(record.get, COMPARED),))
                clash = self._contents.setdefault(id_, content) != content
            else:
                continue
            if clash:
                self._clashes.append(id_)

    def _is_pinned(self, id_: str, time: str | None) -> bool:
        """Return whether the line of an event pinned its id; ids are read once for each kind."""
        undated = time is None
        if undated not in self._found:
            kept_from = self._kept_from() if undated else None
            found = self._found[undated] = set()
            for pinned in self._journal.pinned_ids(self._since, kept_from):
                found.update(pinned)
        return id_ in self._found[undated]

    def pinned(self) -> dict[str, str | None]:
        """Return the ids added since the last call that no look back by time would find."""
        pinned, self._pinned = self._pinned, {}
        return pinned
