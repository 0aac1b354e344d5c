"""The program as tests run it: in their own process, or as a process of its own."""

from __future__ import annotations

import base64
import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from auditctl import __main__ as door
from auditctl import registry
from tests.server import BASIC, KEY, Fault, Log, Persona, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

COMMAND = (sys.executable, "-m", "auditctl")
NOBODY = 65534
"""A user without rights."""
LONG = 30.0
"""Seconds after which a program hangs."""
SECRETS = (KEY, base64.b64encode(KEY.encode()).decode().rstrip("="), BASIC.removeprefix("Basic "))


@dataclass(frozen=True)
class Run:
    """How the program ended, and all that it wrote: no secret is in it, and no traceback."""

    status: int
    out: bytes
    said: str

    def __post_init__(self) -> None:
        written = self.out.decode(errors="replace") + self.said
        assert [secret for secret in SECRETS if secret in written] == []
        assert "Traceback" not in self.said

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def records(self) -> list[Any]:
        """What was written as JSON Lines."""
        return [json.loads(line) for line in self.out.split(b"\n")[:-1]]

    @property
    def ids(self) -> list[str]:
        return [record["id"] for record in self.records]

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def ended(self) -> tuple[int, str]:
        return self.status, self.said


def result(*words: str, **environment: str) -> Run:
    """Run a command line in this process, with files in the place of its streams."""
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as said,
        in_place_of(1, out.fileno()),
        in_place_of(2, said.fileno()),
        open(2, "w", encoding="utf-8", closefd=False) as stream,
        contextlib.redirect_stderr(stream),
    ):
        status = run(*words, **environment)
        out.seek(0)
        said.seek(0)
        return Run(status, out.read(), said.read().decode())


def run(*words: str, **environment: str) -> int:
    """Run a command line to its exit status, and undo what it does to this process."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    before = {number: signal.getsignal(number) for number in numbers}
    hook, threshold = sys.unraisablehook, gc.get_threshold()
    mask = os.umask(0)
    os.umask(mask)
    threads = set(threading.enumerate())
    stream = sys.stderr
    try:
        with (
            patch.dict(os.environ, environment, clear=True),
            patch.object(sys, "argv", ["auditctl", *words]),
        ):
            door.main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    else:
        return 0
    finally:
        if sys.stderr not in (stream, None):
            sys.stderr.close()
        sys.stderr = stream
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
        sys.unraisablehook = hook
        os.umask(mask)
        gc.enable()
        gc.set_threshold(*threshold)
        registry.installed.cache_clear()
        registry.declared.cache_clear()
        # The end of a process would take what a run that failed left behind: questions under way.
        if left := set(threading.enumerate()) - threads:
            for thread in left:
                thread.join(LONG)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)
                gc.collect()  # what came before the run is frozen still, so this is quick
        gc.unfreeze()


@contextlib.contextmanager
def in_place_of(descriptor: int, other: int) -> Iterator[None]:
    """Let a descriptor of this process lead elsewhere."""
    kept = os.dup(descriptor)
    os.dup2(other, descriptor)
    try:
        yield
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)


def process(
    *words: str,
    command: Sequence[str] = COMMAND,
    environ: Mapping[str, str] | None = None,
    **streams: Any,
) -> Run:
    """Run a command line as a process of its own, to its end."""
    done = subprocess.run(
        [*command, *words],
        env={"PATH": os.defpath, **(environ or {})},
        check=False,
        **{"timeout": 2 * LONG, "stdin": subprocess.DEVNULL, "stdout": -1, "stderr": -1, **streams},
    )
    return Run(done.returncode, done.stdout or b"", (done.stderr or b"").decode())


@contextlib.contextmanager
def popen(
    *words: str,
    command: Sequence[str] = COMMAND,
    environ: Mapping[str, str] | None = None,
    **streams: Any,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start the program as a process of its own, and end it in any case."""
    with subprocess.Popen(
        [*command, *words],
        env={"PATH": os.defpath, **(environ or {})},
        **{"stdout": -1, "stderr": -1, **streams},
    ) as running:
        watchdog = threading.Timer(LONG, running.kill)
        watchdog.start()
        try:
            yield running
        finally:
            watchdog.cancel()
            running.kill()


@contextlib.contextmanager
def served(module: str, *words: str) -> Iterator[str]:
    """Run a server of the tests as a process until the block ends; give its URL."""
    command = [sys.executable, "-m", module, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def started(
    *words: str, **environment: str
) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    """Start the program with nothing in its environment but this."""
    return popen(*words, environ=environment)


def closed(descriptors: str) -> list[str]:
    """Give a command that starts the program with some of its streams closed."""
    return ["/bin/sh", "-c", f'exec "$@" {descriptors}', "sh", *COMMAND]


def until(true: Callable[[], bool]) -> None:
    """Wait until something holds; not for ever."""
    end = time.monotonic() + LONG
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def sync(log: Log, path: Path | str, *words: str, faults: Any = ()) -> Run:
    """Run `sync` of a log on a destination."""
    with Server(log, faults=faults) as server:
        return result(log.name, "sync", "-o", str(path), *words, **server.environment)


def synced(log: Log, path: Path | str, *words: str) -> None:
    """Run `sync` on a destination, so that it has all of a log."""
    assert sync(log, path, *words).status == 0


LONG_AGO = "Wed, 01 Jan 2025 00:00:00 GMT"


def with_a_gap(path: Path | str) -> None:
    """Make a destination that was last synced long ago, by the provider's clock.

    Persona keeps nothing for so long: the run after that one finds a gap.
    """
    with Server(Persona(3), faults=[Fault(headers={"Date": LONG_AGO})]) as server:
        words = ("persona", "sync", "-q", "-o", str(path))
        assert [run(*words, **server.environment) for _ in range(2)] == [0, 8]


def last_hash(journal: Path) -> str:
    """Return the hash of the last line of a journal."""
    return str(json.loads(journal.read_bytes().split(b"\n")[-2])["hash"])


def sealed(members: dict[str, Any]) -> bytes:
    """Write a line of a journal with the hash that belongs to it, whatever its members are."""
    text = json.dumps(members, separators=(",", ":")).encode()[:-1]
    return b'%b,"hash":"%b"}\n' % (text, sha256(text).hexdigest().encode())


@contextlib.contextmanager
def powerless() -> Iterator[None]:
    """Give up root's right to read and write everywhere, if the tests run as root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
