"""The progress of one walk over a log, and what clashes in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from auditctl.errors import AnswerError, UnreachableError
from auditctl.records import exact
from auditctl.window import END, to_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from auditctl.batch import Batch
    from auditctl.provider import Order
    from auditctl.records.record import Record


@dataclass(eq=False, repr=False)
class Walk:
    """A walk back to ``since``, from a position or from the newest event on."""

    since: datetime
    position: str | None
    """The position to continue from."""
    order: Order
    """The order in which its events come."""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    until: datetime = END
    """The time up to which everything was seen; known from the first answer on."""
    newest: str | None = None
    """The newest event, but for those dated later than ``until``."""
    oldest: str | None = None
    """The event read last."""
    pages: int = 0
    is_empty: bool = True
    """No event was read yet."""

    def __post_init__(self) -> None:
        """Note whether the walk goes on from a position."""
        self.resumed = self.position is not None

    def note(self, batch: Batch) -> None:
        """Note what a batch says of the walk."""
        self.pages += 1
        self.is_empty = self.is_empty and not batch.events
        self.position = batch.position
        self.oldest = batch.reached or self.oldest

    def note_newest(self, batch: Batch) -> None:
        """Note the newest event, once ``until`` is known."""
        if self.newest is not None and self.order.is_newest_first:
            return
        # By all their text, which is faster and wrong by less than a millisecond.
        times = [record["time"] or "" for record in batch.records]
        until = to_text(self.until)
        if max(times, default="") > until:
            times = [time for time in times if time <= until]
        self.newest = max([*times, self.newest or ""], default="") or None

    def has_lost_its_place(self, error: Exception) -> bool:
        """Return whether a failure means that the provider does not know the position any more.

        It may refuse it, or answer with the first page, whose links lead round to the position.
        Some fail themselves.
        """
        if isinstance(error, UnreachableError):
            return self.resumed and not self.pages
        return self.resumed and isinstance(error, AnswerError)


class Clashes:
    """The events of one walk, compared within each answer.

    Between two answers an event may have been changed, so those are not compared.
    """

    def __init__(self, *, in_pieces: bool) -> None:
        """Compare whole batches too if one answer may come in many (``in_pieces``)."""
        self._contents: dict[str, int] | None = {} if in_pieces else None

    def find(self, records: Sequence[Record], *, differ: bool) -> Iterator[str]:
        """Yield the id of each event of a batch that an earlier and different one has as well.

        Within a batch none has if all ids ``differ``, as far as the caller knows.
        """
        if self._contents is not None:
            # What is most telling of each event: all of it would cost more than all else here.
            here = {one["id"]: hash((one["time"], one["action"], one["target"])) for one in records}
            before = self._contents
            yield from (id_ for id_ in before.keys() & here.keys() if before[id_] != here[id_])
            before.update(here)
        if differ or len({record["id"] for record in records}) == len(records):
            return
        first: dict[str, Record] = {}
        for record in records:
            other = first.setdefault(record["id"], record)
            # As JSON: to compare what is nested deep would end in a RecursionError.
            if other is not record and exact.dumps(other["raw"]) != exact.dumps(record["raw"]):
                yield record["id"]
