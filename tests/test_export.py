import hashlib
import json
import os
import re
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl.batch import Batch, Tally
from auditctl.commands import listing
from auditctl.console import Console
from auditctl.export import batches_of, most_recent, retrieved
from auditctl.formats.jsonl import Jsonl
from auditctl.http.answer import parse
from auditctl.provider import Fields, Order, Page, Provider, Window
from auditctl.records import exact
from auditctl.records.fields import Test, parse_test
from auditctl.records.record import Record
from auditctl.records.schema import AuditRecord
from tests.conftest import TEXTS, utf8
from tests.service import Silent

SINCE = datetime(2026, 1, 10, tzinfo=UTC)
UNTIL = datetime(2026, 1, 20, tzinfo=UTC)
WINDOW = Window(SINCE, UNTIL)


@dataclass(frozen=True, kw_only=True)
class Unordered(Silent):
    base_url: str = "https://acme.example"

    def normalize(self, event: Mapping[str, Any], context: Any) -> Fields:
        return {
            "time": event.get("time"),
            "id": event.get("id"),
            "action": event.get("action"),
            "actor_name": context,
        }


class Newest(Unordered):
    order = Order.NEWEST_FIRST


class Daily(Unordered):
    order = Order.NEWEST_DAY_FIRST
    has_ids = False


def at(day: int, hour: int = 12, second: int = 0) -> str:
    return f"2026-01-{day:02}T{hour:02}:00:{second:02}.000Z"


def event(id_: Any, time: Any, **more: Any) -> dict[str, Any]:
    return {"id": id_, "time": time, **more}


def page(*events: Any) -> Page:
    """Make a page as it comes over the wire."""
    answer = parse(json.dumps(events).encode())
    return Page(answer.tree, None, [answer])


def export(
    provider: Provider,
    *pages: Page,
    window: Window = WINDOW,
    tally: Tally | None = None,
    tests: Sequence[Test] = (),
    **how: Any,
) -> list[Record]:
    """Return everything that comes of these pages."""
    tally = tally or Tally()
    found: list[Record] = []
    for batch in map(tally.count_page, batches_of(provider, pages, window, **how)):
        matching = batch.matching(tests)
        tally.count_records(matching)
        found += matching.records
    return found


def ids(found: Iterable[Record]) -> list[str]:
    return [record["id"] for record in found]


def up_to(pages: Sequence[Page], last: int) -> Iterator[Page]:
    """Give pages, of which those behind ``last`` must not be asked for."""
    for number, one in enumerate(pages):
        assert number <= last, "a page was asked for that is not needed"
        yield one


# The window


@pytest.mark.parametrize("provider", [Unordered(), Newest(), Daily()])
def test_what_lies_outside_the_half_open_window_is_dropped(provider: Provider) -> None:
    times = [
        "2026-01-20T00:00:00.000Z", "2026-01-19T23:59:59.999999999Z", "2026-01-10T00:00:00Z",
        "2026-01-10T01:59:59+02:00", "2026-01-10T02:00:00+02:00", "2026-01-09T23:59:59.999Z",
    ]  # fmt: skip
    tally = Tally()
    found = export(provider, page(*map(event, "abcdef", times)), tally=tally)
    assert [record["raw"]["id"] for record in found] == ["b", "c", "e"]
    assert (tally.pages, tally.malformed) == (1, 0)
    assert tally.reached == times[-1]


def test_the_windows_ends_are_exact() -> None:
    window = Window(SINCE.replace(microsecond=123_000), SINCE.replace(microsecond=456_700))
    times = [f"2026-01-10T00:00:00.{fraction}Z" for fraction in (
        "122", "122999999", "123", "123000", "4566", "456699999", "4567", "456700000", "457",
    )]  # fmt: skip
    found = export(Unordered(), page(*map(event, "abcdefghi", times)), window=window)
    assert ids(found) == ["c", "d", "e", "f"]


moments = st.integers(0, 2 * 10**9).map(lambda number: f"2026-01-10T00:00:0{number / 10**9:.9f}")
shortened = st.tuples(moments, st.integers(23, 29)).map(lambda pair: pair[0][: pair[1]])


@given(st.lists(shortened), st.tuples(shortened, shortened).map(sorted))
def test_of_times_of_any_precision_those_inside_are_kept(times: list[str], ends: list[str]) -> None:
    since, until = (datetime.fromisoformat(f"{end}Z") for end in ends)
    rows = [event(str(n), f"{time}Z") for n, time in enumerate(times)]
    found = export(
        Unordered(), page(*rows), window=Window(since, until, (ends[0][26:], ends[1][26:]))
    )
    nanoseconds = [int(time[18:].replace(".", "").ljust(10, "0")) for time in (*times, *ends)]
    first, last = nanoseconds[-2:]
    assert ids(found) == [str(n) for n, at in enumerate(nanoseconds[:-2]) if first <= at < last]


def test_reading_stops_behind_the_first_page_wholly_older_where_the_newest_come_first() -> None:
    pages = [
        page(event("a", at(25)), event("z", at(9))),
        page(event("b", at(21)), event("c", at(12))),
        page(),
        page(event("d", at(11)), event("e", at(9))),
        page(event("f", at(8)), event("g", "?")),
        page(event("h", at(7)), event("i", at(11))),
        page(event("j", at(6)), event("k", at(5))),
        page(event("l", at(12))),
    ]
    batches = batches_of(Newest(), up_to(pages, 6), WINDOW)
    assert [ids(batch.records) for batch in batches] == [[], ["c"], [], ["d"], ["g"], ["i"], []]


def test_reading_stops_behind_the_first_page_wholly_newer_where_the_oldest_come_first() -> None:
    days = [(9, 12), (), (9, 25), (25,), (12,)]
    pages = [page(*(event(f"{day}", at(day)) for day in some)) for some in days]
    for order in Order.OLDEST_FIRST, Order.AS_ASKED:
        oldest: Any = type("Oldest", (Unordered,), {"order": order})
        batches = batches_of(oldest(), up_to(pages, 3), replace(WINDOW, oldest_first=True))
        assert [ids(batch.records) for batch in batches] == [["12"], [], [], []]


@pytest.mark.parametrize("provider", [Unordered(), Daily()])
def test_reading_goes_on_behind_older_pages_where_no_order_says_otherwise(
    provider: Provider,
) -> None:
    pages = [page(event("a", at(9))), page(event("b", at(8))), page(event("c", at(12)))]
    assert [record["raw"]["id"] for record in export(provider, *pages)] == ["c"]


def test_a_day_is_sorted_newest_first_and_the_unknown_come_last() -> None:
    pages = [
        page(event(1, at(12, 3)), event(2, at(12, 9)), event(3, None), event(4, at(12, 9))),
        page(event(5, at(11, 1)), event(6, at(11, 2))),
    ]
    found = export(Daily(), *pages)
    assert [record["raw"]["id"] for record in found] == [2, 4, 1, 3, 6, 5]
    assert [r["raw"]["id"] for r in export(Unordered(), *pages)] == [1, 2, 3, 4, 5, 6]


# The facts of a page


def test_a_batch_says_where_its_page_was_read_and_which_events_at_its_end_are_outside() -> None:
    pages = [
        replace(page(event("a", at(21)), event("b", at(9)), event("c", at(12))), position="p1"),
        replace(page(event("d", at(9)), event("e", at(8))), position="p2"),
        replace(page(), position="p3"),
        replace(page(event("f", at(8)), event("g", at(21))), position="p4"),
        replace(page(event(None, at(12)), event("h", at(7))), position="p5"),
        replace(page(event("i", at(12))), position="p6"),
    ]
    found = list(batches_of(Unordered(), pages, WINDOW, "p0"))
    # A page without events cannot be known again, and equal events without an id are numbered.
    assert [one.position for one in found] == ["p1", "p2", "p2", "p4", None, None]
    outside = [[], [at(9)[:-1], at(8)[:-1]], [], [at(8)[:-1], at(21)[:-1]], [at(7)[:-1]], []]
    assert [one.outside for one in found] == outside
    assert [one.reached for one in found] == [at(12), at(8), None, at(21), at(7), at(12)]
    assert [one.events for one in found] == [3, 2, 0, 2, 2, 1]


def test_the_problems_of_a_batch_are_those_of_its_records_though_two_are_equal() -> None:
    twin = event("a", at(12), action=1)
    (batch,) = batches_of(Unordered(), [page(twin, event("b", at(12)), twin)], WINDOW)
    first, second, third = batch.records
    assert [list(problem.fields) for problem in batch.problems] == [["action"], ["action"]]
    (problem,) = batch.only([second, third]).problems
    assert problem.record is third
    assert batch.only([second]).problems == []
    assert first == third


# Malformed events


@given(st.lists(TEXTS, max_size=6), st.sampled_from([Unordered(), Newest(), Daily()]))
def test_whatever_stands_in_an_events_place_is_exported_whole(
    texts: list[str], provider: Provider
) -> None:
    body = b"[" + b",".join(map(utf8, texts)) + b"]"
    answer = parse(body)
    found = export(provider, Page(answer.tree, None, [answer]), redacted=False, verbatim=True)
    assert [exact.dumps(record["raw"]) for record in found] == list(map(utf8, texts))
    assert all(record["id"] for record in found)


def test_an_unreadable_event_keeps_its_place_and_is_told_of_once_at_the_end() -> None:
    tally = Tally()
    events: list[Any] = [
        event("a", at(12)), event("b", "soon"), event("c", at(12), action=["x"]),
        event(["d"], at(12)), {}, None, "text", [], 7, True, event("z", None, action="x"),
    ]  # fmt: skip
    found = export(Unordered(), page(*events), tally=tally)
    assert [record["raw"] for record in found] == events
    assert tally.malformed == len(events) - 1
    assert tally.first_malformed == "time of b"
    assert [record["time"] for record in found[:4]] == [at(12), None, at(12), at(12)]
    for record in found:
        assert AuditRecord.model_validate(record)


def test_a_field_is_named_once_though_it_is_both_unreadable_and_missing() -> None:
    tally = Tally()
    export(Unordered(), page(event(["d"], at(12))), tally=tally)
    assert re.fullmatch("id of [0-9a-f]{64}", tally.first_malformed)


def test_an_unreadable_event_outside_the_window_or_filtered_away_is_not_told_of() -> None:
    tally = Tally()
    events = [event("a", at(9), action=1), event("b", at(12), action=1)]
    export(Unordered(), page(*events), tally=tally, tests=[parse_test("id!=b")])
    assert (tally.malformed, tally.first_malformed) == (0, "")


def test_an_unreadable_event_that_a_limit_leaves_out_is_not_told_of() -> None:
    tally = Tally()
    events = [event("a", at(12)), event("b", at(13), action=1), event("c", at(14))]
    for provider, ordered in ((Newest(), True), (Unordered(), False)):
        pages = [page(events[2], events[1], events[0])]
        for batch in most_recent(batches_of(provider, pages, WINDOW), 1, ordered=ordered):
            tally.count_records(batch)
            assert ids(batch.records) == ["c"]
    assert (tally.records, tally.malformed) == (2, 0)


# Once and only once


def test_what_one_page_repeats_stays_and_what_the_page_before_had_comes_once() -> None:
    pages = [
        page(event("a", at(12)), event("a", at(12)), event("b", at(12))),
        page(event("b", at(12)), event("c", at(12)), event("a", at(12)), event("c", at(12))),
        page(),
        page(event("c", at(12)), event("d", at(12)), event("d", at(12))),
    ]
    for provider in (Unordered(), Newest()):  # the last page with events is remembered, no other
        assert ids(export(provider, *pages)) == ["a", "a", "b", "c", "c", "d", "d"]


def test_what_an_answer_repeats_stays_though_it_comes_in_parts() -> None:
    parts = [page(event("a", at(12)), event("b", at(12))), page(event("b", at(12)))]
    answer = [parts[0], replace(parts[1], continues=True), replace(parts[1], continues=True)]
    assert ids(export(Unordered(), *answer)) == ["a", "b", "b", "b"]


# Ids of the content

contents = st.sampled_from(["x", "y", {"token": "s1"}, {"token": "s2"}, 1.50, 18446744073709551616])


@given(st.lists(st.tuples(st.sampled_from([10, 11, 12, None]), contents), max_size=25))
def test_content_ids_are_distinct_and_the_same_at_each_fetch_with_or_without_redaction(
    log: list[tuple[int | None, Any]],
) -> None:
    days = sorted({day or 0 for day, _ in log}, reverse=True)

    def pages() -> list[Page]:
        return [
            page(*(event(None, at(d) if d else None, n=c) for d, c in log if (d or 0) == day))
            for day in days
        ]

    found = export(Daily(), *pages())
    assert len(set(ids(found))) == len(log)
    assert ids(export(Daily(), *pages())) == ids(found)
    bare = export(Daily(), *pages(), redacted=False)
    assert ids(bare) == ids(found)
    assert ids(export(Unordered(), *pages())) == ids(export(Unordered(), *pages(), redacted=False))
    # Half of the window has the same ids for its half.
    later = Window(datetime(2026, 1, 11, tzinfo=UTC), UNTIL)
    expected = [r["id"] for r in found if r["time"] is None or r["time"] >= at(11, 0)]
    assert ids(export(Daily(), *pages(), window=later)) == expected


@pytest.mark.parametrize("neighbour", [b"1", b'"\\ud800"', b"1e400", b"[" * 3000 + b"]" * 3000])
@pytest.mark.parametrize("content", [b"1.50", b"18446744073709551616", b"[1,-0.0]", b'"x"', b"1e5"])
def test_an_events_id_does_not_depend_on_what_else_its_page_holds(
    content: bytes, neighbour: bytes
) -> None:
    lone = parse(b'[{"n":' + content + b"}]")
    (expected,) = export(Daily(), Page(lone.tree, None, [lone]))
    both = parse(b'[{"n":' + content + b'},{"other":' + neighbour + b"}]")
    found = export(Daily(), Page(both.tree, None, [both]))
    assert found[0]["id"] == expected["id"]
    assert exact.dumps(found[0]["raw"]) == b'{"n":' + content + b"}"


@given(st.lists(st.tuples(st.integers(1, 4), st.booleans(), contents), max_size=25))
def test_where_days_are_asked_for_the_ids_of_undated_events_do_not_depend_on_the_window(
    log: list[tuple[int, bool, Any]],
) -> None:
    def day(number: int) -> Page:
        one = page(
            *(event(None, at(10 + n) if dated else "?", n=c) for n, dated, c in log if n == number)
        )
        return replace(one, day=at(10 + number)[:10])

    whole = [ids(one.records) for one in batches_of(Daily(), map(day, (4, 3, 2, 1)), WINDOW)]
    assert whole == [ids(export(Daily(), day(number))) for number in (4, 3, 2, 1)]
    assert len({id_ for batch in whole for id_ in batch}) == len(log)
    bare = [replace(day(number), day=None) for number in (4, 3, 2, 1)]
    for record, old in zip(
        export(Daily(), *map(day, (4, 3, 2, 1))), export(Daily(), *bare), strict=True
    ):
        assert record["time"] is None or record["id"] == old["id"]


@pytest.mark.parametrize("with_answers", [True, False])
def test_an_event_with_a_lone_surrogate_keeps_its_id_and_is_counted(*, with_answers: bool) -> None:
    body = rb'[{"time":"%b","n":"\ud800"},{"time":"%b","n":"x"},{"time":"%b","n":"\ud801"}]'
    answer = parse(body % ((at(12).encode(),) * 3))
    one = Page(answer.tree, None, [answer] if with_answers else [])
    tally = Tally()
    found = export(Daily(), one, tally=tally)
    content = rb'{"n":"\ud800","time":"%b"}' % at(12).encode()
    assert found[0]["id"] == hashlib.sha256(content).hexdigest()
    assert len(set(ids(found))) == len(found)
    assert [record["raw"]["n"] for record in found] == ["\ufffd", "x", "\ufffd"]
    assert (tally.mended, tally.malformed) == (2, 0)


def test_strays_of_other_days_do_not_make_twins_forgotten() -> None:
    strays = [event(None, at(day), n=day) for day in (3, 4, 5, 6)]
    twin = event(None, at(12), n="twin")
    found = export(Daily(), page(twin, *strays, twin))
    assert len(set(ids(found))) == len(found) == 2


def test_twins_are_told_apart_over_the_pages_of_a_log_without_order() -> None:
    twin = event(None, at(12), n="twin")
    others = [page(*(event(None, at(day), n=n) for n in range(3))) for day in range(10, 20)]
    found = export(Unordered(), page(twin), *others, page(twin, twin))
    assert len(set(ids(found))) == len(found) == 33


# Redaction


def test_credentials_go_before_anything_is_read_from_the_event() -> None:
    secret = event("a", at(12), action="/login?token=hunter2", password="hunter2")
    shown = "/login?token=[REDACTED]"
    (found,) = export(Unordered(), page(secret), tests=[parse_test(f"action={shown}")])
    assert found["action"] == shown
    assert found["raw"] == {**secret, "action": shown, "password": "[REDACTED]"}
    (bare,) = export(Unordered(), page(secret), redacted=False)
    assert bare["raw"] == secret
    assert bare["action"] == "/login?token=hunter2"


# The most recent

logs = st.lists(
    st.lists(st.integers(0, 40) | st.none(), max_size=5), max_size=6
)  # hours before UNTIL, or unknown


def _time(hours: int | None) -> str | None:
    return None if hours is None else (UNTIL - timedelta(hours=hours, seconds=1)).isoformat()


@given(logs, st.integers(1, 12), st.sampled_from([Unordered(), Newest(), Daily()]))
def test_a_limit_gives_the_most_recent_newest_first(
    log: list[list[int | None]], limit: int, provider: Provider
) -> None:
    if provider.log.order.is_documented:
        # Put it into the order that the provider promises, those without a time where they are.
        hours = iter(sorted(h for one in log for h in one if h is not None))
        log = [[None if h is None else next(hours) for h in one] for one in log]
    pages = [
        page(*(event(f"{n}.{i}", _time(h)) for i, h in enumerate(one))) for n, one in enumerate(log)
    ]
    ordered = provider.log.order.is_documented
    batches = most_recent(batches_of(provider, pages, WINDOW), limit, ordered=ordered)
    found = [record for batch in batches for record in batch.records]
    every = export(provider, *(page(*one.events) for one in pages))
    expected = sorted(every, key=lambda record: record["time"] or "", reverse=True)[:limit]
    assert ids(found) == ids(expected)


@pytest.mark.parametrize("provider", [Newest(), Daily()])
@pytest.mark.parametrize(("limit", "last"), [(1, 0), (2, 0), (3, 2), (4, 2), (5, 3), (9, 3)])
def test_a_limit_asks_for_no_page_that_it_does_not_need(
    provider: Provider, limit: int, last: int
) -> None:
    pages = [
        page(event("a", at(19)), event("b", at(18)), event("x", None)),
        page(),
        page(event("c", at(17)), event("d", at(16))),
        page(event("e", at(15)), event("y", None)),
    ]
    read = batches_of(provider, up_to(pages, last), WINDOW)
    found = most_recent(read, limit, ordered=True)
    assert [r["raw"]["id"] for batch in found for r in batch.records] == list("abcdexy")[:limit]


def test_nothing_is_asked_for_before_it_is_wanted() -> None:
    batches = batches_of(Newest(), up_to([page(event("a", at(12))), page()], 0), WINDOW)
    assert ids(next(batches).records) == ["a"]


# By id


def test_a_record_asked_for_by_its_id_has_any_time() -> None:
    for time in (at(1), "9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00Z", None):
        one = retrieved(Newest(), page(event("a", time, token="x"))).records
        assert ids(one) == ["a"]
        assert one[0]["raw"]["token"] == "[REDACTED]"


# All of it


@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(0, 9), st.none() | st.integers(-3, 14), st.sampled_from("xy")),
            max_size=6,
        ),
        max_size=6,
    ),
    st.booleans(),
)
def test_of_any_log_exactly_what_was_asked_for_is_delivered(
    log: list[list[tuple[int, int | None, str]]],
    redacted: bool,  # noqa: FBT001
) -> None:
    def time(day: int | None) -> str | None:
        return None if day is None else (SINCE + timedelta(days=day)).isoformat()

    events = [
        [event(f"{number}.{id_}", time(day), action=word) for id_, day, word in one]
        for number, one in enumerate(log)
    ]
    pages = [page(*one) for one in events]
    found = export(Unordered(), *pages, tests=[parse_test("action=x")], redacted=redacted)
    assert [record["raw"] for record in found] == [
        one
        for row, rows in zip(events, log, strict=True)
        for one, (_, day, word) in zip(row, rows, strict=True)
        if word == "x" and (day is None or 0 <= day < 10)
    ]
    assert [(r["id"], r["action"], r["provider"]) for r in found] == [
        (r["raw"]["id"], "x", "acme") for r in found
    ]


class Rows(list[Any]):
    """A list that can be referred to weakly."""


def test_what_was_delivered_is_let_go_before_the_next_page_is_asked_for() -> None:
    provider, tally, console = Newest(), Tally(), Console(quiet=True)

    def pages() -> Iterator[Page]:
        for day in 19, 18, 17:
            first = Rows()
            rows = Rows([first, event(f"{day}", at(day))])
            held = weakref.ref(first), weakref.ref(rows)
            yield Page(rows)
            del first, rows
            assert [reference() for reference in held] == [None, None]

    def batches() -> Iterator[Batch]:
        for batch in batches_of(provider, pages(), WINDOW):
            batch = replace(batch, records=Rows(batch.records))  # noqa: PLW2901
            held = weakref.ref(batch.records)
            yield batch
            del batch
            assert held() is None

    found = map(tally.count_page, batches())
    listing.deliver(found, Jsonl(), os.devnull, tally, console)
    assert tally.records == 6
