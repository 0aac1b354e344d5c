"""Kills `auditctl persona sync` and its peers alike, and counts what is missing or doubled."""

from __future__ import annotations

import contextlib
import gzip
import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from tests.bench import peers
from tests.bench.measure import AUDITCTL, FOLDER, ROOT
from tests.server import Fault, Request, Server
from tests.world import KINDS, happening

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EVENTS = 1900
"""In the log of a first run: 19 pages."""
NEW = 10
"""Events that come, in time, between two runs."""
LATE = 100
ROUNDS = 5
"""Runs while the late events become visible."""
LATENESS = 45
"""Minutes, at most."""
MINUTE = timedelta(minutes=1)
OVERLAP = 3600
"""Seconds: auditctl's own, and what the peers are told where that can be told."""
WAIT = 1
"""What a "too many requests" asks for, in seconds."""
EVERY = 15
"""Which request gets one, in the runs that are killed at random."""
SHARE = 0.8
TRIES = 3
"""How often a run that refuses is tried again."""
SECONDS = 120
"""After which a run counts as stuck."""
UNREACHABLE = "http://127.0.0.1:9"
"""A proxy that is not there: nothing of this leaves the machine."""


@dataclass(frozen=True)
class Tool:
    """A program that appends to files what is new, and how it is made to look back."""

    name: str
    command: tuple[str, ...]
    remedy: tuple[str, ...] | None = None

    def words(self, folder: Path, *, remedied: bool) -> list[str]:
        """Make the command that writes below a folder."""
        words = [*self.command, *(self.remedy or ())] if remedied else self.command
        return [word.replace("FOLDER", str(folder)) for word in words]


def tools() -> Iterator[Tool]:
    """Give auditctl, and each of its peers that is installed."""
    auditctl = (str(AUDITCTL), "persona", "sync", "-q", "-o", "FOLDER/data/log.jsonl")
    yield Tool("auditctl", auditctl)
    programs = {
        "dlt": ("sync_dlt.py", "files"),
        "dlt-duckdb": ("sync_dlt.py", "duckdb"),
        "singer": ("sync_singer.py",),
        "airbyte": ("sync_airbyte.py",),
        "grove": ("sync_grove.py",),
    }
    for name, (script, *words) in programs.items():
        if interpreter := peers.installed(name):
            path = ROOT / "tests" / "bench" / "peers" / script
            remedy = None if name == "grove" else (str(OVERLAP),)
            yield Tool(name, (str(interpreter), str(path), *words, "FOLDER"), remedy)


@dataclass
class Scene:
    """One tool, one folder, and one log of Persona's kind that grows between the runs."""

    tool: Tool
    dice: random.Random
    remedied: bool = False
    made: int = 0
    refused: int = 0
    at: int | None = None
    """The number of the request at which the running process is killed."""
    throttled: bool = False
    environment: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self.folder = FOLDER / "kills"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        self.log = KINDS["persona"]([])
        self.log.happenings = []
        self.server = Server(self.log, faults=self.fault).__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.__exit__()

    def fault(self, request: Request) -> Fault | None:
        """Kill at the request that was named; now and then, say "too many requests"."""
        if request.number == self.at:
            self.kill()
        if self.throttled and request.number % EVERY == 0:
            return Fault(429, {"Retry-After": str(WAIT)})
        return None

    def happen(self, count: int, longest: timedelta, shortest: timedelta = MINUTE) -> None:
        """Let so many events become visible that happened so long ago."""
        now = self.last = datetime.now(UTC)
        ages = [shortest + (longest - shortest) * self.dice.random() for _ in range(count)]
        events = [happening("persona", self.made + n, now - age) for n, age in enumerate(ages)]
        self.made += count
        with self.log.lock:
            self.log.happenings = self.log.happenings + events

    def arrive(self) -> None:
        """Let events become visible in time: newer than all that could be seen before."""
        self.happen(NEW, datetime.now(UTC) - self.last, timedelta())

    def start(self) -> subprocess.Popen[bytes]:
        """Start the tool in a process group of its own, away from the sources."""
        # Grove names its files by the second: two runs in one would overwrite each other's.
        time.sleep(1)
        kept = {"PATH": os.environ["PATH"], "HOME": str(self.folder / "home")}
        quiet = {"HTTPS_PROXY": UNREACHABLE, "RUNTIME__DLTHUB_TELEMETRY": "false"}
        self.process = subprocess.Popen(
            self.tool.words(self.folder, remedied=self.remedied),
            env={**kept, **quiet, **self.server.environment, **self.environment},
            cwd=FOLDER,
            stdout=subprocess.DEVNULL,
            stderr=(FOLDER / "said").open("wb"),
            start_new_session=True,
        )
        return self.process

    def kill(self) -> None:
        """End the tool, and what it started, as the kernel does when memory runs out."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def run(self) -> int:
        """Run undisturbed, and return the status."""
        process = self.start()
        try:
            return process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return process.wait()

    def run_again(self) -> None:
        """Run to the end after a kill; a run refuses that fails, or neither asks nor changes."""
        for _ in range(TRIES):
            before = self.trace()
            if self.run() == 0 and self.trace() != before:
                return
            self.refused += 1
            # As if Grove's five minutes had passed.
            for lock in (self.folder / "cache").glob("execution_lock*"):
                shutil.rmtree(lock)

    def trace(self) -> int:
        """Make a number that tells whether the server was asked, or what is on the disk changed."""
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return hash((len(self.server.requests), *((path, path.read_bytes()) for path in files)))

    def killed_after(self, seconds: float) -> None:
        """Run, and kill so long after the first request, unless it is done by then."""
        before = len(self.server.requests)
        process = self.start()
        while len(self.server.requests) == before and process.poll() is None:
            time.sleep(0.002)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        self.kill()
        process.wait()

    def count(self) -> tuple[int, int]:
        """Return how many events are missing, and how many are there too often."""
        there = Counter(delivered(self.folder / "data"))
        return self.made - len(there), there.total() - len(there)


def delivered(folder: Path) -> Iterator[str]:
    """Give the id of each event in a folder that can be read."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.endswith(".journal"):
            with (
                gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file,
                contextlib.suppress(EOFError, gzip.BadGzipFile, zlib.error),
            ):
                for line in file:
                    with contextlib.suppress(ValueError):
                        row: Any = json.loads(line)
                        if str(row.get("id")).startswith("ual_"):
                            yield row["id"]


def duration(tool: Tool, dice: random.Random) -> tuple[float, int, int]:
    """Measure an undisturbed first run from its first request to its end, and one after it."""
    with Scene(tool, dice, throttled=True) as scene:
        scene.happen(EVENTS, timedelta(days=12))
        status = scene.run()
        assert status == 0, (FOLDER / "said").read_text()[-2000:]
        seconds = time.monotonic() - scene.server.requests[0].time
        scene.arrive()
        scene.run()
        return seconds, *scene.count()


def killed(tool: Tool, kills: int, dice: random.Random) -> dict[str, object]:
    """Kill first runs at random instants, each in a folder of its own; then let it finish."""
    seconds, *undisturbed = duration(tool, dice)
    missing = doubled = refused = 0
    for _ in range(kills):
        with Scene(tool, dice, throttled=True) as scene:
            scene.happen(EVENTS, timedelta(days=12))
            scene.killed_after(seconds * dice.random())
            scene.arrive()
            scene.run_again()
            scene.run_again()  # what a resumed run leaves to the next one
            lost, twice = scene.count()
            missing, doubled, refused = missing + lost, doubled + twice, refused + scene.refused
    return {
        "not killed": "missing {}, twice {}".format(*undisturbed),
        "killed: missing": missing,
        "twice": doubled,
        "refused": f"{refused} of {kills}",
    }


def late(tool: Tool, dice: random.Random, *, remedied: bool) -> str:
    """Let events become visible late, with runs in between."""
    with Scene(tool, dice, remedied=remedied) as scene:
        scene.happen(300, timedelta(days=12), timedelta(hours=1))
        scene.happen(100, timedelta(hours=1))
        scene.run()
        for _ in range(ROUNDS):
            scene.arrive()
            scene.happen(LATE // ROUNDS, timedelta(minutes=LATENESS))
            scene.run()
        return "missing {}, twice {}".format(*scene.count())


def refused_token(tool: Tool, dice: random.Random) -> int:
    """Return the status of a run whose token is refused."""
    with Scene(tool, dice, environment={"PERSONA_API_KEY": "persona_revoked_example"}) as scene:
        scene.happen(NEW, timedelta(hours=1))
        return scene.run()


def asked_again(tool: Tool, dice: random.Random) -> str:
    """Return how many requests a first run needs that was killed at four fifths, of how many."""
    totals: list[int] = []
    for at in (None, SHARE):
        with Scene(tool, dice) as scene:
            scene.happen(EVENTS, timedelta(days=12))
            if at is not None:
                scene.at = math.ceil(totals[0] * at)
                scene.run()
            before = len(scene.server.requests)
            scene.run_again()
            totals.append(len(scene.server.requests) - before)
    return "{1} of {0}".format(*totals)


def main(kills: int, seed: int) -> None:
    """Print a row for each tool as soon as it is known."""
    head = ("tool", "not killed", "killed: missing", "twice", "refused", "late, defaults")
    show(*head, "late, looking back", "401", "asked again")
    for tool in tools():
        # Each tool meets the same dice.
        row = killed(tool, kills, random.Random(f"{seed} killed"))
        late_default = late(tool, random.Random(f"{seed} late"), remedied=False)
        told = late(tool, random.Random(f"{seed} late"), remedied=True) if tool.remedy else "-"
        status = refused_token(tool, random.Random(seed))
        again = asked_again(tool, random.Random(f"{seed} again"))
        show(tool.name, *row.values(), late_default, told, status, again)


def show(*cells: object) -> None:
    """Write a row of a Markdown table at once."""
    sys.stdout.write("| {} |\n".format(" | ".join(map(str, cells))))
    sys.stdout.flush()
