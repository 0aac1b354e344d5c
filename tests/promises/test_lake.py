"""Tables under attack: kills, rivals, a store that fails; each event is there once, provably.

    python -m pytest tests/promises/test_lake.py --kills 400 --seed 7

kills a quarter as many runs, spread over the kinds of logs, in a folder and over S3.
"""

from __future__ import annotations

import json
import random
import signal
import socket
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from auditctl.sync.delta import destination
from auditctl.sync.delta.path import TIMEOUTS
from tests.program import Run, process, result
from tests.server import Server
from tests.store import store
from tests.sync.delta.table import rows
from tests.world import World, key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

LOGS = ("persona", "roam")
"""One with ids, and one without."""
SABOTEUR = (sys.executable, "-m", "tests.sync.delta.saboteur")
SMALL = 40
KILLED, HELD, FAILED = -signal.SIGKILL, 7, 9
ENDS = {"folder": {0, KILLED, HELD}, "s3": {0, KILLED, HELD, FAILED}}
"""How a run may end. The store of the tests fails now and then, so it may be given up."""
PATIENCE = 300.0
"""Seconds after which a run hangs: there are more at work, and some of them wait for another."""


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    """Serve a store that fails one request in nine."""
    with store("--every", "9") as environ:
        yield environ


def options(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the library needs to reach a store; a folder needs nothing."""
    return {name.lower(): value for name, value in environ.items()} | {"allow_http": "true"}


def found(name: str, table: str, environ: Mapping[str, str] = MappingProxyType({})) -> Counter[str]:
    """Count what is in a table."""
    return Counter(key(name, json.loads(row["raw"])) for row in rows(table, options(environ)))


def compact(table: str, environ: Mapping[str, str]) -> None:
    """Do what belongs to a table daily; it may be refused, by others' commits or by the store."""
    with suppress(DeltaError, OSError):
        DeltaTable(table, storage_options=options(environ)).optimize.compact()


def vacuum(table: str, environ: Mapping[str, str]) -> None:
    """Remove all files that the newest version does not need; no run may be at work."""
    with suppress(DeltaError, OSError):
        DeltaTable(table, storage_options=options(environ)).vacuum(
            0, dry_run=False, enforce_retention_duration=False, full=True
        )


def at_once(
    runs: list[list[str]], environ: Mapping[str, str], *beside: Callable[[], None]
) -> list[Run]:
    """Run command lines as processes at once, to their ends; beside them what else happens."""

    def ended(words: list[str]) -> Run:
        return process(*words, command=SABOTEUR, environ=environ, timeout=PATIENCE)

    with ThreadPoolExecutor() as pool:
        others = [pool.submit(act) for act in beside]
        ends = list(pool.map(ended, runs))
        for other in others:
            other.result()
    return ends


def rivals(dice: random.Random, words: list[str]) -> list[list[str]]:
    """Choose how many runs of a source there are at once, and when each of them is killed."""
    return [
        [dice.choice(["before", "within", "within", "after"]), number, *words, *wait]
        for number, wait in (
            (str(int(dice.expovariate(1 / 2)) + 1), dice.choice([[], ["--wait", "5s"]]))
            for _ in range(dice.choice([1, 2, 3, 4]))
        )
    ]


@pytest.mark.parametrize("place", ENDS)
@pytest.mark.parametrize("name", LOGS)
def test_every_event_is_there_once_whatever_is_killed(
    name: str, place: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    seed = request.config.getoption("--seed")
    kills = -(-request.config.getoption("--kills") // (4 * len(LOGS) * len(ENDS)))
    dice = random.Random(f"{seed} {name} {place} lake")
    world = World.make(name, dice, early=260, late=25, days=12)
    store = request.getfixturevalue("s3") if place == "s3" else {}
    table = f"s3://lake/killed/{name}" if place == "s3" else str(tmp_path / "lake")
    words = [name, "sync", "-f", "delta", "-o", table, "--concurrency", "3"]
    with Server(world.log) as server:
        environ = {**server.environment, **store}
        while kills > 0:
            beside = [partial(compact, table, store)] if dice.randrange(3) == 0 else []
            ends = at_once(rivals(dice, words), environ, *beside)
            assert {end.status for end in ends} <= ENDS[place]
            assert [end.said for end in ends if end.status == 0 and end.said] == []
            kills -= [end.status for end in ends].count(KILLED)
            world.add(dice.randrange(90))
            if dice.randrange(3) == 0:
                vacuum(table, store)
        world.show_all()
        undisturbed: list[int] = []
        while undisturbed[-2:] != [0, 0]:  # the first may end a window older than the last event
            undisturbed.append(result(*words, "-q", **environ).status)
            assert undisturbed[-1] in ENDS[place] - {KILLED, HELD}
    assert found(name, table, store) == world.expected
    assert result("verify", table, "-q", **store).ended == (0, "")


def statuses(runs: list[list[str]], environ: Mapping[str, str]) -> set[int]:
    """Run command lines at once, none of which is killed."""
    return {end.status for end in at_once([["never", "1", *words] for words in runs], environ)}


def test_of_writers_of_one_source_one_at_a_time_commits(tmp_path: Path) -> None:
    world = World.make("persona", random.Random(1), early=260, late=0, days=12)
    table = str(tmp_path / "lake")
    words = ["persona", "sync", "-q", "-f", "delta", "-o", table]
    with Server(world.log, latency=0.01) as server:
        assert statuses([words] * 2, server.environment) <= {0, HELD}
        # Those that wait begin again, and find what the other one has left.
        world.add(100)
        assert statuses([[*words, "--wait", "30s"]] * 4, server.environment) == {0}
        world.show_all()
        assert result(*words, **server.environment).ended == (0, "")
    assert found("persona", table) == world.expected
    assert result("verify", table, "-q").ended == (0, "")


def test_writers_of_many_sources_do_not_meet(tmp_path: Path) -> None:
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
        two = [[*words, *three], [*words, "s3", "s4", "s5"]]
        assert statuses(two, server.environment) == {0}
    count = Counter(row["source"] for row in rows(tmp_path / "lake"))
    assert count == dict.fromkeys([f"s{n}" for n in range(6)], len(world.expected))
    assert result("verify", str(tmp_path / "lake"), "-q").ended == (0, "")


def test_a_store_that_fails_and_loses_answers_doubles_nothing(s3: dict[str, str]) -> None:
    world = World.make("persona", random.Random(3), early=200, late=15, days=12)
    table = "s3://lake/{provider}"
    words = ["persona", "sync", "-q", "-o", table]
    with Server(world.log) as server, patch.object(destination, "MAX_RECORDS", SMALL):
        environ = {**server.environment, **s3}
        for _ in range(4):
            assert result(*words, **environ).status in (0, FAILED)
            world.add(30)
        world.show_all()
        ended = [result(*words, **environ).status for _ in range(2)]
        while ended[-2:] != [0, 0]:
            ended.append(result(*words, **environ).status)
            assert ended[-1] in (0, FAILED)
    assert found("persona", "s3://lake/persona", s3) == world.expected
    assert result("verify", "s3://lake/persona", "-q", **s3).ended == (0, "")
    (row,) = result("status", "s3://lake/persona", "--format", "json", **s3).json
    assert row["records"] == len(world.expected)


def test_two_writers_over_s3(s3: dict[str, str]) -> None:
    world = World.make("persona", random.Random(4), early=120, late=0, days=12)
    world.show_all()
    words = ["persona", "sync", "-q", "-o", "s3://lake/raced", "--wait", "30s"]
    with Server(world.log, latency=0.01) as server:
        environ = {**server.environment, **s3}
        assert statuses([words] * 2, environ) <= {0, FAILED}
        while result(*words, **environ).status:
            pass
    assert found("persona", "s3://lake/raced", s3) == world.expected
    assert result("verify", "s3://lake/raced", "-q", **s3).ended == (0, "")


def test_what_is_not_there_or_not_reached_is_told_apart(s3: dict[str, str]) -> None:
    gone = result("verify", "s3://lake/none", **s3)
    assert (gone.status, "there is no table" in gone.said) == (8, True)
    for words in (["verify"], ["status"], ["persona", "sync", "--demo", "-o"]):
        missing = result(*words, "s3://nobody/none", **s3)
        assert missing.status == FAILED
        assert "s3://nobody/none: the bucket does not exist. Create it" in missing.said


SHORT = {"timeout": "50ms", "retry_timeout": "0s"}


def test_a_store_that_does_not_answer_is_9(s3: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, patch.dict(TIMEOUTS, SHORT):
        for port in (9, silent.getsockname()[1]):
            nowhere: Any = {**s3, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
            for words in (["verify"], ["persona", "sync", "--demo", "-o"]):
                found = result(*words, "s3://lake/persona", **nowhere)
                assert found.status == FAILED
                assert "The store of s3://lake/persona cannot be reached" in found.said
