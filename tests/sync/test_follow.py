"""The service's beat, by a clock of our own: exact, through outages, and without growth."""

from __future__ import annotations

import itertools
import random
import tracemalloc
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl.errors import AccessError, ThrottledError, UnreachableError
from auditctl.formats.jsonl import Jsonl
from auditctl.http.client import Client
from auditctl.paths import parse_template
from auditctl.settings import sample
from auditctl.sync.destination import Opening
from auditctl.sync.follow import LONGEST_PAUSE, LONGEST_SLEEP, Outage, follow
from auditctl.sync.kinds import open_destination
from auditctl.sync.profile import FileProfile
from auditctl.sync.run import Outcome, Run
from tests import program, tape
from tests.program import LONG, started
from tests.server import Fault, Persona, Server
from tests.world import World, happening

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

INTERVAL = 60.0


class EndError(Exception):
    """Nothing more is to happen."""


@dataclass
class Simulation:
    """A clock that passes only while something sleeps or works."""

    work: Sequence[float | Exception]
    now: float = 1000.0
    runs: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def run(self) -> None:
        if len(self.runs) == len(self.work):
            raise EndError
        self.runs.append(self.now)
        work = self.work[len(self.runs) - 1]
        if isinstance(work, Exception):
            raise work
        self.now += work

    def sleep(self, seconds: float) -> None:
        assert 0 <= seconds <= LONGEST_SLEEP
        self.now += seconds

    def follow(self, interval: float = INTERVAL) -> list[float]:
        """Give when each run began, counted from the first."""
        with pytest.raises(EndError):
            follow(self.run, interval, Outage(self.said.append), clock=self.clock, sleep=self.sleep)
        return [moment - self.runs[0] for moment in self.runs]

    def clock(self) -> float:
        return self.now


@given(st.lists(st.floats(0, 300), min_size=2, max_size=30))
def test_each_run_begins_on_the_beat_however_long_the_others_took(work: list[float]) -> None:
    begun = Simulation(work).follow()
    for n, (before, after) in enumerate(itertools.pairwise(begun)):
        assert after / INTERVAL == pytest.approx(round(after / INTERVAL), abs=1e-6)
        # The next beat behind the run's end, and none left out that it did not overrun.
        assert before + work[n] <= after + 1e-6
        assert after - (before + work[n]) <= INTERVAL + 1e-6


def test_pauses_grow_while_the_provider_is_down_and_two_lines_tell_of_it() -> None:
    down = UnreachableError("It is down.")
    simulation = Simulation([0, *[down] * 8, 0, down, 0])
    begun = simulation.follow()
    pauses = [after - before for before, after in itertools.pairwise(begun)]
    assert pauses == [60, 60, 120, 240, 480, 900, 900, 900, 900, 60, 60]
    assert max(pauses) == LONGEST_PAUSE
    assert simulation.said == 2 * [
        "It is down. It is asked again until it answers.",
        "The provider answers again.",
    ]
    assert Simulation([down, down, 0]).follow() == [0, 60, 180]


@pytest.mark.parametrize("kind", [ThrottledError, UnreachableError])
def test_a_rest_that_the_provider_wants_is_given(
    kind: type[ThrottledError | UnreachableError],
) -> None:
    trouble = kind("Too many.")
    trouble.wait = 3000.0
    assert Simulation([trouble, 0]).follow() == [0, 3000]


def test_centuries_are_slept_a_day_at_a_time() -> None:
    weeks = 20_000 * 7 * 86_400.0
    assert Simulation([0, 0]).follow(weeks) == [0, weeks]
    trouble = ThrottledError("Too many.")
    trouble.wait = 10.0**10
    (_, again) = Simulation([trouble, 0]).follow()
    assert 10.0**10 <= again <= 10.0**10 + INTERVAL


def state(pid: int) -> str:
    """Tell what a process does: S is sleeping, Z has ended."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


NEVER = "Fri, 31 Dec 9999 23:59:59 GMT"


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (429, {"Retry-After": "10000000000"}),
        (503, {"Retry-After": NEVER}),
        (429, {"RateLimit-Reset": "9795701433000"}),
        (200, {}),
    ],
    ids=["seconds", "a date", "milliseconds", "the interval"],
)
def test_a_service_that_waits_for_centuries_ends_with_its_signal(
    status: int, headers: dict[str, str], tmp_path: Path
) -> None:
    words = ("--follow", "--retry-for", "1s", "--interval", "20000w", "-o")
    faults = {1: Fault(status, headers)} if headers else {}
    path = tmp_path / "all.jsonl"
    with (
        Server(Persona(3), faults=faults) as server,
        started("persona", "sync", *words, str(path), **server.environment) as service,
    ):
        assert service.stderr
        if headers:
            assert b"It is asked again until it answers." in service.stderr.readline()
        else:
            program.until(path.exists)
        program.until(lambda: state(service.pid) in "SZ")  # it waits, or has ended
        service.terminate()
        _, said = service.communicate(timeout=LONG)
    assert (service.returncode, said) == (0, b"")
    assert len(server.requests) == 1


"""The longest durations that can be counted."""


def test_what_cannot_be_outlasted_ends_it() -> None:
    simulation = Simulation([0, AccessError("refused")])
    with pytest.raises(AccessError):
        simulation.follow()


def serving(world: World) -> Callable[[httpx.Request], httpx.Response]:
    """Answer as the world's log does, without a network."""
    from tests.server import Request

    def answer(request: httpx.Request) -> httpx.Response:
        asked = Request(0, 0, "GET", request.url.path, request.url.query.decode(), {})
        said = world.log.answer(asked)
        return httpx.Response(said.status, content=said.body)

    return answer


def test_days_that_a_clock_had_hidden_are_read_when_it_is_put_right(tmp_path: Path) -> None:
    world = World.make("roam", random.Random(1), early=0, late=0, days=1)
    world.happenings.clear()
    now = datetime.now(UTC)
    world.happenings += [happening("roam", n, now - timedelta(hours=n)) for n in range(1, 60)]
    slow = timedelta(days=3)

    def answer(request: httpx.Request) -> httpx.Response:
        said = serving(world)(request)
        said.headers["Date"] = format_datetime(datetime.now(UTC) - slow, usegmt=True)
        return said

    provider = sample(tape.provider_class("roam"))
    client = Client(provider, transport=httpx.MockTransport(answer))
    path = parse_template(str(tmp_path / "all.jsonl"))
    with open_destination(
        FileProfile(options={}, template=path, render=Jsonl().rows), Opening()
    ) as destination:
        run = Run(provider, client, destination, timedelta(seconds=1), now - timedelta(days=7))
        run.catch_up(Outcome())
        slow = timedelta()
        run.catch_up(Outcome())  # begins by the old clock, and sees the new one
        run.catch_up(Outcome())
    client.close()
    assert len((tmp_path / "all.jsonl").read_bytes().splitlines()) == len(world.happenings)


def test_days_of_runs_grow_neither_memory_nor_the_journal(tmp_path: Path) -> None:
    world = World.make("upstash", random.Random(1), early=50, late=0, days=3)
    provider = sample(tape.provider_class("upstash"))
    path = parse_template(str(tmp_path / "all.jsonl"))
    client = Client(provider, transport=httpx.MockTransport(serving(world)))
    lines: list[int] = []
    peaks: list[int] = []
    with open_destination(
        FileProfile(options={}, template=path, render=Jsonl().rows), Opening()
    ) as destination:
        run = Run(provider, client, destination, timedelta(hours=1), None)

        def look() -> None:
            run.catch_up(Outcome())
            lines.append(destination.state.line)
            if len(lines) % 144 == 0:  # a day
                peaks.append(tracemalloc.get_traced_memory()[0])
            if len(peaks) == 3:
                raise EndError

        tracemalloc.start()
        try:
            simulation = Simulation([])
            with pytest.raises(EndError):
                follow(
                    look, 600, Outage(pytest.fail), clock=simulation.clock, sleep=simulation.sleep
                )
        finally:
            tracemalloc.stop()
    client.close()
    assert lines[-1] == lines[1]
    assert peaks[2] - peaks[1] < 16 * 1024
    assert len((tmp_path / "all.jsonl").read_bytes().splitlines()) == len(world.happenings)
