"""Syncs over a real server: what is asked, what is written, and what comes of trouble."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from auditctl import window
from auditctl.commands import single
from auditctl.http import connection, daily, requests
from auditctl.providers import roam
from auditctl.sync import job, walk
from auditctl.sync import run as run_module
from auditctl.sync.files import destination
from auditctl.sync.files import journal as journal_module
from auditctl.sync.files.chain import SECTOR
from auditctl.sync.follow import follow
from tests import program
from tests.program import started, until
from tests.server import Answer, Fault, Request, Server
from tests.world import KINDS, Happening, World, found, happening, records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.program import Program

SECONDS = 30
SLOW = 0.1
"""Seconds for an answer, so that each page is a commit, also where the disk is slow."""
PAGE = 100


@dataclass
class Desk:
    """A provider's log, and a destination for it."""

    name: str
    world: World
    server: Server
    folder: Path
    capture: pytest.CaptureFixture[bytes]
    path: str = "all.jsonl"

    def sync(self, *words: str, path: str | None = None) -> int:
        """Run a sync in this process; what it says is in `said`."""
        self.before = len(self.server.requests)
        output = str(self.folder / (path or self.path))
        status = program.run(self.name, "sync", "-o", output, *words, **os.environ)
        self.written, self.said = (text.decode() for text in self.capture.readouterr())
        return status

    def command(self, *words: str) -> int:
        status = program.run(*words, **os.environ)
        self.written, self.said = (text.decode() for text in self.capture.readouterr())
        return status

    def verify(self, path: str | None = None) -> int:
        return self.command("verify", str(self.folder / (path or self.path)))

    @property
    def asked(self) -> list[Request]:
        """What the last run asked."""
        return self.server.requests[self.before :]

    @property
    def data(self) -> Path:
        return self.folder / self.path

    @property
    def journal(self) -> Path:
        return self.folder / f"{self.path}.journal"

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.journal.read_bytes().split(b"\n")[:-1]]

    def holds_all(self) -> bool:
        return found(self.name, self.folder) == self.world.expected


def desk(
    name: str,
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capture: pytest.CaptureFixture[bytes],
    **how: Any,
) -> Iterator[Desk]:
    with Server(world.log, **how) as server:
        for variable, value in server.environment.items():
            monkeypatch.setenv(variable, value)
        folder = tmp_path / "audit"
        folder.mkdir()
        yield Desk(name, world, server, folder, capture)


@pytest.fixture(params=KINDS)
def each(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> Iterator[Desk]:
    """Give a log of 250 events in ten days, for each provider."""
    world = World.make(request.param, random.Random(1), early=250, late=0, days=10)
    yield from desk(request.param, world, tmp_path, monkeypatch, capfdbinary)


@pytest.fixture
def persona(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Iterator[Desk]:
    """Give a log of 950 events in 150 days."""
    world = World.make("persona", random.Random(1), early=950, late=0, days=150)
    world.log.repeats = 0
    yield from desk("persona", world, tmp_path, monkeypatch, capfdbinary)


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


def test_what_becomes_visible_late_is_there_once_at_default_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    for name in KINDS:
        world = World.make(name, random.Random(2), early=200, late=100, days=3)
        folder = tmp_path / name
        folder.mkdir()
        for one in desk(name, world, folder, monkeypatch, capfdbinary):
            for _ in range(12):
                assert one.sync() == 0
                world.log.asked += 12
            world.show_all()
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
    assert len(list(records(each.folder))) == len(wanted)
    assert each.sync("--since", "2d") == 0  # the same words, as a crontab has them
    assert each.sync() == 0
    assert each.sync("--since", each.lines[-1]["covered"]["since"]) == 0
    assert each.sync("--since", "3d") == 2
    assert "was begun with --since 2d; this run has --since 3d" in each.said
    assert len(list(records(each.folder))) == len(wanted)


def test_what_lies_before_since_is_not_reached_by_the_overlap(each: Desk) -> None:
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)
    for minutes in -5, 5:
        each.world.happenings.append(
            happening(each.name, 70_000 + minutes, begin + timedelta(minutes=minutes))
        )
    forms = f"{begin:%Y-%m-%dT%H:%M:%SZ}", begin.isoformat(), f"{int(begin.timestamp())}"
    for since in (*forms, *forms):
        assert each.sync("--since", since, "--overlap", "1h") == 0
    wanted = [one for one in each.world.happenings if one.moment >= begin]
    assert len(list(records(each.folder))) == len(wanted)


def test_a_destination_begun_without_since_refuses_one(each: Desk) -> None:
    assert each.sync() == 0
    assert each.sync("--since", "5d") == 2
    assert "was begun with no --since; this run has --since 5d" in each.said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--no-redact"], "--redact; this run has --no-redact"),
        (["--where", "actor=x"], "no --where; this run has --where actor=x"),
        (["--fields", "time,id"], "no --fields; this run has --fields time,id"),
        (["--demo"], "no --demo; this run has --demo"),
        (["--account", "a"], "no --account; this run has --account a"),
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


def stop_after(desk_: Desk, number: int) -> None:
    """Let a run end there: it is slow, so that pages are commits, and then it is refused."""
    desk_.server.latency = SLOW
    desk_.server.faults = lambda request: None if request.number <= number else Fault(403)


def go_on(desk_: Desk, faults: Any = ()) -> None:
    desk_.server.latency = 0
    desk_.server.faults = faults or {}


def test_a_run_cut_short_at_four_fifths_goes_on_from_there(persona: Desk) -> None:
    pages = 10
    stop_after(persona, 8)
    assert persona.sync() == 4
    kept = len(list(records(persona.folder)))
    assert kept >= 6 * PAGE
    assert persona.command("status", str(persona.data)) == 0
    go_on(persona)
    assert persona.sync() == 0
    assert persona.holds_all()
    # The page it had got to, those behind it, and one for what is new.
    assert len(persona.asked) <= pages - kept // PAGE + 3
    assert persona.verify() == 0


def test_a_day_that_was_read_is_not_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    world = World.make("roam", random.Random(1), early=300, late=0, days=29)
    for one in desk("roam", world, tmp_path, monkeypatch, capfdbinary):
        stop_after(one, 24)
        assert one.sync("--concurrency", "1") == 4
        go_on(one)
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
    stop_after(persona, 5)
    assert persona.sync() == 4
    unknown = persona.lines[-1]["window"]["position"]
    assert unknown
    go_on(
        persona,
        lambda request: (
            fault if request.params.get("page[after]") == unknown and request.number == 7 else None
        ),
    )
    assert persona.sync("--retry-for", "0") == 0
    assert persona.holds_all()
    assert persona.verify() == 0


def test_a_position_that_leads_back_to_the_first_page_doubles_nothing(persona: Desk) -> None:
    stop_after(persona, 5)
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
    go_on(persona)
    assert persona.sync() == 0
    assert persona.holds_all()


def test_rows_that_shift_while_they_are_read_are_there_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    world = World.make("hrhis", random.Random(3), early=900, late=0, days=5)
    world.log.paged = True
    world.log.repeats = 0  # a row that ends a page and begins the next has moved
    now = datetime.now(UTC)
    world.happenings += [
        happening("hrhis", 20_000 + n, now - timedelta(seconds=60 - n), visible=n)
        for n in range(1, 60)
    ]
    for one in desk("hrhis", world, tmp_path, monkeypatch, capfdbinary):
        stop_after(one, 5)
        assert one.sync() == 4
        go_on(one)
        for _ in range(5):
            assert one.sync() == 0
        world.show_all()
        assert one.sync() == 0
        assert one.holds_all()


@pytest.mark.usefixtures("hurried")
def test_what_a_failed_look_of_a_service_had_read_is_not_written_twice(persona: Desk) -> None:
    persona.server.faults = lambda request: (
        Fault(503) if request.number in (4, 7) else Fault(403) if request.number > 25 else None
    )
    assert persona.sync("--follow", "--interval", "1s", "--retry-for", "0") == 4
    assert persona.holds_all()


def test_what_a_resumed_walk_had_read_is_not_written_twice(persona: Desk) -> None:
    stop_after(persona, 4)
    assert persona.sync() == 4
    go_on(persona, lambda request: Fault(400) if request.number == 8 else None)
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
    stop_after(persona, 3)
    assert persona.sync() == 4
    go_on(persona)
    assert persona.sync() == 0
    assert len(list(records(persona.folder))) == 600


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


# Clocks and gaps


def test_a_clock_that_is_behind_for_a_while_doubles_nothing(persona: Desk) -> None:
    persona.world.happenings[:] = persona.world.happenings[-30:]
    now = datetime.now(UTC)
    persona.world.happenings += [
        happening("persona", 60_000 + n, now - timedelta(hours=3, minutes=n)) for n in range(10)
    ]
    assert persona.sync() == 0
    persona.server.faults = lambda _: dated(now - timedelta(hours=5))
    grow(persona)
    assert persona.sync() == 0
    persona.server.faults = {}
    for _ in range(3):
        assert persona.sync() == 0
        assert persona.holds_all()


@pytest.mark.parametrize("name", ["persona", "roam"])
def test_our_clock_being_ahead_does_not_leave_out_the_log(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    then = datetime.now(UTC) - timedelta(days=400)
    world = World.make(name, random.Random(1), early=0, late=0, days=1)
    world.happenings[:] = [happening(name, n, then - timedelta(hours=n)) for n in range(200)]
    for one in desk(name, world, tmp_path, monkeypatch, capfdbinary):
        one.server.faults = lambda _: dated(then)
        assert one.sync() == 0
        assert one.holds_all()


def dated(moment: datetime) -> Fault:
    return Fault(headers={"Date": format_datetime(moment, usegmt=True)})


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
    each.world.happenings.append(
        happening(each.name, 66_667, datetime.now(UTC) - timedelta(minutes=30))
    )
    assert each.sync() == 0
    assert each.holds_all()


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1970, 1, 2, tzinfo=UTC),
        datetime(2100, 1, 2, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    ],
    ids=lambda moment: str(moment.year),
)
@pytest.mark.parametrize("name", ["persona", "roam"])
def test_a_clock_that_is_wrong_for_once_takes_nothing_back_and_makes_no_gap(
    name: str,
    moment: datetime,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    world = World.make(name, random.Random(1), early=150, late=0, days=5)
    for one in desk(name, world, tmp_path, monkeypatch, capfdbinary):
        assert one.sync() == 0
        covered = one.lines[-1]["covered"]["until"]
        one.server.faults = lambda _: dated(moment)
        assert (one.sync(), one.said) == (0, "")
        one.server.faults = {}
        one.world.add(1)
        assert (one.sync(), one.said) == (0, "")
        assert one.lines[-1]["covered"]["until"] >= covered
        assert one.holds_all()
        assert one.verify() == 0


@contextlib.contextmanager
def our_clock(ahead: timedelta) -> Iterator[None]:
    """Set the clock of this machine, but not the server's."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.now(tz) + ahead

    with contextlib.ExitStack() as stack:
        reading = (single, job, run_module, walk, roam, daily, requests, connection, window)
        for module in (*reading, destination, journal_module):
            stack.enter_context(patch.object(module, "datetime", Clock))
        yield


@pytest.mark.parametrize("days", [-250, -1, 1])
@pytest.mark.parametrize("name", ["persona", "roam"])
def test_our_clock_being_wrong_for_once_takes_nothing_back_and_makes_no_gap(
    name: str,
    days: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    world = World.make(name, random.Random(1), early=150, late=0, days=5)
    for one in desk(name, world, tmp_path, monkeypatch, capfdbinary):
        assert one.sync() == 0
        covered = one.lines[-1]["covered"]["until"]
        with our_clock(timedelta(days=days)):
            assert (one.sync(), one.said) == (0, "")
        one.world.add(1)
        assert (one.sync(), one.said) == (0, "")
        assert one.lines[-1]["covered"]["until"] >= covered
        assert one.holds_all()
        assert one.verify() == 0


def test_since_counts_by_our_clock_and_says_so_if_it_is_wrong(each: Desk) -> None:
    now = datetime.now(UTC)
    ages = (timedelta(minutes=m) for m in (10, 50, 70, 110))
    each.world.happenings[:] = [
        happening(each.name, 55_000 + n, now - age) for n, age in enumerate(ages)
    ]
    with our_clock(timedelta(hours=-1)):
        for said in (True, False):
            assert each.sync("--since", "1h") == 0
            assert ("59 min behind" in each.said or "1 h 0 min behind" in each.said) is said
            assert len(records_of(each.data)) == 4
    assert each.sync("--since", "1h") == 0
    assert len(records_of(each.data)) == 4
    assert each.verify() == 0


NO_DATE = Fault(headers={"Date": ""})


@pytest.fixture(params=[name for name in KINDS if name != "roam"])
def undivided(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> Iterator[Desk]:
    """Give an empty log for each provider whose log is not asked for by day."""
    world = World.make(request.param, random.Random(1), early=0, late=0, days=1)
    world.happenings.clear()
    yield from desk(request.param, world, tmp_path, monkeypatch, capfdbinary)


def happen(desk_: Desk, *ages: timedelta) -> None:
    """Let events happen, dated so long before now."""
    happenings = desk_.world.happenings
    now, first = datetime.now(UTC), 100_000 + len(happenings)
    happenings += [happening(desk_.name, first + n, now - age) for n, age in enumerate(ages)]


HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("words", [(), ("--where", "action!=nothing")], ids=["all", "filtered"])
def test_events_dated_by_a_clock_that_lags_behind_the_providers_are_not_passed_over(
    undivided: Desk, words: tuple[str, ...]
) -> None:
    for _ in range(3):
        happen(undivided, 3 * HOUR + 5 * MINUTE)
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
        happen(undivided, timedelta())
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
    grow(each)
    assert (each.sync(*since), each.said) == (0, "")
    assert each.holds_all()
    assert each.verify() == 0
    asked = len(each.asked)
    assert each.sync(*since) == 0
    assert len(each.asked) <= asked
    begins = datetime.fromisoformat(each.lines[-1]["covered"]["since"] or "0001-01-01T00:00Z")
    assert begins < datetime.now(UTC) - timedelta(days=19)


@pytest.mark.parametrize("name", ["persona", "roam"])
def test_a_later_run_with_a_clock_ten_years_ahead_poisons_nothing(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    world = World.make(name, random.Random(1), early=50, late=0, days=5)
    for one in desk(name, world, tmp_path, monkeypatch, capfdbinary):
        assert one.sync() == 0
        covered = one.lines[-1]["covered"]
        grow(one)
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

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.now(tz) + (timedelta() if persona.server.requests else ahead)

    with contextlib.ExitStack() as stack:
        for module in (job, run_module, walk, connection, window, journal_module):
            stack.enter_context(patch.object(module, "datetime", Clock))
        assert persona.sync() == 0
    assert persona.lines[-1]["covered"]["until"] <= datetime.now(UTC).isoformat()
    happen(persona, timedelta())
    assert persona.sync() == 0
    assert persona.holds_all()


def test_a_first_run_with_a_clock_behind_that_is_killed_leaves_no_gap(persona: Desk) -> None:
    stop_after(persona, 3)
    with our_clock(timedelta(days=-3)):
        assert persona.sync() == 4
    go_on(persona)
    assert (persona.sync(), persona.said) == (0, "")
    assert persona.lines[-1]["gaps"] == []
    assert persona.holds_all()
    assert persona.command("status", str(persona.data)) == 0


def test_ten_rows_dated_a_little_too_early_stop_no_reading(persona: Desk) -> None:
    persona.world.happenings.clear()
    happen(persona, *(timedelta(days=n) for n in range(1, 300)))
    assert persona.sync() == 0
    happen(persona, *(MINUTE * n / 4 for n in range(150)))
    by_time = sorted(persona.world.happenings, key=lambda one: one.moment, reverse=True)
    for one in by_time[PAGE - 10 : PAGE]:
        moment = datetime.now(UTC) - 90 * MINUTE
        one.event["attributes"]["created-at"] = f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"
        persona.world.happenings.remove(one)  # they are older than the overlap
        persona.world.happenings.append(Happening(one.moment, one.event))
    assert persona.sync() == 0
    written = {record["id"] for record in records_of(persona.data)}
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
    happen(persona, MINUTE, *[age] * 20, *(timedelta(days=n) for n in range(1, 200)))
    assert persona.sync() == 0
    happen(persona, *[MINUTE] * 79)
    assert persona.sync() == 0
    assert len(persona.asked) == asked
    assert persona.holds_all()


@pytest.mark.parametrize("overlap", ["0", "999999999d"])
def test_any_overlap_can_be_given(each: Desk, overlap: str) -> None:
    for _ in range(2):
        assert (each.sync("--overlap", overlap), each.said) == (0, "")
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


def test_an_older_event_proves_that_more_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    world = World.make("roam", random.Random(1), early=300, late=0, days=60)
    for one in desk("roam", world, tmp_path, monkeypatch, capfdbinary):
        begin = (datetime.now(UTC) - timedelta(days=58)).replace(microsecond=0)
        world.happenings.append(happening("roam", 9000, begin))
        assert (one.sync("--since", f"{begin:%Y-%m-%dT%H:%M:%SZ}"), one.said) == (0, "")
        assert one.lines[-1]["covered"]["since"] == f"{begin:%Y-%m-%dT%H:%M:%S}.000Z"


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999999Z"])
def test_events_of_the_first_and_the_last_moment_are_there_once(
    undivided: Desk, moment: str
) -> None:
    if undivided.name == "upstash":
        moment = moment[:-2] + "9Z" if moment[0] == "9" else moment
    happen(undivided, MINUTE)
    (one,) = undivided.world.happenings
    fields = one.event.get("attributes", one.event)
    for field in ("created-at", "timestamp", "time"):
        if field in fields:
            fields[field] = moment
    for _ in range(2):
        assert (undivided.sync(), undivided.said) == (0, "")
        assert undivided.holds_all()


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
    happen(undivided, *(MINUTE * n / 60 for n in range(1000)))
    id_ = alike(undivided, 0, distance)
    other = alike(undivided, 10, 11)
    alike(undivided, 10, 12)
    assert undivided.sync() == 0
    (said,) = undivided.said.splitlines()
    assert said.startswith("auditctl: warning: 3 events of ")
    assert said.endswith(f"The first such id: {id_ if distance == 1 else other}.")
    assert len(records_of(undivided.data)) == 1000 - 3
    assert undivided.verify() == 0


@pytest.mark.usefixtures("hurried")
def test_a_service_tells_once_of_an_id_that_several_events_have(persona: Desk) -> None:
    persona.world.happenings.clear()
    happen(persona, MINUTE, MINUTE)
    alike(persona, 0, 1)
    persona.server.faults = lambda request: Fault(403) if request.number > 3 else None
    assert persona.sync("--follow", "--interval", "1s") == 4
    assert len(persona.asked) == 4
    assert persona.said.count("with the id of a different event") == 1


def test_what_differs_in_raw_alone_is_a_different_event(persona: Desk) -> None:
    happen(persona, MINUTE, MINUTE)
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
        (record,) = records_of(persona.data)
        assert record["time"].endswith(".1236Z")
        assert persona.verify() == 0


def records_of(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_times_finer_than_milliseconds_are_there_once(persona: Desk) -> None:
    edge = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30)
    persona.world.happenings[:] = [happening("persona", n, edge) for n in range(150)]
    for one in persona.world.happenings:
        one.event["attributes"]["created-at"] = f"{edge:%Y-%m-%dT%H:%M:%S}.0005Z"
    stop_after(persona, 1)
    words = ("--since", f"{edge:%Y-%m-%dT%H:%M:%SZ}")
    assert persona.sync(*words) == 4
    go_on(persona)
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
    path = str(persona.data)
    assert persona.command("status", path) == 8
    assert persona.verify() == 8
    assert f"events are missing from {begin[:16]} to {end[:16]} UTC" in persona.said
    assert persona.command("status", path, "--acknowledge-gaps") == 0
    assert persona.command("status", path) == 0
    assert persona.verify() == 0
    assert persona.sync() == 0
    assert persona.lines[-1]["gaps"] == []


def test_a_gap_that_somebody_knows_of_stays_known_while_its_run_is_not_done(persona: Desk) -> None:
    long_ago = datetime.now(UTC).replace(microsecond=0) - timedelta(days=200)
    persona.server.faults = lambda _: dated(long_ago)
    assert persona.sync("--since", "400d") == 0
    now = datetime.now(UTC)
    fresh = [happening("persona", 40_000 + n, now - timedelta(minutes=n)) for n in range(150)]
    persona.world.happenings += fresh
    stop_after(persona, len(persona.server.requests) + 1)
    assert persona.sync("--since", "400d") == 4
    assert len(persona.lines[-1]["gaps"]) == 1
    assert persona.command("status", str(persona.data), "--acknowledge-gaps") == 0
    go_on(persona)
    time.sleep(0.01)  # a gap that ends with what is kept goes on with the clock
    assert persona.sync("--since", "400d") == 0
    assert persona.lines[-1]["gaps"] == []
    assert persona.holds_all()


# The journal


def test_no_line_is_ever_replaced(each: Desk) -> None:
    noted = b""
    for n in range(4):
        assert each.sync() == 0
        now = each.journal.read_bytes()
        assert now.startswith(noted)
        noted = now
        if n % 2:
            grow(each)


def test_a_run_without_news_is_a_sign_of_life(each: Desk) -> None:
    assert each.sync() == 0
    before = each.journal.read_bytes()
    success = each.lines[-1]["success"]
    os.utime(each.journal, (1, 1))
    assert each.sync() == 0
    assert each.journal.read_bytes() == before
    assert each.command("status", str(each.data), "--format", "json") == 0
    assert json.loads(each.written)[0]["last_success"] > success
    assert each.verify() == 0


def test_a_run_that_fails_is_no_sign_of_life(persona: Desk) -> None:
    assert persona.sync() == 0
    before = persona.journal.stat().st_mtime_ns
    persona.server.faults = dict.fromkeys(range(999), Fault(401))
    assert persona.sync() == 4
    assert persona.journal.stat().st_mtime_ns == before


def test_pinned_ids_are_not_read_for_events_that_have_none(persona: Desk) -> None:
    ahead = happening("persona", 40_000, datetime.now(UTC) + timedelta(days=90))
    persona.world.happenings.append(ahead)
    assert persona.sync() == 0
    assert persona.lines[-1]["kept_before"] is not None
    persona.world.happenings.remove(ahead)
    grow(persona)
    with patch.object(journal_module.Journal, "pinned_ids", side_effect=AssertionError):
        assert persona.sync() == 0
    persona.world.happenings.append(ahead)
    assert persona.sync() == 0
    assert persona.holds_all()


# The files


def test_what_a_killed_run_left_is_cut_off(each: Desk) -> None:
    assert each.sync() == 0
    whole = each.data.read_bytes()
    with each.data.open("ab") as file:
        file.write(b'{"half a rec')
    with each.journal.open("ab") as file:
        file.write(b'{"line":99,"prev":"')
    assert each.sync() == 0
    assert each.data.read_bytes() == whole
    assert each.verify() == 0


@pytest.mark.parametrize("part", ["first sector", "others", "whole"])
def test_a_line_with_sectors_of_zeros_is_one_that_a_power_failure_cut_off(
    part: str, persona: Desk
) -> None:
    assert persona.sync() == 0
    begin = persona.journal.stat().st_size
    grow(persona)
    assert persona.sync() == 0
    content = persona.journal.read_bytes()
    border = begin + SECTOR - begin % SECTOR
    assert border < len(content)
    one = border if part == "others" else begin
    other = border if part == "first sector" else len(content)
    persona.journal.write_bytes(content[:one] + bytes(other - one) + content[other:])
    assert persona.sync() == 0
    assert persona.verify() == 0
    assert persona.holds_all()


def grow(desk_: Desk) -> None:
    desk_.world.happenings.append(
        happening(desk_.name, 30_000, datetime.now(UTC) - timedelta(minutes=1))
    )


def test_a_file_that_was_moved_away_is_begun_anew(each: Desk) -> None:
    assert each.sync(path="all.csv") == 0
    each.path = "all.csv"
    kept = each.data.read_text()
    each.data.rename(each.folder / "all.csv.1.csv")
    assert each.sync() == 0
    assert not each.data.exists()
    grow(each)
    assert each.sync() == 0
    assert each.data.read_text().splitlines()[0] == kept.splitlines()[0]
    assert each.holds_all()
    assert [line["moved"] for line in each.lines if line["moved"]] == [["all.csv"]]
    assert each.verify() == 0
    assert "are in files that were moved away" in each.written


def test_an_empty_file_in_its_place_is_logrotates(each: Desk) -> None:
    assert each.sync() == 0
    each.data.rename(each.folder / "all.jsonl.1")
    each.data.touch()
    grow(each)
    assert each.sync() == 0
    assert each.holds_all()


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda data: data[:-5], "bytes were committed"),
        (lambda _: b"", "bytes were committed"),
        (lambda data: data.replace(b"e", b"E", 1), "is not what was written"),
        (lambda data: b"x" + data, "is not what was written"),
    ],
    ids=["shorter", "emptied", "changed", "longer"],
)
def test_a_file_that_was_changed_stops_the_run_and_is_not_written_to(
    each: Desk, harm: Any, said: str
) -> None:
    assert each.sync() == 0
    with each.data.open("r+b") as file:  # in place, as copytruncate and editors do
        harmed = harm(file.read())
        file.seek(0)
        file.write(harmed)
        file.truncate()
    grow(each)
    assert each.sync() == 8
    assert said in each.said
    assert each.asked == []
    assert each.data.read_bytes() == harmed


def test_a_copy_with_other_times_is_read_again_and_taken(each: Desk) -> None:
    assert each.sync() == 0
    copy = each.folder / "copy"
    copy.write_bytes(each.data.read_bytes())
    copy.replace(each.data)
    grow(each)
    assert each.sync() == 0
    assert each.holds_all()
    assert each.verify() == 0


@pytest.mark.parametrize("path", ["all.jsonl", "{date}.jsonl"])
def test_a_file_that_is_not_ours_is_not_written_to(each: Desk, path: str) -> None:
    theirs = each.folder / path.replace("{date}", f"{each.world.happenings[0].moment:%Y-%m-%d}")
    theirs.write_text("theirs\n")
    assert each.sync("--concurrency", "1", path=path) == 8
    assert "is there already, and no sync wrote it" in each.said
    assert theirs.read_text() == "theirs\n"
    if path == "all.jsonl":  # one file, which can be seen to be there before anything is done
        assert [path.name for path in each.folder.iterdir()] == ["all.jsonl"]
        assert each.asked == []


def test_a_changed_journal_stops_the_run(each: Desk) -> None:
    assert each.sync() == 0
    data = each.journal.read_bytes()
    last = data.rstrip(b"\n").rfind(b"\n") + 1
    each.journal.write_bytes(data[:last] + data[last:].replace(b'"records":', b'"records":1', 1))
    assert each.sync() == 8
    assert f"line {len(each.lines)}: it was changed" in each.said
    assert each.asked == []


def test_a_file_in_the_place_of_a_folder_is_an_output_error(persona: Desk) -> None:
    assert persona.sync(path="{date}") == 0
    assert persona.sync(path="{date}/{account}.jsonl") == 9
    assert "Not a directory" in persona.said


def test_a_folder_that_cannot_be_made_is_an_output_error(persona: Desk) -> None:
    (persona.folder / "file").write_text("")
    assert persona.sync(path="file/all.jsonl") == 9
    assert "Cannot write" in persona.said


@pytest.mark.parametrize("path", ["", "-", "folder/", "/dev/null", "{day}.jsonl", "{date.jsonl"])
def test_a_path_that_is_no_file_is_a_usage_error(path: str, auditctl: Program) -> None:
    found = auditctl("persona", "sync", "--demo", "-o", path)
    assert found.status == 2
    assert found.said


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


# As a service


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pauses of a service pass at once."""
    passed = [0.0]

    def sleep(seconds: float) -> None:
        passed[0] += seconds

    def by_a_clock(*run: Any, **_: Any) -> None:
        follow(*run, clock=lambda: passed[0], sleep=sleep)

    monkeypatch.setattr(job, "follow", by_a_clock)


@pytest.mark.usefixtures("hurried")
def test_a_service_goes_through_outages_and_ends_when_it_is_refused(each: Desk) -> None:
    enough = {"roam": 42, "upstash": 5}.get(each.name, 9)
    each.server.faults = lambda request: (
        Fault(503) if 1 < request.number < 4 else Fault(403) if request.number > enough else None
    )
    words = ("--follow", "--retry-for", "0", "--concurrency", "1")
    assert each.sync(*words) == 4
    begin, end, _ = each.said.splitlines()
    assert "It is asked again until it answers." in begin
    assert end == "auditctl: warning: The provider answers again."
    assert each.verify() == 0


@pytest.mark.parametrize("moved", [True, False])
def test_a_service_looks_after_its_files_though_nothing_happens(
    each: Desk,
    moved: bool,  # noqa: FBT001
) -> None:
    each.world.happenings[:] = each.world.happenings[:5]
    words = [each.name, "sync", "-o", str(each.data), "--follow", "--interval", "1s"]
    with started(*words, **each.server.environment) as service:
        until(lambda: each.journal.exists() and b'"done":true' in each.journal.read_bytes())
        if moved:
            each.data.rename(each.folder / "old")
            until(lambda: any(line["moved"] for line in each.lines))
            service.terminate()
        else:
            each.data.write_bytes(each.data.read_bytes()[:9])
        _, said = service.communicate(timeout=SECONDS)
    assert service.returncode == (0 if moved else 8)
    assert (b"has 9 bytes, but" in said) is not moved
    assert each.verify() == service.returncode


SLOW_DISK = """
import os, stat, time
fsync = os.fsync
def slow(file):
    fsync(file)
    if stat.S_ISDIR(os.fstat(file).st_mode):
        return
    if not os.path.exists(os.environ["MARK"]):
        open(os.environ["MARK"], "w").close()
        time.sleep(3)
os.fsync = slow
"""


@pytest.mark.parametrize("together", [False, True], ids=["alone", "of a configuration"])
def test_a_commit_in_hand_is_finished_however_slow_the_disk(
    persona: Desk,
    together: bool,  # noqa: FBT001
) -> None:
    words = ["persona", "sync", "-o", str(persona.data)]
    if together:
        (persona.folder / "auditctl.toml").write_text(
            f'[sources.a]\nprovider = "persona"\noutput = "{persona.data}"\n'
        )
        words = ["sync", "--config", str(persona.folder / "auditctl.toml")]
    (persona.folder / "sitecustomize.py").write_text(SLOW_DISK)
    mark = persona.folder / "mark"
    environment = {"PYTHONPATH": str(persona.folder), "MARK": str(mark)}
    with started(*words, "--follow", **persona.server.environment, **environment) as service:
        until(mark.exists)
        service.terminate()
        _, said = service.communicate(timeout=SECONDS)
    assert (service.returncode, said) == (0, b"")
    assert persona.lines[-1]["files"][0]["length"] > 0 or persona.data.stat().st_size == 0
    assert persona.data.stat().st_size == sum(
        entry["length"] for line in persona.lines for entry in line["files"]
    )


@pytest.mark.usefixtures("hurried")
def test_a_short_trouble_of_a_service_is_told_of_too(persona: Desk) -> None:
    persona.server.faults = lambda request: (
        Fault(503) if request.number == 2 else Fault(403) if request.number > 12 else None
    )
    assert persona.sync("--follow", "--interval", "1s") == 4
    begin, end, refused = persona.said.splitlines()
    assert "answered 503" in begin
    assert "It is asked again until it answers." in begin
    assert end == "auditctl: warning: The provider answers again."
    assert "does not allow this" in refused


@pytest.mark.usefixtures("hurried")
def test_refused_credentials_end_a_service_once_the_file_has_been_read_again(
    persona: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text(os.environ["PERSONA_API_KEY"])
    monkeypatch.delenv("PERSONA_API_KEY")
    monkeypatch.setenv("PERSONA_API_KEY_FILE", str(key))
    refused: list[str] = []

    def fault(request: Request) -> Fault | None:
        if request.number < 12:
            return None
        if not refused:
            key.write_text("another\n")
        refused.append(request.headers["authorization"])
        return Fault(401)

    persona.server.faults = fault
    assert persona.sync("--follow", "--interval", "1s") == 4
    assert refused[-1] == "Bearer another"
    assert "refused the credentials" in persona.said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--interval", "0"], "--interval"),
        (["--interval", "soon"], "--interval"),
        (["--overlap", "x"], "--overlap"),
        (["--wait", "x"], "--wait"),
        (["--since", "x"], "Cannot read the time"),
        (["--since", "2100-01-01"], "in the future"),
        (["--where", "x"], "Cannot read --where"),
        (["--fields", "x"], "There is no field"),
    ],
)
def test_words_that_cannot_be_read_are_usage_errors(
    persona: Desk, words: list[str], said: str
) -> None:
    assert persona.sync(*words) == 2
    assert said in persona.said
    assert list(persona.folder.iterdir()) == []
