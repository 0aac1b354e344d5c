"""Runs that are killed, whenever, wherever: in the end every event is there once, and provably.

    python -m pytest tests/promises/test_kill.py --kills 200 --seed 7

kills so many runs, spread over all providers and formats.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.server import CUT, Fault, Request, Server
from tests.world import KINDS, World, found

if TYPE_CHECKING:
    from pathlib import Path

PATHS = ("all.jsonl", "all.csv", "{date}.jsonl.gz", "{account}-{date}.csv.gz")
BY_TIME = "time"
RUN = (sys.executable, "-m")
SECONDS = 60


def trouble(dice: random.Random) -> Fault | None:
    """Let one request in thirty go wrong."""
    return dice.choice([*[None] * 29 * 3, Fault(429, {"Retry-After": "0"}), Fault(503), CUT])


def environment(server: Server) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], **server.environment}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", KINDS)
def test_every_event_is_there_once_whatever_is_killed(
    name: str, path: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    total, seed = request.config.getoption("--kills"), request.config.getoption("--seed")
    kills = -(-total // (len(PATHS) * len(KINDS)))
    dice = random.Random(f"{seed} {name} {path}")
    world = World.make(name, dice, early=260, late=25, days=12)
    words = [name, "sync", "-o", str(tmp_path / path), "--concurrency", "3"]

    # Of their own: the server's threads throw them whenever they are asked.
    faults = random.Random(f"{seed} {name} {path} faults")

    def fault(_: Request) -> Fault | None:
        return trouble(faults)

    with Server(world.log, faults=fault, latency=0.002) as server:
        while kills:
            kills -= killed(words, environment(server), dice)
            world.add(dice.randrange(40))
        world.show_all()
        server.faults = {}
        for _ in range(2):  # the first may end a window that is older than the last event
            done = auditctl([*words, "-q"], environment(server))
            assert (done.returncode, done.stderr) == (0, b"")
    assert found(name, tmp_path) == world.expected
    proof = auditctl(["verify", str(tmp_path / path)], {"PATH": os.environ["PATH"]})
    assert (proof.returncode, proof.stderr) == (0, b"")


def killed(words: list[str], env: dict[str, str], dice: random.Random) -> bool:
    """Let a run begin, and be killed somewhere; say whether it was, or had ended before."""
    how = dice.choice(["before", "within", "after", BY_TIME])
    if how == BY_TIME:
        with subprocess.Popen([*RUN, "auditctl", *words], env=env, stderr=subprocess.PIPE) as run:
            try:
                run.wait(dice.uniform(0.1, 0.5))
            except subprocess.TimeoutExpired:
                run.kill()
            _, said = run.communicate(timeout=SECONDS)
            status = run.returncode
    else:
        number = str(int(dice.expovariate(1 / 12)) + 1)
        sabotaged = [*RUN, "tests.saboteur", how, number, *words]
        done = subprocess.run(sabotaged, env=env, capture_output=True, timeout=SECONDS, check=False)
        status, said = done.returncode, done.stderr
    assert status in (0, -signal.SIGKILL)
    assert said == b""  # what a run before it left is set aside, and removed, without a word
    return status != 0


def auditctl(words: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*RUN, "auditctl", *words], env=env, capture_output=True, timeout=SECONDS, check=False
    )
