"""One client per run: patient, never asking twice, leaving no refusal unnoticed."""

import threading
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import httpx

from auditctl import __version__, exact
from auditctl.errors import AccessError, AnswerError, RefusedError
from auditctl.http import arrays, body
from auditctl.http.answer import Answer, parse
from auditctl.http.body import TooLargeError
from auditctl.http.connection import Connection, Exchange, Params
from auditctl.http.cuts import CutArrayError
from auditctl.http.errors import FORBIDDEN, RETRIED, UNAUTHORIZED, Refusals, said_in
from auditctl.http.parallel import ahead
from auditctl.http.retry import PassingError, Patience, Trouble
from auditctl.http.stream import READ_AHEAD, Question, Reading, Stream, head
from auditctl.provider import Provider

LARGEST_REFUSAL = 64 * 1024
"""Bytes read of an answer that refuses: enough to say why."""
TELLING = RETRIED | {UNAUTHORIZED, FORBIDDEN}
"""Statuses that say enough though the body breaks off."""
NO_CONTENT = frozenset({204, 205})
"""Statuses that say that there is nothing: no trouble that passes, unlike an empty body."""
MOST_FRUITLESS = 100
"""Answers in a row without a new event, after which the pages are taken to have no end."""

A = TypeVar("A")
Q = TypeVar("Q")


class Client:
    """What a provider asks its questions with.

    Every safety is attached here, so that no provider can forget one: timeouts, patience shared
    by all requests, the base URL's origin alone, no question twice, refusals as sentences.
    """

    def __init__(  # noqa: PLR0913 - one value for each thing that a run may decide
        self,
        provider: Provider,
        *,
        again: Callable[[], Provider] | None = None,
        retry_for: timedelta = timedelta(minutes=5),
        concurrency: int = 4,
        transport: httpx.BaseTransport | None = None,
        on_exchange: Callable[[Exchange], None] | None = None,
        on_pause: Callable[[str, float], None] = lambda _sentence, _seconds: None,
    ) -> None:
        """Prepare, without asking anything yet.

        Args:
            provider: whose log is asked for; gives credentials, headers and hints.
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
        self._refusals = Refusals(provider)
        self._credentials = self._proven(provider)
        self._patience = Patience(provider.title, retry_for, on_pause)
        self._walk = _Walk()
        self._of_thread = threading.local()
        self._lock = threading.Lock()
        headers = {
            "User-Agent": f"auditctl/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            **provider.headers,
        }
        self._connection = Connection(
            provider.base_url,
            headers,
            self._refusals,
            most=concurrency,
            transport=transport,
            on_exchange=on_exchange,
        )

    def begin(self) -> None:
        """Begin another walk: its questions are new ones, and settings may be read once more.

        The provider's clock is not known before the first answer: ours may have been set since.
        """
        self._walk.over.set()
        self._walk = _Walk()
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
        """Ask one question below the base URL and give the whole answer.

        The answer to 204 (no content) is None, and its body is empty.

        ``optional`` are parameters that a server may not know: if it answers with 400, the
        question is asked once more without them.

        ``again`` allows a question that was asked before, where the provider is known to have
        another answer by now; without it a circle of pages would never end.

        Raises:
            UnreachableError, AccessError, ThrottledError, AnswerError: see `auditctl.errors`.

        """
        if optional:
            try:
                return self.get(path, {**(params or {}), **optional}, again=again)
            except RefusedError as refused:
                if refused.code != httpx.codes.BAD_REQUEST:
                    raise
        walk = self._current
        if not again:
            self._once(walk, path, params)
        trouble = Trouble(self._patience, walk.over)
        while True:
            used = self._credentials
            try:
                with self._exchange(walk, path, params, used) as response:
                    return self._judged(response, _read(response))
            except PassingError as passing:
                trouble.outlast(passing)
            except AccessError:
                if not self._renewed(used):
                    raise

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
            used = self._credentials
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
    def _current(self) -> "_Walk":
        """The walk that this thread asks for: of one that is over, some may still be under way."""
        return getattr(self._of_thread, "walk", None) or self._walk

    def _once(self, walk: "_Walk", path: str, params: Params | None) -> None:
        if walk.before("question", path, *(params or {}).items()):
            named = ", ".join(f"{name}={value}" for name, value in (params or {}).items())
            raise self._refusals.circle(named or path)

    @contextmanager
    def _exchange(
        self, walk: "_Walk", path: str, params: Params | None, credentials: Mapping[str, str]
    ) -> Iterator[httpx.Response]:
        self._patience.wait_turn(walk.over)
        with self._connection.asked(path, params, credentials) as response:
            yield response

    def _judged(self, response: httpx.Response, content: bytes) -> Answer:
        """Give the answer if it is one; raise what it stands for if it is not."""
        answer: Answer | None = None
        with suppress(ValueError):
            answer = parse(content)
        tree = answer.tree if answer else None
        status = self._provider.status(response.status_code, tree)
        if not httpx.codes.is_success(status):
            said = said_in(tree if answer else content.decode(errors="replace"))
            raise self._refusals.of_status(status, response.headers, said)
        if answer is None and not content and status in NO_CONTENT:
            return Answer(None, b"")
        if answer is None:
            raise self._refusals.not_json(response.headers, content)
        return answer

    def _accepted(
        self,
        response: httpx.Response,
        rows: Iterator[arrays.Rows],
        name: str | None,
        members: Mapping[str, Any],
    ) -> Iterator[arrays.Rows]:
        """Pass rows on if the members beside them do not say that they are a refusal."""

        def status() -> int:
            return self._provider.status(response.status_code, members)

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

    def _renewed(self, used: Mapping[str, str]) -> bool:
        """Read the settings again, once in a run; say whether there are other credentials now."""
        with self._lock:
            if self._credentials is used and self._may_renew and self._again is not None:
                self._may_renew = False
                fresh = self._proven(self._again())
                if fresh != used:
                    self._credentials = fresh
            return self._credentials is not used

    def _proven(self, provider: Provider) -> Mapping[str, str]:
        """Take a provider's credentials, and note what must never be shown."""
        self._refusals.know(provider)
        try:
            credentials = dict(provider.credentials())
        except ValueError as error:
            raise self._refusals.unfit(str(error)) from None
        for value in credentials.values():
            if not value.isascii() or value != value.strip():
                raise self._refusals.unfit("characters, or blanks around them")
            self._refusals.hide((value, value.rpartition(" ")[2]))
        return credentials


class _Walk:
    """One walk over a log: what it has met, in eight bytes each; in a set it takes a hundred."""

    def __init__(self) -> None:
        self.over = threading.Event()
        """Set when it is: whoever still asks or waits for it stops."""
        self.fruitless = 0
        """Answers in a row that brought no new event."""
        self._hashes = array("q")
        self._lock = threading.Lock()

    def before(self, *what: object) -> bool:
        """Say whether this was met before; from now on it was."""
        hash_ = hash(what)
        with self._lock:
            place = bisect_left(self._hashes, hash_)
            if self._hashes[place : place + 1] == array("q", [hash_]):
                return True
            self._hashes.insert(place, hash_)
            return False


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
