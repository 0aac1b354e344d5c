"""`auditctl sync` over the sources of a configuration, and `list` with the settings of one."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from auditctl.interrupts import InterruptedRunError
from auditctl.sync.jobs import Result, SourceRunner
from tests.program import LONG, Run, result, run, started, until
from tests.server import KEY, LOGS, UNAVAILABLE, USER, WRONG_SHAPE, Fault, Request, Server, too_many
from tests.terminal import terminal
from tests.world import records

UNREACHABLE, ACCESS, THROTTLED, STRANGE, HELD, WRONG, OUTPUT = 3, 4, 5, 6, 7, 8, 9
USAGE, TERMINATED = 2, 143
CONFIGURATION = f"""
[defaults]
output = "{{source}}/{{date}}.jsonl"
since = "@SINCE@"
concurrency = 1
retry_for = "0"

[sources.persona]
provider = "persona"
base_url = "@URL@/api/v1"
api_key_file = "key"

[sources.upstash]
provider = "upstash"
base_url = "@URL@"
email = "{USER}"
api_key_env = "KEY"

[sources.roam]
provider = "roam"
base_url = "@URL@/v1"
api_key_env = "KEY"

[sources.hrhis]
provider = "hrhis"
base_url_env = "URL"
username = "{USER}"
password_file = "key"
"""
ROWS = {"persona": 120, "upstash": 50, "roam": 30, "hrhis": 110}


@dataclass
class Sources:
    """A configuration with one source of each provider, and the server that has their logs."""

    folder: Path
    server: Server
    config: Path
    sabotage: dict[str, Callable[[Request], Fault | None]] = field(default_factory=dict)
    """What happens to requests for the log of a source."""
    locks: list[BinaryIO] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return {"AUDITCTL_CONFIG": str(self.config), "KEY": KEY, "URL": self.server.url}

    def sync(self, *words: str) -> Run:
        return result("sync", *words, **self.environment)

    def records(self, name: str) -> list[Any]:
        return list(records(self.folder / name))

    @property
    def done(self) -> dict[str, int]:
        """How many different records each source has."""
        ids = {name: [record["id"] for record in self.records(name)] for name in LOGS}
        assert all(len(set(found)) == len(found) for found in ids.values())
        return {name: len(found) for name, found in ids.items() if found}

    def journal(self, name: str) -> Path:
        return self.folder / name / "{date}.jsonl.journal"

    def meet(self, count: int) -> None:
        """Hold the first request for each log until there are so many."""
        together = threading.Barrier(count)
        met: set[str] = set()

        def hold(request: Request) -> None:
            if name_of(request) not in met:
                met.add(name_of(request))
                together.wait(LONG)

        self.sabotage = dict.fromkeys(LOGS, hold)

    def asked(self) -> set[str]:
        return {name_of(request) for request in self.server.requests}


def name_of(request: Request) -> str:
    (name,) = [name for name, log in LOGS.items() if request.path.startswith(log.paths)]
    return name


def always(fault: Fault) -> Callable[[Request], Fault]:
    return lambda _: fault


@pytest.fixture
def sources(tmp_path: Path) -> Iterator[Sources]:
    now = datetime.now(UTC)
    logs = [log(ROWS[name], span=timedelta(days=2), now=now) for name, log in LOGS.items()]
    with Server(*logs) as server:
        config = tmp_path / "auditctl.toml"
        since = f"{now - timedelta(days=3):%Y-%m-%d}"
        text = CONFIGURATION.replace("@URL@", server.url).replace("@SINCE@", since)
        config.write_text(text)
        (tmp_path / "key").write_text(f"{KEY}\n")
        found = Sources(tmp_path, server, config)

        def fault(request: Request) -> Fault | None:
            return found.sabotage.get(name_of(request), always(Fault()))(request)

        server.faults = fault
        yield found
        for lock in found.locks:
            lock.close()


# What is done


def test_every_source_is_written_and_nothing_is_said(sources: Sources) -> None:
    assert sources.sync() == Run(0, b"", "")
    assert sources.done == ROWS
    for name in LOGS:
        (date, *_) = {record["time"][:10] for record in sources.records(name)}
        lines = (sources.folder / name / f"{date}.jsonl").read_bytes().split(b"\n")[:-1]
        assert {json.loads(line)["provider"] for line in lines} == {name}
    assert sources.sync() == Run(0, b"", "")
    assert sources.done == ROWS
    proof = result("verify", f"{sources.folder}/{{source}}/{{date}}.jsonl")
    assert proof.ended == (0, "")
    assert proof.out.count(b": ok: ") == 4


def test_only_the_sources_named_are_read_and_each_once(sources: Sources) -> None:
    assert sources.sync("upstash", "persona", "upstash") == Run(0, b"", "")
    assert sources.done == {name: ROWS[name] for name in ("persona", "upstash")}
    assert sources.asked() == {"persona", "upstash"}
    assert [name_of(request) for request in sources.server.requests].count("upstash") == 1


def test_a_source_that_there_is_not_keeps_all_from_running(sources: Sources) -> None:
    said = (
        "auditctl: error: There is no source 'prod' in the configuration. There are persona, "
        "upstash, roam, hrhis.\n"
    )
    assert sources.sync("persona", "prod") == Run(USAGE, b"", said)
    assert sources.server.requests == []


# What goes wrong


def is_lost(sources: Sources, name: str) -> None:
    """Let the output be where no folder can be."""
    (sources.folder / name).write_bytes(b"")


def is_changed(sources: Sources, name: str) -> None:
    assert run("sync", name, **sources.environment) == 0
    path = min((sources.folder / name).glob("*.jsonl"))
    path.write_bytes(path.read_bytes().replace(b'"time"', b'"TIME"', 1))


def is_refused(sources: Sources, name: str) -> None:
    sources.sabotage[name] = always(Fault(401))


def is_strange(sources: Sources, name: str) -> None:
    sources.sabotage[name] = always(WRONG_SHAPE)


def is_begun_otherwise(sources: Sources, name: str) -> None:
    assert run("sync", name, **sources.environment) == 0
    table = f"[sources.{name}]"
    text = sources.config.read_text()
    sources.config.write_text(text.replace(table, f"{table}\nredact = false"))


def is_down(sources: Sources, name: str) -> None:
    sources.sabotage[name] = always(UNAVAILABLE)


def is_throttled(sources: Sources, name: str) -> None:
    sources.sabotage[name] = always(too_many(1000))


def is_held(sources: Sources, name: str) -> None:
    journal = sources.journal(name)
    journal.parent.mkdir()
    lock = journal.open("wb")
    fcntl.flock(lock, fcntl.LOCK_EX)
    sources.locks.append(lock)


GRAVEST: dict[int, Callable[[Sources, str], None]] = {
    OUTPUT: is_lost,
    WRONG: is_changed,
    ACCESS: is_refused,
    STRANGE: is_strange,
    USAGE: is_begun_otherwise,
    UNREACHABLE: is_down,
    THROTTLED: is_throttled,
    HELD: is_held,
}
"""What needs a person before what passes by itself."""


@pytest.mark.parametrize("names", [("persona", "upstash"), ("upstash", "persona")])
@pytest.mark.parametrize(("first", "second"), [*pairwise(GRAVEST)])
def test_of_several_failures_the_gravest_is_the_status(
    first: int, second: int, names: tuple[str, str], sources: Sources
) -> None:
    for status, name in zip((first, second), names, strict=True):
        GRAVEST[status](sources, name)
    found = sources.sync()
    assert found.status == first
    said = sorted(line.split(" ")[2] for line in found.said.splitlines())
    assert said == sorted(f"{name}:" for name in names)
    assert {"roam", "hrhis"} <= set(sources.done)


def test_a_destination_that_another_run_holds_is_left_alone_or_waited_for(sources: Sources) -> None:
    journal = sources.journal("hrhis")
    journal.parent.mkdir()
    with journal.open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = (
            f"auditctl: error: hrhis: Another run holds {journal}. Nothing was done; wait for it "
            "with --wait, or let it go on.\n"
        )
        assert sources.sync() == Run(HELD, b"", said)
        assert sources.done == {name: rows for name, rows in ROWS.items() if name != "hrhis"}
        let_go = threading.Timer(0.2, fcntl.flock, (lock, fcntl.LOCK_UN))
        let_go.start()
        assert sources.sync("--wait", "30s") == Run(0, b"", "")
        let_go.join()
    assert sources.done == ROWS


# How many at once


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_so_many_sources_are_read_at_once_and_no_more(jobs: int, sources: Sources) -> None:
    sources.meet(jobs)
    sources.server.latency = 0.02
    assert sources.sync("--jobs", str(jobs)) == Run(0, b"", "")
    assert sources.server.peak == jobs
    assert sources.done == ROWS


# On a terminal


def test_a_terminal_gets_a_table_at_the_end(sources: Sources) -> None:
    sources.sabotage["roam"] = always(Fault(401))
    with terminal(None, "sync", variables=sources.environment, stderr=subprocess.DEVNULL) as shown:
        shown.end()
    assert shown.process.returncode == ACCESS
    lines = [re.split(r" {2,}", line.rstrip()) for line in shown.lines]
    assert [(source, records, result) for source, records, pages, result in lines] == [
        ("source", "new records", "result"),
        ("persona", "120", "ok"),
        ("upstash", "50", "ok"),
        ("roam", "-", "failed (4)"),
        ("hrhis", "110", "ok"),
    ]
    assert [line[2] for line in lines if line[0] in {"source", "persona", "roam", "hrhis"}] == [
        *("pages", "2", "-", "1")
    ]
    with terminal(None, "sync", "-q", "upstash", variables=sources.environment) as shown:
        assert shown.end() == ""
    assert shown.process.returncode == 0


# Signals


@contextmanager
def hanging(sources: Sources, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a run whose second page of Persona's log does not come."""
    gate = threading.Event()

    def hold(request: Request) -> None:
        if "page[after]" in request.params:
            gate.wait(LONG)

    sources.sabotage["persona"] = hold
    with started(*words, **sources.environment, **sources.server.environment) as process:
        try:
            until(lambda: any("after" in request.query for request in sources.server.requests))
            yield process
        finally:
            gate.set()


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("sync persona", TERMINATED),
        ("sync persona --follow", 0),
        ("persona sync -o PATH", TERMINATED),
        ("persona sync -o PATH --follow", 0),
    ],
)
def test_a_run_that_is_terminated_keeps_what_it_has_committed(
    words: str, status: int, sources: Sources
) -> None:
    path = f"{sources.folder}/persona/{{date}}.jsonl"
    with hanging(sources, *words.replace("PATH", path).split()) as process:
        until(sources.journal("persona").exists)
        process.terminate()
        assert process.communicate(timeout=LONG) == (b"", b"")
        assert process.returncode == status
    assert sources.done == {"persona": 100}
    assert result("verify", path, "-q").ended == (0, "")
    sources.sabotage.clear()
    if words.startswith("sync"):
        assert sources.sync() == Run(0, b"", "")
        assert sources.done == ROWS


def test_what_is_under_way_when_a_signal_comes_is_finished() -> None:
    runs = SourceRunner(2)
    began = threading.Barrier(2)
    ended: list[str] = []

    def run(source: str) -> None:
        try:
            if began.wait(LONG) == 0:
                os.kill(os.getpid(), signal.SIGALRM)
            runs.sleep(LONG)
        finally:
            time.sleep(0.1)  # the commit in hand
            ended.append(source)

    def interrupt(number: int, _: object) -> None:
        raise InterruptedRunError(number)

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with pytest.raises(InterruptedRunError):
            runs.all(run, [Result("a"), Result("b")], lambda *_: None)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert sorted(ended) == ["a", "b"]


def test_a_service_says_once_that_a_provider_is_down_and_once_that_it_is_back(
    sources: Sources,
) -> None:
    sources.sabotage["upstash"] = lambda request: UNAVAILABLE if request.number == 1 else None
    words = ("sync", "upstash", "--follow", "--interval", "1s")
    with started(*words, **sources.environment) as service:
        assert service.stderr is not None
        down, back = (service.stderr.readline().decode() for _ in range(2))
        assert sources.done == {"upstash": ROWS["upstash"]}
        service.terminate()
        assert service.communicate(timeout=LONG) == (b"", b"")
    assert service.returncode == 0
    assert down.startswith("auditctl: warning: upstash: ")
    assert down.endswith(" It is asked again until it answers.\n")
    assert back == "auditctl: warning: upstash: The provider answers again.\n"


def test_a_service_whose_source_was_refused_ends_with_its_status(sources: Sources) -> None:
    sources.sabotage["roam"] = always(Fault(403))
    with started("sync", "--follow", **sources.environment) as service:
        others = {name: rows for name, rows in ROWS.items() if name != "roam"}
        until(lambda: sources.done == others)
        assert service.stderr is not None
        said = service.stderr.readline()
        service.terminate()
        assert service.communicate(timeout=LONG) == (b"", b"")
    assert said.startswith(b"auditctl: error: roam: ")
    assert service.returncode == ACCESS


def test_a_service_that_has_no_source_left_ends(sources: Sources) -> None:
    sources.sabotage = dict.fromkeys(LOGS, always(Fault(401)))
    found = sources.sync("--follow")
    assert found.status == ACCESS
    said = sorted(line.split(" ")[2] for line in found.said.splitlines())
    assert said == ["hrhis:", "persona:", "roam:", "upstash:"]


@pytest.mark.parametrize("words", ["--interval 0s", "--interval soon", "--jobs 0", "--wait soon"])
def test_a_word_that_cannot_be_used_keeps_all_from_running(words: str, sources: Sources) -> None:
    flag, value = words.split()
    found = sources.sync(flag, value)
    assert (found.status, found.said.count(flag)) == (USAGE, 1)
    assert sources.server.requests == []


# One source's settings


def test_list_takes_the_settings_of_a_source(sources: Sources) -> None:
    for name in LOGS:
        words = (name, "list", "--source", name, "--since", "3d")
        found = result(*words, **sources.environment)
        assert found.ended == (0, "")
        assert found.out.count(b"\n") == ROWS[name]
    config = ("--config", str(sources.config))
    environment = {"KEY": KEY, "UPSTASH_API_KEY_FILE": "/nowhere", "UPSTASH_EMAIL": "another"}
    named = ("upstash", "list", "--source", "upstash", "--since", "3d", *config)
    assert result(*named, **environment).out.count(b"\n") == ROWS["upstash"]


def test_the_account_of_a_source_fills_its_records(sources: Sources) -> None:
    text = sources.config.read_text()
    text = text.replace("[defaults]", '[defaults]\naccount = "acme"')
    text = text.replace("[sources.roam]", '[sources.roam]\naccount = "acme-prod"')
    text = text.replace("{source}/{date}", "{source}/{account}")
    sources.config.write_text(text)
    assert result("sync", "persona", "roam", **sources.environment).status == 0
    folder = sources.config.parent
    assert [path.name for path in (folder / "persona").glob("*.jsonl")] == ["acme.jsonl"]
    assert [path.name for path in (folder / "roam").glob("*.jsonl")] == ["acme-prod.jsonl"]
    for words, account in (((), "acme-prod"), (("--account", "other"), "other")):
        listed = ("roam", "list", "--source", "roam", "--since", "3d", *words)
        found = result(*listed, **sources.environment)
        assert {json.loads(line)["account"] for line in found.out.splitlines()} == {account}


def test_list_takes_the_providers_own_options_of_a_source(sources: Sources) -> None:
    text = sources.config.read_text()
    sources.config.write_text(text.replace("username", 'user = ["user000000003"]\nusername'))
    words = ("hrhis", "list", "--source", "hrhis", "--since", "3d")
    assert result(*words, **sources.environment).status == 0
    other = (*words, "--user", "me")
    assert result(*other, **sources.environment).status == 0
    paths = {request.path for request in sources.server.requests}
    assert "/api/users/user000000003/logs" in paths
    assert len([path for path in paths if path.endswith("/logs")]) == 2


def test_a_setting_of_the_source_that_is_not_there_ends_list(sources: Sources) -> None:
    environment = {"AUDITCTL_CONFIG": str(sources.config)}
    found = result("roam", "list", "--source", "roam", **environment)
    said = "auditctl: error: KEY, which api_key_env names, is not set. Export it.\n"
    assert found == Run(ACCESS, b"", said)


def test_list_of_a_source_that_is_a_demonstration_is_one_too(tmp_path: Path) -> None:
    config = tmp_path / "auditctl.toml"
    config.write_text('[sources.s]\nprovider = "roam"\noutput = "a"\ndemo = true\n')
    words = ("roam", "list", "--since", "3d", "--limit", "5")
    found = result(*words, "--source", "s", "--config", str(config))
    assert found.ended == (0, "")
    assert found.out.count(b"\n") == 5


def test_the_same_fields_written_in_another_way_go_on(sources: Sources) -> None:
    text = sources.config.read_text()
    for fields in ('["time", "id"]', '"time, id"', '"time,id"'):
        sources.config.write_text(text.replace("[defaults]", f"[defaults]\nfields = {fields}"))
        assert sources.sync("upstash") == Run(0, b"", "")
    assert sources.done == {"upstash": ROWS["upstash"]}
    assert {tuple(record) for record in sources.records("upstash")} == {("time", "id")}
