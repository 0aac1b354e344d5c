"""The end of a log that is read again and again: each event once, late ones too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl.batch import Batch
from auditctl.commands import live as module
from auditctl.commands.live import LATE, REST, Tail
from auditctl.errors import UnreachableError
from auditctl.log import Order
from auditctl.window import Window, to_text

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
PAGE = 3
MINUTE = timedelta(minutes=1)


@dataclass
class Log:
    """A log of events, each an id, a time and the moment from which it is shown."""

    order: Order
    now: datetime = START
    ahead: timedelta = timedelta()
    """The lead of the service's clock."""
    events: list[tuple[str, datetime | None, datetime]] = field(default_factory=list)
    fails: bool = False
    pages: int = 0
    seconds: float = 0

    def add(self, id_: str, time: datetime | None, shown: datetime | None = None) -> None:
        self.events.append((id_, time, shown or self.now))

    def read(self, asked: Window) -> Iterator[Batch]:
        assert asked.since is not None
        seen = [one for one in self.events if one[2] <= self.now]
        if self.order is Order.NEWEST_FIRST:
            seen.sort(key=lambda one: one[1] or START, reverse=True)
        for number, events in enumerate(batches(seen)):
            if self.fails and number:
                raise UnreachableError("It is down.")
            self.pages += 1
            self.seconds += 1
            yield Batch([{"id": id_, "time": text(time)} for id_, time, _ in events])

    def news(self, tail: Tail) -> list[str]:
        batch = tail.news(self.read, lambda batch: batch, lambda: self.ahead)
        return [record["id"] for record in batch.records]


def batches(events: list[Any]) -> Iterator[list[Any]]:
    return (events[start : start + PAGE] for start in range(0, len(events), PAGE))


def text(time: datetime | None) -> str | None:
    return None if time is None else to_text(time)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return Clocked.log.now.astimezone(tz)

    monkeypatch.setattr(module, "datetime", Clock)


class Clocked:
    """The log whose time it is."""

    log: Log


def made(order: Order, since: timedelta = 10 * MINUTE) -> tuple[Log, Tail]:
    log = Clocked.log = Log(order)
    return log, Tail(order, START - since, START, clock=lambda: log.seconds)


ORDERS = (Order.NEWEST_FIRST, Order.NONE_DOCUMENTED)
every_order = pytest.mark.parametrize("order", ORDERS)


@every_order
def test_the_window_comes_first_and_then_what_is_new_oldest_first(order: Order) -> None:
    log, tail = made(order)
    for minutes in (30, 2, 9, 10, 11, 5):
        log.add(f"{minutes}", START - minutes * MINUTE)
    assert log.news(tail) == ["10", "9", "5", "2"]
    assert log.news(tail) == []
    log.now += MINUTE
    log.add("new", log.now)
    log.add("late", START - 20 * MINUTE)
    log.add("too late", START - 2 * LATE)
    assert log.news(tail) == ["late", "new"]
    assert log.news(tail) == []


@every_order
def test_late_events_of_a_longer_window_are_shown_as_far_as_pages_are_read(order: Order) -> None:
    log, tail = made(order, since=24 * LATE)
    log.add("old", START - 3 * LATE)
    log.news(tail)
    log.add("late", START - 4 * LATE)
    assert log.news(tail) == ["late"]


def test_of_a_long_log_in_order_mostly_the_last_hour_is_read_again() -> None:
    log, tail = made(Order.NEWEST_FIRST, since=30 * LATE)
    for number in range(100):
        log.add(f"{number}", START - number * 15 * MINUTE)
    assert len(log.news(tail)) == 100
    first, log.pages = log.pages, 0
    log.add("late", START - 20 * LATE)
    assert log.news(tail) == []
    assert (first, log.pages) == (34, 3)
    log.seconds += REST * first
    assert log.news(tail) == ["late"]


@every_order
def test_what_a_failed_reading_has_seen_is_shown_by_the_next_one(order: Order) -> None:
    log, tail = made(order)
    for number in range(2 * PAGE):
        log.add(f"{number}", START - number * MINUTE)
    log.fails = True
    for _ in range(2):
        with pytest.raises(UnreachableError):
            log.news(tail)
    log.fails = False
    log.now += 5 * LATE  # so long was the outage
    log.add("new", log.now - 4 * LATE)
    assert log.news(tail) == ["5", "4", "3", "2", "1", "0", "new"]


@every_order
def test_events_without_a_time_are_shown_once_and_first(order: Order) -> None:
    log, tail = made(order)
    log.add("dated", START)
    log.add("undated", None)
    assert log.news(tail) == ["undated", "dated"]
    for _ in range(30):
        log.now += 10 * MINUTE
        assert log.news(tail) == []


def test_an_id_that_comes_twice_is_shown_once() -> None:
    log, tail = made(Order.NONE_DOCUMENTED)
    log.add("one", START)
    log.add("one", START)
    assert log.news(tail) == ["one"]


@every_order
def test_a_service_whose_clock_is_behind_is_followed_by_its_own(order: Order) -> None:
    log, tail = made(order)
    log.ahead = -5 * LATE
    for minutes in range(50):
        log.add(f"{minutes}", START + log.ahead - minutes * MINUTE)
    assert log.news(tail) == []
    log.now += MINUTE
    log.add("new", log.now + log.ahead)
    assert log.news(tail) == ["new"]


@every_order
def test_a_service_that_is_late_by_more_than_an_hour_can_be_followed(order: Order) -> None:
    log, tail = made(order)
    tail.late = 6 * LATE
    assert log.news(tail) == []
    for number in range(2, 6):
        log.add(f"{number}", log.now - number * LATE)
        assert log.news(tail) == [f"{number}"]


def test_the_ids_that_are_kept_are_those_of_the_last_hour() -> None:
    log, tail = made(Order.NEWEST_FIRST)
    for number in range(500):
        log.now += MINUTE
        log.add(f"{number}", log.now)
        assert log.news(tail) == [f"{number}"]
        assert len(tail.known) <= 62


@given(
    st.sampled_from(ORDERS),
    st.lists(st.tuples(st.integers(-30, 180), st.integers(0, 59)), max_size=40),
    st.lists(st.integers(1, 30), min_size=1, max_size=10),
)
def test_every_event_is_shown_once(
    order: Order, happened: list[tuple[int, int]], pauses: list[int]
) -> None:
    log, tail = made(order, since=30 * MINUTE)
    for number, (minutes, late) in enumerate(happened):
        time = START + minutes * MINUTE
        log.add(f"{number}", time, time + late * MINUTE)
    shown = Counter(log.news(tail))
    for pause in [*pauses, 300]:
        log.now += pause * MINUTE
        news = log.news(tail)
        times = [log.events[int(id_)][1] or START for id_ in news]
        assert all(before <= after for before, after in pairwise(times))
        shown += Counter(news)
    assert shown == Counter(f"{number}" for number in range(len(happened)))
