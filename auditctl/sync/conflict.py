"""A run that begins again after a conflict: another run has committed to its destination."""

import time
from collections.abc import Callable

from auditctl.errors import LockedError
from auditctl.sync.destination import Destination
from auditctl.sync.run import Outcome, Run

POLL_SECONDS = 1.0
"""Between two looks at what the other run does."""
SILENT_SECONDS = 45.0
"""A run that has not committed for so long was killed: it commits every 30 seconds."""


def catch_up(
    run: Run,
    wait: float,
    pause: Callable[[float], object],
    clock: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Do a run; begin it again for up to ``wait`` seconds, each time when the other run has ended.

    Raises:
        LockedError: another run has committed again after that time.

    """
    until = clock() + wait
    while True:
        try:
            return run.catch_up()
        except LockedError:
            if clock() >= until:
                raise
        _await_end(run.destination, until, pause, clock)


def _await_end(
    destination: Destination,
    until: float,
    pause: Callable[[float], object],
    clock: Callable[[], float],
) -> None:
    """Wait until the other run has read its window to the end, or does not go on."""
    head, moved = "", 0.0
    while True:
        destination.check()
        state = destination.state
        if state.head != head:
            head, moved = state.head, clock()
        ended = state.window is None or state.window.done or clock() - moved >= SILENT_SECONDS
        if ended or clock() >= until:
            return
        pause(POLL_SECONDS)
