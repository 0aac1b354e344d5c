"""One request, sent again until it is answered or the run's patience ends."""

import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple

import httpx

from auditctl.errors import AccessError
from auditctl.http.answer import Answer
from auditctl.http.connection import Connection
from auditctl.http.credentials import Credentials
from auditctl.http.responses import Responses
from auditctl.http.retry import PassingError, Patience, Trouble
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
                with self.sent(question, used, over) as response:
                    answer = self.responses.answer(response)
            except PassingError as passing:
                trouble.outlast(passing)
            except AccessError as refused:
                if not self.credentials.renewed(used, refused):
                    raise
            else:
                self.credentials.accepted()
                return answer

    def sent(
        self, question: Question, used: Mapping[str, str], over: threading.Event
    ) -> AbstractContextManager[httpx.Response]:
        """Send a request once, as soon as requests are allowed."""
        self.patience.wait_turn(over)
        return self.connection.asked(
            question.method, question.path, question.params, used, question.content
        )
