"""Signals that end a run: raised where they come, but not in the middle of a record."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

GRACE = 2.0
"""Seconds that a write in hand may still take: whoever should read it may have stopped."""


class InterruptedRunError(BaseException):
    """SIGINT, SIGTERM or SIGHUP came; like KeyboardInterrupt, it is no failure of the program."""

    def __init__(self, number: int) -> None:
        """Keep the signal's number."""
        super().__init__(number)
        self.status = 128 + number


class Interrupts:
    """What happens when a signal comes."""

    def __init__(self) -> None:
        """Do nothing yet."""
        self._held = False
        self._pending: int | None = None

    def install(self) -> None:
        """Take the signals over, but for those that the parent wants ignored (nohup)."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._come)
        signal.signal(signal.SIGALRM, self._come)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold a signal back until the block is through, but no longer than GRACE."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
            if self._pending is not None:
                signal.setitimer(signal.ITIMER_REAL, 0)
                raise InterruptedRunError(self._pending)

    def _come(self, number: int, _frame: FrameType | None) -> None:
        if not self._held:
            raise InterruptedRunError(number)
        if self._pending is not None:
            raise InterruptedRunError(self._pending)
        self._pending = number
        signal.setitimer(signal.ITIMER_REAL, GRACE)


interrupts = Interrupts()
"""The process has one set of signals."""
