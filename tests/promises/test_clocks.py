"""Clocks that differ, and the ends of time: what list, get and check make of them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.program import result
from tests.server import Fault, Persona, Roam, Server, Upstash
from tests.world import happening

YEAR_AND_MORE = timedelta(days=400)
FIRST, LAST = "0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.9999999Z"


def dated(by: timedelta) -> Fault:
    """Answer with a Date that differs from our clock."""
    return Fault(headers={"Date": format_datetime(datetime.now(UTC) + by, usegmt=True)})


def warning(how: str, words: str) -> str:
    return (
        f"auditctl: warning: This machine's clock is {how} Persona's, and {words} counts by it. "
        "Set the clock, or give a time that does not depend on it, such as 2026-01-31T08:00:00Z.\n"
    )


@pytest.mark.parametrize(
    ("by", "words", "said"),
    [
        (-YEAR_AND_MORE, "--since 1d", warning("400 days ahead of", "--since 1d")),
        (-YEAR_AND_MORE, "", warning("400 days ahead of", "--since 1d")),
        (-YEAR_AND_MORE, "--since today", warning("400 days ahead of", "--since today")),
        (-YEAR_AND_MORE, "--since 2026-01-01", warning("400 days ahead of", "--until now")),
        (timedelta(minutes=7), "--since 1h", warning("6 min behind", "--since 1h")),
        (timedelta(hours=3), "--since 1h", warning("2 h 59 min behind", "--since 1h")),
        (timedelta(minutes=4), "--since 1d", ""),
        (-timedelta(minutes=4), "--since 1d", ""),
        (-YEAR_AND_MORE, "--since 1d -q", ""),
        (-YEAR_AND_MORE, "--since 2026-01-01 --until 2026-01-02T03:00:00Z", ""),
        (-YEAR_AND_MORE, "--since 1767225600 --until 1767312000000", ""),
    ],
)
def test_list_warns_if_its_window_counts_by_a_clock_that_differs(
    by: timedelta, words: str, said: str
) -> None:
    with Server(Persona(3), faults=lambda _: dated(by)) as server:
        found = result("persona", "list", *words.split(), **server.environment)
    assert found.status == 0
    assert found.said.replace("3 h 0 min", "2 h 59 min").replace("7 min", "6 min") == said


@pytest.mark.parametrize("date", ["", "soon", "Thu, 01 Jan 1970 00:00:60"])
def test_a_date_that_is_none_says_nothing_of_clocks(date: str) -> None:
    with Server(Persona(3), faults=[Fault(headers={"Date": date})]) as server:
        assert result("persona", "list", **server.environment).ended == (0, "")


@pytest.mark.parametrize(
    "date",
    [
        "Mon, 01 Jan 0001 00:00:00 GMT",
        "Mon, 01 Jan 1900 00:00:00 +1400",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Fri, 31 Dec 9999 23:59:59 -1400",
    ],
)
def test_a_date_at_the_ends_of_time_is_a_wrong_clock_or_none(date: str) -> None:
    with Server(Persona(3), faults=lambda _: Fault(headers={"Date": date})) as server:
        found = result("persona", "list", "--since", "90d", **server.environment)
        assert found.status == 0
        assert all("This machine's clock is" in line for line in found.said.splitlines())
        assert len(found.records) == 3
        found = result("persona", "check", **server.environment)
    assert (found.status, found.said) == (0, "")
    assert re.search(rb"(?m)^(WARN    clock: this machine is|ok      clock: )", found.out)


# The first and the last moment


def test_events_of_the_first_and_the_last_moment_are_listed() -> None:
    rows = [{"log_id": time, "timestamp": time} for time in (LAST, "9999-12-31T23:59:59Z", FIRST)]
    words = ("--since", "0001-01-01", "--until", "9999-12-31T23:59:59.999999Z")
    with Server(Upstash(rows)) as server:
        found = result("upstash", "list", *words, **server.environment)
        assert found.ended == (0, "")
        assert found.ids == [LAST, "9999-12-31T23:59:59Z", FIRST]
        # An end that is not the last moment stays half-open.
        words = ("--since", "0001-01-01", "--until", "9999-12-31T23:59:59Z")
        assert result("upstash", "list", *words, **server.environment).ids == [FIRST]


@pytest.mark.parametrize("time", [FIRST, LAST])
def test_an_event_of_the_first_or_the_last_moment_is_retrieved(time: str) -> None:
    event = happening("persona", 1, datetime.now(UTC)).event
    event["attributes"]["created-at"] = time
    with Server(Persona([event])) as server:
        found = result("persona", "get", event["id"], "-f", "jsonl", **server.environment)
        assert [record["time"] for record in found.records] == [time]
        checked = result("persona", "check", **server.environment)
    assert f"newest record: {time}" in checked.out.decode()


# check


@pytest.mark.parametrize("by", [-YEAR_AND_MORE, -timedelta(days=3)])
def test_check_finds_the_newest_record_of_a_log_read_by_day_by_the_providers_clock(
    by: timedelta,
) -> None:
    # It shows nothing of days that, by its clock, are still to come.
    newest = datetime.now(UTC) + by - timedelta(hours=30)
    rows = [happening("roam", n, newest - timedelta(hours=n)).event for n in range(60)]
    with Server(Roam(rows), faults=lambda _: dated(by)) as server:
        found = result("roam", "check", **server.environment)
        days = [request.params["date"] for request in server.requests]
    assert found.ended == (0, "")
    clock, record = found.out.decode().splitlines()[-2:]
    assert clock.startswith("WARN    clock: this machine is ")
    assert clock.endswith(" s ahead")
    assert record == f"ok      newest record: {rows[0]['timestamp']}"
    assert len(set(days)) == len(days)
