# Longer than 300 lines: all that a provider asks with has one face.
"""The client of a run: it retries, never asks twice, and reports every refusal."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

from auditctl import __version__
from auditctl.errors import AccessError, AnswerError, RefusedError
from auditctl.http import arrays, body
from auditctl.http.answer import Answer
from auditctl.http.connection import Connection, Exchange, Params
from auditctl.http.errors import Refusals
from auditctl.http.judge import NO_CONTENT, Judge
from auditctl.http.page import Page
from auditctl.http.parallel import ahead
from auditctl.http.proof import Proof, Service
from auditctl.http.retry import PassingError, Patience, Trouble
from auditctl.http.stream import READ_AHEAD, Question, Reading, Stream, head
from auditctl.http.visited import Visited
from auditctl.records import exact
from auditctl.records.redact import sweep

MOST_FRUITLESS = 100
"""Answers in a row without a new event, after which the pages are taken to have no end."""

A = TypeVar("A")
Q = TypeVar("Q")


class Client:
    """Sends a provider's requests.

    Every safety is attached here, so that no provider can forget one: timeouts, patience shared
    by all requests, the base URL's origin alone, no question twice, refusals as sentences.
    """

    def __init__(  # noqa: PLR0913 - one value for each thing that a run may decide
        self,
        provider: Service,
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
            provider: whose log is asked for.
            again: reads the settings once more, when the provider refuses the credentials.
            retry_for: how long one trouble is waited out.
            concurrency: independent requests under way at once.
            transport: answers instead of the network.
            on_exchange: called after every request.
            on_pause: called with the reason and the seconds when the run waits.

        """
        self.concurrency = concurrency
        subject = provider.wording
        self._refusals = Refusals(subject)
        self._patience = Patience(subject.title, retry_for, on_pause)
        connect = partial(
            Connection, refusals=self._refusals, transport=transport, on_exchange=on_exchange
        )
        self._proof = Proof(provider, again, self._refusals, self._patience, connect)
        self._judge = Judge(self._refusals, provider.true_status)
        self._walk = Visited()
        self._of_thread = threading.local()
        headers = {
            "User-Agent": f"auditctl/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            **provider.headers,
        }
        self._connection = connect(provider.base_url, headers, most=concurrency)

    def begin(self) -> None:
        """Begin another walk: its questions are new ones, and settings may be read once more.

        The provider's clock is not known before the first answer: ours may have been set since.
        """
        self._walk.over.set()
        self._walk = Visited()
        self._proof.begin()
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
        question is asked once more without them.
        """
        if optional:
            try:
                return self.ask("GET", path, {**(params or {}), **optional}, again=again)
            except RefusedError as refused:
                if refused.code != httpx.codes.BAD_REQUEST:
                    raise
        return self.ask("GET", path, params, again=again)

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
        walk = self._current
        params = _given(params)
        content = b"" if json is None else exact.dumps(json)
        if not again:
            self._once(walk, path, params, method, content)
        trouble = Trouble(self._patience, walk.over)
        while True:
            used = self._proof.headers(walk.over)
            try:
                with self._exchange(walk, path, params, used, method, content) as response:
                    answer = self._judge.answer(response)
            except PassingError as passing:
                trouble.outlast(passing)
            except AccessError as refused:
                if not self._proof.renewed(used, refused):
                    raise
            else:
                self._proof.refused = 0
                return answer

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
            raise self.strange("its link to the next page is no link") from None
        paths = self._current.paths
        if paths and unquote(path) not in paths:
            raise self.strange("its link to the next page leads to another path")
        return self.ask("GET", f"{path}?{query}" if query else path)

    def pages(  # noqa: PLR0913 - what a provider says of its pages
        self,
        ask: Callable[[str | None], Answer],
        rows: str | None,
        cursor: Callable[[Answer], object],
        *,
        position: str | None = None,
        context: Callable[[Any], object] = lambda _tree: None,
        split: Callable[[Any], Iterable[Any]] | None = None,
        id_name: str = "id",
        part: object = None,
    ) -> Iterator[Page]:
        """Walk pages behind cursors, from the first or from the ``position`` of an earlier page.

        An empty page is no end. Pages that come round again, and a hundred in a row without a new
        event, are an error.

        Args:
            ask: asks for the page behind a cursor; None is the first page.
            rows: the member of the answer that is the list of rows; None if the answer is the list.
            cursor: reads the cursor of the next page in an answer; None or "" ends the walk.
            position: where to go on.
            context: reads in an answer what `normalize` needs beside each event.
            split: makes the events of a row, where there are several.
            id_name: the member that tells rows apart.
            part: which of several walks this is, as parts of a window may share a row.

        Raises:
            AnswerError: an answer has another shape, or the pages have no end.

        """
        at = position
        while True:
            answer = ask(at)
            if not answer.body and at is None:  # 204: an empty log; behind a cursor it is no end
                yield Page([], None, [answer])
                return
            tree = answer.tree
            members = tree if type(tree) is dict else {}
            found = tree if rows is None else members.get(rows)
            if type(found) is not list:
                raise self.strange(f"it lacks the list {rows}" if rows else "it is no list")
            ends = [row.get(id_name) for row in found[:1] + found[-1:] if type(row) is dict]
            if ends and all(type(end) in (str, int) for end in ends):
                self.once(part, *ends)
            else:
                self.once_rows(found, part)
            if split is not None:
                # Before rows are taken apart: numbers are made exact where they are in the tree.
                floats, zeros = sweep(found, redact=False, texts=False)
                if floats or (zeros and answer.may_have_negative_zero):
                    answer.restore()
                found = [event for row in found for event in split(row)]
            answers = [answer] if split is None else []
            yield Page(found, context(tree), answers, position=at)
            following = cursor(answer)  # not before: the page itself is whole, wherever that leads
            if following is not None and type(following) not in (str, int):
                raise self.strange("the cursor of its next page cannot be read")
            if following in (None, ""):
                return
            at = str(following)
            del answer, answers, tree, members, found  # see `auditctl.export.records`

    def stream(
        self,
        path: str,
        params: Params | None = None,
        *,
        rows: str | None = None,
        again: bool = False,
        tries: int | None = None,
    ) -> Stream:
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
        question = Question(path, _given(params), rows, again, tries)
        share = READ_AHEAD // self.concurrency
        return Stream(lambda reading: self._lists(reading, question), share)

    def _lists(  # noqa: C901 - each way an answer may end
        self, reading: Reading, question: Question
    ) -> Iterator[Answer | None]:
        """Yield a stream's lists: see `auditctl.http.stream.Lists`."""
        walk = self._current
        path, params = question.path, question.params
        if not question.again:
            self._once(walk, path, params)
        position = arrays.START
        trouble = Trouble(self._patience, walk.over, question.tries)
        while True:
            used = self._proof.headers(walk.over)
            try:
                with ExitStack() as exchange:
                    response = exchange.enter_context(self._exchange(walk, path, params, used))
                    if not response.is_success:
                        self._judge.answer(response)
                    self._proof.refused = 0
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
                        rows = iter([(Answer([], b""), position)])
                    else:
                        rows = arrays.split(chunks, position, name=question.rows, members=members)
                    for answer, behind in self._judge.accepted(
                        response, rows, question.rows, members
                    ):
                        yield answer
                        position = behind
                        trouble = Trouble(self._patience, walk.over, question.tries)
                        del answer
                    return
            except PassingError as passing:
                trouble.outlast(passing)
            except AccessError as refused:
                if not self._proof.renewed(used, refused):
                    raise

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

    def cursor(self, link: object, parameter: str) -> str | None:
        """Take the cursor out of a link to the next page; a null link has none.

        The link itself is not followed: it may drop our parameters, or lead elsewhere.

        Raises:
            AnswerError: the link leads to another origin, or holds no cursor.

        """
        if link is None:
            return None
        if not isinstance(link, str) or not link:
            raise self.strange("its link to the next page is no link")
        try:
            self._connection.belongs(link, "a link to the next page")
            cursor = parse_qs(urlsplit(link).query).get(parameter, [""])[0]
            cursor.encode()  # a lone surrogate cannot be asked for
        except ValueError:
            raise self.strange("its link to the next page is no link") from None
        if not cursor:
            raise self.strange(f"its link to the next page has no {parameter}")
        return cursor

    def more(self, answer: Answer, cursor: str) -> object:
        """Return the cursor of the next page where the member has_more says whether there is one.

        The member ``cursor`` may be there on the last page too, or be null on an empty one.

        Raises:
            AnswerError: the answer does not say whether there is more, or not behind which cursor.

        """
        tree = answer.tree if type(answer.tree) is dict else {}
        has_more, following = tree.get("has_more"), tree.get(cursor)
        has_cursor = following not in (None, "")
        if has_more is False or (has_more is None and not has_cursor):
            return None
        if has_more is not True:
            raise self.strange("it does not say whether there is more (has_more)")
        if not has_cursor:
            raise self.strange(f"it says that there is more, and lacks {cursor}")
        return following

    def once(self, *page: object) -> None:
        """Check that a page was not read before, by marks such as its first and last id.

        A provider may send the same pages under ever new cursors, without an end.

        Raises:
            AnswerError: it was read before.

        """
        if self._current.before("page", *page):
            raise self._refusals.circle("a page that was read before")
        self._current.fruitless = 0

    def once_rows(self, rows: Sequence[object], *about: object) -> None:
        """Check the same by all of a page's rows, where nothing else shows it.

        Rows that are all alike prove nothing when they come again, since they may be twins, and
        nor does an empty page. But such pages must not go on for ever either: see `brought`.

        Raises:
            AnswerError: it was read before, or brings nothing like many before it.

        """
        # As JSON: to compare or to show what is nested deep would end in a RecursionError.
        text = exact.dumps(rows)
        if rows and exact.dumps(rows[0]) != exact.dumps(rows[-1]):
            self.once(*about, text)
        else:
            self.brought([] if self._current.before("page", *about, text) else rows)

    def brought(self, events: Sequence[object]) -> None:
        """Note how many new events an answer brought; `once` and `once_rows` do so themselves.

        Empty pages are no end, but a provider may send them under ever new cursors or numbers.

        Raises:
            AnswerError: this is one of a hundred answers in a row that brought none.

        """
        walk = self._current
        walk.fruitless = 0 if events else walk.fruitless + 1
        if walk.fruitless >= MOST_FRUITLESS:
            raise self._refusals.endless(MOST_FRUITLESS)

    def incomplete(self, rows: int, total: int, why: str) -> AnswerError:
        """Return the error for numbered pages that lack rows; ``why`` is the reason."""
        return self._refusals.incomplete(rows, total, why)

    def strange(self, what: str) -> AnswerError:
        """Return the error for an answer of another shape; ``what`` completes "because"."""
        return self._refusals.strange(what)

    @property
    def _current(self) -> Visited:
        """The walk this thread works for; worker threads may still serve an earlier one."""
        return getattr(self._of_thread, "walk", None) or self._walk

    def _once(
        self,
        walk: Visited,
        path: str,
        params: Params | None,
        method: str = "GET",
        content: bytes = b"",
    ) -> None:
        walk.paths.add(unquote(path.partition("?")[0]))
        if walk.before("question", method, path, content, *(params or {}).items()):
            named = ", ".join(f"{name}={value}" for name, value in (params or {}).items())
            raise self._refusals.circle(named or path)

    @contextmanager
    def _exchange(  # noqa: PLR0913, PLR0917 - all that a request is made of
        self,
        walk: Visited,
        path: str,
        params: Params | None,
        credentials: Mapping[str, str],
        method: str = "GET",
        content: bytes = b"",
    ) -> Iterator[httpx.Response]:
        self._patience.wait_turn(walk.over)
        with self._connection.asked(method, path, params, credentials, content) as response:
            yield response


def _given(params: Params | None) -> Params:
    return {name: value for name, value in (params or {}).items() if value is not None}
