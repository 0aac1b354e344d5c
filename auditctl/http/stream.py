"""The rows of one answer as they come, and the members beside them."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import chain
from typing import Any, Self

import httpx

from auditctl.errors import AccessError, AuditctlError
from auditctl.http import arrays, body
from auditctl.http.answer import Answer
from auditctl.http.body import TooLargeError
from auditctl.http.cuts import CutArrayError
from auditctl.http.responses import NO_CONTENT, Responses, message_in
from auditctl.http.retry import PassingError, Trouble
from auditctl.http.sender import Question, Sender

READ_AHEAD = 4 * 1024 * 1024
"""Bytes of answers that wait for their turn, of all that are under way together."""


class Reading:
    """The state of an answer that is being read.

    The generator of its rows holds it. If that held the stream itself, neither would be let go.
    """

    def __init__(self) -> None:
        """Begin before the first byte."""
        self.members: dict[str, Any] = {}
        self.read_ahead = 0
        """Bytes still to be read before their turn."""


Lists = Callable[[Reading], Iterator[Answer | None]]
"""Yields lists of rows; before them None once bytes were read ahead, if that was asked for."""


class Stream:
    """An iterator over the rows of an answer: lists of some of them, each with its bytes.

    Nothing is asked before the first list is wanted, or `begin` is called. An array without rows
    gives one empty list; an object without the named array gives none.
    """

    def __init__(self, lists: Lists, share: int) -> None:
        """Take the rows from ``lists``; ``share`` bytes are read ahead where it is wanted."""
        self._reading = Reading()
        self._share = share
        self._lists = lists(self._reading)
        self._begun = False
        self._failure: AuditctlError | None = None

    @property
    def members(self) -> Mapping[str, Any]:
        """The object's other members: those before the array once rows come, in the end all."""
        return self._reading.members

    def begin(self, *, defer_failure: bool = False) -> Self:
        """Send the request and read the answer's first bytes, in the thread that calls this.

        What is read ahead stays as bytes, and the rest is read when rows are wanted. With
        ``defer_failure``, a failure is raised then too: the reader may know what to do about it.
        """
        if not self._begun:
            self._begun = True
            self._reading.read_ahead = self._share
            try:
                next(self._lists)
            except AuditctlError as failure:
                if not defer_failure:
                    raise
                self._failure = failure
        return self

    def __iter__(self) -> Self:
        """Return itself."""
        return self

    def __next__(self) -> Answer:
        """Return the next rows."""
        self._begun = True
        if self._failure is not None:
            raise self._failure
        for answer in self._lists:
            if answer is not None:
                return answer
        raise StopIteration


def lists(  # noqa: PLR0913 - what `Client.stream` is given, and what it has
    sender: Sender,
    question: Question,
    rows: str | None,
    reading: Reading,
    *,
    over: threading.Event,
    tries: int | None,
) -> Iterator[Answer | None]:
    """Yield the lists of a stream: see `Client.stream` and `Lists`."""
    position = arrays.START
    trouble = Trouble(sender.patience, over, tries)
    while True:
        used = sender.credentials.headers(over)
        try:
            with ExitStack() as exchange:
                response = exchange.enter_context(sender.sent(question, used, over))
                if not response.is_success:
                    sender.responses.answer(response)
                sender.credentials.accepted()
                chunks = body.chunks(response)
                if reading.read_ahead:
                    read, is_whole = _head(chunks, reading.read_ahead)
                    reading.read_ahead = 0
                    if is_whole:
                        exchange.close()  # the connection is free for another request
                    yield None
                    chunks = chain(read, chunks)
                    del read
                members = reading.members
                if response.status_code in NO_CONTENT:
                    found = iter([(Answer([], b""), position)])
                else:
                    found = arrays.split(chunks, position, name=rows, members=members)
                for answer, behind in _accepted(sender.responses, response, found, rows, members):
                    yield answer
                    position = behind
                    trouble = Trouble(sender.patience, over, tries)
                    del answer
                return
        except PassingError as passing:
            trouble.outlast(passing)
        except AccessError as refused:
            if not sender.credentials.renewed(used, refused):
                raise


def _accepted(
    responses: Responses,
    response: httpx.Response,
    rows: Iterator[arrays.Rows],
    name: str | None,
    members: Mapping[str, Any],
) -> Iterator[arrays.Rows]:
    """Pass rows on if the members beside them do not say that they are a refusal."""
    beside = Answer(members, b"", status=response.status_code, headers=response.headers)
    failures = responses.failures

    def status() -> int:
        return responses.true_status(beside)

    is_array = True
    try:
        for some in rows:
            # A refusal is read to its end: what it says may come after its rows.
            if httpx.codes.is_success(status()):
                yield some
    except arrays.NotAnArrayError:
        is_array = False
    except CutArrayError:
        raise failures.cut(response.headers) from None
    except arrays.ChangedError:
        raise failures.changed() from None
    except TooLargeError:
        what = "a row, or the rest of the object, is larger than any that is read"
        raise failures.unexpected(what) from None
    if not httpx.codes.is_success(status()):
        raise failures.of_status(status(), response.headers, message_in(members))
    if not is_array:
        raise failures.unexpected(f"it lacks the list {name}" if name else "its answer is no array")


def _head(chunks: Iterable[bytes], size: int) -> tuple[list[bytes], bool]:
    """Read ``size`` bytes, or all there are; return them and whether these are all."""
    read: list[bytes] = []
    left = size
    for chunk in chunks:
        read.append(chunk)
        left -= len(chunk)
        if left <= 0:
            return read, False
    return read, True
