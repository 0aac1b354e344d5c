"""Rows of one answer as a provider gets them: judged, taken up again, some bytes ahead."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest

from auditctl.errors import (
    AccessError,
    AnswerError,
    AuditctlError,
    ThrottledError,
    UnreachableError,
)
from auditctl.http.stream import READ_AHEAD
from auditctl.provider import Client, Page, Secret, Stream, Window
from auditctl.providers.roam import Roam
from tests.service import moment, strays

PATIENCE = 30
"""Seconds after which something that waits for ever is given up; nothing is expected to."""
ROAM = Roam(api_key=Secret("example-key"), base_url="https://api.ro.am/v1")
ROWS = [{"n": n, "text": "x" * 100} for n in range(5_000)]


@dataclass
class Body(httpx.SyncByteStream):
    """A body in pieces, after which the connection may break; the pieces taken are counted."""

    pieces: Iterator[bytes]
    breaks: bool = False
    size: int = 0
    closed: bool = False

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            self.size += len(piece)
            yield piece
        if self.breaks:
            message = "the connection is gone"
            raise httpx.ReadError(message)

    def close(self) -> None:
        self.closed = True


def sent(body: bytes, breaks_at: int | None = None) -> httpx.Response:
    body = body[:breaks_at]
    pieces = (body[n : n + 5_000] for n in range(0, len(body), 5_000))
    return httpx.Response(200, stream=Body(pieces, breaks=breaks_at is not None))


@dataclass
class Answers:
    """Answers one request after another."""

    left: list[httpx.Response]
    asked: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.left.pop(0)

    def stream(self, retry_for: float = 60, **how: Any) -> Stream:
        transport = httpx.MockTransport(self)
        client = Client(ROAM, transport=transport, retry_for=timedelta(seconds=retry_for))
        return client.stream("/logs", rows="logs", **how)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pauses between attempts take no time."""
    monkeypatch.setattr("auditctl.http.retry.FIRST_PAUSE", 0.001)


def rows(stream: Stream) -> list[Any]:
    return [row for answer in stream for row in answer.tree]


def body(**members: Any) -> bytes:
    return json.dumps({"id": 1, "logs": ROWS, **members}).encode()


@pytest.mark.parametrize("where", [3, 100_000, 400_000, -60, -3])
def test_an_answer_that_breaks_off_goes_on_without_loss_or_repeat(where: int) -> None:
    whole = body(name="Asha" * 10)
    answers = Answers([sent(whole, where), sent(whole, where), sent(whole)])
    stream = answers.stream()
    assert rows(stream) == ROWS
    assert stream.members == {"id": 1, "name": "Asha" * 10}
    assert len(answers.asked) == 3


def test_an_answer_that_changed_meanwhile_ends_the_run() -> None:
    stream = Answers([sent(body(), 400_000), sent(body().replace(b'"n": 0', b'"n": 1'))]).stream()
    with pytest.raises(UnreachableError, match="log changed"):
        rows(stream)


@pytest.mark.parametrize("first", [True, False], ids=["before the rows", "behind them"])
@pytest.mark.parametrize(
    ("code", "failure"),
    [("invalid_token", AccessError), ("ratelimited", ThrottledError), ("other", AnswerError)],
)
@pytest.mark.parametrize("count", [3, 5_000])
def test_a_refusal_under_http_200_is_one_wherever_it_is_said(
    first: bool,  # noqa: FBT001
    code: str,
    failure: type[AuditctlError],
    count: int,
) -> None:
    refusal = {"ok": False, "error": code}
    logs = {"logs": ROWS[:count]}
    whole = {**refusal, **logs} if first else {**logs, **refusal}
    stream = Answers([sent(json.dumps(whole).encode())]).stream(retry_for=0)
    found = []
    with pytest.raises(failure, match=code):  # noqa: PT012 - what came before is the evidence
        for answer in stream:
            found += answer.tree
    assert not found or (count > 1_000 and not first)


def test_a_limit_that_is_told_under_http_200_is_waited_for() -> None:
    limited = json.dumps({"ok": False, "error": "ratelimited"}).encode()
    answers = Answers([sent(limited), sent(body())])
    assert rows(answers.stream()) == ROWS


@pytest.mark.parametrize("text", ['{"logs":{}}', '{"logs":"[]"}', "[]", "null", '"logs"', "7"])
def test_json_of_another_shape_is_told_apart_from_what_is_no_json(text: str) -> None:
    with pytest.raises(AnswerError, match="because it lacks the list logs"):
        rows(Answers([sent(text.encode())]).stream())
    with pytest.raises(UnreachableError, match="ends too early, or is not JSON"):
        rows(Answers([sent(f"{text}?".encode())]).stream(retry_for=0))


@pytest.mark.parametrize("text", ["{}", '{"logs":null}'])
def test_an_object_without_the_list_is_left_to_the_caller(text: str) -> None:
    assert list(Answers([sent(text.encode())]).stream()) == []
    assert [answer.tree for answer in Answers([sent(b'{"logs":[]}')]).stream()] == [[]]
    assert [answer.tree for answer in Answers([httpx.Response(204)]).stream().begin()] == [[]]


def test_a_row_that_is_too_large_ends_the_run_with_6(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditctl.http.arrays.LARGEST_ROW", 100_000)
    huge = b'{"logs":[{},{"x":"' + b"x" * 300_000 + b'"}]}'
    for stream in (Answers([sent(huge)]).stream(), Answers([sent(huge)]).stream().begin()):
        with pytest.raises(AnswerError, match="larger than any that is read"):
            rows(stream)


def test_so_many_tries_and_no_more_however_much_patience_is_left() -> None:
    limited = httpx.Response(429, headers={"Retry-After": "0"})
    answers = Answers([limited, httpx.Response(503), limited, sent(body(), 100)])
    with pytest.raises(UnreachableError, match="broke off its answer"):
        rows(answers.stream(tries=2))
    assert len(answers.asked) == 4
    answers = Answers([httpx.Response(503), sent(body(), 400_000), sent(body())])
    assert rows(answers.stream(tries=2)) == ROWS  # what brings rows begins anew


def test_nothing_is_asked_before_rows_are_wanted_and_once_though_begun_twice() -> None:
    answers = Answers([sent(body())])
    stream = answers.stream()
    assert answers.asked == []
    assert rows(stream.begin().begin()) == ROWS
    assert len(answers.asked) == 1
    assert list(stream) == []


def test_a_stream_that_is_dropped_lets_go_of_its_answer() -> None:
    response = sent(body() * 100)
    stream = Answers([response]).stream()
    next(stream)
    assert isinstance(response.stream, Body) is False  # it is counted on the way
    assert not response.is_closed
    del stream
    assert response.is_closed


# What waits for its turn


def landed() -> None:
    for thread in strays():
        thread.join(PATIENCE)
    assert strays() == []


def days(body_of: Callable[[str], Body], concurrency: int) -> Iterator[Page]:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=body_of(request.url.params["date"]))

    client = Client(ROAM, transport=httpx.MockTransport(answer), concurrency=concurrency)
    return ROAM.pages(client, Window(moment("2025-12-01"), moment("2025-12-11")))


@pytest.mark.parametrize("concurrency", [2, 4])
def test_what_waits_for_its_turn_is_some_bytes_and_the_rest_is_read_then(concurrency: int) -> None:
    row = json.dumps({"text": "x" * 1_000}).encode()
    count = 4 * READ_AHEAD // concurrency // len(row)
    bodies: dict[str, Body] = {}

    def long(day: str) -> Body:
        pieces = [b'{"ok":true,"auditLogs":[', *[row + b","] * count, row, b"]}"]
        bodies[day] = Body(iter(pieces))
        return bodies[day]

    found: Counter[str | None] = Counter()
    for page in days(long, concurrency):
        if page.day not in found:
            landed()
            waiting = [bodies[day].size for day in bodies if day < str(page.day)]
            assert len(waiting) == min(concurrency, 10 - len(found) - 1)
            assert sum(waiting) <= READ_AHEAD + concurrency * 2 * len(row)
        found[page.day] += len(page.events)
    assert [*found.values()] == [count + 1] * 10
    assert [*found] == sorted(bodies, reverse=True)


def test_a_day_that_was_read_ahead_whole_holds_no_connection_while_it_waits() -> None:
    bodies: dict[str, Body] = {}

    def short(day: str) -> Body:
        bodies[day] = Body(iter([b'{"ok":true,"auditLogs":[{}]}']))
        return bodies[day]

    pages = days(short, 4)
    next(pages)
    landed()
    assert [body.closed for body in bodies.values()] == [True] * 5
