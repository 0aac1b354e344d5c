"""The minimum speed of an answer, and the maximum size of its headers."""

import threading
import time
from collections.abc import Callable
from typing import Any

import httpx

from auditctl.http.body import TooLargeError

SPAN = 60.0
"""Seconds of waiting after which the bytes received are checked."""
LEAST = 64 * 1024
"""Bytes that must come in each span: a timeout for each read is met by a byte a minute."""
LARGEST_HEAD = 1024 * 1024
"""Bytes of headers; of all interim answers before them too, which h11 does not count."""


class Pace(threading.local):
    """The bytes received of an answer so far, in the thread that reads it.

    Only waiting counts: a reader that takes its time, such as a pager, is no fault of the answer.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Measure by ``clock``."""
        self.clock = clock
        self.begin()
        self.in_head = False

    def begin(self) -> None:
        """Begin anew with an answer's head, of which nothing has come yet."""
        self._waited = 0.0
        self._came = 0
        self._head = 0
        self._started = False
        self.in_head = True

    def check(self) -> None:
        """Check that enough came to go on waiting.

        Raises:
            httpx.ReadTimeout: too little has come in the last span.

        """
        if self._waited < SPAN:
            return
        if self._came < LEAST:
            raise httpx.ReadTimeout(f"less than {LEAST // 1024} KiB in {SPAN:.0f} s")
        self._waited = 0.0
        self._came = 0

    def note(self, size: int, seconds: float) -> None:
        """Note what came; the first of it has a timeout of its own.

        Raises:
            TooLargeError: the head has no end.

        """
        if self._started:
            self._waited += seconds
        self._started = True
        self._came += size
        if self.in_head:
            self._head += size
            if self._head > LARGEST_HEAD:
                raise TooLargeError


def watch(transport: httpx.HTTPTransport, pace: Pace) -> None:
    """Measure the pace of a transport's connections.

    httpcore takes a backend of one's own, but httpx has no argument to hand it on.
    """
    pool: Any = transport._pool  # noqa: SLF001
    pool._network_backend = _Backend(pool._network_backend, pace)  # noqa: SLF001


class _Backend:
    """Opens connections whose streams are watched."""

    def __init__(self, backend: Any, pace: Pace) -> None:  # noqa: ANN401 - httpcore's
        self._backend = backend
        self._pace = pace

    def connect_tcp(self, *args: Any, **kwargs: Any) -> "_Stream":  # noqa: ANN401
        return _Stream(self._backend.connect_tcp(*args, **kwargs), self._pace)


class _Stream:
    """A connection's bytes, each read of them noted."""

    def __init__(self, stream: Any, pace: Pace) -> None:  # noqa: ANN401 - httpcore's
        self._stream = stream
        self._pace = pace
        self.write = stream.write
        self.close = stream.close
        self.get_extra_info = stream.get_extra_info

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        pace = self._pace
        pace.check()
        started = pace.clock()
        data: bytes = self._stream.read(max_bytes, timeout)
        pace.note(len(data), pace.clock() - started)
        return data

    def start_tls(self, *args: Any, **kwargs: Any) -> "_Stream":  # noqa: ANN401
        return _Stream(self._stream.start_tls(*args, **kwargs), self._pace)
