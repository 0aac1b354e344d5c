"""Several logs merged into one timeline, whatever their order, as far as they are wanted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl.batch import Batch
from auditctl.commands.several import timeline
from auditctl.errors import UnreachableError
from auditctl.export import age
from auditctl.log import Order

PAGE = 2
ORDERS = (Order.NEWEST_FIRST, Order.OLDEST_FIRST, Order.NONE_DOCUMENTED)


@dataclass(eq=False)
class Log:
    """A log in an order, which fails behind so many pages; it is its own feed."""

    order: Order
    records: list[dict[str, Any]]
    fails_behind: int = 1000
    error: Exception | None = None
    pages: int = 0

    @property
    def log(self) -> SimpleNamespace:
        return SimpleNamespace(order=self.order)

    def read(self) -> Iterator[Batch]:
        for start in range(0, len(self.records), PAGE):
            if self.pages == self.fails_behind:
                raise UnreachableError("It is down.")
            self.pages += 1
            yield Batch(self.records[start : start + PAGE])


def made(order: Order, *times: int | None) -> Log:
    records = [
        {"id": f"{number}", "time": None if time is None else f"2026-01-31T00:{time:02}:00.000Z"}
        for number, time in enumerate(times)
    ]
    if order.is_documented:
        records.sort(key=age, reverse=order.is_newest_first)
    return Log(order, records)


def merged(logs: list[Log], limit: int | None = None, jobs: int = 4) -> list[str]:
    feeds: Any = logs
    found = timeline(feeds, Log.read, jobs, limit)  # type: ignore[arg-type] # a log is a feed here
    return [age(record) for piece in found for _, (record, _) in piece]


@given(
    st.lists(
        st.tuples(st.sampled_from(ORDERS), st.lists(st.none() | st.integers(0, 59), max_size=9)),
        max_size=4,
    ),
    st.none() | st.integers(1, 20),
    st.integers(1, 3),
)
def test_all_records_come_newest_first(
    logs: list[tuple[Order, list[int | None]]], limit: int | None, jobs: int
) -> None:
    found = [made(order, *times) for order, times in logs]
    ages = [age(record) for log in found for record in log.records]
    assert merged(found, limit, jobs) == sorted(ages, reverse=True)[:limit]


def test_with_a_limit_a_page_is_read_only_if_it_is_needed() -> None:
    logs = [made(Order.NEWEST_FIRST, *range(59, 30, -1)), made(Order.NEWEST_FIRST, *range(9))]
    assert len(merged(logs, limit=3)) == 3
    assert [log.pages for log in logs] == [2, 1]


def test_a_log_that_fails_gives_what_it_had_and_the_others_go_on() -> None:
    logs = [made(order, *range(10)) for order in ORDERS]
    for log in logs[:2]:
        log.fails_behind = 2
    assert len(merged(logs)) == 2 * PAGE + 10
    assert [type(log.error) for log in logs] == [UnreachableError, UnreachableError, type(None)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_no_more_logs_are_read_at_once_than_allowed(jobs: int) -> None:
    lock = threading.Lock()
    busy = [0]
    together = threading.Barrier(jobs)
    most = []

    def read(feed: Any) -> Iterator[Batch]:
        for number, batch in enumerate(Log.read(feed)):
            with lock:
                busy[0] += 1
                most.append(busy[0])
            if not number:
                together.wait(10)
            with lock:
                busy[0] -= 1
            yield batch

    feeds: Any = [made(Order.NEWEST_FIRST, *range(10)) for _ in range(2 * jobs)]
    assert sum(len(piece) for piece in timeline(feeds, read, jobs, None)) == 20 * jobs
    assert max(most) == jobs
