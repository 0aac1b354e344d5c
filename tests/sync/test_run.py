"""Syncs over a real server: everything once, from where it began and where it was cut short."""

from __future__ import annotations

import errno
import gzip
import json
import math
import os
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from auditctl.sync.files import destination
from tests.program import started, until
from tests.server import Answer, Fault
from tests.sync.desk import MINUTE, PAGE, Desk, Desks, dated
from tests.world import KINDS, Happening, happening, records

SECONDS = 30


# Once


def test_everything_is_appended_once_however_often_it_is_asked_for(each: Desk) -> None:
    for _ in range(3):
        assert (each.sync(), each.said, each.written) == (0, "", "")
        assert each.holds_all()
    now = datetime.now(UTC)
    fresh = [happening(each.name, 10_000 + n, now - timedelta(minutes=n)) for n in range(5)]
    each.world.happenings += fresh
    before = each.data.read_bytes()
    assert each.sync() == 0
    assert each.holds_all()
    assert each.data.read_bytes().startswith(before)
    assert each.verify() == 0


def test_a_run_that_finds_nothing_asks_as_little_as_is_safe(each: Desk) -> None:
    assert each.sync() == 0
    first = len(each.asked)
    assert each.sync() == 0
    overlap = datetime.now(UTC) - timedelta(hours=1)
    days = (datetime.now(UTC).date() - overlap.date()).days + 1
    assert len(each.asked) == {"persona": 1, "upstash": 1, "roam": days, "hrhis": first}[each.name]


@pytest.mark.parametrize("name", KINDS)
def test_what_becomes_visible_late_is_there_once_at_default_settings(
    name: str, desks: Desks
) -> None:
    one = desks(name, early=200, late=100, days=3, seed=2)
    for _ in range(6):
        assert one.sync() == 0
        one.world.log.asked += 24
    one.world.show_all()
    assert one.sync() == 0
    assert one.holds_all()
    assert one.verify() == 0


def test_an_event_dated_in_the_future_is_there_once_and_moves_no_mark(each: Desk) -> None:
    ahead = happening(each.name, 77_777, datetime.now(UTC) + timedelta(hours=5))
    if each.name != "roam":  # whose future days are not asked for
        each.world.happenings.append(ahead)
    for _ in range(3):
        assert each.sync() == 0
        assert each.holds_all()
    assert each.lines[-1]["covered"]["until"] <= datetime.now(UTC).isoformat()
    assert (each.lines[-1]["latest"] > datetime.now(UTC).isoformat()) == (each.name != "roam")


def test_events_whose_time_or_id_cannot_be_read_come_once_and_are_told_of_once(each: Desk) -> None:
    now = datetime.now(UTC)
    odd = [happening(each.name, n, now - timedelta(minutes=5)) for n in (88_001, 88_002, 88_003)]
    for one, time_ in zip(odd, ("soon", None, ["x"]), strict=True):
        fields = one.event.get("attributes", one.event)
        for field in ("created-at", "timestamp", "time"):
            if field in fields:
                fields[field] = time_
    if each.name == "roam":
        monday = odd  # they stand in no day's answer of this server
        assert monday
        return
    each.world.happenings += odd
    assert each.sync() == 0
    assert "3 of" in each.said
    assert each.sync() == 0
    assert each.said == ""
    assert each.holds_all()


@pytest.mark.parametrize(
    "path", ["all.csv", "all.jsonl.gz", "{date}.jsonl", "{provider}/{account}/{date}.csv.gz"]
)
def test_every_form_of_a_destination_holds_all_and_is_proven(each: Desk, path: str) -> None:
    assert each.sync(path=path) == 0
    each.world.happenings += [happening(each.name, 5_000, datetime.now(UTC) - timedelta(minutes=1))]
    assert each.sync(path=path) == 0
    assert each.holds_all()
    path = path.replace("{provider}", each.name)
    assert each.verify(path) == 0
    for one in each.folder.rglob("*"):
        assert one.stat().st_mode & 0o777 == (0o700 if one.is_dir() else 0o600)
    for record in records(each.folder):
        assert record["provider"] == each.name


def test_each_commit_is_a_gzip_member_and_a_file_can_be_read_at_any_time(each: Desk) -> None:
    assert each.sync(path="all.jsonl.gz") == 0
    data = (each.folder / "all.jsonl.gz").read_bytes()
    journal = (each.folder / "all.jsonl.gz.journal").read_bytes().split(b"\n")[:-1]
    entries = [entry for line in journal for entry in json.loads(line)["files"] if entry["length"]]
    whole = b""
    for entry in entries:
        member = data[entry["offset"] : entry["offset"] + entry["length"]]
        whole += gzip.decompress(member)
    assert whole == gzip.decompress(data)
    assert sum(entry["records"] for entry in entries) == whole.count(b"\n")


def test_filters_fields_and_redaction_shape_what_is_written(persona: Desk) -> None:
    words = ("--where", "outcome=failure", "--fields", "time,id,raw.attributes.method")
    assert persona.sync(*words) == 0
    lines = [json.loads(line) for line in persona.data.read_text().splitlines()]
    assert {tuple(line) for line in lines} == {("time", "id", "raw.attributes.method")}
    failed = [
        one.event["id"]
        for one in persona.world.happenings
        if one.event["attributes"]["response-status"] >= 400
    ]
    assert sorted(line["id"] for line in lines) == sorted(failed)
    assert persona.sync(*words) == 0
    assert len(persona.data.read_text().splitlines()) == len(failed)


# Where it begins and where it goes on


def test_the_first_run_reaches_as_far_as_since_says(each: Desk) -> None:
    assert each.sync("--since", "2d") == 0
    edge = datetime.now(UTC) - timedelta(days=2)
    wanted = [one for one in each.world.happenings if one.moment >= edge]
    assert len([*records(each.folder)]) == len(wanted)
    assert each.sync("--since", "2d") == 0  # the same words, as a crontab has them
    assert each.sync() == 0
    assert each.sync("--since", each.lines[-1]["covered"]["since"]) == 0
    assert each.sync("--since", "3d") == 2
    assert "was begun with --since 2d; this run has --since 3d" in each.said
    assert len([*records(each.folder)]) == len(wanted)


def test_what_lies_before_since_is_not_reached_by_the_overlap(each: Desk) -> None:
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)
    for minutes in -5, 5:
        each.world.happens(70_000 + minutes, begin + timedelta(minutes=minutes))
    forms = f"{begin:%Y-%m-%dT%H:%M:%SZ}", begin.isoformat(), f"{int(begin.timestamp())}"
    for since in (*forms, *forms):
        assert each.sync("--since", since, "--overlap", "1h") == 0
    wanted = [one for one in each.world.happenings if one.moment >= begin]
    assert len([*records(each.folder)]) == len(wanted)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--no-redact"], "--redact; this run has --no-redact"),
        (["--where", "actor=x"], "no --where; this run has --where actor=x"),
        (["--fields", "time,id"], "no --fields; this run has --fields time,id"),
        (["--demo"], "no --demo; this run has --demo"),
        (["--account", "a"], "no --account; this run has --account a"),
        (["--since", "5d"], "was begun with no --since; this run has --since 5d"),
    ],
)
def test_another_shape_is_refused_and_named(persona: Desk, words: list[str], said: str) -> None:
    assert persona.sync() == 0
    before = persona.data.read_bytes()
    assert persona.sync(*words) == 2
    assert said in persona.said
    assert persona.data.read_bytes() == before


def test_another_format_is_refused_where_the_name_says_nothing(persona: Desk) -> None:
    path = persona.data.with_suffix("")
    words = ("persona", "sync", "--demo", "-o", str(path))
    assert [persona.command(*words), persona.command(*words, "-f", "csv")] == [0, 2]
    assert "--format jsonl; this run has --format csv" in persona.said


def test_another_providers_log_does_not_go_into_the_same_file(each: Desk) -> None:
    assert each.sync() == 0
    other = next(name for name in KINDS if name != each.name)
    assert each.command(other, "sync", "--demo", "-o", str(each.data)) == 2
    assert f"was begun with the log of {each.name}; this run has the log of {other}" in each.said


def test_a_run_cut_short_at_four_fifths_goes_on_from_there(persona: Desk) -> None:
    pages = 10
    persona.stop_after(8)
    assert persona.sync() == 4
    kept = len([*records(persona.folder)])
    assert kept >= 6 * PAGE
    assert persona.command("status", str(persona.data)) == 0
    persona.go_on()
    assert persona.sync() == 0
    assert persona.holds_all()
    # The page it had got to, those behind it, and one for what is new.
    assert len(persona.asked) <= pages - kept // PAGE + 3
    assert persona.verify() == 0


def test_a_day_that_was_read_is_not_asked_for_again(desks: Desks) -> None:
    one = desks("roam", early=300, days=29)
    one.stop_after(24)
    assert one.sync("--concurrency", "1") == 4
    one.go_on()
    assert one.sync("--concurrency", "1") == 0
    assert len(one.asked) <= 31 - 24 + 1 + 3
    assert one.holds_all()


@pytest.mark.parametrize(
    "fault",
    [
        Fault(400),
        Fault(404),
        Fault(410),
        Fault(422),
        Fault(500),
        Fault(body=b'{"data":[],"links":{"prev":null,"next":null}}'),
    ],
    ids=["400", "404", "410", "422", "500", "nothing"],
)
def test_a_position_that_is_unknown_means_reading_again(persona: Desk, fault: Fault) -> None:
    persona.stop_after(5)
    assert persona.sync() == 4
    unknown = persona.lines[-1]["window"]["position"]
    assert unknown
    persona.go_on(
        lambda request: (
            fault if request.params.get("page[after]") == unknown and request.number == 7 else None
        )
    )
    assert persona.sync("--retry-for", "0") == 0
    assert persona.holds_all()
    assert persona.verify() == 0


def test_a_position_that_leads_back_to_the_first_page_doubles_nothing(persona: Desk) -> None:
    persona.stop_after(5)
    assert persona.sync() == 4
    unknown = persona.lines[-1]["window"]["position"]
    page = persona.world.log.page

    def forgetful(params: dict[str, str]) -> Any:
        nonlocal unknown
        if params.get("page[after]") == unknown:
            unknown = None
            params = {"page[size]": "100"}
        return page(params)

    persona.world.log.page = forgetful
    persona.go_on()
    assert persona.sync() == 0
    assert persona.holds_all()


def test_rows_that_shift_while_they_are_read_are_there_once(desks: Desks) -> None:
    one = desks("hrhis", early=900, days=5, seed=3)
    one.world.log.paged = True
    one.world.log.repeats = 0  # a row that ends a page and begins the next has moved
    now = datetime.now(UTC)
    one.world.happenings += [
        happening("hrhis", 20_000 + n, now - timedelta(seconds=60 - n), visible=n)
        for n in range(1, 60)
    ]
    one.stop_after(5)
    assert one.sync() == 4
    one.go_on()
    for _ in range(5):
        assert one.sync() == 0
    one.world.show_all()
    assert one.sync() == 0
    assert one.holds_all()


@pytest.mark.usefixtures("hurried")
def test_what_a_failed_look_of_a_service_had_read_is_not_written_twice(persona: Desk) -> None:
    persona.server.faults = lambda request: (
        Fault(503) if request.number in (4, 7) else Fault(403) if request.number > 25 else None
    )
    assert persona.sync("--follow", "--interval", "1s", "--retry-for", "0") == 4
    assert persona.holds_all()


@pytest.mark.parametrize(("reading", "records"), [(0, [100] * 9 + [51]), (math.inf, [800, 151])])
def test_up_to_eight_pages_are_a_commit_where_they_come_fast(
    reading: float, records: list[int], persona: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destination, "READING_PER_COMMIT", reading)
    assert persona.sync() == 0
    written = [line["files"][0]["records"] for line in persona.lines if line["files"]]
    assert [count for count in written if count] == records


def test_what_a_run_had_read_stays_when_it_fails(
    persona: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destination, "READING_PER_COMMIT", math.inf)
    persona.stop_after(5)
    assert persona.sync() == 4
    assert len(persona.records) == 500
    persona.go_on()
    assert persona.sync() == 0
    assert persona.holds_all()
    assert len(persona.asked) < 10


def test_what_a_failing_run_committed_is_warned_of_since_no_later_run_reads_it(
    persona: Desk,
) -> None:
    persona.world.happenings[-150].event["attributes"]["created-at"] = "soon"
    persona.stop_after(5)
    assert persona.sync() == 4
    warned, refused = persona.said.splitlines()
    assert "1 of Persona's events lack a field" in warned
    assert refused.startswith("auditctl: error: ")
    persona.go_on()
    assert (persona.sync(), persona.said) == (0, "")


def test_a_full_disk_does_not_hide_why_a_run_failed(
    persona: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(destination, "READING_PER_COMMIT", math.inf)
    monkeypatch.setattr(destination, "write_pieces", full)
    persona.stop_after(5)
    assert persona.sync() == 4
    assert "PERSONA_API_KEY" in persona.said
    assert persona.data.read_bytes() == b""


def test_what_a_resumed_walk_had_read_is_not_written_twice(persona: Desk) -> None:
    persona.stop_after(4)
    assert persona.sync() == 4
    persona.go_on(lambda request: Fault(400) if request.number == 8 else None)
    assert persona.sync() == 0
    assert persona.holds_all()


def test_a_row_dated_wrongly_ends_no_window(persona: Desk) -> None:
    assert persona.sync() == 0
    now = datetime.now(UTC)
    persona.world.happenings += [
        happening("persona", 40_000 + n, now - timedelta(seconds=n)) for n in range(400)
    ]
    wrong = persona.world.happenings[-301]  # the last of the first page
    wrong.event["attributes"]["created-at"] = "2001-01-01T00:00:00.000Z"
    assert persona.sync() == 0
    persona.world.happenings.remove(wrong)  # before the window, as far as it says
    assert persona.holds_all()


def test_lone_surrogates_in_ids_are_replaced_and_in_names_of_files_survive(persona: Desk) -> None:
    odd = happening("persona", 50_000, datetime.now(UTC) - timedelta(minutes=1))
    odd.event["id"] = "\ud800x"
    persona.world.happenings.append(odd)
    for _ in range(2):
        assert persona.sync("--where", "actor!=\udcff", path="\udcff.jsonl") == 0
        lines = (persona.folder / "\udcff.jsonl").read_bytes().splitlines()
        assert len(lines) == len(persona.world.happenings)
        assert sum('"id":"\ufffdx","actor"'.encode() in line for line in lines) == 1
    assert persona.verify("\udcff.jsonl") == 0


def test_twins_without_an_id_are_all_there_though_a_walk_was_cut_short(persona: Desk) -> None:
    twin = happening("persona", 1, datetime.now(UTC) - timedelta(minutes=1)).event
    del twin["id"]
    moment = datetime.now(UTC) - timedelta(minutes=1)
    persona.world.happenings[:] = [Happening(moment, twin) for _ in range(600)]
    persona.world.log.page = paged(persona)
    persona.stop_after(3)
    assert persona.sync() == 4
    persona.go_on()
    assert persona.sync() == 0
    assert len([*records(persona.folder)]) == 600


def paged(desk_: Desk) -> Any:
    """Give pages by number: what has no ids cannot be found again by one."""
    log = desk_.world.log

    def page(params: dict[str, str]) -> Any:
        start = int(params.get("page[after]", "0"))
        following = f"{log.paths[0]}?page%5Bafter%5D={start + PAGE}"
        body = {
            "data": [json.loads(row) for row in log.given[start : start + PAGE]],
            "links": {"next": following if start + PAGE < log.total else None},
        }
        return Answer(json.dumps(body).encode())

    return page


# Different events under one id


def alike(desk_: Desk, first: int, second: int) -> str:
    """Give an event the id of another."""
    field = {"upstash": "log_id"}.get(desk_.name, "id")
    ids = [desk_.world.happenings[n].event for n in (first, second)]
    ids[1][field] = ids[0][field]
    return str(ids[0][field])


@pytest.mark.parametrize("distance", [1, 900])
def test_different_events_under_one_id_in_one_answer_are_counted(
    undivided: Desk, distance: int
) -> None:
    if undivided.name != "upstash":
        distance = min(distance, 80)  # within one page
    undivided.happen(*(MINUTE * n / 60 for n in range(1000)))
    id_ = alike(undivided, 0, distance)
    other = alike(undivided, 10, 11)
    alike(undivided, 10, 12)
    assert undivided.sync() == 0
    (said,) = undivided.said.splitlines()
    assert said.startswith("auditctl: warning: 3 events of ")
    assert said.endswith(f"The first such id: {id_ if distance == 1 else other}.")
    assert len(undivided.records) == 1000 - 3
    assert undivided.verify() == 0


@pytest.mark.usefixtures("hurried")
def test_a_service_tells_once_of_an_id_that_several_events_have(persona: Desk) -> None:
    persona.world.happenings.clear()
    persona.happen(MINUTE, MINUTE)
    alike(persona, 0, 1)
    persona.server.faults = lambda request: Fault(403) if request.number > 3 else None
    assert persona.sync("--follow", "--interval", "1s") == 4
    assert len(persona.asked) == 4
    assert persona.said.count("with the id of a different event") == 1


def test_what_differs_in_raw_alone_is_a_different_event(persona: Desk) -> None:
    persona.happen(MINUTE, MINUTE)
    first, second = persona.world.happenings[-2:]
    second.event.update(json.loads(json.dumps(first.event)))
    assert persona.sync(path="same.jsonl") == 0
    assert persona.said == ""
    second.event["note"] = "another"
    assert persona.sync(path="other.jsonl") == 0
    assert "1 event of Persona came with the id of a different event" in persona.said


@pytest.mark.parametrize("behind", [timedelta(), timedelta(minutes=10), timedelta(hours=2)])
@pytest.mark.parametrize("since", ["now", "5m"])
def test_a_first_window_that_is_empty_covers_nothing_wrongly(
    since: str, behind: timedelta, persona: Desk
) -> None:
    persona.server.faults = lambda _: dated(datetime.now(UTC) - behind)
    for _ in range(3):
        assert persona.sync("--since", since) == 0
        assert persona.verify() == 0


def test_a_since_finer_than_milliseconds_stays_the_beginning(persona: Desk) -> None:
    edge = datetime.now(UTC).replace(microsecond=123_400) - timedelta(minutes=30)
    persona.world.happenings[:] = [happening("persona", n, edge) for n in range(2)]
    for one, digits in zip(persona.world.happenings, ("1232", "1236"), strict=True):
        one.event["attributes"]["created-at"] = f"{edge:%Y-%m-%dT%H:%M:%S}.{digits}Z"
    for _ in range(3):
        assert persona.sync("--since", f"{edge:%Y-%m-%dT%H:%M:%S.%f}Z") == 0
        (record,) = persona.records
        assert record["time"].endswith(".1236Z")
        assert persona.verify() == 0


def test_times_finer_than_milliseconds_are_there_once(persona: Desk) -> None:
    edge = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30)
    persona.world.happenings[:] = [happening("persona", n, edge) for n in range(150)]
    for one in persona.world.happenings:
        one.event["attributes"]["created-at"] = f"{edge:%Y-%m-%dT%H:%M:%S}.0005Z"
    persona.stop_after(1)
    words = ("--since", f"{edge:%Y-%m-%dT%H:%M:%SZ}")
    assert persona.sync(*words) == 4
    persona.go_on()
    for _ in range(2):
        assert persona.sync(*words) == 0
        assert persona.holds_all()
    assert persona.verify() == 0


def test_hours_that_cannot_be_had_any_more_are_said_until_somebody_knows(persona: Desk) -> None:
    long_ago = datetime.now(UTC).replace(microsecond=0) - timedelta(days=200)
    persona.server.faults = lambda _: dated(long_ago)
    assert persona.sync("--since", "400d") == 0
    persona.server.faults = {}
    assert persona.sync("--since", "400d") == 8
    assert "are lost: " in persona.said
    assert persona.holds_all()
    begin, end = persona.lines[-1]["gaps"][0].values()
    assert begin[:16] == (long_ago - timedelta(seconds=1)).isoformat()[:16]
    assert end[:10] == (datetime.now(UTC) - timedelta(days=184)).isoformat()[:10]
    assert persona.sync() == 0  # once is enough for the runs
    assert persona.command("status", str(persona.data), "--acknowledge-gaps") == 0
    assert persona.sync() == 0
    assert persona.lines[-1]["gaps"] == []


def test_a_gap_that_somebody_knows_of_stays_known_while_its_run_is_not_done(persona: Desk) -> None:
    long_ago = datetime.now(UTC).replace(microsecond=0) - timedelta(days=200)
    persona.server.faults = lambda _: dated(long_ago)
    assert persona.sync("--since", "400d") == 0
    now = datetime.now(UTC)
    fresh = [happening("persona", 40_000 + n, now - timedelta(minutes=n)) for n in range(150)]
    persona.world.happenings += fresh
    persona.stop_after(len(persona.server.requests) + 1)
    assert persona.sync("--since", "400d") == 4
    assert len(persona.lines[-1]["gaps"]) == 1
    assert persona.command("status", str(persona.data), "--acknowledge-gaps") == 0
    persona.go_on()
    time.sleep(0.01)  # a gap that ends with what is kept goes on with the clock
    assert persona.sync("--since", "400d") == 0
    assert persona.lines[-1]["gaps"] == []
    assert persona.holds_all()


# The lock


def test_a_second_run_is_told_at_once_and_waits_if_it_is_to(each: Desk) -> None:
    assert each.sync() == 0
    each.server.latency = 0.5
    words = (each.name, "sync", "-o", str(each.data))
    running = len(each.server.requests)
    with started(*words, **each.server.environment) as first:
        until(lambda: len(each.server.requests) > running)
        assert each.sync() == 7
        assert "Another run holds" in each.said
        assert each.sync("--wait", "30s") == 0
        assert first.wait(SECONDS) == 0
    assert each.holds_all()
