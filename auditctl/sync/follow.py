"""A service: a run each interval, through outages, until somebody ends it."""

import time
from collections.abc import Callable

from auditctl.errors import ThrottledError, UnreachableError

LONGEST_PAUSE = 900.0
"""Seconds between two looks at a provider that is down."""


def follow(
    run: Callable[[], object],
    interval: float,
    say: Callable[[str], None],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Run every ``interval`` seconds, counted from the first run so that nothing adds up.

    A run that takes longer leaves out the looks that it overran. While the provider is down or
    throttles, the pauses grow, and one line says when that begins and one when it ends. It ends
    only by an exception: what ``run`` cannot outlast, or a signal.
    """
    due = clock()
    failures = 0
    while True:
        pause = 0.0
        try:
            run()
        except (UnreachableError, ThrottledError) as error:
            failures += 1
            if failures == 1:
                say(f"{error} It is asked again until it answers.")
            asked = error.wait if isinstance(error, ThrottledError) else None
            growing = min(LONGEST_PAUSE, interval * 2 ** min(failures - 1, 16))
            pause = max(growing, asked or 0.0)
        else:
            if failures:
                say("The provider answers again.")
            failures = 0
        now = clock()
        due += interval
        if due < now + pause:
            # On the beat again behind what was overrun.
            due += -(-(now + pause - due) // interval) * interval
        sleep(due - now)
