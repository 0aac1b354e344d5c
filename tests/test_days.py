"""Days in order: however long they are and however they come, each event once, newest first."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditctl import days
from auditctl.days import newest_first
from auditctl.errors import OutputError
from auditctl.export import batches_of
from auditctl.http.answer import parse
from auditctl.provider import Page, Secret
from auditctl.providers.roam import Roam
from auditctl.records import exact
from auditctl.records.record import Record
from tests.conftest import TEXTS, utf8
from tests.test_export import WINDOW

ROAM = Roam(api_key=Secret("example-key"), base_url="https://api.ro.am/v1")
DAY = "2026-01-12"


@pytest.fixture(params=[1, 500, 2**21], ids=["all in a file", "some in a file", "none in a file"])
def _held(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold so few bytes that short days are long."""
    monkeypatch.setattr(days, "HELD", request.param)
    monkeypatch.setattr(days, "PIECE", 200)
    monkeypatch.setattr(days, "SOME", 3)


held = pytest.mark.usefixtures("_held")
# The fixture is the same for every example.
fuzzed = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])

times = st.sampled_from([f'"{DAY}T0{n}:00:00.000Z"' for n in range(5)] + ["null", '"?"'])
events = st.one_of(
    st.tuples(times, st.sampled_from(["1", "1.50", "-0", '"\\ud800"', "1e400"])).map(
        lambda pair: f'{{"timestamp":{pair[0]},"n":{pair[1]}}}'
    ),
    st.tuples(times, TEXTS).map(lambda pair: f'{{"timestamp":{pair[0]},"x":{pair[1]}}}'),
    st.sampled_from(["1.50", "-0", "null", "[1.0]", '"text"']),
)


def pages(lists: list[list[str]], day: str = DAY) -> Iterator[Page]:
    for number, texts in enumerate(lists):
        answer = parse(b"[" + b",".join(map(utf8, texts)) + b"]")
        is_last = number == len(lists) - 1
        yield Page(answer.tree, None, [answer], day, day, continues=number > 0, complete=is_last)


def export(lists: list[list[str]]) -> list[Record]:
    batches = batches_of(ROAM, pages(lists), WINDOW, redacted=False, verbatim=True)
    return [record for batch in batches for record in batch.records]


@held
@fuzzed
@given(st.lists(st.lists(events, max_size=6), min_size=1, max_size=6))
def test_every_event_of_a_day_comes_once_newest_first_and_exact(lists: list[list[str]]) -> None:
    found = export(lists)
    ages = [(record["time"] or "Z")[:-1] for record in found]
    assert ages == sorted(ages, reverse=True)
    sent = [text for texts in lists for text in texts]
    raw = [exact.dumps(record["raw"]) for record in found]
    assert sorted(raw) == sorted(exact.dumps(exact.loads(utf8(text))) for text in sent)


@held
@fuzzed
@given(st.lists(events, max_size=20), st.randoms())
def test_a_days_records_do_not_depend_on_how_its_answer_was_cut(
    texts: list[str], random: Any
) -> None:
    cuts = sorted(random.randrange(len(texts) + 1) for _ in range(5))
    edges = [0, *cuts, len(texts)]
    lists = [texts[a:b] for a, b in pairwise(edges)]
    whole, cut = export([texts]), export(lists)
    assert exact.dumps(cut) == exact.dumps(whole)


@held
def test_equally_old_events_stay_in_the_order_in_which_they_came() -> None:
    texts = [f'{{"timestamp":"{DAY}T0{n % 3}:00:00.000Z","n":{n}}}' for n in range(60)]
    found = export([texts[n : n + 7] for n in range(0, 60, 7)])
    numbers = [record["raw"]["n"] for record in found]
    assert numbers == [n for hour in (2, 1, 0) for n in range(60) if n % 3 == hour]


@held
def test_twins_keep_the_ids_that_they_have_when_all_of_a_day_is_in_one_answer() -> None:
    twin, other = (f'{{"timestamp":"{DAY}T0{n}:00:00.000Z"}}' for n in (1, 2))
    undated = '{"timestamp":null}'
    found = export([[twin, undated], [other, twin, other], [undated, twin]])
    assert [record["id"][:8] for record in found] == [
        "e186a918", "64d9ba52", "5baa8b60", "ba2598e5", "d3fb43b3", "b74c7be6", "785ef748",
    ]  # fmt: skip


def test_long_events_are_read_back_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(days, "HELD", 1)
    sizes = [0, 100_000, 31_999, 32_768, 1, 3_000_000]
    lists = [
        [f'{{"timestamp":"{DAY}T0{n}:00:00Z","x":"{"x" * size}"}}'] for n, size in enumerate(sizes)
    ]
    assert [len(record["raw"]["x"]) for record in export(lists)] == sizes[::-1]


def test_no_more_than_a_few_events_of_a_long_day_are_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(days, "HELD", 10_000)
    text = f'{{"timestamp":"{DAY}T01:00:00.000Z","x":"{"x" * 70}"}}'
    sent = given = 0
    sizes: list[int] = []

    def some() -> Iterator[Page]:
        nonlocal sent
        for page in pages([[text] * 50 for _ in range(100)]):
            sent += len(page.events)
            yield page

    for page in newest_first(ROAM, some()):
        given += len(page.events)
        assert sent == 5_000  # the day is complete
        sizes.append(len(page.answers[0].body))
    assert given == 5_000
    assert all(64 * 1024 <= size < 65 * 1024 for size in sizes[:-1])


def test_a_temporary_file_that_cannot_be_written_is_a_failure_of_the_output(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def connect(*args: Any, connect: Any = sqlite3.connect, **more: Any) -> sqlite3.Connection:
        file: sqlite3.Connection = connect(*args, **more)
        file.execute("PRAGMA max_page_count = 3")
        return file

    monkeypatch.setattr(days, "HELD", 1)
    monkeypatch.setattr(sqlite3, "connect", connect)
    with pytest.raises(OutputError, match=r"disk is full\. Set TMPDIR") as failed:
        export([[f'"{"x" * 9_000}"'], ["{}"]])
    assert failed.value.status == 9
