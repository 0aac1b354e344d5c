"""Signals that end a run: raised where they come, but not in the middle of a record."""

import atexit
import math
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

SAME_SIGNAL = 1.0
"""Seconds within which signals are one: timeout(1) signals a process, and then its group too."""
GRACE = 2.0
"""Seconds that a current write may still take: its reader may have stopped.

And seconds after which an interruption is raised again in a run that has not ended: foreign code
may have dropped it, or what is tidied up may wait in vain.
"""
POLL_INTERVAL = 0.5
"""Seconds between two looks for a signal, while the program waits.

Python sees a signal before it waits and when it ends a wait, but one that comes in between only
after it: when a lock is had or an answer is there, which may be never. A timer ends the wait, if a
signal has come, and goes on with it if not.
"""


class InterruptedRunError(SystemExit):
    """SIGINT, SIGTERM or SIGHUP came; where nobody catches it, the process ends without a word."""

    def __init__(self, number: int) -> None:
        """Make the exit status out of the signal's number."""
        self.status = 128 + number
        super().__init__(self.status)


class Interrupts:
    """The state of signal handling: what a signal does now."""

    def __init__(self) -> None:
        """Do nothing yet."""
        self._came: int | None = None
        self._came_at = 0.0
        self._held = False
        self._over = False
        self._grace = GRACE
        self._due = math.inf  # the time from which the timer raises what came
        self._pass_on = sys.unraisablehook

    def install(self) -> None:
        """Take the signals over, but for those that the parent wants ignored (nohup)."""
        self._came = None
        self._over = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._come)
        signal.signal(signal.SIGALRM, self._poll)
        signal.setitimer(signal.ITIMER_REAL, POLL_INTERVAL, POLL_INTERVAL)
        # When the interpreter is taken down, a tick that nobody handles would kill it. To stop the
        # timer is not enough: one may be on its way.
        atexit.register(signal.signal, signal.SIGALRM, signal.SIG_IGN)
        if sys.unraisablehook != self._lost:
            self._pass_on, sys.unraisablehook = sys.unraisablehook, self._lost

    @property
    def status(self) -> int | None:
        """The exit status of the signal that came, if one did."""
        return None if self._came is None else InterruptedRunError(self._came).status

    def finish(self) -> None:
        """Ignore the first signal from now on: the output is complete.

        Only another one later does: what is left to say may find nobody who reads it.
        """
        self._over = True

    @contextmanager
    def held(self, grace: float = GRACE) -> Iterator[None]:
        """Hold a signal back until the block is through, but no longer than ``grace`` seconds.

        With ``math.inf`` for as long as it takes. Another signal later is not held back.
        """
        self._held = True
        self._grace = grace
        self._due = time.monotonic() + grace  # for a signal that came before
        try:
            yield
        finally:
            self._held = False
            if self._came is not None and not self._over:
                self._raise(self._came)

    def _come(self, number: int, _frame: FrameType | None) -> None:
        if self._came is not None:
            if time.monotonic() - self._came_at >= SAME_SIGNAL:
                # Whoever asks again does not want to wait. To raise once more would break into what
                # is being done because of the first, and might be waited for in vain too.
                signal.signal(number, signal.SIG_DFL)
                signal.raise_signal(number)
            return
        self._came = number
        self._came_at = time.monotonic()
        if self._held:
            self._due = self._came_at + self._grace
        elif not self._over:
            self._raise(number)

    def _poll(self, _number: int, _frame: FrameType | None) -> None:
        if self._came is not None and not self._over and time.monotonic() >= self._due:
            self._raise(self._came)

    def _raise(self, number: int) -> NoReturn:
        self._due = time.monotonic() + GRACE
        raise InterruptedRunError(number)

    def _lost(self, unraisable: "sys.UnraisableHookArgs") -> None:
        """Raise an interruption again that came where exceptions are dropped.

        In the callback of a weak reference, say, of which an import has many.
        """
        if isinstance(unraisable.exc_value, InterruptedRunError):
            self._due = 0.0
        else:
            self._pass_on(unraisable)


interrupts = Interrupts()
"""The process has one set of signals."""
