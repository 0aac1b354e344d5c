"""Logs for `sync`, each with a destination of its own."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auditctl.sync.files import destination
from auditctl.sync.follow import follow
from tests.server import Server
from tests.sync.desk import Desk, Desks
from tests.world import KINDS, World


@pytest.fixture
def desks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Iterator[Desks]:
    """Make a log of so many events in so many days; each page of it is a commit."""
    monkeypatch.setattr(destination, "READING_PER_COMMIT", 0)
    with contextlib.ExitStack() as stack:

        def make(name: str, *, early: int, late: int = 0, days: int, seed: int = 1) -> Desk:
            world = World.make(name, random.Random(seed), early=early, late=late, days=days)
            server = stack.enter_context(Server(world.log))
            for variable, value in server.environment.items():
                monkeypatch.setenv(variable, value)
            folder = tmp_path / "audit"
            folder.mkdir()
            return Desk(name, world, server, folder, capfdbinary)

        yield make


@pytest.fixture(params=KINDS)
def each(request: pytest.FixtureRequest, desks: Desks) -> Desk:
    """Give a log of each provider."""
    return desks(request.param, early=250, days=10)


@pytest.fixture(params=[name for name in KINDS if name != "roam"])
def undivided(request: pytest.FixtureRequest, desks: Desks) -> Desk:
    """Give an empty log of each provider whose log is not asked for by day."""
    made = desks(request.param, early=0, days=1)
    made.world.happenings.clear()
    return made


@pytest.fixture
def persona(desks: Desks) -> Desk:
    """Give a log of ten pages that repeats nothing."""
    made = desks("persona", early=950, days=150)
    made.world.log.repeats = 0
    return made


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pauses of a service pass at once."""
    passed = [0.0]

    def sleep(seconds: float) -> None:
        passed[0] += seconds

    def by_a_clock(*run: Any, **_: Any) -> None:
        follow(*run, clock=lambda: passed[0], sleep=sleep)

    monkeypatch.setattr("auditctl.sync.follow.follow", by_a_clock)
