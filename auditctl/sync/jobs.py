"""Several sources, some of them at once; one that fails does not stop the others."""

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from auditctl.interrupts import interrupts

S = TypeVar("S")
R = TypeVar("R")

GRACE = 2.0
"""Seconds that current work may still take when the runs are to end; commits are waited for."""


class StoppedError(BaseException):
    """The runs are to end; like KeyboardInterrupt, this is no failure."""


@dataclass
class Result(Generic[S, R]):
    """The result of one source: its run's outcome, or its failure."""

    source: S
    outcome: R | None = None
    error: Exception | None = None
    ended: threading.Event = field(default_factory=threading.Event)


class SourceRunner:
    """Runs, each on a thread of its own, of which some work at once."""

    def __init__(self, jobs: int) -> None:
        """Allow ``jobs`` runs to work at once."""
        self._stop = threading.Event()
        self._turn = threading.Semaphore(jobs)
        self._commits = 0
        self._committed = threading.Condition()

    def check(self, _: object = None) -> None:
        """End this thread's run if all of them are to end."""
        if self._stop.is_set():
            raise StoppedError

    def sleep(self, seconds: float) -> None:
        """Wait, unless all are to end."""
        self._stop.wait(seconds)
        self.check()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Protect a block: when all runs are to end it is waited for, and no other begins."""
        with self._committed:
            self.check()
            self._commits += 1
        try:
            yield
        finally:
            with self._committed:
                self._commits -= 1
                self._committed.notify_all()

    def in_turn(self, run: Callable[[], R]) -> R:
        """Run when there is room."""
        with self._turn:
            self.check()
            return run()

    def start(
        self,
        run: Callable[[S], R],
        results: Sequence[Result[S, R]],
        tell: Callable[[S, Exception], None],
    ) -> None:
        """Begin to run each source and note its result; ``tell`` gets a failure when it happens."""

        def fail(result: Result[S, R], error: Exception) -> None:
            result.error = error
            tell(result.source, error)
            result.ended.set()

        def one(result: Result[S, R]) -> None:
            try:
                result.outcome = run(result.source)
            except StoppedError:
                pass
            except Exception as error:  # noqa: BLE001 - reported with the others at the end
                fail(result, error)
            finally:
                result.ended.set()

        for result in results:
            # Daemons: what hangs in a request does not keep the process when it is to end.
            thread = threading.Thread(target=one, args=(result,), daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # the platform has no more threads
                fail(result, error)

    def end(self) -> None:
        """End all runs, each when it next looks: see `check`."""
        self._stop.set()

    def all(
        self,
        run: Callable[[S], R],
        results: Sequence[Result[S, R]],
        tell: Callable[[S, Exception], None],
    ) -> None:
        """Run each source to its end: see `start`.

        An exception that comes from outside, a signal's, ends all of them.
        """
        try:
            self.start(run, results, tell)
            # No join: before Python 3.13 a thread counts as ended once that was interrupted.
            for result in results:
                result.ended.wait()
        except BaseException:
            self.end()
            with interrupts.held(math.inf):
                until = time.monotonic() + GRACE
                for result in results:
                    result.ended.wait(max(0.0, until - time.monotonic()))
                with self._committed:
                    self._committed.wait_for(lambda: not self._commits)
            raise
