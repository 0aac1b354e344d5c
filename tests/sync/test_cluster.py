"""`auditctl sync --dask`: a scheduler and two workers, each a process, one of them killed."""

from __future__ import annotations

import json
import random
import re
import socket
import subprocess
import sys
import threading
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from unittest.mock import Mock

import distributed
import pytest
from distributed import Client

from auditctl import extras
from auditctl.config.sources import Source
from auditctl.errors import UsageError
from auditctl.sync import cluster as cluster_module
from auditctl.sync.delta.path import TablePath
from auditctl.sync.options import SyncOptions, SyncSourcesOptions
from tests.program import LONG, Run, process, result, started, until
from tests.server import KEY, Fault, Request, Server
from tests.sync.delta.table import rows
from tests.terminal import terminal
from tests.world import World, key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USAGE, ACCESS, OUTPUT, TERMINATED = 2, 4, 9, 143
"""Exit statuses."""
PERSONA = "/api/v1"
"""How the paths of its requests begin."""
DASK = (sys.executable, "-m", "dask")
WORKER = ("worker", "--no-nanny", "--nthreads", "1", "--no-dashboard", "--death-timeout", "60")
CONFIGURATION = """
[defaults]
output = "lake"
format = "delta"
retry_for = "0"

[sources.prod]
provider = "persona"
base_url_env = "WHERE_PERSONA_IS"
api_key_file = "key"

[sources.office]
provider = "roam"
base_url_env = "WHERE_ROAM_IS"
api_key_env = "ROAM_KEY"
since = "12d"
"""
"""Its variables are those of the workers, and nobody else has them."""


@dataclass
class Cluster:
    """A scheduler, two workers, the configuration, and the server that has both logs."""

    folder: Path
    server: Server
    address: str
    scheduler: subprocess.Popen[bytes]
    workers: dict[str, subprocess.Popen[bytes]]
    logs: list[World]
    pages: int = 0
    killed_at: list[int] = field(default_factory=list)
    """How many records of `prod` were in the table when its worker was killed."""

    @property
    def words(self) -> tuple[str, ...]:
        config = str(self.folder / "auditctl.toml")
        return ("sync", "--dask", self.address, "--shared-folder", "--config", config)

    def sync(self, *words: str) -> Run:
        return process(*self.words, *words)

    def observed(self) -> closing[Client]:
        return closing(Client(self.address, set_as_default=False))

    def kill_at(self, *pages: int) -> None:
        """Kill the worker of `prod` when it has asked for so many pages."""

        def fault(request: Request) -> Fault:
            if request.path.startswith(PERSONA):
                self.pages += 1
                if self.pages in pages:
                    self.kill_the_worker_of("prod")
            return Fault()

        self.server.faults = fault

    @property
    def table(self) -> str:
        return str(self.folder / "lake")

    @property
    def expected(self) -> Counter[tuple[str, str]]:
        return Counter(
            {(w.name, one): times for w in self.logs for one, times in w.expected.items()}
        )

    def found(self) -> Counter[tuple[str, str]]:
        return Counter(
            (row["provider"], key(row["provider"], json.loads(row["raw"])))
            for row in rows(self.table)
        )

    def kill_the_worker_of(self, source: str) -> None:
        """Kill the worker that runs a source, in the middle of it, with SIGKILL."""
        with self.observed() as observer:
            names = {
                address: worker["name"]
                for address, worker in observer.scheduler_info()["workers"].items()
            }
            (its,) = [
                names[address]
                for address, keys in observer.processing().items()
                if any(one.endswith(f"-{source}") for one in keys)
            ]
        self.killed_at.append(sum(row["source"] == source for row in rows(self.table)))
        self.workers[its].kill()
        self.workers[its].wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    dice = random.Random(1)
    logs = [World.make(name, dice, early=900, late=0, days=12) for name in ("persona", "roam")]
    for world in logs:
        world.show_all()
    (tmp_path / "auditctl.toml").write_text(CONFIGURATION)
    (tmp_path / "key").write_text(KEY)
    place = tmp_path / "scheduler.json"
    with Server(*(world.log for world in logs)) as server, ExitStack() as running:
        variables = {
            "WHERE_PERSONA_IS": f"{server.url}/api/v1",
            "WHERE_ROAM_IS": f"{server.url}/v1",
            "ROAM_KEY": KEY,
        }

        def start(*words: str, environ: dict[str, str]) -> subprocess.Popen[bytes]:
            # The scheduler and the workers are in another folder than the command.
            started = subprocess.Popen(
                [*DASK, *words, "--scheduler-file", str(place)],
                env=environ,
                stderr=subprocess.DEVNULL,
            )
            running.callback(started.wait)
            running.callback(started.kill)
            return started

        patience = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
        scheduler = start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", environ=patience
        )
        until(lambda: place.exists() and place.stat().st_size > 0)
        eager = ("--preload", "tests.sync.eager_worker")
        workers = {
            name: start(*WORKER, *eager, "--name", name, environ=variables) for name in ("a", "b")
        }
        address = json.loads(place.read_text())["address"]
        found = Cluster(tmp_path, server, address, scheduler, workers, logs)
        with found.observed() as observer:
            observer.wait_for_workers(2)
        yield found


def test_a_killed_worker_is_replaced_and_a_killed_scheduler_is_not(cluster: Cluster) -> None:
    cluster.kill_at(5)
    assert cluster.sync().ended == (0, "")
    (there,) = cluster.killed_at
    assert 0 < there < cluster.logs[0].expected.total()
    assert cluster.found() == cluster.expected
    assert result("verify", cluster.table, "-q").ended == (0, "")

    def fault(_: Request) -> Fault:
        cluster.scheduler.kill()
        return Fault()

    cluster.server.faults = fault
    assert cluster.sync("prod").ended == (
        OUTPUT,
        (
            "auditctl: error: prod: the scheduler has dropped its task, or cannot be reached any "
            "more; what is committed stays, and the next run continues there.\n"
        ),
    )


def test_a_source_that_each_worker_dies_of_fails(cluster: Cluster) -> None:
    cluster.kill_at(3, 6)
    assert cluster.sync("prod").ended == (
        OUTPUT,
        (
            "auditctl: error: prod: each worker that ran it died. Read the logs of the workers; "
            "what is committed stays, and the next run continues there.\n"
        ),
    )
    first, second = cluster.killed_at
    assert 0 < first < second


def test_results_are_those_of_jobs_and_a_secret_is_read_by_the_worker_alone(
    cluster: Cluster,
) -> None:
    # The command could read this variable, but the worker cannot.
    config = cluster.folder / "auditctl.toml"
    config.write_text(CONFIGURATION.replace('api_key_file = "key"', 'api_key_env = "MINE"'))
    was_shown = threading.Event()

    def fault(request: Request) -> Fault:
        if request.number == 6:
            was_shown.wait(LONG)
        return Fault()

    cluster.server.faults = fault
    with terminal(None, *cluster.words, variables={"MINE": KEY}) as shown:
        shown.until(r"of 2 sources, [1-9]\d* pages?, ")
        was_shown.set()
        shown.end()
        assert shown.process.returncode == ACCESS
    assert KEY not in shown.text
    written = "\n".join(shown.lines)
    assert "auditctl: error: prod: " in written
    assert "MINE" in written
    records = cluster.logs[1].expected.total()
    assert f"office: {cluster.table}: {records} new records, " in written
    assert re.search(r"source +new records +pages +result\n", written)
    assert re.search(r"(?m)^prod .* failed \(4\)$", written)
    assert re.search(rf"(?m)^office +{records} +\d+ +ok$", written)
    assert "0 of 2 sources, 0 pages, 0 new records" in written


def test_an_interruption_ends_the_runs_on_the_workers(cluster: Cluster) -> None:
    reached, ended = threading.Event(), threading.Event()

    def fault(request: Request) -> Fault:
        cluster.pages += request.path.startswith(PERSONA)
        if cluster.pages == 3:
            reached.set()
            ended.wait(LONG)
        return Fault()

    cluster.server.faults = fault
    with started(*cluster.words, "prod") as running:
        assert reached.wait(LONG)
        running.terminate()
        assert running.wait(LONG) == TERMINATED
    with cluster.observed() as observer:
        # The worker knows it as soon as the scheduler does.
        until(lambda: not any(observer.processing().values()))
        ended.set()
        # A task of our own: it gets its turn when the thread of the worker is free.
        assert observer.gather(observer.map(abs, [-1, -2], pure=False)) == [1, 2]
    assert cluster.pages < 8
    assert cluster.sync("prod").ended == (0, "")


def test_a_cluster_without_workers_is_waited_for_as_long_as_wanted(cluster: Cluster) -> None:
    for worker in cluster.workers.values():
        worker.kill()
    with cluster.observed() as observer:
        until(lambda: not observer.scheduler_info()["workers"])
    run = cluster.sync("--wait", "1s")
    assert run.status == OUTPUT
    assert [line.partition(": ")[2] for line in run.said.splitlines()] == [
        "warning: The cluster has no worker yet. The sources wait for one.",
        "error: The cluster has no worker. Start one; nothing was done.",
    ]
    with started(*cluster.words) as running:  # without --wait, for ever
        assert running.stderr
        assert b"no worker yet" in running.stderr.readline()
        running.terminate()
        assert running.wait(LONG) == TERMINATED


# Without a cluster


def test_a_scheduler_that_cannot_be_reached(tmp_path: Path) -> None:
    (tmp_path / "auditctl.toml").write_text(CONFIGURATION)
    words = ("sync", "--dask", "tcp://127.0.0.1:9", "--shared-folder")
    environ = {
        "AUDITCTL_CONFIG": str(tmp_path / "auditctl.toml"),
        "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "100ms",
    }
    run = process(*words, environ=environ)
    assert run.ended == (
        OUTPUT,
        (
            "auditctl: error: The scheduler tcp://127.0.0.1:9 cannot be reached (OSError). Check "
            "that it runs, that it is no other server, and Dask's own configuration.\n"
        ),
    )


@pytest.mark.parametrize(
    ("scheme", "why"),
    [("tcp", "TimeoutError"), ("tls", "TypeError")],  # the second has no certificates
)
def test_what_is_no_scheduler_is_not_waited_for(
    scheme: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "auditctl.toml").write_text(CONFIGURATION)
    monkeypatch.setattr(cluster_module, "ANSWERED", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}"
        words = ("sync", "--dask", address, "--shared-folder")
        run = result(*words, AUDITCTL_CONFIG=str(tmp_path / "auditctl.toml"))
    said = f"auditctl: error: The scheduler {address} cannot be reached ({why}). "
    assert (run.status, run.said.startswith(said)) == (OUTPUT, True), run.said


def test_a_worker_without_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda module: None if module == "deltalake" else 1)
    worker = Mock(address="tcp://10.0.0.5:4011")
    monkeypatch.setattr(distributed, "get_worker", lambda: worker)
    source = Source("prod", Mock(), SyncOptions(), TablePath("s3://lake/audit"))
    end = cluster_module.run_source(source, SyncSourcesOptions(), "topic")
    said = (
        "prod: The worker tcp://10.0.0.5:4011 needs more packages. Install them: "
        "pip install 'auditctl[lake]'"
    )
    assert [*end.messages] == [("error", said, {})]
    assert type(end.error) is UsageError


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--dask", "tcp://127.0.0.1:9"],
            "prod: the output {folder}/lake is a path, and another worker may see another folder ",
        ),
        (
            ["--dask", "scheduler"],
            "--dask takes the address of a scheduler, such as tcp://scheduler:8786.",
        ),
        (
            ["--dask", "tcp://scheduler"],  # Dask knows no usual port
            "--dask takes the address of a scheduler, such as tcp://scheduler:8786.",
        ),
        (
            ["--dask", "tcp://somebody:secret@scheduler:8786"],
            "--dask takes the address of a scheduler, such as tcp://scheduler:8786.",
        ),
        (["--dask", ""], "--dask takes the address of a scheduler, such as tcp://scheduler:8786."),
        (
            ["--dask", "tcp://127.0.0.1:9", "--follow"],
            "--follow does not go with --dask: run the command again and again.",
        ),
        (["--dask", "tcp://127.0.0.1:9", "--jobs", "2"], "--jobs does not go with --dask: "),
        (["--shared-folder"], "--shared-folder goes with --dask: without it all sources run here."),
        (["--dask", "tcp://127.0.0.1:9", "--wait", "x"], "--wait"),
    ],
)
def test_what_does_not_go_with_a_cluster(words: list[str], said: str, tmp_path: Path) -> None:
    (tmp_path / "auditctl.toml").write_text(CONFIGURATION)
    run = result("sync", *words, AUDITCTL_CONFIG=str(tmp_path / "auditctl.toml"))
    assert run.status == USAGE
    assert run.said.startswith(f"auditctl: error: {said.format(folder=tmp_path)}")


def test_without_the_extra_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "auditctl.toml").write_text(CONFIGURATION)
    monkeypatch.setitem(extras.MODULES, "dask", ("not_installed",))
    config = str(tmp_path / "auditctl.toml")
    assert result("sync", "--dask", "tcp://127.0.0.1:9", "--config", config).ended == (
        USAGE,
        "auditctl: error: --dask needs more packages. Install them: pip install 'auditctl[dask]'\n",
    )
