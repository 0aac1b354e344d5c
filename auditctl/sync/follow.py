"""A service: a run each interval, through outages, until a signal ends it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from auditctl.errors import ThrottledError, UnreachableError

LONGEST_PAUSE = 900.0
"""The longest pause between attempts while a provider is down."""
DOUBLED = 16
"""The most doublings of the pause: far beyond the longest, and short of an overflow."""
LONGEST_SLEEP = 86_400.0
"""Seconds slept at a time: the platform cannot sleep for centuries, which a wait may last."""


@dataclass
class Outage:
    """A time without answers from the provider: reported when it begins and when it ends."""

    say: Callable[[str], None]
    _lasts: bool = False

    def begin(self, sentence: str) -> None:
        """Note a failure, which may belong to an outage that was reported."""
        if not self._lasts:
            self.say(f"{sentence} It is asked again until it answers.")
        self._lasts = True

    def end(self) -> None:
        """Note that a run succeeded."""
        if self._lasts:
            self.say("The provider answers again.")
        self._lasts = False


def follow(
    run: Callable[[], object],
    interval: float,
    outage: Outage,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> NoReturn:
    """Run every ``interval`` seconds, counted from the first run so that nothing adds up.

    A run that takes longer leaves out the looks that it overran. While the provider is down or
    throttles, the pauses grow. It ends only by an exception: what ``run`` cannot outlast, or a
    signal.
    """
    due = clock()
    failures = 0
    while True:
        pause = 0.0
        try:
            run()
        except (UnreachableError, ThrottledError) as error:
            failures += 1
            outage.begin(str(error))
            growing = min(LONGEST_PAUSE, interval * 2 ** min(failures - 1, DOUBLED))
            pause = max(growing, error.wait or 0.0)
        else:
            failures = 0
            outage.end()
        now = clock()
        due += interval
        if due < now + pause:
            # The first regular start after those that were overrun.
            due += -(-(now + pause - due) // interval) * interval
        while (left := due - clock()) > 0:
            sleep(min(left, LONGEST_SLEEP))
