"""A signal ends a run at once, with the right status and nothing half written."""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.program import LONG, Run, popen, process, started, until
from tests.server import Fault, Roam, Server, too_many
from tests.world import ROWS, WINDOW, log

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


@pytest.mark.parametrize(("sent", "status"), SIGNALS)
@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("persona", Fault(delay=LONG)),
        ("roam", Fault(delay=LONG)),
        ("hrhis", Fault(delay=LONG)),
        ("upstash", Fault(drip=LONG)),
        ("persona", too_many(200)),
        ("roam", too_many(200)),
        ("upstash", Fault(503, {"Retry-After": "200"})),
    ],
    ids=lambda value: getattr(value, "name", None) if isinstance(value, str) else None,
)
def test_a_signal_ends_the_run_at_once_and_leaves_nothing_behind(
    name: str, fault: Fault, sent: signal.Signals, status: int, tmp_path: Path
) -> None:
    held = 1 if name in ("upstash", "hrhis") else 2
    output = tmp_path / "log.jsonl"
    output.write_text("old")
    words = (*WINDOW, "-v", "-o", str(output))
    with (
        Server(log(name), faults=lambda r: fault if r.number >= held else None) as server,
        popen(name, "list", *words, environ=server.environment) as process,
    ):
        until(lambda: len(server.requests) >= held)
        if fault.status:
            assert process.stderr
            assert any(b"asking again" in line for line in process.stderr)
        process.send_signal(sent)
        said = process.communicate(timeout=LONG / 2)[1]
    assert process.returncode == status
    assert b"Traceback" not in said
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"log.jsonl": "old"}


def test_what_standard_output_got_before_an_interrupt_is_whole_records() -> None:
    hold = {3: Fault(delay=LONG)}
    with (
        Server(log("persona"), faults=hold) as server,
        popen("persona", "list", *WINDOW, environ=server.environment) as process,
    ):
        assert process.stdout
        first = [process.stdout.readline() for _ in range(200)]
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.stderr
        said = process.stderr.read()
        assert process.wait(LONG / 2) == 130
    assert len({json.loads(line)["id"] for line in first}) == 200
    assert (rest, said) == (b"", b"")


WAITING = """
import signal, sys, threading, time
from auditctl.interrupts import InterruptedRunError, interrupts

def interrupt():
    time.sleep(0.1)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

interrupts.install()
never = threading.Lock()
never.acquire()
threading.Thread(target=interrupt, daemon=True).start()
try:
    never.acquire()
except InterruptedRunError as interrupted:
    sys.exit(interrupted.status)
"""


def test_a_signal_that_no_wait_notices_ends_the_run_all_the_same() -> None:
    """One that comes to another thread stands for one that comes just before the wait."""
    assert process(command=[sys.executable, "-c", WAITING]) == Run(143, b"", "")


SWALLOWED = """
import signal, time
from auditctl import interrupts as module
from auditctl.interrupts import InterruptedRunError, interrupts

module.GRACE = module.POLL_INTERVAL = 0.01
interrupts.install()
try:
    signal.raise_signal(signal.SIGTERM)
except InterruptedRunError:
    pass
while True:
    time.sleep(60)
"""


def test_a_signal_ends_the_run_though_other_code_drops_it() -> None:
    assert process(command=[sys.executable, "-c", SWALLOWED]) == Run(143, b"", "")


ENDING = """
import atexit, signal
from auditctl.interrupts import interrupts

atexit.register(lambda: print(signal.getsignal(signal.SIGALRM).name))  # the first is called last
interrupts.install()
"""


def test_a_tick_that_comes_too_late_does_not_kill_a_process_that_ends() -> None:
    assert process(command=[sys.executable, "-c", ENDING]) == Run(0, b"SIG_IGN\n", "")


TWICE = """
import math, os, signal, sys
from auditctl import interrupts as module
from auditctl.interrupts import interrupts

module.SAME_SIGNAL = float(sys.argv[1])
interrupts.install()
with interrupts.held(math.inf):
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGTERM)
    print("finished", flush=True)
"""


@pytest.mark.parametrize(
    ("same", "status", "out"), [("60", 143, b"finished\n"), ("0", -signal.SIGTERM, b"")]
)
def test_a_second_signal_is_the_same_one_unless_it_comes_later(
    same: str, status: int, out: bytes
) -> None:
    assert process(command=[sys.executable, "-c", TWICE, same]) == Run(status, out, "")


AT_THE_END = """
import os, signal, threading
join = threading.Thread.join

def joined(*words):
    os.kill(os.getpid(), signal.SIGTERM)
    join(*words)

threading.Thread.join = joined
"""


def test_a_second_signal_does_not_break_into_what_the_first_one_ends(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(AT_THE_END)
    with Server(log("persona"), faults=lambda _: Fault(delay=LONG)) as server:
        environment = {**server.environment, "PYTHONPATH": str(tmp_path)}
        with started("persona", "list", **environment) as running:
            until(lambda: len(server.requests) > 0)
            running.terminate()
            said = running.communicate(timeout=LONG / 2)[1]
    assert (running.returncode, said) == (143, b"")


LATE = """
import os, signal
replace = os.replace

def replaced(*names):
    replace(*names)
    os.kill(os.getpid(), signal.SIGTERM)

os.replace = replaced
"""


def test_a_signal_that_comes_when_the_file_has_its_name_comes_too_late(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(LATE)
    output = tmp_path / "log.jsonl"
    with Server(log("persona")) as server:
        environment = {**server.environment, "PYTHONPATH": str(tmp_path)}
        words = ("persona", "list", *WINDOW, "-o", str(output))
        assert process(*words, environ=environment) == Run(0, b"", "")
    assert output.read_bytes().count(b"\n") == ROWS


@pytest.mark.parametrize(("sent", "status"), SIGNALS)
@pytest.mark.parametrize("concurrency", ["1", "4"])
def test_a_signal_ends_the_run_though_nobody_reads_what_it_says(
    concurrency: str, sent: signal.Signals, status: int
) -> None:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    words = ("--since", "2010-01-01", "-v", "--concurrency", concurrency)
    with (
        Server(Roam([])) as server,
        popen(
            "roam",
            "list",
            *words,
            environ=server.environment,
            stdout=subprocess.DEVNULL,
            stderr=writer,
        ) as process,
    ):
        until(lambda: not select.select([], [writer], [], 0)[1])
        process.send_signal(sent)
        assert process.wait(LONG / 2) == status
    os.close(reader)
    os.close(writer)


DROPPED = """
import os, signal, weakref
class Gone: pass
gone = Gone()
known = weakref.ref(gone, lambda _: [os.kill(os.getpid(), signal.SIGTERM), *range(1000)])
del gone
while True: pass
"""
CHANGED = """
import os, signal
try:
    os.kill(os.getpid(), signal.SIGTERM)
    while True: pass
except BaseException:
    raise TypeError
"""


@pytest.mark.parametrize("source", [DROPPED, CHANGED], ids=["dropped", "changed"])
def test_an_interrupt_counts_though_an_import_drops_or_changes_it(
    source: str, tmp_path: Path
) -> None:
    """Exceptions in the callback of a weak reference are dropped, and imports have many."""
    (tmp_path / "httpx.py").write_text(source)
    found = process("persona", "list", "--demo", environ={"PYTHONPATH": str(tmp_path)})
    assert (found.status, found.said) == (143, "")
