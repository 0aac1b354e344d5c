"""One client per run: patient, never asking twice, leaving no refusal unnoticed."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import httpx
import orjson

from auditctl import __version__, exact
from auditctl.errors import AccessError, AnswerError, RefusedError
from auditctl.http import arrays, body
from auditctl.http.answer import Answer, parse
from auditctl.http.auth import Auth, ClientCredentials
from auditctl.http.body import TooLargeError
from auditctl.http.connection import Connection, Exchange, Params
from auditctl.http.cuts import CutArrayError
from auditctl.http.errors import FORBIDDEN, RETRIED, UNAUTHORIZED, Refusals, Subject, said_in
from auditctl.http.origin import origin_of
from auditctl.http.page import Page
from auditctl.http.parallel import ahead
from auditctl.http.retry import PassingError, Patience, Trouble
from auditctl.http.stream import READ_AHEAD, Question, Reading, Stream, head
from auditctl.http.visited import Visited
from auditctl.redact import sweep

LARGEST_REFUSAL = 64 * 1024
"""Bytes read of an answer that refuses: enough to say why."""
TELLING = RETRIED | {UNAUTHORIZED, FORBIDDEN}
"""Statuses that say enough though the body breaks off."""
NO_CONTENT = frozenset({204, 205})
"""Statuses that say that there is nothing: no trouble that passes, unlike an empty body."""
MOST_FRUITLESS = 100
"""Answers in a row without a new event, after which the pages are taken to have no end."""

FORM = "application/x-www-form-urlencoded"
TOKEN_MARGIN = 60.0
"""Seconds before its end that a token is fetched anew: questions under way still need it."""

A = TypeVar("A")
Q = TypeVar("Q")


class Service(Protocol):
    """What a client needs of a provider."""

    @property
    def base_url(self) -> str:
        """Where each path is below."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Sent with each request."""

    @property
    def subject(self) -> Subject:
        """What messages say of it."""

    def auth(self) -> Auth:
        """Return what proves who asks."""

    def true_status(self, answer: Answer) -> int:
        """Return the HTTP status that an answer means."""


class Client:
    """What a provider asks its questions with.

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
            on_exchange: told of every request.
            on_pause: told why and how many seconds the run waits.

        """
        self.concurrency = concurrency
        self._provider = provider
        self._again = again
        self._may_renew = True
        subject = provider.subject
        self._refusals = Refusals(subject)
        self._auth = provider.auth()
        self._credentials = self._proven(self._auth)
        self._token_until = 0.0 if isinstance(self._auth, ClientCredentials) else float("inf")
        self._token_has_worked = False
        self._patience = Patience(subject.title, retry_for, on_pause)
        self._walk = Visited()
        self._of_thread = threading.local()
        self._lock = threading.Lock()
        headers = {
            "User-Agent": f"auditctl/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            **provider.headers,
        }
        self._connect = partial(
            Connection, refusals=self._refusals, transport=transport, on_exchange=on_exchange
        )
        self._connection = self._connect(provider.base_url, headers, most=concurrency)
        self._origins = [origin_of(url) for url in (provider.base_url, *subject.origins)]

    def begin(self) -> None:
        """Begin another walk: its questions are new ones, and settings may be read once more.

        The provider's clock is not known before the first answer: ours may have been set since.
        """
        self._walk.over.set()
        self._walk = Visited()
        self._may_renew = True
        self._connection.forget_date()

    def close(self) -> None:
        """Let go of the connections; whoever waits in another thread stops waiting."""
        self._walk.over.set()
        self._connection.close()

    @property
    def skew(self) -> timedelta | None:
        """How far the provider's clock is ahead of ours, by its last answer's Date."""
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

        ``json`` is the body, if there is one. The answer to 204 (no content) is None, and its body
        is empty.

        ``again`` allows a question that was asked before, where the provider is known to have
        another answer by now; without it a circle of pages would never end.

        Raises:
            UnreachableError, AccessError, ThrottledError, AnswerError: see `auditctl.errors`.

        """
        walk = self._current
        content = b"" if json is None else orjson.dumps(json)
        if not again:
            self._once(walk, path, params, method, content)
        trouble = Trouble(self._patience, walk.over)
        while True:
            used = self._proof(walk)
            try:
                with self._exchange(walk, path, params, used, method, content) as response:
                    return self._judged(response, _read(response))
            except PassingError as passing:
                trouble.outlast(passing)
            except AccessError:
                if not self._renewed(used):
                    raise

    def follow(self, link: str) -> Answer:
        """Ask what a link in an answer leads to, as it stands.

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
            found = tree.get(rows) if type(tree) is dict and rows is not None else tree
            if type(found) is not list:
                raise self.strange(f"it lacks the list {rows}" if rows else "it is no list")
            following = cursor(answer)
            if following is not None and type(following) not in (str, int):
                raise self.strange("the cursor of its next page cannot be read")
            ends = [row.get(id_name) for row in found[:1] + found[-1:] if type(row) is dict]
            if ends and all(type(end) in (str, int) for end in ends):
                self.once(*ends)
            else:
                self.once_rows(found)
            if split is not None:
                # Before rows are taken apart: numbers are made exact where they are in the tree.
                floats, zeros = sweep(found, redact=False, texts=False)
                if floats or (zeros and answer.may_have_negative_zero):
                    answer.restore()
                found = [event for row in found for event in split(row)]
            answers = [answer] if split is None else []
            yield Page(found, context(tree), answers, position=at)
            if following in (None, ""):
                return
            at = str(following)
            del answer, answers, tree, found  # see `auditctl.export.records`

    def stream(
        self,
        path: str,
        params: Params | None = None,
        *,
        rows: str | None = None,
        again: bool = False,
        tries: int | None = None,
    ) -> Stream:
        """Ask one question and give the answer's rows as they come: see `Stream`.

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
        question = Question(path, params, rows, again, tries)
        share = READ_AHEAD // self.concurrency
        return Stream(lambda reading: self._lists(reading, question), share)

    def _lists(  # noqa: C901 - each way an answer may end
        self, reading: Reading, question: Question
    ) -> Iterator[Answer | None]:
        """Give a stream's lists: see `auditctl.http.stream.Lists`."""
        walk = self._current
        path, params = question.path, question.params
        if not question.again:
            self._once(walk, path, params)
        position = arrays.START
        trouble = Trouble(self._patience, walk.over, question.tries)
        while True:
            used = self._proof(walk)
            try:
                with ExitStack() as exchange:
                    response = exchange.enter_context(self._exchange(walk, path, params, used))
                    if not response.is_success:
                        self._judged(response, _read(response))
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
                    for answer, behind in self._accepted(response, rows, question.rows, members):
                        yield answer
                        position = behind
                        trouble = Trouble(self._patience, walk.over, question.tries)
                        del answer
                    return
            except PassingError as passing:
                trouble.outlast(passing)
            except AccessError:
                if not self._renewed(used):
                    raise

    def ahead(self, ask: Callable[[Q], A], questions: Iterable[Q]) -> Iterator[A]:
        """Give ``ask(question)`` in order, as many under way at once as the user allows.

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

    def once(self, *page: object) -> None:
        """Make sure that a page, told by something on it, is none that was read before.

        A provider may send the same pages under ever new cursors, without an end.

        Raises:
            AnswerError: it was read before.

        """
        if self._current.before("page", *page):
            raise self._refusals.circle("a page that was read before")
        self._current.fruitless = 0

    def once_rows(self, rows: Sequence[object], *about: object) -> None:
        """Make sure of the same by all of a page's rows, where nothing else tells it.

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
        """Return the error for numbered pages that have not shown all rows; ``why`` says why."""
        return self._refusals.incomplete(rows, total, why)

    def strange(self, what: str) -> AnswerError:
        """Give the error for an answer of another shape; ``what`` completes "because"."""
        return self._refusals.strange(what)

    @property
    def _current(self) -> Visited:
        """The walk that this thread asks for: of one that is over, some may still be under way."""
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

    def _judged(
        self,
        response: httpx.Response,
        content: bytes,
        true_status: Callable[[Answer], int] | None = None,
    ) -> Answer:
        """Return the answer if it is one; raise what it stands for if it is not."""
        answer: Answer | None = None
        code = response.status_code
        with suppress(ValueError):
            answer = parse(content, code, response.headers)
        judge = true_status or self._provider.true_status
        status = judge(answer or Answer(None, content, status=code, headers=response.headers))
        if not httpx.codes.is_success(status):
            tree = answer.tree if answer else None
            try:
                said = said_in(tree) if answer else said_in(content.decode(errors="replace"))
            except RecursionError:
                said = ""
            raise self._refusals.of_status(status, response.headers, said)
        if answer is None and not content and status in NO_CONTENT:
            return Answer(None, b"", status=code, headers=response.headers)
        if answer is None:
            raise self._refusals.not_json(response.headers, content)
        self._token_has_worked = True
        return answer

    def _accepted(
        self,
        response: httpx.Response,
        rows: Iterator[arrays.Rows],
        name: str | None,
        members: Mapping[str, Any],
    ) -> Iterator[arrays.Rows]:
        """Pass rows on if the members beside them do not say that they are a refusal."""
        beside = Answer(members, b"", status=response.status_code, headers=response.headers)

        def status() -> int:
            return self._provider.true_status(beside)

        is_array = True
        try:
            for some in rows:
                # A refusal is read to its end: what it says may stand behind its rows.
                if httpx.codes.is_success(status()):
                    yield some
        except arrays.NotAnArrayError:
            is_array = False
        except CutArrayError:
            raise self._refusals.cut(response.headers) from None
        except arrays.ChangedError:
            raise self._refusals.changed() from None
        except TooLargeError:
            what = "a row, or what stands beside the rows, is larger than any that is read"
            raise self.strange(what) from None
        if not httpx.codes.is_success(status()):
            raise self._refusals.of_status(status(), response.headers, said_in(members))
        if not is_array:
            raise self.strange(f"it lacks the list {name}" if name else "its answer is no array")

    def _proof(self, walk: Visited) -> Mapping[str, str]:
        """Return the headers that prove who asks; fetch the token for them if there is none."""
        if time.monotonic() < self._token_until:
            return self._credentials
        with self._lock:
            if time.monotonic() >= self._token_until and isinstance(self._auth, ClientCredentials):
                self._fetch_token(self._auth, walk)
            return self._credentials

    def _fetch_token(self, auth: ClientCredentials, walk: Visited) -> None:
        """Ask for a token.

        Raises:
            AccessError: it is refused.
            UsageError: the token's URL is of an origin that the provider does not declare.

        """
        url = auth.token_url
        try:
            is_declared = origin_of(url) in self._origins
        except ValueError:
            is_declared = False
        if not is_declared:
            raise self._refusals.undeclared(url)
        form = urlencode(auth.form()).encode()
        connection = self._connect(url, {"Accept": "application/json"}, most=1)
        trouble = Trouble(self._patience, walk.over)
        try:
            while True:
                self._patience.wait_turn(walk.over)
                started = time.monotonic()
                try:
                    with connection.asked("POST", "", None, {}, form, FORM) as response:
                        answer = self._judged(response, _read(response), lambda one: one.status)
                    break
                except PassingError as passing:
                    trouble.outlast(passing)
        except RefusedError as refused:
            raise self._refusals.of_token(refused) from None
        finally:
            connection.close()
        said: dict[str, Any] = answer.tree if type(answer.tree) is dict else {}
        token, lasts = said.get("access_token"), said.get("expires_in", "")
        if type(token) is not str or not token.isascii() or not token.isprintable():
            raise self.strange("it lacks the token (access_token)")
        self._refusals.hide([token])
        self._credentials = {"Authorization": f"Bearer {token}"}
        self._token_has_worked = False
        try:
            self._token_until = started + max(float(lasts) - TOKEN_MARGIN, TOKEN_MARGIN)
        except (TypeError, ValueError, OverflowError):
            self._token_until = float("inf")  # until it is refused

    def _renewed(self, used: Mapping[str, str]) -> bool:
        """Look for other credentials than those that were refused; return whether there are some.

        A token that was accepted before is fetched again; else the settings are read again, once in
        a run.
        """
        with self._lock:
            if self._credentials is not used:
                return True
            if isinstance(self._auth, ClientCredentials):
                if self._token_has_worked:
                    self._token_until = 0.0
                    self._token_has_worked = False
                if self._token_until == 0.0:
                    return True
            if self._may_renew and self._again is not None:
                self._may_renew = False
                service = self._again()
                self._refusals.know(service.subject)
                auth = service.auth()
                fresh = self._proven(auth)
                if isinstance(auth, ClientCredentials):
                    self._auth = auth
                    self._token_until = 0.0
                    return True
                if fresh != used:
                    self._credentials = fresh
            return self._credentials is not used

    def _proven(self, auth: Auth) -> Mapping[str, str]:
        """Return the headers that prove who asks, and note what must never be shown."""
        try:
            credentials = dict(auth.headers())
        except ValueError as error:
            raise self._refusals.unfit(str(error)) from None
        for value in credentials.values():
            if not value.isascii() or value != value.strip():
                raise self._refusals.unfit("characters, or blanks around them")
            self._refusals.hide((value, value.rpartition(" ")[2]))
        return credentials


def _read(response: httpx.Response) -> bytes:
    """Read an answer's body; of a refusal, as much as there is and is needed."""
    if response.is_success:
        return body.read(response)
    said = b""
    try:
        for chunk in body.chunks(response):
            said += chunk
            if len(said) >= LARGEST_REFUSAL:
                break
    except (httpx.TransportError, httpx.DecodingError):
        if response.status_code not in TELLING:
            raise  # what it stands for may be said in the body
    return said
