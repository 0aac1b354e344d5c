"""Which window is next, what is covered, what is lost: whatever clocks do and runs are killed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl.sync import coverage
from auditctl.sync.coverage import Clocks, Stretch
from auditctl.window import BEGINNING, END, before, shift

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
OVERLAP = timedelta(hours=1)
KEEPS = timedelta(days=30)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ZERO = timedelta()


@dataclass
class Model:
    """A destination without a disk: what it knows, and which events it has."""

    by_day: bool
    keeps: timedelta | None
    overlap: timedelta = OVERLAP
    since: datetime | None = None
    covered: Stretch | None = None
    unfinished: Stretch | None = None
    newest: datetime | None = None
    events: set[datetime] = field(default_factory=set)

    def first(self, clocks: Clocks) -> datetime:
        return coverage.first_since(self.since, clocks, self.keeps if self.by_day else None)

    def run(self, log: list[datetime], clocks: Clocks, share: float) -> None:
        """Read the log from its newest event on; a share below one is a run that is killed."""
        since = coverage.next_since(
            self.covered,
            self.unfinished,
            self.newest,
            first=self.first(Clocks(clocks.ours)),  # no answer has told the provider's clock yet
            now=clocks.ours,
            overlap=self.overlap,
            costs_by_length=self.by_day,
        )
        if not self.read(log, since, clocks, share):
            self.read(log, self.first(clocks), clocks, share)

    def read(self, log: list[datetime], since: datetime, clocks: Clocks, share: float) -> bool:
        until = max(clocks.earlier, since)
        shown = [event for event in sorted(log, reverse=True) if event >= since]
        self.take(shown[: int(len(shown) * share)], until)
        if share < 1:
            self.unfinished = Stretch(since, until)
            return True
        if coverage.begins_too_late(since, self.covered, self.first(clocks), clocks):
            return False
        begins = coverage.shown_since(since, clocks, self.keeps, min(shown, default=END))
        self.covered = coverage.extend(self.covered, Stretch(min(begins, until), until), clocks)
        self.unfinished = None
        return True

    def take(self, events: list[datetime], until: datetime) -> None:
        self.events |= set(events)
        past = [event for event in events if event <= until]
        self.newest = max([*past, *filter(None, [self.newest])], default=None)


hours = st.floats(0, 240).map(lambda number: timedelta(hours=number))
wrong = st.sampled_from([
    ZERO, timedelta(minutes=-20), 5 * HOUR, -5 * HOUR, 3 * DAY, -3 * DAY, 300 * DAY, 4000 * DAY,
    -4000 * DAY,
])  # fmt: skip
events = st.lists(st.tuples(hours, st.floats(0, 1)), max_size=40)
"""When each happens, and which share of the overlap passes before it is shown."""
runs = st.lists(
    st.tuples(hours, wrong, st.one_of(st.just(ZERO), wrong), st.floats(0, 2)), max_size=8
)
"""When each begins, how wrong our clock and the provider's are, and how far it gets."""


Events = list[tuple[timedelta, float]]
Runs = list[tuple[timedelta, timedelta, timedelta, float]]


def lives(
    model: Model,
    events: Events,
    runs: Runs,
    clocks: Callable[[datetime, timedelta, timedelta], Clocks],
) -> None:
    """Run at each moment and once more, by clocks that are right then: no event is missing."""
    for at, ours, provider, share in [*sorted(runs), (timedelta(hours=250), ZERO, ZERO, 1)]:
        log = [NOW + when for when, late in events if when + OVERLAP * late <= at]
        model.run(log, clocks(NOW + at, ours, provider), min(share, 1))
    assert model.events == {NOW + when for when, _ in events}


@given(events, runs, st.sampled_from([None, 184 * DAY]))
def test_nothing_shown_within_the_overlap_is_lost_whatever_the_clocks_say(
    events: Events, runs: Runs, keeps: timedelta | None
) -> None:
    model = Model(by_day=False, keeps=keeps)
    lives(model, events, runs, lambda now, ours, theirs: Clocks(now + ours, now + theirs))
    end = NOW + timedelta(hours=250)
    assert model.covered is not None
    assert end - DAY <= model.covered.until <= end + coverage.CLOCK_TOLERANCE


@given(events, runs)
def test_nothing_is_lost_where_the_provider_tells_no_time(events: Events, runs: Runs) -> None:
    model = Model(by_day=False, keeps=184 * DAY)
    lives(model, events, runs, lambda now, ours, _: Clocks(now + ours))


@given(events, runs)
def test_nothing_of_a_log_read_by_day_is_lost_if_the_provider_tells_its_time(
    events: Events, runs: Runs
) -> None:
    model = Model(by_day=True, keeps=KEEPS)
    lives(model, events, runs, lambda now, ours, _: Clocks(now + ours, now))


@given(events, st.timedeltas(ZERO, 10 * DAY), st.timedeltas(ZERO, 30 * DAY))
def test_events_dated_behind_the_providers_clock_are_not_passed_over(
    events: list[tuple[timedelta, float]], behind: timedelta, pause: timedelta
) -> None:
    model = Model(by_day=False, keeps=None)
    times = sorted(when for when, _ in events)
    for n, when in enumerate(times):
        at = NOW + when + behind
        model.run([NOW + one for one in times[: n + 1]], Clocks(at, at), 1)
    end = NOW + timedelta(hours=240) + behind + pause
    model.run([NOW + one for one in times], Clocks(end, end), 1)
    assert model.events == {NOW + one for one in times}


@given(st.timedeltas(ZERO, 5 * DAY), st.timedeltas(ZERO, 5 * DAY), st.timedeltas(ZERO, 60 * DAY))
def test_a_later_window_never_begins_before_the_first(
    age: timedelta, length: timedelta, overlap: timedelta
) -> None:
    covered = Stretch(NOW - age - length, NOW - age)
    since = coverage.next_since(
        covered,
        None,
        covered.until,
        first=BEGINNING,
        now=NOW,
        overlap=overlap,
        costs_by_length=False,
    )
    assert covered.since <= since <= covered.until
    assert since == max(covered.since, covered.until - overlap)


def test_a_quiet_log_read_by_day_costs_no_day_before_the_overlap() -> None:
    covered = Stretch(NOW - 20 * DAY, NOW)
    for newest in NOW - 10 * DAY, None:
        since = coverage.next_since(
            covered, None, newest, first=NOW - KEEPS, now=NOW, overlap=OVERLAP, costs_by_length=True
        )
        assert since == NOW - OVERLAP


@pytest.mark.parametrize("moment", [BEGINNING, END, BEGINNING + HOUR, END - HOUR])
def test_clocks_at_the_ends_of_time_overflow_nowhere(moment: datetime) -> None:
    for clocks in Clocks(NOW, moment), Clocks(moment, NOW), Clocks(moment), Clocks(moment, moment):
        for by_day in (True, False):
            model = Model(by_day=by_day, keeps=KEEPS, overlap=timedelta.max)
            model.run([NOW], clocks, 1)
            model.run([NOW], clocks, 1)
            coverage.lost(model.covered, clocks, KEEPS, [])
    assert shift(moment, timedelta.max) == END
    assert shift(moment, timedelta.min) == before(moment, timedelta.max) == BEGINNING


def test_what_is_covered_begins_where_the_provider_can_have_shown_something() -> None:
    asked = NOW - 2000 * DAY
    clocks = Clocks(NOW, NOW - HOUR)
    assert coverage.shown_since(asked, clocks, KEEPS, END) == NOW - HOUR - KEEPS
    # It keeps more than was known.
    assert coverage.shown_since(asked, clocks, KEEPS, NOW - 90 * DAY) == NOW - 90 * DAY
    assert coverage.shown_since(asked, clocks, None, END) == asked
    assert coverage.shown_since(NOW - DAY, clocks, KEEPS, END) == NOW - DAY


def test_hours_are_lost_when_what_is_covered_ends_before_what_is_kept() -> None:
    clocks = Clocks(NOW, NOW + HOUR)
    covered = Stretch(NOW - 90 * DAY, NOW - 40 * DAY)
    gap = Stretch(NOW - 40 * DAY, NOW - KEEPS)
    assert coverage.lost(covered, clocks, KEEPS, []) == gap
    assert coverage.lost(covered, clocks, None, []) is None
    assert coverage.lost(None, clocks, KEEPS, []) is None
    assert coverage.lost(Stretch(covered.since, NOW - DAY), clocks, KEEPS, []) is None
    # Acknowledged: it goes on with the clock, and is found again only if it grows by days.
    later = Clocks(NOW + HOUR)
    assert coverage.lost(covered, later, KEEPS, [gap]) is None
    longer = coverage.lost(covered, Clocks(NOW + 3 * DAY), KEEPS, [gap])
    assert longer == Stretch(gap.until, NOW + 2 * DAY - KEEPS)


def test_a_clock_that_is_behind_takes_nothing_back_and_one_that_was_ahead_does_not_stay() -> None:
    covered = Stretch(NOW - 9 * DAY, NOW)
    behind = Stretch(NOW - 5 * DAY, NOW - 4 * DAY)
    assert coverage.extend(covered, behind, Clocks(NOW - 4 * DAY, NOW + HOUR)) == covered
    ahead = Stretch(NOW - 9 * DAY, NOW + 3650 * DAY)
    now = Stretch(NOW - HOUR, NOW)
    assert coverage.extend(ahead, now, Clocks(NOW, NOW)) == now
