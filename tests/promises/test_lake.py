"""Tables under attack: kills, rivals, a store that fails; each event is there once, provably.

    python -m pytest tests/promises/test_lake.py --kills 400 --seed 7

kills a quarter as many runs, spread over the kinds of logs.
"""

from __future__ import annotations

import json
import random
import signal
import sys
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from deltalake import DeltaTable

from auditctl.sync.delta import destination
from tests.program import popen, process
from tests.server import Server
from tests.store import store
from tests.sync.delta.table import rows
from tests.world import World, key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.program import Program

LOGS = ("persona", "roam")
"""One with ids, and one without."""
SABOTEUR = (sys.executable, "-m", "tests.sync.delta.saboteur")
SMALL = 40
HELD, FAILED = 7, 9
OPTIONS = {"allow_http": "true"}


def found(name: str, table: str, environ: Mapping[str, str] | None = None) -> Counter[str]:
    """Count what is in a table."""
    options = {**OPTIONS, **{k.lower(): v for k, v in (environ or {}).items()}} if environ else None
    return Counter(key(name, json.loads(row["raw"])) for row in rows(table, options))


def maintained(table: str, dice: random.Random) -> None:
    """Do what belongs to a table, or not."""
    act = dice.randrange(3)
    if act:
        DeltaTable(table).optimize.compact()
    if act == 2:
        DeltaTable(table).vacuum(0, dry_run=False, enforce_retention_duration=False, full=True)


@pytest.mark.parametrize("name", LOGS)
def test_every_event_is_there_once_whatever_is_killed(
    name: str, tmp_path: Path, request: pytest.FixtureRequest, auditctl: Program
) -> None:
    seed = request.config.getoption("--seed")
    kills = -(-request.config.getoption("--kills") // (4 * len(LOGS)))
    dice = random.Random(f"{seed} {name} lake")
    world = World.make(name, dice, early=260, late=25, days=12)
    table = str(tmp_path / "lake")
    words = [name, "sync", "-f", "delta", "-o", table, "--concurrency", "3"]
    with Server(world.log) as server:
        while kills:
            when = dice.choice(["before", "within", "within", "after"])
            number = str(int(dice.expovariate(1 / 2)) + 1)
            done = process(when, number, *words, command=SABOTEUR, environ=server.environment)
            assert done.status in (0, -signal.SIGKILL)
            assert done.said == ""
            kills -= done.status != 0
            world.add(dice.randrange(90))
            if (tmp_path / "lake").exists() and found(name, table):
                maintained(table, dice)
        world.show_all()
        for _ in range(2):  # the first may end a window that is older than the last event
            assert auditctl(*words, "-q", **server.environment).ended == (0, "")
    assert found(name, table) == world.expected
    assert auditctl("verify", table, "-q").ended == (0, "")


def at_once(runs: list[list[str]], environ: Mapping[str, str]) -> list[int]:
    """Run command lines as processes at once; return their statuses."""
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                popen("never", "1", *words, command=SABOTEUR, environ=environ, stderr=None)
            )
            for words in runs
        ]
        return [one.wait() for one in started]


def test_of_writers_of_one_source_one_at_a_time_commits(tmp_path: Path, auditctl: Program) -> None:
    world = World.make("persona", random.Random(1), early=260, late=0, days=12)
    table = str(tmp_path / "lake")
    words = ["persona", "sync", "-q", "-f", "delta", "-o", table]
    with Server(world.log, latency=0.01) as server:
        statuses = at_once([words] * 2, server.environment)
        assert set(statuses) <= {0, HELD}
        # Those that wait begin again, and find what the other one has left.
        world.add(100)
        assert at_once([[*words, "--wait", "30s"]] * 4, server.environment) == [0] * 4
        world.show_all()
        assert auditctl(*words, **server.environment).ended == (0, "")
    assert found("persona", table) == world.expected
    assert auditctl("verify", table, "-q").ended == (0, "")


def test_writers_of_many_sources_do_not_meet(tmp_path: Path, auditctl: Program) -> None:
    sources = "".join(
        f'[sources.s{n}]\nprovider = "persona"\napi_key_env = "PERSONA_API_KEY"\n' for n in range(6)
    )
    toml = tmp_path / "auditctl.toml"
    toml.write_text(f'[defaults]\noutput = "lake"\nformat = "delta"\n{sources}')
    world = World.make("persona", random.Random(2), early=150, late=0, days=12)
    world.show_all()
    words = ["sync", "-q", "--jobs", "3", "--config", str(toml)]
    with Server(world.log) as server:
        three = ["s0", "s1", "s2"]
        statuses = at_once([[*words, *three], [*words, "s3", "s4", "s5"]], server.environment)
        assert statuses == [0, 0]
    count = Counter(row["source"] for row in rows(tmp_path / "lake"))
    assert count == dict.fromkeys([f"s{n}" for n in range(6)], len(world.expected))
    assert auditctl("verify", str(tmp_path / "lake"), "-q").ended == (0, "")


# S3, which moto stands in for


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    """Serve a store that fails one request in nine."""
    with store("--every", "9") as environ:
        yield environ


def test_a_store_that_fails_and_loses_answers_doubles_nothing(
    s3: dict[str, str], auditctl: Program
) -> None:
    world = World.make("persona", random.Random(3), early=200, late=15, days=12)
    table = "s3://lake/{provider}"
    words = ["persona", "sync", "-q", "-o", table]
    with Server(world.log) as server, patch.object(destination, "MAX_RECORDS", SMALL):
        environ = {**server.environment, **s3}
        for _ in range(4):
            assert auditctl(*words, **environ).status in (0, FAILED)
            world.add(30)
        world.show_all()
        ended = [auditctl(*words, **environ).status for _ in range(2)]
        while ended[-2:] != [0, 0]:
            ended.append(auditctl(*words, **environ).status)
            assert ended[-1] in (0, FAILED)
    assert found("persona", "s3://lake/persona", s3) == world.expected
    assert auditctl("verify", "s3://lake/persona", "-q", **s3).ended == (0, "")
    (row,) = auditctl("status", "s3://lake/persona", "--format", "json", **s3).json
    assert row["records"] == len(world.expected)


def test_two_writers_over_s3(s3: dict[str, str], auditctl: Program) -> None:
    world = World.make("persona", random.Random(4), early=120, late=0, days=12)
    world.show_all()
    words = ["persona", "sync", "-q", "-o", "s3://lake/raced", "--wait", "30s"]
    with Server(world.log, latency=0.01) as server:
        environ = {**server.environment, **s3}
        assert set(at_once([words] * 2, environ)) <= {0, FAILED}
        while auditctl(*words, **environ).status:
            pass
    assert found("persona", "s3://lake/raced", s3) == world.expected
    assert auditctl("verify", "s3://lake/raced", "-q", **s3).ended == (0, "")


def test_what_is_not_there_or_not_reached_is_told_apart(
    s3: dict[str, str], auditctl: Program
) -> None:
    gone = auditctl("verify", "s3://lake/none", **s3)
    assert (gone.status, "there is no table" in gone.said) == (8, True)
    gone = auditctl("verify", "s3://nobody/none", **s3)
    assert (gone.status, "nor a bucket for it" in gone.said) == (8, True)
    words = ("persona", "sync", "--demo", "-o", "s3://nobody/none")
    missing = auditctl(*words, **s3)
    assert (missing.status, "bucket does not exist" in missing.said) == (FAILED, True)


def test_a_store_that_does_not_answer_is_9(auditctl: Program, s3: dict[str, str]) -> None:
    nowhere: Any = {**s3, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    for words in (["verify"], ["persona", "sync", "--demo", "-o"]):
        found = auditctl(*words, "s3://lake/persona", **nowhere)
        assert found.status == FAILED
        assert "The store of s3://lake/persona cannot be reached" in found.said
