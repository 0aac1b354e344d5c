"""Several sources, some of them at once; one that fails does not stop the others."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S")
R = TypeVar("R")

GRACE = 2.0
"""Seconds that commits in hand may still take when the runs are to end."""


class StoppedError(BaseException):
    """The runs are to end; like KeyboardInterrupt it is no failure."""


@dataclass
class Result(Generic[S, R]):
    """What became of one source: what its run gave, or how it failed."""

    source: S
    outcome: R | None = None
    error: Exception | None = None


class Together:
    """Runs on threads of their own, so many of them at work at once."""

    def __init__(self, jobs: int) -> None:
        """Let ``jobs`` runs work at once."""
        self._stop = threading.Event()
        self._turn = threading.Semaphore(jobs)

    def check(self, _: object = None) -> None:
        """End this thread's run if all of them are to end."""
        if self._stop.is_set():
            raise StoppedError

    def sleep(self, seconds: float) -> None:
        """Wait, unless all are to end."""
        self._stop.wait(seconds)
        self.check()

    def in_turn(self, run: Callable[[], R]) -> R:
        """Run when there is room."""
        with self._turn:
            self.check()
            return run()

    def all(
        self,
        run: Callable[[S], R],
        results: Sequence[Result[S, R]],
        tell: Callable[[S, Exception], None],
    ) -> None:
        """Fill in what becomes of each source; ``tell`` hears of a failure as soon as it happens.

        An exception that comes from outside, a signal's, ends all of them.
        """
        # Daemons: what hangs in a request does not keep the process when it is to end.
        threads = [
            threading.Thread(target=self._one, args=(run, result, tell), daemon=True)
            for result in results
        ]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except BaseException:
            self._stop.set()
            _await(threads)
            raise

    def _one(
        self, run: Callable[[S], R], result: Result[S, R], tell: Callable[[S, Exception], None]
    ) -> None:
        try:
            result.outcome = run(result.source)
        except StoppedError:
            pass
        except Exception as error:  # noqa: BLE001 - told with the others at the end
            result.error = error
            tell(result.source, error)


def _await(threads: Sequence[threading.Thread]) -> None:
    import time

    until = time.monotonic() + GRACE
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
