"""Several logs merged into one timeline, whatever their order, as far as they are wanted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl.batch import Batch
from auditctl.commands.several import timeline
from auditctl.export import age
from auditctl.log import Order

PAGE = 2
ORDERS = (Order.NEWEST_FIRST, Order.OLDEST_FIRST, Order.NONE_DOCUMENTED)


@dataclass(eq=False)
class Log:
    """A log in an order; it is its own feed."""

    order: Order
    records: list[dict[str, Any]]
    error: Exception | None = None

    @property
    def log(self) -> SimpleNamespace:
        return SimpleNamespace(order=self.order)

    def read(self) -> Iterator[Batch]:
        for start in range(0, len(self.records), PAGE):
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


@pytest.mark.parametrize("jobs", [1, 2])
def test_no_more_logs_are_read_at_once_than_allowed(jobs: int) -> None:
    one_too_many = threading.Barrier(jobs + 1)
    met: list[int] = []

    def read(feed: Any) -> Iterator[Batch]:
        with suppress(threading.BrokenBarrierError):
            met.append(one_too_many.wait(0.2))  # in vain
        yield from Log.read(feed)

    feeds: Any = [made(Order.NEWEST_FIRST, *range(10)) for _ in range(2 * jobs)]
    assert sum(len(piece) for piece in timeline(feeds, read, jobs, None)) == 20 * jobs
    assert met == []
