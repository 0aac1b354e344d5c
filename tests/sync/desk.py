"""A log that lives, a destination for it, and the clocks of both."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from auditctl import window
from auditctl.commands import single
from auditctl.http import connection, parts, requests
from auditctl.providers import roam
from auditctl.sync import job, walk
from auditctl.sync import run as run_module
from auditctl.sync.files import destination
from auditctl.sync.files import journal as journal_module
from tests import program
from tests.server import Fault, Request, Server
from tests.world import World, found

PAGE = 100
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@dataclass
class Desk:
    """A provider's log, and a destination for it."""

    name: str
    world: World
    server: Server
    folder: Path
    capture: pytest.CaptureFixture[bytes]
    path: str = "all.jsonl"

    def sync(self, *words: str, path: str | None = None) -> int:
        """Run a sync in this process; what it says is in `said`."""
        self.before = len(self.server.requests)
        output = str(self.folder / (path or self.path))
        status = program.run(self.name, "sync", "-o", output, *words, **os.environ)
        self.written, self.said = (text.decode() for text in self.capture.readouterr())
        return status

    def command(self, *words: str) -> int:
        status = program.run(*words, **os.environ)
        self.written, self.said = (text.decode() for text in self.capture.readouterr())
        return status

    def verify(self, path: str | None = None) -> int:
        return self.command("verify", str(self.folder / (path or self.path)))

    @property
    def asked(self) -> list[Request]:
        """What the last run asked."""
        return self.server.requests[self.before :]

    @property
    def data(self) -> Path:
        return self.folder / self.path

    @property
    def journal(self) -> Path:
        return self.folder / f"{self.path}.journal"

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.journal.read_bytes().split(b"\n")[:-1]]

    @property
    def records(self) -> list[Any]:
        return [json.loads(line) for line in self.data.read_bytes().splitlines()]

    def holds_all(self) -> bool:
        return found(self.name, self.folder) == self.world.expected

    def stop_after(self, number: int) -> None:
        """Let a run end there: it is refused."""
        self.server.faults = lambda request: None if request.number <= number else Fault(403)

    def go_on(self, faults: Any = ()) -> None:
        self.server.faults = faults or {}

    def grow(self) -> None:
        self.world.happens(30_000, datetime.now(UTC) - timedelta(minutes=1))

    def happen(self, *ages: timedelta) -> None:
        """Let events happen, dated so long before now."""
        now, first = datetime.now(UTC), 100_000 + len(self.world.happenings)
        for n, age in enumerate(ages):
            self.world.happens(first + n, now - age)


Desks = Callable[..., Desk]
NO_DATE = Fault(headers={"Date": ""})


def dated(moment: datetime) -> Fault:
    return Fault(headers={"Date": format_datetime(moment, usegmt=True)})


@contextlib.contextmanager
def our_clock(ahead: timedelta | Callable[[], timedelta]) -> Iterator[None]:
    """Set the clock of this machine, but not the server's."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.now(tz) + (ahead if isinstance(ahead, timedelta) else ahead())

    with contextlib.ExitStack() as stack:
        reading = (single, job, run_module, walk, roam, parts, requests, connection, window)
        for module in (*reading, destination, journal_module):
            stack.enter_context(patch.object(module, "datetime", Clock))
        yield
