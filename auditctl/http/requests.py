"""The questions of a run: none is asked twice in a walk, and each gets its answer."""

import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

import httpx

from auditctl import __version__
from auditctl.errors import AnswerError, RefusedError
from auditctl.http.answer import Answer
from auditctl.http.connection import Connection, Exchange
from auditctl.http.credentials import Credentials, Service
from auditctl.http.errors import Failures
from auditctl.http.parallel import ahead
from auditctl.http.responses import Responses
from auditctl.http.retry import Patience
from auditctl.http.sender import Question, Sender
from auditctl.http.urls import Params
from auditctl.http.visited import Visited
from auditctl.records import exact

if TYPE_CHECKING:
    from auditctl.http.stream import Reading, Stream

A = TypeVar("A")
Q = TypeVar("Q")


class Requests:
    """Asks a service's questions.

    Every safety is attached here, so that no provider can forget one: timeouts, patience shared
    by all requests, the base URL's origin alone, no question twice, refusals as sentences.
    """

    def __init__(  # noqa: PLR0913 - one value for each thing that a run may decide
        self,
        service: Service,
        *,
        again: Callable[[], Service] | None = None,
        retry_for: timedelta = timedelta(minutes=5),
        concurrency: int = 4,
        transport: httpx.BaseTransport | None = None,
        on_exchange: Callable[[Exchange], None] | None = None,
        on_pause: Callable[[str, float], None] = lambda _sentence, _seconds: None,
    ) -> None:
        """Prepare, without asking anything yet.

        Args:
            service: whose log is asked for.
            again: reads the settings once more, when the provider refuses the credentials.
            retry_for: how long one trouble is waited out.
            concurrency: independent requests under way at once.
            transport: answers instead of the network.
            on_exchange: called after every request.
            on_pause: called with the reason and the seconds when the run waits.

        """
        self.concurrency = concurrency
        self.sent = 0
        """Requests so far, those for tokens and those behind redirects among them."""
        subject = service.wording
        self._failures = Failures(subject)
        patience = Patience(subject.title, retry_for, on_pause)
        connect = partial(
            Connection,
            failures=self._failures,
            transport=transport,
            on_exchange=on_exchange,
            on_send=self._count,
        )
        self._credentials = Credentials(service, again, self._failures, patience, connect)
        self._walk = Visited()
        self._of_thread = threading.local()
        headers = {
            "User-Agent": f"auditctl/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            **service.headers,
        }
        self._connection = connect(service.base_url, headers, most=concurrency)
        responses = Responses(self._failures, service.true_status)
        self._sender = Sender(self._connection, self._credentials, responses, patience)

    def begin(self) -> None:
        """Begin another walk: its questions are new ones, and settings may be read once more.

        The provider's clock is not known before the first answer: ours may have been set since.
        """
        self._walk.over.set()
        self._walk = Visited()
        self._credentials.begin()
        self._connection.forget_date()

    def close(self) -> None:
        """Close the connections; threads that wait stop waiting."""
        self._walk.over.set()
        self._connection.close()

    @property
    def skew(self) -> timedelta | None:
        """The lead of the provider's clock over ours, by its last answer's Date."""
        return self._connection.skew

    def now(self) -> datetime:
        """Return this moment by the provider's clock, as its last answer's Date shows it."""
        return datetime.now(UTC) + (self.skew or timedelta())

    def get(
        self,
        path: str,
        params: Params | None = None,
        *,
        again: bool = False,
        optional: Params | None = None,
    ) -> Answer:
        """Ask for what is at a path: see `ask`.

        ``optional`` are parameters that a server may not know: if it answers with 400, the
        question is asked once more without them, and so are all others at that path in this walk.
        """
        if not optional or path in self._current.without_options:
            return self.ask("GET", path, params, again=again)
        try:
            return self.ask("GET", path, {**(params or {}), **optional}, again=again)
        except RefusedError as refused:
            if refused.code != httpx.codes.BAD_REQUEST:
                raise
        answer = self.ask("GET", path, params, again=again)
        self._current.without_options.add(path)
        return answer

    def ask(
        self,
        method: str,
        path: str,
        params: Params | None = None,
        json: Any = None,  # noqa: ANN401 - JSON is any value
        *,
        again: bool = False,
    ) -> Answer:
        """Ask one question below the base URL and return the whole answer.

        A parameter that is None is left out. ``json`` is the body, if there is one. The answer to
        204 (no content) is None, and its body is empty.

        ``again`` allows a question that was asked before, where the provider is known to have
        another answer by now; without it a circle of pages would never end.

        Raises:
            UnreachableError, AccessError, ThrottledError, AnswerError: see `auditctl.errors`.

        """
        content = b"" if json is None else exact.dumps(json)
        question = Question(path, _given(params), method, content)
        walk = self._current
        if not again:
            self._once(walk, question)
        return self._sender.answer(question, walk.over)

    def follow(self, link: str) -> Answer:
        """Ask what a link in an answer leads to, as it is written.

        The credentials are sent there, so it must be of the base URL's origin, and lead to a path
        that this walk has asked before, if it has asked anything.

        Raises:
            AnswerError: it leads elsewhere; or what `ask` raises.

        """
        try:
            self._connection.belongs(link, "a link to the next page")
            path, query = self._connection.path_of(link)
        except ValueError:
            raise self.unexpected("its link to the next page is no link") from None
        paths = self._current.paths
        if paths and unquote(path) not in paths:
            raise self.unexpected("its link to the next page leads to another path")
        return self.ask("GET", f"{path}?{query}" if query else path)

    def stream(
        self,
        path: str,
        params: Params | None = None,
        *,
        rows: str | None = None,
        again: bool = False,
        tries: int | None = None,
    ) -> "Stream":
        """Ask one question and return the answer's rows as they come: see `Stream`.

        ``rows`` names the member of an object that is the array; without it, the answer is one.
        An answer of another shape is an error, but an object without that member is left to the
        caller.

        A stream that breaks off is asked for again. What was delivered of it is passed over if
        the provider still sends the same bytes there; if not, the log has changed meanwhile, and
        to go on would lose or repeat rows.

        ``again`` is that of `get`. After ``tries`` attempts that failed one after another nothing
        is tried any more, however much patience is left; "too many requests" is no failure.

        Raises:
            UnreachableError, AccessError, ThrottledError, AnswerError: see `auditctl.errors`.

        """
        from auditctl.http.stream import READ_AHEAD, Stream, lists

        question = Question(path, _given(params))

        def begun(reading: "Reading") -> Iterator[Answer | None]:
            walk = self._current
            if not again:
                self._once(walk, question)
            yield from lists(self._sender, question, rows, reading, over=walk.over, tries=tries)

        return Stream(begun, READ_AHEAD // self.concurrency)

    def ahead(self, ask: Callable[[Q], A], questions: Iterable[Q]) -> Iterator[A]:
        """Yield ``ask(question)`` in order, as many under way at once as the user allows.

        A question that fails ends the walk: the others under way stop asking.
        """
        walk = self._walk

        def ask_in_it(question: Q) -> A:
            self._of_thread.walk = walk
            try:
                return ask(question)
            finally:
                self._of_thread.walk = None

        try:
            yield from ahead(ask_in_it, questions, self.concurrency)
        except Exception:
            walk.over.set()
            raise

    def unexpected(self, what: str) -> AnswerError:
        """Return the error for an answer of another shape; ``what`` completes "because"."""
        return self._failures.unexpected(what)

    def _count(self) -> None:
        self.sent += 1

    @property
    def _current(self) -> Visited:
        """The walk this thread works for; worker threads may still serve an earlier one."""
        return getattr(self._of_thread, "walk", None) or self._walk

    def _once(self, walk: Visited, question: Question) -> None:
        walk.paths.add(unquote(question.path.partition("?")[0]))
        asked = question.method, question.path, question.content, *question.params.items()
        if walk.before("question", *asked):
            named = ", ".join(f"{name}={value}" for name, value in question.params.items())
            raise self._failures.circle(named or question.path)


def _given(params: Params | None) -> Params:
    return {name: value for name, value in (params or {}).items() if value is not None}
