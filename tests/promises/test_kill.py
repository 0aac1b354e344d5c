"""Runs that are killed, whenever, wherever: in the end every event is there once, and provably.

    python -m pytest tests/promises/test_kill.py --kills 200 --seed 7

kills so many runs, spread over all providers and formats.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path

import pytest

from tests.program import process, result, started
from tests.server import CUT, Fault, Request, Server
from tests.vendors import VENDORS
from tests.world import KINDS, World, found

PATHS = ("all.jsonl", "all.csv", "{date}.jsonl.gz", "{account}-{date}.csv.gz")
CASES = [
    *((name, path) for name in KINDS for path in PATHS),
    *zip(VENDORS, cycle(PATHS), strict=False),
]
"""What two runs have in common, the formats, is shown by the first four of the providers."""
BY_TIME = "time"
SABOTEUR = (sys.executable, "-m", "tests.saboteur")


def trouble(dice: random.Random) -> Fault | None:
    """Let one request in thirty go wrong."""
    return dice.choice([*[None] * 29 * 3, Fault(429, {"Retry-After": "0"}), Fault(503), CUT])


@pytest.mark.parametrize(("name", "path"), CASES)
def test_every_event_is_there_once_whatever_is_killed(
    name: str, path: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    total, seed = request.config.getoption("--kills"), request.config.getoption("--seed")
    kills = -(-total // len(CASES))
    dice = random.Random(f"{seed} {name} {path}")
    world = World.make(name, dice, early=260, late=25, days=12)
    words = [name, "sync", "-o", str(tmp_path / path), "--concurrency", "3"]
    if name in VENDORS:  # some are else asked for a year, and say so
        words += ["--since", f"{datetime.now(UTC) - timedelta(days=20):%Y-%m-%d}"]

    # Of their own: the server's threads throw them whenever they are asked.
    faults = random.Random(f"{seed} {name} {path} faults")

    def fault(_: Request) -> Fault | None:
        return trouble(faults)

    with Server(world.log, faults=fault, latency=0.002) as server:
        environment = world.log.settings(server.url)
        while kills:
            kills -= killed(words, environment, dice)
            world.add(dice.randrange(40))
        world.show_all()
        server.faults = {}
        for _ in range(2):  # the first may end a window that is older than the last event
            assert result(*words, "-q", **environment).ended == (0, "")
    assert found(name, tmp_path) == world.expected
    assert result("verify", str(tmp_path / path)).ended == (0, "")


def killed(words: list[str], env: dict[str, str], dice: random.Random) -> bool:
    """Let a run begin, and be killed somewhere; say whether it was, or had ended before."""
    how = dice.choice(["before", "within", "after", BY_TIME])
    if how == BY_TIME:
        with started(*words, **env) as run:
            with suppress(subprocess.TimeoutExpired):
                run.wait(dice.uniform(0.1, 0.5))
            run.kill()
            _, written = run.communicate()
        status, said = run.returncode, written.decode()
    else:
        number = str(int(dice.expovariate(1 / 12)) + 1)
        status, said = process(how, number, *words, command=SABOTEUR, environ=env).ended
    assert status in (0, -signal.SIGKILL)
    assert said == ""  # what a run before it left is set aside, and removed, without a word
    return status != 0
