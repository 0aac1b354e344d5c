"""list --follow: the window, then what is new, until somebody ends it."""

from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.hosted import Hosted
from tests.program import LONG, result, started, until
from tests.server import LOGS, UNAVAILABLE, Fault, Request, Server, too_many
from tests.terminal import screen, terminal
from tests.vendors import VENDORS
from tests.world import KINDS, Happening, key

USAGE, ACCESS = 2, 4
FAST = ("--interval", "1s", "--retry-for", "0")
MINUTE = timedelta(minutes=1)


@dataclass
class Service:
    """A log that grows, its server, and what goes wrong with each request."""

    name: str
    log: Any
    server: Server
    fault: Fault = field(default_factory=Fault)
    count: int = 0

    def add(self, *ages: float) -> list[str]:
        """Let an event happen so many minutes ago, each; return what tells them apart."""
        found = []
        for age in ages:
            self.count += 1
            moment = datetime.now(UTC) - age * MINUTE
            one = Happening(moment, self.log.event_at(self.count, moment), 0)
            with self.log.lock:
                self.log.happenings.append(one)
            found.append(key(self.name, one.event))
        return found


@contextmanager
def service(*names: str) -> Iterator[list[Service]]:
    logs = [Hosted(name) if name in VENDORS else KINDS[name]([]) for name in names]
    for log in logs:
        log.happenings = []
    with Server(*logs) as server:
        found = [Service(name, log, server) for name, log in zip(names, logs, strict=True)]

        def fault(request: Request) -> Fault:
            (one,) = [one for one in found if request.path.startswith(one.log.paths)]
            return one.fault

        server.faults = fault
        yield found


@contextmanager
def following(
    each: Service, *words: str, number: signal.Signals = signal.SIGTERM
) -> Iterator[subprocess.Popen[bytes]]:
    """Follow a log, and end it; nothing was written and said but what was read meanwhile."""
    environment = each.log.settings(each.server.url)
    with started(each.name, "list", "--follow", *FAST, *words, **environment) as running:
        yield running
        running.send_signal(number)
        assert running.communicate(timeout=LONG) == (b"", b"")
    assert running.returncode == 0


def next_of(running: subprocess.Popen[bytes], name: str, count: int = 1) -> list[str]:
    """Read records, and return what tells their events apart."""
    assert running.stdout
    lines = [json.loads(running.stdout.readline()) for _ in range(count)]
    return [key(name, record["raw"]) for record in lines]


@pytest.mark.parametrize(
    ("name", "number"), [("persona", signal.SIGINT), *((name, signal.SIGTERM) for name in LOGS)]
)
def test_the_window_is_written_then_what_is_new_and_late_each_once(
    name: str, number: signal.Signals
) -> None:
    with service(name) as (each,):
        each.add(25)
        old = each.add(5, 1)
        with following(each, number=number) as running:
            assert next_of(running, name, 2) == old
            new = each.add(0)
            assert next_of(running, name) == new
            late = each.add(20)
            assert next_of(running, name) == late
            asked = len(each.server.requests)
            until(lambda: len(each.server.requests) > asked + 2)


def test_a_service_that_is_known_to_be_later_is_read_back_as_far() -> None:
    with service("entra") as (each,):
        old = each.add(5)
        with following(each) as running:
            assert next_of(running, "entra") == old
            late = each.add(5.5 * 60)
            assert next_of(running, "entra") == late


@pytest.mark.parametrize("form", ["csv", "table", "jsonl"])
def test_each_format_that_has_no_end_can_be_followed(form: str) -> None:
    words = ("-f", form, "--fields", "id,action", "--where", "outcome=failure")
    with service("persona") as (each,), following(each, *words) as running:
        assert running.stdout
        if form == "csv":
            assert running.stdout.readline() == b"id,action\n"
        until(lambda: len(each.server.requests) > 0)
        each.add(*[0] * 6)
        lines = [running.stdout.readline().decode() for _ in range(2 + (form == "table"))]
    ids = re.findall(r"ual_\d+", "".join(lines))
    assert len(ids) == 2
    if form == "csv":
        assert [row[0] for row in csv.reader(lines)] == ids


def test_the_title_of_the_times_has_the_offset_of_now() -> None:
    now = datetime.now(UTC)
    # They change their offset once in half a year, on different days.
    names = "America/New_York", "Australia/Sydney"
    times = ((name, now.astimezone(ZoneInfo(name))) for name in names)
    name, local = next(
        (name, local)
        for name, local in times
        if local.utcoffset() == (now - timedelta(days=1)).astimezone(local.tzinfo).utcoffset()
    )
    offset = local.isoformat()[-6:]
    words = ("-f", "table", "--fields", "time,id", "--tz", name)
    with service("persona") as (each,), following(each, *words) as running:
        assert running.stdout
        each.add(0)
        head, line = (running.stdout.readline().decode() for _ in range(2))
    assert head.startswith(f"time {offset} ")
    assert line.split()[0].count(offset) == 0


def test_an_outage_is_waited_for_and_said_once() -> None:
    with service("persona") as (each,):
        each.fault = UNAVAILABLE
        with following(each) as running:
            assert running.stderr
            assert running.stderr.readline().decode() == (
                "auditctl: warning: Persona answered 503: Service Unavailable; --retry-for allows "
                "0 s. Check the network and the provider's status page. It is asked again until "
                "it answers.\n"
            )
            old = each.add(5)
            until(lambda: len(each.server.requests) > 1)
            each.fault = Fault()
            assert next_of(running, "persona") == old
            assert b"The provider answers again." in running.stderr.readline()


def test_a_rest_that_is_asked_for_is_given() -> None:
    with service("persona") as (each,):
        each.add(1)
        words = ("persona", "list", "--follow", "--interval", "1s")
        with started(*words, **each.server.environment) as running:
            next_of(running, "persona")
            each.fault = too_many(3)
            count = len(each.server.requests)
            until(lambda: len(each.server.requests) == count + 1)
            each.fault = Fault()
            new = each.add(0)
            assert next_of(running, "persona") == new
            throttled, after = each.server.requests[count : count + 2]
            assert after.time - throttled.time >= 3
            running.terminate()
            running.communicate(timeout=LONG)


def test_refused_credentials_end_it() -> None:
    with service("persona") as (each,):
        each.fault = Fault(401)
        found = result("persona", "list", "--follow", **each.server.environment)
    assert found.status == ACCESS
    assert found.said.count("\n") == 1
    assert "PERSONA_API_KEY" in found.said


def test_a_reader_that_goes_away_ends_it_though_nothing_is_new() -> None:
    with service("persona") as (each,):
        each.add(1)
        with started("persona", "list", "--follow", **each.server.environment) as running:
            next_of(running, "persona")
            assert running.stdout
            assert running.stderr
            running.stdout.close()
            assert running.wait(LONG) == 0
            assert running.stderr.read() == b""


@pytest.mark.parametrize(
    ("words", "culprit"),
    [
        (("-o", "all.jsonl"), "--output"),
        (("--limit", "5"), "--limit"),
        (("--until", "now"), "--until"),
        (("--reverse",), "--reverse"),
        (("-f", "summary"), "--format summary"),
        (("--interval", "999s", "--limit", "5"), "--limit"),
        (("--interval", "0s"), "--interval"),
        (("--interval", "soon"), "--interval"),
        (("--since", "soon"), "soon"),
        (("--fields", "nope"), "nope"),
    ],
)
@pytest.mark.parametrize("command", ["persona list", "list"])
def test_what_cannot_be_followed_is_refused(
    command: str, words: tuple[str, ...], culprit: str, tmp_path: Path
) -> None:
    config = tmp_path / "auditctl.toml"
    config.write_text('[sources.one]\nprovider = "persona"\noutput = "x"\ndemo = true\n')
    environment = {"AUDITCTL_CONFIG": str(config)}
    demo = () if command == "list" else ("--demo",)
    found = result(*command.split(), "--follow", *demo, *words, **environment)
    assert found.status == USAGE
    assert culprit in found.said
    assert found.said.count("\n") == 1


@pytest.mark.parametrize("command", ["persona list --demo", "persona sync --demo -o x", "sync"])
def test_an_interval_is_of_no_use_without_follow(command: str) -> None:
    assert result(*command.split(), "--interval", "60s").ended == (
        USAGE,
        "auditctl: error: --interval is the time between the runs of --follow: add --follow.\n",
    )


# Several


SOURCES = """
[defaults]
output = "{source}.jsonl"
[sources.one]
provider = "persona"
[sources.two]
provider = "upstash"
"""


@contextmanager
def followed(
    folder: Path, services: Sequence[Service], *words: str
) -> Iterator[subprocess.Popen[bytes]]:
    config = folder / "auditctl.toml"
    config.write_text(SOURCES)
    environment = {**services[0].server.environment, "AUDITCTL_CONFIG": str(config)}
    with started("list", "--follow", *FAST, *words, **environment) as running:
        yield running
        running.terminate()
        running.communicate(timeout=LONG)


def sources_of(running: subprocess.Popen[bytes], count: int) -> list[str]:
    assert running.stdout
    return [json.loads(running.stdout.readline())["source"] for _ in range(count)]


def test_several_logs_are_one_timeline_that_grows(tmp_path: Path) -> None:
    with service("persona", "upstash") as (one, two):
        one.add(1, 5)
        two.add(3, 7)
        with followed(tmp_path, (one, two)) as running:
            assert sources_of(running, 4) == ["two", "one", "two", "one"]
            two.add(0)
            assert sources_of(running, 1) == ["two"]
            one.add(0)
            assert sources_of(running, 1) == ["one"]
    assert running.returncode == 0


def test_a_log_that_is_down_does_not_keep_the_others_waiting(tmp_path: Path) -> None:
    with service("persona", "upstash") as (one, two):
        one.fault = UNAVAILABLE
        one.add(1)
        two.add(3)
        with followed(tmp_path, (one, two)) as running:
            assert sources_of(running, 1) == ["two"]
            one.fault = Fault()
            assert sources_of(running, 1) == ["one"]
            assert running.stderr
            assert running.stderr.readline().startswith(b"auditctl: warning: one: Persona answered")


def test_a_log_that_is_refused_is_said_at_once_and_is_the_status(tmp_path: Path) -> None:
    with service("persona", "upstash") as (one, two):
        one.fault = Fault(401)
        two.add(3)
        with followed(tmp_path, (one, two)) as running:
            assert running.stderr
            assert running.stderr.readline().startswith(b"auditctl: error: one: Persona refused")
            assert sources_of(running, 1) == ["two"]
            two.add(0)
            assert sources_of(running, 1) == ["two"]
    assert running.returncode == ACCESS


def test_without_a_log_left_it_ends(tmp_path: Path) -> None:
    with service("persona", "upstash") as (one, two):
        one.fault = two.fault = Fault(401)
        with followed(tmp_path, (one, two)) as running:
            assert running.wait(LONG) == ACCESS


# On a terminal


def test_a_terminal_shows_when_something_was_said_and_nothing_of_rounds_without_news() -> None:
    with service("persona") as (each,):
        each.add(1)
        words = ("persona", "list", "--follow", *FAST, "--fields", "id")
        with terminal(each.server, *words, keyboard=True) as shown:
            shown.until("1 record, last read at ")
            each.fault = UNAVAILABLE
            shown.until("It is asked again")
            each.fault = Fault()
            shown.until("answers again")
            count = len(each.server.requests)
            until(lambda: len(each.server.requests) > count + 1)
            shown.press(b"\x03")
            text = shown.end()
    head, row, *said = [line for line in screen(text, 200) if line]
    assert (head, row[:4]) == ("id", "ual_")
    down, back, interrupted = said
    assert re.match(r"\d\d:\d\d:\d\d auditctl: warning: Persona answered 503", down)
    assert re.match(r"\d\d:\d\d:\d\d auditctl: warning: The provider answers again", back)
    assert re.fullmatch(r"\d\d:\d\d:\d\d Interrupted; 1 record was written\.", interrupted)
    assert shown.process.returncode == 0


def test_sync_says_on_a_terminal_when_there_was_news_and_how_it_was_interrupted(
    tmp_path: Path,
) -> None:
    path = tmp_path / "all.jsonl"
    with service("persona") as (each,):
        each.add(1)
        words = ("persona", "sync", "--follow", "--interval", "1s", "-o", str(path))
        with terminal(each.server, *words, keyboard=True) as shown:
            shown.until("1 new record")
            until(lambda: len(each.server.requests) > 3)
            shown.press(b"\x03")
            text = shown.end()
    news, interrupted = [line for line in screen(text, 200) if line]
    assert re.fullmatch(rf"\d\d:\d\d:\d\d {path}: 1 new record, 1 page\.", news)
    assert re.fullmatch(
        rf"\d\d:\d\d:\d\d Interrupted; 1 new record in {path}, and the next run continues there\.",
        interrupted,
    )
