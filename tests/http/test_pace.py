"""Answers that drip, or whose head has no end, by a clock of our own."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from auditctl.http.body import TooLargeError
from auditctl.http.pace import LARGEST_HEAD, LEAST, SPAN, Pace, watch

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"


@dataclass
class Network:
    """A backend whose one connection reads what is given, each piece after so many seconds."""

    pieces: Iterable[tuple[bytes, float]]
    now: float = 0.0
    timeouts: list[float | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.left = iter(self.pieces)

    def connect_tcp(self, *_: Any, **__: Any) -> Network:
        return self

    start_tls = connect_tcp

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        self.timeouts.append(timeout)
        piece, seconds = next(self.left, (b"", 0.0))
        self.now += seconds
        return piece

    def write(self, *_: Any, **__: Any) -> None:
        pass

    def close(self) -> None:
        pass

    def get_extra_info(self, info: str) -> None:
        pass


def answer(
    *pieces: tuple[bytes, float] | Iterable[tuple[bytes, float]], url: str = "http"
) -> bytes:
    """Read one answer over httpx's own transport, its bytes coming as given."""
    network = Network(itertools.chain(*([p] if isinstance(p, tuple) else p for p in pieces)))
    pace = Pace(lambda: network.now)
    with httpx.HTTPTransport() as transport:
        transport._pool._network_backend = network  # type: ignore[assignment]
        watch(transport, pace)
        pace.begin()
        response = transport.handle_request(httpx.Request("GET", f"{url}://127.0.0.1/"))
        pace.in_head = False
        return b"".join(response.iter_raw())


def dripped(data: bytes, seconds: float = 1.0, size: int = 1) -> Iterable[tuple[bytes, float]]:
    return ((data[n : n + size], seconds) for n in range(0, len(data), size))


def test_an_answer_that_is_slow_but_short_is_read() -> None:
    body = b"x" * 20
    assert answer((HEAD % 20, 59.0), dripped(body)) == body
    assert answer(dripped(HEAD % 9 + body[:9]), url="https") == body[:9]


@pytest.mark.parametrize("url", ["http", "https"])
def test_a_body_of_a_byte_a_second_is_given_up_after_a_minute(url: str) -> None:
    with pytest.raises(httpx.ReadTimeout, match="less than 64 KiB in 60 s"):
        answer((HEAD % 10**6, 1.0), dripped(b"x" * 10**6), url=url)


def test_a_head_of_a_byte_a_second_is_given_up_after_a_minute() -> None:
    with pytest.raises(httpx.ReadTimeout, match="less than 64 KiB in 60 s"):
        answer(dripped(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10**6))


def test_chunks_that_hold_nothing_are_no_progress() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with pytest.raises(httpx.ReadTimeout):
        answer((head, 1.0), ((b"1;%d\r\nx\r\n" % n, 30.0) for n in itertools.count()))


def test_a_large_answer_at_the_least_pace_is_read_however_long_it_takes() -> None:
    body = b"x" * LEAST * 50
    assert answer((HEAD % len(body), 1.0), dripped(body, SPAN, LEAST)) == body


def test_interim_answers_without_an_end_are_not_read_for_ever() -> None:
    interim = b"HTTP/1.1 102 Processing\r\n\r\n" * 1000
    read = itertools.count()
    with pytest.raises(TooLargeError):
        answer((interim, 0.0) for _ in read)
    assert next(read) * len(interim) <= LARGEST_HEAD + 2 * len(interim)
