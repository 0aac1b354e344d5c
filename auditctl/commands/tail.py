"""What is new in a log each time it is read again: each event once, late ones too."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic

from auditctl.batch import Batch, Found
from auditctl.export import age
from auditctl.log import ASKED_AHEAD, Order
from auditctl.window import Window, before, shift

LATE = timedelta(hours=1)
"""Most services show events within this time after they happened."""
REST = 20
"""So many times as long as reading back to `since` took, that is not done again: a long window must
not keep a service busy."""

Read = Callable[[Window], Iterable[Batch]]
"""Reads a log, of which at least this window is asked for."""


@dataclass
class Tail:
    """The end of a log, as far as it has been read."""

    order: Order
    since: datetime
    """The first reading shows what is not older."""
    started: datetime
    late: timedelta = LATE
    """So much of the log is read again each time; now and then, all that `since` began with."""
    clock: Callable[[], float] = monotonic
    whole_at: float = 0.0
    """When all of it may be read again, by this clock."""
    covered: datetime | None = None
    """Everything up to here was read, but for late events; None before the first reading."""
    known: dict[str, str] = field(default_factory=dict)
    """The ids that were read -> their time as text; of one without a time, when it was read."""

    def news(
        self, read: Read, matching: Callable[[Batch], Batch], skew: Callable[[], timedelta | None]
    ) -> Batch:
        """Read the log, and return what no earlier reading has found, oldest first.

        A reading that fails changes nothing. ``skew`` returns the lead of the provider's clock
        over ours, once there is an answer.
        """
        now = earlier = datetime.now(UTC)
        span = max(self.late, self.started - self.since)
        near = before(self.covered or now, self.late)
        shown = self.since if self.covered is None else before(self.covered, span)
        began = self.clock()
        is_whole = self.covered is None or began >= self.whole_at
        if is_whole:
            near = min(near, shown)
        asked = Window(near, shift(now, ASKED_AHEAD), oldest_first=True)
        found: list[Found] = []
        read_now: dict[str, str] = {}
        try:
            for batch in read(asked):
                # A clock of ours that is ahead would put what is new before all that is asked for.
                earlier = min(now, shift(now, skew() or timedelta()))
                for one in matching(batch).each():
                    id_, time = one[0]["id"], age(one[0])
                    is_new = id_ not in self.known and id_ not in read_now
                    if is_new and (not time or time >= _text(shown)):
                        found.append(one)
                    read_now[id_] = time or _text(now)
                if self.order.stops_at_since and _is_older(
                    batch, min(near, before(earlier, self.late))
                ):
                    break
        finally:
            if is_whole:
                ended = self.clock()
                self.whole_at = ended + REST * (ended - began)
        floor = _text(before(earlier, span))
        ids = self.known | read_now
        self.known = {id_: time for id_, time in ids.items() if time >= floor}
        self.covered = earlier
        if self.order.is_newest_first:
            found.reverse()
        found.sort(key=lambda one: age(one[0]))
        return Batch.joined(found)


def _is_older(batch: Batch, moment: datetime) -> bool:
    ages = [age(record) for record in batch.records]
    return bool(ages) and "" not in ages and max(ages) < _text(moment)


def _text(moment: datetime) -> str:
    return Window(moment, None).span[0]
