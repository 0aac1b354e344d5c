"""A run after a conflict: it waits until the other run has ended, and begins again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from auditctl.errors import LockedError
from auditctl.sync.job import SILENT_SECONDS, catch_up
from auditctl.sync.run import Outcome
from auditctl.sync.state import ReadSpan, State

READING = ReadSpan(None, "2026-01-02T00:00:00.000Z", "c1", done=False)
DONE = ReadSpan(None, "2026-01-02T00:00:00.000Z", None, done=True)


@dataclass
class Scene:
    """A run that loses so often, and the other one, whose commits are at these seconds."""

    losses: int
    commits: dict[float, ReadSpan]
    now: float = 0.0
    begun: list[float] = field(default_factory=list)
    state: State = field(default_factory=State)

    @property
    def destination(self) -> Any:
        return self

    def check(self) -> None:
        seen = [(at, window) for at, window in self.commits.items() if at <= self.now]
        if seen:
            at, window = seen[-1]
            self.state = State(head=str(at), window=window)

    def catch_up(self, _outcome: Outcome) -> None:
        self.begun.append(self.now)
        self.now += 1
        if len(self.begun) <= self.losses:
            raise LockedError("lost")

    def pause(self, seconds: float) -> None:
        self.now += seconds

    def run(self, wait: float) -> Outcome:
        run: Any = self
        return catch_up(run, wait, self.pause, clock=lambda: self.now)


def test_without_a_wait_a_run_that_loses_ends() -> None:
    scene = Scene(1, {0: DONE})
    with pytest.raises(LockedError):
        scene.run(0)
    assert scene.begun == [0]


def test_it_begins_again_when_the_other_run_has_ended() -> None:
    scene = Scene(1, {0: READING, 20: READING, 30: DONE})
    scene.run(600)
    assert scene.begun == [0, 30]


def test_it_begins_again_when_the_other_run_is_silent() -> None:
    scene = Scene(1, {0: READING, 20: READING})
    scene.run(600)
    assert scene.begun == [0, 20 + SILENT_SECONDS]


def test_it_begins_again_when_its_time_is_over() -> None:
    scene = Scene(1, {n * 10.0: READING for n in range(100)})
    scene.run(60)
    assert scene.begun == [0, 60]


def test_it_ends_when_it_loses_after_its_time() -> None:
    scene = Scene(9, {n * 10.0: READING for n in range(100)})
    with pytest.raises(LockedError):
        scene.run(60)
    assert scene.begun == [0, 60]
