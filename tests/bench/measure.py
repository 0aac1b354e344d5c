"""What a whole process costs, as the kernel counts it: wall, CPU and peak memory."""

from __future__ import annotations

import atexit
import contextlib
import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import termios
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.server import settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
AUDITCTL = Path(sys.executable).with_name("auditctl")
FOLDER = Path(tempfile.mkdtemp(prefix="auditctl-bench-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)


@dataclass(frozen=True)
class Cost:
    """Seconds, and the largest resident size in MiB."""

    wall: float
    cpu: float
    peak: float


@dataclass(frozen=True)
class Job:
    """A process to run: it writes to nowhere, to a file, or to a terminal of 200 columns."""

    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    output: Path | None = None
    terminal: bool = False
    status: int = 0

    def run(self) -> Cost:
        """Run to the end; another exit status than the one expected is an error."""
        drain = None
        with contextlib.ExitStack() as stack:
            errors = stack.enter_context(tempfile.TemporaryFile())
            out = stack.enter_context((self.output or Path(os.devnull)).open("wb")).fileno()
            if self.terminal:
                near, out = os.openpty()
                termios.tcsetwinsize(out, (50, 200))
                drain = threading.Thread(target=_drain, args=(near,))
                drain.start()
            start = time.perf_counter()
            process = self.start(stdout=out, stderr=errors)
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            if drain:
                os.close(out)
                drain.join()
            if process.returncode != self.status:
                errors.seek(0)
                said = errors.read().decode(errors="replace")[-2000:]
                message = f"{self.command} ended with {process.returncode}: {said}"
                raise RuntimeError(message)
        # The kernel counts a child's peak from that of its parent at the start: this program must
        # stay smaller than what it measures, and does, at 24 MiB.
        return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)

    def start(self, **streams: Any) -> subprocess.Popen[bytes]:
        """Start, away from the sources, so that it is the installed program that runs."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment = {**kept, **self.environment}
        return subprocess.Popen(self.command, env=environment, cwd=FOLDER, **streams)


def _drain(terminal: int) -> None:
    with contextlib.suppress(OSError):
        while os.read(terminal, 1 << 16):
            pass
    os.close(terminal)


def measure(runs: int, *jobs: Job) -> list[Cost]:
    """Run the jobs in turns, so that a busy moment meets them all, and take the medians."""
    costs = list(zip(*([job.run() for job in jobs] for _ in range(runs)), strict=True))
    return [
        Cost(
            *(statistics.median(getattr(c, name) for c in some) for name in ("wall", "cpu", "peak"))
        )
        for some in costs
    ]


@dataclass(frozen=True)
class Site:
    """A server in a process of its own."""

    url: str

    def auditctl(self, *words: str, **rest: Any) -> Job:
        return Job([str(AUDITCTL), *words], settings(self.url), **rest)

    def python(
        self, script: str, *words: str, interpreter: str = sys.executable, **rest: Any
    ) -> Job:
        path = str(Path(__file__).parent / script)
        return Job([interpreter, path, *words], settings(self.url), **rest)

    def stats(self) -> Any:
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"))
        connection.request("GET", "/__stats")
        with connection.getresponse() as response:
            return json.load(response)


@contextlib.contextmanager
def served(rows: int, *options: str) -> Iterator[Site]:
    """Run `tests.server` for as long as the block lasts."""
    command = [sys.executable, "-m", "tests.server", "--rows", str(rows), *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield Site(process.stdout.readline().strip())
        finally:
            process.terminate()
