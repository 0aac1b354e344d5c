"""Clocks that are wrong, ours and the provider's, and the gaps that are real."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.sync.desk import HOUR, MINUTE, NO_DATE, PAGE, Desk, Desks, dated, our_clock
from tests.world import Happening, happening

SECONDS = 30


def test_a_clock_that_is_behind_for_a_while_doubles_nothing(persona: Desk) -> None:
    persona.world.happenings[:] = persona.world.happenings[-30:]
    now = datetime.now(UTC)
    persona.world.happenings += [
        happening("persona", 60_000 + n, now - timedelta(hours=3, minutes=n)) for n in range(10)
    ]
    assert persona.sync() == 0
    persona.server.faults = lambda _: dated(now - timedelta(hours=5))
    persona.grow()
    assert persona.sync() == 0
    persona.server.faults = {}
    for _ in range(3):
        assert persona.sync() == 0
        assert persona.holds_all()


@pytest.mark.parametrize("name", ["persona", "roam"])
def test_our_clock_being_ahead_does_not_leave_out_the_log(name: str, desks: Desks) -> None:
    then = datetime.now(UTC) - timedelta(days=400)
    one = desks(name, early=0, days=1)
    one.world.happenings[:] = [happening(name, n, then - timedelta(hours=n)) for n in range(200)]
    one.server.faults = lambda _: dated(then)
    assert one.sync() == 0
    assert one.holds_all()


def test_the_mark_is_the_providers_clock_where_that_is_behind(each: Desk) -> None:
    behind = (datetime.now(UTC) - timedelta(hours=3)).replace(microsecond=0)
    each.server.faults = lambda _: dated(behind)
    assert each.sync() == 0
    mark = datetime.fromisoformat(each.lines[-1]["covered"]["until"])
    assert timedelta() <= behind - mark < timedelta(seconds=SECONDS)
    late = happening(each.name, 66_666, behind - timedelta(minutes=30))
    each.world.happenings.append(late)
    assert each.sync() == 0
    assert each.holds_all()


def test_a_providers_clock_that_is_ahead_loses_nothing(each: Desk) -> None:
    each.server.faults = lambda _: dated(datetime.now(UTC) + timedelta(days=3))
    assert each.sync() == 0
    each.world.happens(66_667, datetime.now(UTC) - timedelta(minutes=30))
    assert each.sync() == 0
    assert each.holds_all()


@pytest.mark.parametrize(
    "wrong",
    [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1970, 1, 2, tzinfo=UTC),
        datetime(2100, 1, 2, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
        *(timedelta(days=days) for days in (-250, -1, 1)),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["persona", "roam"])
def test_a_clock_that_is_wrong_for_once_takes_nothing_back_and_makes_no_gap(
    name: str, wrong: datetime | timedelta, desks: Desks
) -> None:
    """A moment is what the provider's clock shows, a difference is that of ours."""
    one = desks(name, early=150, days=5)
    assert one.sync() == 0
    covered = one.lines[-1]["covered"]["until"]
    if isinstance(wrong, datetime):
        one.server.faults = lambda _: dated(wrong)
        assert (one.sync(), one.said) == (0, "")
        one.server.faults = {}
    else:
        with our_clock(wrong):
            assert (one.sync(), one.said) == (0, "")
    one.world.add(1)
    assert (one.sync(), one.said) == (0, "")
    assert one.lines[-1]["covered"]["until"] >= covered
    assert one.holds_all()
    assert one.verify() == 0


def test_since_counts_by_our_clock_and_says_so_if_it_is_wrong(each: Desk) -> None:
    now = datetime.now(UTC)
    times = [now - timedelta(minutes=m) for m in (10, 50, 70, 110)]
    each.world.happenings[:] = [
        happening(each.name, 55_000 + n, time) for n, time in enumerate(times)
    ]
    # Around midnight today is tomorrow by our clock, and a day to come is not asked for.
    today = (now - HOUR).date()
    shown = [time for time in times if each.name != "roam" or time.date() <= today]
    with our_clock(-HOUR):
        for said in (True, False):
            assert each.sync("--since", "1h") == 0
            assert ("59 min behind" in each.said or "1 h 0 min behind" in each.said) is said
            assert len(each.records) == len(shown)
    assert each.sync("--since", "1h") == 0
    assert len(each.records) == 4
    assert each.verify() == 0


@pytest.mark.parametrize("words", [(), ("--where", "action!=nothing")], ids=["all", "filtered"])
def test_events_dated_by_a_clock_that_lags_behind_the_providers_are_not_passed_over(
    undivided: Desk, words: tuple[str, ...]
) -> None:
    for _ in range(3):
        undivided.happen(3 * HOUR + 5 * MINUTE)
        assert undivided.sync(*words) == 0
        assert undivided.holds_all()
    assert undivided.verify() == 0


def test_no_news_is_passed_over_because_our_clock_was_ahead_and_there_is_no_date(
    undivided: Desk,
) -> None:
    undivided.server.faults = lambda _: NO_DATE
    for ahead in (4 * HOUR, 4 * HOUR, 3000 * 24 * HOUR, timedelta()):
        with our_clock(ahead):
            assert undivided.sync("--overlap", "1m") in (0, 8)
        undivided.happen(timedelta())
    assert undivided.sync("--overlap", "1m") == 0
    assert undivided.holds_all()
    assert undivided.lines[-1]["covered"]["until"] <= datetime.now(UTC).isoformat()
    assert undivided.verify() in (0, 8)  # ten years seemed to have passed: that may be a gap


@pytest.mark.parametrize("since", [(), ("--since", "20d")], ids=["all", "20d"])
def test_a_first_run_with_a_clock_ahead_leaves_nothing_out_for_good(
    each: Desk, since: tuple[str, ...]
) -> None:
    each.server.faults = lambda _: NO_DATE
    with our_clock(timedelta(days=30)):
        assert (each.sync(*since), each.said) == (0, "")
    each.grow()
    assert (each.sync(*since), each.said) == (0, "")
    assert each.holds_all()
    assert each.verify() == 0
    asked = len(each.asked)
    assert each.sync(*since) == 0
    assert len(each.asked) <= asked
    begins = datetime.fromisoformat(each.lines[-1]["covered"]["since"] or "0001-01-01T00:00Z")
    assert begins < datetime.now(UTC) - timedelta(days=19)


@pytest.mark.parametrize("name", ["persona", "roam"])
def test_a_later_run_with_a_clock_ten_years_ahead_poisons_nothing(name: str, desks: Desks) -> None:
    one = desks(name, early=50, days=5)
    assert one.sync() == 0
    covered = one.lines[-1]["covered"]
    one.grow()
    # Few of all the days: the next run begins no later.
    with our_clock(timedelta(days=20)):
        assert (one.sync(), one.said) == (0, "")
    assert one.holds_all()
    assert one.lines[-1]["gaps"] == []
    assert one.lines[-1]["covered"]["since"] == covered["since"]
    assert covered["until"] <= one.lines[-1]["covered"]["until"] < datetime.now(UTC).isoformat()
    assert (one.sync(), one.said) == (0, "")
    assert one.command("status", str(one.data)) == 0


def test_a_clock_that_is_set_back_within_a_run_covers_nothing_to_come(persona: Desk) -> None:
    ahead = timedelta(days=3000)
    with our_clock(lambda: timedelta() if persona.server.requests else ahead):
        assert persona.sync() == 0
    assert persona.lines[-1]["covered"]["until"] <= datetime.now(UTC).isoformat()
    persona.happen(timedelta())
    assert persona.sync() == 0
    assert persona.holds_all()


def test_a_first_run_with_a_clock_behind_that_is_killed_leaves_no_gap(persona: Desk) -> None:
    persona.stop_after(3)
    with our_clock(timedelta(days=-3)):
        assert persona.sync() == 4
    persona.go_on()
    assert (persona.sync(), persona.said) == (0, "")
    assert persona.lines[-1]["gaps"] == []
    assert persona.holds_all()
    assert persona.command("status", str(persona.data)) == 0


def test_ten_rows_dated_a_little_too_early_stop_no_reading(persona: Desk) -> None:
    persona.world.happenings.clear()
    persona.happen(*(timedelta(days=n) for n in range(1, 300)))
    assert persona.sync() == 0
    persona.happen(*(MINUTE * n / 4 for n in range(150)))
    by_time = sorted(persona.world.happenings, key=lambda one: one.moment, reverse=True)
    for one in by_time[PAGE - 10 : PAGE]:
        moment = datetime.now(UTC) - 90 * MINUTE
        one.event["attributes"]["created-at"] = f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"
        persona.world.happenings.remove(one)  # they are older than the overlap
        persona.world.happenings.append(Happening(one.moment, one.event))
    assert persona.sync() == 0
    written = {record["id"] for record in persona.records}
    young = {one.event["id"] for one in by_time[: PAGE - 10] + by_time[PAGE:150]}
    assert young <= written
    assert len(persona.asked) == 2
    assert persona.sync() == 0
    assert len(persona.asked) == 2


@pytest.mark.parametrize(("age", "asked"), [(119 * MINUTE, 2), (125 * MINUTE, 1)])
def test_reading_stops_at_rows_older_than_twice_the_overlap(
    persona: Desk, age: timedelta, asked: int
) -> None:
    persona.world.happenings.clear()
    persona.happen(MINUTE, *[age] * 20, *(timedelta(days=n) for n in range(1, 200)))
    assert persona.sync() == 0
    persona.happen(*[MINUTE] * 79)
    assert persona.sync() == 0
    assert len(persona.asked) == asked
    assert persona.holds_all()


@pytest.mark.parametrize("overlap", ["0", "999999999d"])
def test_any_overlap_can_be_given_and_any_patience(each: Desk, overlap: str) -> None:
    for _ in range(2):
        words = ("--overlap", overlap, "--wait", "999999999d", "--retry-for", "999999999d")
        assert (each.sync(*words), each.said) == (0, "")
        assert each.holds_all()


def test_a_filter_that_keeps_little_costs_no_requests(persona: Desk) -> None:
    for _ in range(2):
        assert persona.sync("--where", "action=nothing") == 0
    assert len(persona.asked) == 1


def test_since_before_what_is_kept_is_said_once_and_is_no_alarm(persona: Desk) -> None:
    words = ("--since", "2020-01-01")
    assert persona.sync(*words) == 0
    begins = (datetime.now(UTC) - timedelta(days=184)).isoformat()[:10]
    assert persona.said == (
        f"auditctl: warning: {persona.data} begins at {persona.lines[-1]['covered']['since'][:10]} "
        f"{persona.lines[-1]['covered']['since'][11:16]} UTC: Persona does not keep its log as far "
        "back as --since 2020-01-01.\n"
    )
    for again in (words, ("--since", "2020-01-01T00:00:00Z"), ("--since", "1577836800"), ()):
        assert (persona.sync(*again), persona.said) == (0, "")
    assert persona.sync("--since", "2020-01-02") == 2
    assert persona.lines[-1]["covered"]["since"][:10] == begins
    assert persona.command("status", str(persona.data), "--format", "json") == 0
    assert json.loads(persona.written)[0]["covered"]["since"][:10] == begins
    assert persona.verify() == 0
    assert f"covers {begins}" in persona.written


def test_an_older_event_proves_that_more_is_kept(desks: Desks) -> None:
    one = desks("roam", early=300, days=60)
    begin = (datetime.now(UTC) - timedelta(days=58)).replace(microsecond=0)
    one.world.happens(9000, begin)
    assert (one.sync("--since", f"{begin:%Y-%m-%dT%H:%M:%SZ}"), one.said) == (0, "")
    assert one.lines[-1]["covered"]["since"] == f"{begin:%Y-%m-%dT%H:%M:%S}.000Z"


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999999Z"])
def test_events_of_the_first_and_the_last_moment_are_there_once(
    undivided: Desk, moment: str
) -> None:
    if undivided.name == "upstash":
        moment = moment[:-2] + "9Z" if moment[0] == "9" else moment
    undivided.happen(MINUTE)
    (one,) = undivided.world.happenings
    fields = one.event.get("attributes", one.event)
    for field in ("created-at", "timestamp", "time"):
        if field in fields:
            fields[field] = moment
    for _ in range(2):
        assert (undivided.sync(), undivided.said) == (0, "")
        assert undivided.holds_all()
