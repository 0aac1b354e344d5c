"""Logs that live: events become visible late, repeat, and shift while they are read."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests import tape
from tests.hosted import Hosted
from tests.program import Run, result
from tests.server import LOGS, Answer, Hrhis, Log, Request, Server
from tests.vendors import VENDORS

csv.field_size_limit(10**7)


ROWS = 250
SPAN = timedelta(days=3)
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
"""Where a finished log ends: what it grows by meanwhile lies behind the window."""
WINDOW = ("--since", f"{TODAY - SPAN:%Y-%m-%d}", "--until", f"{TODAY:%Y-%m-%d}")

every_provider = pytest.mark.parametrize("name", LOGS)


def log(name: str, rows: int | Sequence[object] = ROWS, **more: Any) -> Log:
    """Make a log that fills the window."""
    return LOGS[name](rows, **{"span": SPAN, "now": TODAY, **more})


# Of several --retry-for the last one counts; the default would make a failing test a slow one.
LIST = ("list", *WINDOW, "--retry-for", "20s")


def listed(server: Server, name: str, *words: str, **environment: str) -> Run:
    """List what a server's log has in the window."""
    return result(name, *LIST, *words, **{**server.environment, **environment})


def asked(
    name: str, *words: str, history: Log | None = None, faults: Any = (), **environment: str
) -> tuple[Run, list[Request]]:
    """List a log in the window; return what came of it, and what was asked."""
    with Server(history or log(name), faults=faults) as server:
        return listed(server, name, *words, **environment), server.requests


ANSWERS = {name: log(name).answers for name in LOGS}
"""What the log of so many rows takes in the window."""


@cache
def sound(name: str) -> bytes:
    """Tell what a provider's log comes to when nothing goes wrong."""
    found, requests = asked(name)
    assert (found.status, found.said) == (0, "")
    assert len(set(found.ids)) == ROWS
    assert len(requests) == ANSWERS[name]
    return found.out


def paged(history: Log) -> Log:
    """Let HRHIS give pages, whatever it is asked for."""
    if isinstance(history, Hrhis):
        history.paged = True
    return history


@dataclass(frozen=True)
class Happening:
    """An event, the moment it tells, and the number of the request that sees it first."""

    moment: datetime
    event: Any
    visible: int = 0


class Living:
    """Makes a log of `tests.server` show what is visible when a request comes, newest first."""

    happenings: list[Happening]
    asked: int = 0
    repeats: int = 0
    """Each so many-th row is sent twice."""

    def answer(self: Any, request: Request) -> Answer:
        with self.lock:
            self.asked += 1
            self.show()
            answer: Answer = super().answer(request)  # type: ignore[misc]
            if not isinstance(answer.body, bytes):
                answer = Answer(b"".join(answer.body), answer.status)
            return answer

    def show(self: Any) -> None:
        seen = [one for one in self.happenings if one.visible <= self.asked]
        seen.sort(key=lambda one: one.moment, reverse=True)
        rows = [json.dumps(one.event).encode() for one in seen]
        if self.repeats:
            rows = [
                row for n, row in enumerate(rows, 1) for _ in range(1 + (n % self.repeats == 0))
            ]
        self.given = rows
        self.total = len(rows)

    def grow(self) -> int:
        return 0


KINDS: dict[str, Any] = {name: type(name, (Living, log), {}) for name, log in LOGS.items()}
ID_NAMES = {
    **{name: log.key for name, log in LOGS.items()},
    **{
        name: vendor.id_name if tape.provider_class(name).has_ids else None
        for name, vendor in VENDORS.items()
    },
}
"""The member that makes events different; without one, all of them together do."""


def happening(name: str, n: int, moment: datetime, visible: int = 0) -> Happening:
    """Make one event of a provider; `n` makes it different from others."""
    return Happening(moment, LOGS[name].event_at(n, moment), visible)


@dataclass
class World:
    """One provider's log, and what must be in the destination at the end."""

    name: str
    log: Any
    happenings: list[Happening] = field(default_factory=list)

    @classmethod
    def make(cls, name: str, dice: random.Random, *, early: int, late: int, days: float) -> World:
        """Make a log: `early` events over so many days, `late` ones that appear one by one."""
        now = datetime.now(UTC)
        log = Hosted(name) if name in VENDORS else KINDS[name]([])
        world = cls(name, log)
        log.happenings = world.happenings
        for n in range(early):
            world.happens(n, now - timedelta(days=days) * dice.random())
        for n in range(late):
            moment = now - timedelta(minutes=dice.uniform(1, 45))
            world.happens(early + n, moment, visible=dice.randrange(1, 120))
        if ID_NAMES[name] is None:
            world.happenings += world.happenings[:3]  # alike to the last letter, and yet two
        elif name in LOGS:  # the others are asked for what is to come until tomorrow
            world.happens(early + late, now + timedelta(days=2))
        log.repeats = 17 if ID_NAMES[name] else 0
        return world

    def happens(self, n: int, moment: datetime, visible: int = 0) -> None:
        """Let an event happen; `n` makes it different from others."""
        if self.name in VENDORS:
            moment = moment.replace(microsecond=0)  # some know seconds only
        self.happenings.append(Happening(moment, self.log.event_at(n, moment), visible))

    def add(self, count: int) -> None:
        """Let so many more happen, all of them visible at once."""
        now = datetime.now(UTC)
        first = len(self.happenings) + 1000
        for n in range(count):
            self.happens(first + n, now - timedelta(milliseconds=n))

    def show_all(self) -> None:
        """Let everything be visible from now on."""
        self.log.asked = 10**6

    @property
    def expected(self) -> Counter[str]:
        """Give what must be there: each event once."""
        return Counter(key(self.name, one.event) for one in self.happenings)


def key(name: str, event: Any) -> str:
    """Give what tells an event from others: its id, or all of it."""
    member = ID_NAMES[name]
    return str(event[member]) if member else json.dumps(event, sort_keys=True)


def records(folder: Path) -> Iterator[Any]:
    """Read every record below a folder, whatever its files are."""
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or path.name.endswith(".journal"):
            continue
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        if path.name.removesuffix(".gz").endswith(".csv"):
            for row in csv.DictReader(io.StringIO(data.decode(), newline="")):
                yield {**row, "raw": json.loads(row["raw"])}
        else:
            yield from map(json.loads, data.decode().split("\n")[:-1])


def found(name: str, folder: Path) -> Counter[str]:
    """Count what is in a destination."""
    return Counter(key(name, record["raw"]) for record in records(folder))
