"""One request, sent again until it is answered or the run's patience ends."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import chain
from typing import NamedTuple

import httpx

from auditctl.errors import AccessError
from auditctl.http import arrays, body
from auditctl.http.answer import Answer
from auditctl.http.connection import Connection
from auditctl.http.credentials import Credentials
from auditctl.http.responses import NO_CONTENT, Responses
from auditctl.http.retry import PassingError, Patience, Trouble
from auditctl.http.stream import Reading, head
from auditctl.http.urls import Params


class Question(NamedTuple):
    """What is asked, below the base URL."""

    path: str
    params: Params
    method: str = "GET"
    content: bytes = b""


class Sender(NamedTuple):
    """Sends requests with the credentials of the run.

    ``over`` is set when the walk has ended that a request belongs to: it is given up then.
    """

    connection: Connection
    credentials: Credentials
    responses: Responses
    patience: Patience

    def answer(self, question: Question, over: threading.Event) -> Answer:
        """Return the whole answer to a question."""
        trouble = Trouble(self.patience, over)
        while True:
            used = self.credentials.headers(over)
            try:
                with self._sent(question, used, over) as response:
                    answer = self.responses.answer(response)
            except PassingError as passing:
                trouble.outlast(passing)
            except AccessError as refused:
                if not self.credentials.renewed(used, refused):
                    raise
            else:
                self.credentials.accepted()
                return answer

    def lists(
        self,
        question: Question,
        rows: str | None,
        reading: Reading,
        over: threading.Event,
        tries: int | None,
    ) -> Iterator[Answer | None]:
        """Yield the lists of a stream: see `Client.stream` and `auditctl.http.stream.Lists`."""
        position = arrays.START
        trouble = Trouble(self.patience, over, tries)
        while True:
            used = self.credentials.headers(over)
            try:
                with ExitStack() as exchange:
                    response = exchange.enter_context(self._sent(question, used, over))
                    if not response.is_success:
                        self.responses.answer(response)
                    self.credentials.accepted()
                    chunks = body.chunks(response)
                    if reading.read_ahead:
                        read, is_whole = head(chunks, reading.read_ahead)
                        reading.read_ahead = 0
                        if is_whole:
                            exchange.close()  # the connection is free for another request
                        yield None
                        chunks = chain(read, chunks)
                        del read
                    members = reading.members
                    if response.status_code in NO_CONTENT:
                        lists = iter([(Answer([], b""), position)])
                    else:
                        lists = arrays.split(chunks, position, name=rows, members=members)
                    for answer, behind in self.responses.accepted(response, lists, rows, members):
                        yield answer
                        position = behind
                        trouble = Trouble(self.patience, over, tries)
                        del answer
                    return
            except PassingError as passing:
                trouble.outlast(passing)
            except AccessError as refused:
                if not self.credentials.renewed(used, refused):
                    raise

    @contextmanager
    def _sent(
        self, question: Question, used: Mapping[str, str], over: threading.Event
    ) -> Iterator[httpx.Response]:
        self.patience.wait_turn(over)
        with self.connection.asked(
            question.method, question.path, question.params, used, question.content
        ) as response:
            yield response
