"""Retries while a provider is down or throttles, shared by all requests of a run."""

import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from auditctl.errors import AuditctlError, ThrottledError, UnreachableError

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds between attempts where the provider asks for no pause of its own."""


class PassingError(Exception):
    """A temporary failure."""

    def __init__(
        self,
        sentence: str,
        *,
        throttled: bool = False,
        wait: float | None = None,
        hint: str = "Check the network and the provider's status page.",
        unlike_api: bool = False,
    ) -> None:
        """Note what happened, and how many seconds the provider asks to wait.

        ``hint`` says what to do if it does not pass; for ``unlike_api`` see `UnreachableError`.
        """
        super().__init__(sentence)
        self.sentence = sentence
        self.throttled = throttled
        self.wait = wait
        self.hint = hint
        self.unlike_api = unlike_api


class Patience:
    """The time to retry for, and the time before which no request may be sent."""

    def __init__(
        self, title: str, retry_for: timedelta, on_pause: Callable[[str, float], None]
    ) -> None:
        """Retry each failure of the provider ``title`` for ``retry_for``; call ``on_pause``."""
        self.title = title
        self.retry_for = retry_for.total_seconds()
        self.on_pause = on_pause
        self._not_before = 0.0
        self._lock = threading.Lock()

    def wait_turn(self, over: threading.Event) -> None:
        """Wait until requests are allowed again, unless the walk ends meanwhile."""
        while (pause := max(0.0, self._not_before - time.monotonic())) or over.is_set():
            sleep(pause, over)

    def hold(self, seconds: float) -> None:
        """Hold back every request of the run from now on, for so long."""
        with self._lock:
            self._not_before = max(self._not_before, time.monotonic() + seconds)


def sleep(seconds: float, over: threading.Event) -> None:
    """Wait in this thread.

    Raises:
        UnreachableError: the walk that it asks for is over, so its answer is not needed.

    """
    if over.wait(min(seconds, threading.TIMEOUT_MAX)):
        message = "The walk ended while this request waited."
        raise UnreachableError(message)


class Trouble:
    """The failed attempts of one request so far."""

    def __init__(self, patience: Patience, over: threading.Event, tries: int | None = None) -> None:
        """Begin without a failure; ``over`` is set when the answer is no longer needed.

        After ``tries`` failures it is given up, whatever patience is left.
        """
        self._patience = patience
        self._over = over
        self._tries = tries
        self._failures = 0
        self._since: float | None = None
        self._pauses = 0

    def outlast(self, passing: PassingError) -> None:
        """Wait until the question may be asked again.

        Raises:
            ThrottledError, UnreachableError: it has lasted too long, or would.

        """
        patience = self._patience
        now = time.monotonic()
        if self._since is None:
            self._since = now
        left = patience.retry_for - (now - self._since)
        self._failures += not passing.throttled
        if left <= 0 or (passing.wait is not None and passing.wait > left):
            raise self._given_up(passing) from None
        if self._failures == self._tries:
            patience.hold(passing.wait or 0.0)  # other questions may be asked, when it is over
            passing.wait = None
            raise self._given_up(passing) from None
        pause = passing.wait or 0.0
        # "At once" is no pause, and a millisecond is none the second time: it would be asked again
        # and again.
        if not pause or (self._pauses and pause < FIRST_PAUSE):
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**self._pauses)
            pause *= random.uniform(0.5, 1)  # noqa: S311 - jitter, not a secret
            pause = min(pause, left)
        self._pauses += 1
        patience.on_pause(f"{patience.title} {passing.sentence}", pause)
        if passing.throttled or passing.wait is not None:
            patience.hold(pause)
        else:
            sleep(pause, self._over)

    def _given_up(self, passing: PassingError) -> AuditctlError:
        patience = self._patience
        waited = time.monotonic() - (self._since or 0.0)
        spent = f", of which {waited:.0f} have passed" if waited >= 1 else ""
        wants = f" and wants {passing.wait:.0f} s of rest" if passing.wait else ""
        message = (
            f"{patience.title} {passing.sentence}{wants}; --retry-for allows "
            f"{patience.retry_for:.0f} s{spent}. "
        )
        error: ThrottledError | UnreachableError
        if passing.throttled:
            error = ThrottledError(message + "Run it later, or with a longer --retry-for.")
        else:
            error = UnreachableError(message + passing.hint)
            error.unlike_api = passing.unlike_api
        error.wait = passing.wait
        return error
