"""What every service promises that is asked as its vendor documents it (see `tests.vendors`).

    python -m pytest tests/promises/test_services.py -k fewest --events 10000

exports so many events of each log.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from auditctl.provider import Order
from auditctl.sync.files import destination
from tests import tape
from tests.vendors import VENDORS, Refusal, Vendor, ask, spread

each_log = pytest.mark.parametrize(
    ("name", "log"), [(name, log) for name, kind in VENDORS.items() for log in kind.logs]
)
each_service = pytest.mark.parametrize("name", VENDORS)
each_refusal = pytest.mark.parametrize(
    ("name", "refusal"),
    [(name, refusal) for name, kind in VENDORS.items() for refusal in kind.refusals],
    ids=lambda value: value.name if isinstance(value, Refusal) else value,
)


def order(vendor: Vendor, *, oldest_first: bool) -> Order:
    log = tape.provider_class(vendor.name).logs[vendor.log]
    if log.order is not Order.AS_ASKED:
        return log.order
    return Order.OLDEST_FIRST if oldest_first else Order.NEWEST_FIRST


def written(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def ids(records: list[Any]) -> list[str]:
    return [record["id"] for record in records]


@each_log
def test_thousands_of_events_come_whole_and_once_in_the_fewest_requests(
    name: str, log: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    count = request.config.getoption("--events")
    moments = spread(count, days=6)
    vendor = VENDORS[name](moments, log)
    since, until = moments[0], moments[-1] + timedelta(seconds=1)
    window = ("--since", since.isoformat(), "--until", until.isoformat())
    found = ask(vendor, monkeypatch, "list", *window)
    assert found.ended == (0, "")
    assert len(set(found.ids)) == len(found.ids) == count
    assert len(vendor.asked) == vendor.fewest(since, until)
    times = [record["time"] for record in found.records]
    read = order(vendor, oldest_first=False)
    if read is not Order.NONE_DOCUMENTED:
        assert times == sorted(times, reverse=read.is_newest_first)
    assert {record["provider"] for record in found.records} == {name}


@each_log
@pytest.mark.parametrize("counts_ends", [True, False])
def test_the_window_is_half_open_whatever_the_service_counts(
    name: str,
    log: str,
    counts_ends: bool,  # noqa: FBT001 - a value of the parameters above
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moments = spread(60, days=60)
    vendor = VENDORS[name](moments, log, counts_ends=counts_ends)
    window = ("--since", moments[4].isoformat(), "--until", moments[58].isoformat())
    found = ask(vendor, monkeypatch, "list", *window)
    assert found.ended == (0, "")
    times = sorted(datetime.fromisoformat(record["time"]) for record in found.records)
    assert times == moments[4:58]


@each_log
def test_a_limit_gives_the_newest_of_all_there_is(
    name: str, log: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = spread(30, days=5)
    vendor = VENDORS[name](moments, log)
    found = ask(vendor, monkeypatch, "list", "--limit", "3")
    assert found.ended == (0, "")
    times = [datetime.fromisoformat(record["time"]) for record in found.records]
    assert times == moments[:-4:-1]


@each_log
def test_an_end_in_the_future_is_asked_for_as_tomorrow(
    name: str, log: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = VENDORS[name](spread(3, days=1), log)
    found = ask(vendor, monkeypatch, "list", "--since", "2d", "--until", "2999-01-01")
    assert (found.status, found.said, len(found.records)) == (0, "", 3)


@each_log
def test_a_first_sync_that_was_interrupted_goes_on_and_late_events_follow(
    name: str, log: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(destination, "MAX_PAGES_PER_COMMIT", 1)  # so that ten pages are enough
    path = tmp_path / "log.jsonl"
    count = 9_500
    vendor = VENDORS[name](spread(count, days=6), log)
    whole = vendor.fewest(vendor.events[0][0], datetime.now(UTC))
    vendor.interrupted_at = max(2, whole - 1)
    first = ask(vendor, monkeypatch, "sync", "-o", str(path))
    if whole > 1:
        assert first.status == 6
        assert "not now" in first.said
    vendor.interrupted_at = vendor.served = 0
    assert ask(vendor, monkeypatch, "sync", "-q", "-o", str(path)).ended == (0, "")
    if whole >= 10:
        assert vendor.served < count, "it began anew"
    vendor.add(datetime.now(UTC) - timedelta(minutes=30))
    vendor.add(datetime.now(UTC) - timedelta(minutes=1))
    for _ in range(2):
        assert ask(vendor, monkeypatch, "sync", "-o", str(path)).ended == (0, "")
    found = written(path)
    assert len(set(ids(found))) == len(found) == count + 2
    if order(vendor, oldest_first=True) is Order.OLDEST_FIRST:
        times = [record["time"] for record in found[:count]]
        assert times == sorted(times)
    assert ask(vendor, monkeypatch, "sync", "-o", str(path)).ended == (0, "")


@each_log
def test_a_first_sync_begins_where_the_service_does_and_says_so_if_nobody_knows(
    name: str, log: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    vendor = VENDORS[name](spread(3, days=1), log)
    facts = tape.provider_class(name).logs[vendor.log]
    words = ("sync", "-o", str(tmp_path / "log.jsonl"))
    first = ask(vendor, monkeypatch, *words)
    assert first.status == 0
    if facts.keeps is None:
        assert first.said.count("\n") == 1
        assert "begins 365 days back" in first.said
    else:
        assert first.said == ""
    assert ask(vendor, monkeypatch, *words).ended == (0, "")


@each_refusal
@pytest.mark.parametrize("command", ["list", "check"])
def test_a_refusal_has_its_status_and_the_vendors_words(
    name: str, refusal: Refusal, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = VENDORS[name]([])
    vendor.refusal = refusal
    found = ask(vendor, monkeypatch, command, "--retry-for", "0", "-v")
    assert found.status == refusal.ends
    assert refusal.words in found.said


@each_log
def test_check_reads_little_and_names_the_newest(
    name: str, log: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = VENDORS[name](spread(3_000, days=30), log)
    found = ask(vendor, monkeypatch, "check")
    assert found.ended == (0, "")
    assert len(vendor.asked) <= 10
    assert "\nok      newest record" in found.text
    assert "FAILED" not in found.text


@each_service
def test_a_redirect_or_a_link_to_another_origin_ends_the_run(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = VENDORS[name]([])
    location = {"Location": "https://elsewhere.example/"}
    vendor.refusal = Refusal("elsewhere", 302, {}, 6, "another origin", location)
    found = ask(vendor, monkeypatch, "list")
    assert (found.status, "another origin" in found.said) == (6, True)
    assert {request.url.host for request in vendor.asked} == {vendor.asked[0].url.host}
