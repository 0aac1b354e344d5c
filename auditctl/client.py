"""One client per run: patient, of one origin, never asking twice, leaving no refusal unnoticed."""

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote, urlencode, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from auditctl import __version__, arrays
from auditctl.ahead import ahead
from auditctl.answer import Answer, parse
from auditctl.errors import (
    AccessError,
    AnswerError,
    AuditctlError,
    ForbiddenError,
    ThrottledError,
    UnreachableError,
    UsageError,
)
from auditctl.escape import escape
from auditctl.provider import Provider, Secret
from auditctl.redact import REDACTED, redact_text

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 60.0
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that tell of a trouble that may pass."""
THROTTLED = 429
UNAUTHORIZED, FORBIDDEN = 401, 403
MOST_REDIRECTS = 5
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds between attempts where the provider asks for no pause of its own."""
LARGEST_REFUSAL = 64 * 1024
"""Bytes read of an answer that refuses: enough to say why."""
LONGEST_SAYING = 200
EPOCH_FROM = 10**9
"""A RateLimit-Reset from here on is a point in time, though the drafts mean seconds to wait."""

_TIMEOUT = httpx.Timeout(READ_TIMEOUT, connect=CONNECT_TIMEOUT, pool=None).as_dict()

A = TypeVar("A")
Q = TypeVar("Q")
Params = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it, told to `Client`'s ``on_exchange``."""

    method: str
    path: str
    """With the query, its credentials redacted."""
    status: int | None
    """None if no answer came."""
    milliseconds: float
    size: int
    """Bytes of the body as they came over the wire."""


class _Passing(Exception):  # noqa: N818 - never seen outside
    """A trouble that may pass: what to say of it, and how long the provider wants to be left."""

    def __init__(
        self, sentence: str, *, throttled: bool = False, wait: float | None = None
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.throttled = throttled
        self.wait = wait


class Client:
    """What a provider asks its questions with.

    Every safety is attached here, so that no provider can forget one: timeouts, patience shared
    by all requests, the base URL's origin alone, no question twice, refusals as sentences.
    """

    def __init__(
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
        self._credentials = dict(provider.credentials())
        self._retry_for = retry_for.total_seconds()
        self._on_exchange = on_exchange
        self._on_pause = on_pause
        self._asked: set[int] = set()
        self._not_before = 0.0
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._date: tuple[str | None, datetime] = None, datetime.now(UTC)
        self._base = provider.base_url.rstrip("/")
        self._origin = _origin(self._base)
        self._headers = {
            "User-Agent": f"auditctl/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            **provider.headers,
        }
        self._cookies = httpx.Cookies()
        self._transport = transport or self._connections()

    def _connections(self) -> httpx.HTTPTransport:
        """Make what sends requests: httpx's transport, through the proxy that the user has set.

        Not an httpx.Client around it: what that adds (several origins, credentials of .netrc,
        redirects, URLs parsed five times) is unwanted here or half of a page's cost.
        """
        scheme, host, _ = self._origin
        proxies = getproxies()
        proxy = None if proxy_bypass(host) else proxies.get(scheme) or proxies.get("all")
        limits = httpx.Limits(
            max_connections=self.concurrency,
            max_keepalive_connections=self.concurrency,
            keepalive_expiry=READ_TIMEOUT,
        )
        try:
            return httpx.HTTPTransport(proxy=proxy, limits=limits)
        except (ValueError, ImportError, httpx.InvalidURL, OSError) as error:
            # A proxy variable that is no URL or needs an extra, a certificate file that is gone.
            message = f"The connection cannot be set up: {self._safe(str(error))}"
            raise UsageError(message) from None

    def close(self) -> None:
        """Let go of the connections; whoever waits in another thread stops waiting."""
        self._closed.set()
        self._transport.close()

    def get(self, path: str, params: Params | None = None) -> Answer:
        """Ask one question below the base URL and give the whole answer.

        Raises:
            UnreachableError, AccessError, ThrottledError, AnswerError: see `auditctl.errors`.

        """
        self._once(path, params)
        patience = _Patience(self)
        while True:
            used = self._credentials
            try:
                with self._exchange(path, params, used) as response:
                    return self._judged(response, _read(response))
            except (_Passing, AccessError) as trouble:
                patience.overcome(trouble, used)

    def rows(self, path: str) -> Iterator[Answer]:
        """Ask for one array and give its rows, a list of some of them at a time, as they come.

        A stream that breaks off is asked for again. What was delivered of it is passed over if
        the provider still sends the same bytes there; if not, the log has changed meanwhile, and
        to go on would lose or repeat rows.

        Raises:
            UnreachableError, AccessError, ThrottledError, AnswerError: see `auditctl.errors`.

        """
        self._once(path, None)
        position = arrays.START
        patience = _Patience(self)
        while True:
            used = self._credentials
            try:
                with self._exchange(path, None, used) as response:
                    if not response.is_success:
                        self._judged(response, _read(response))
                    for answer, behind in arrays.split(response.iter_bytes(), position):
                        yield answer
                        position = behind
                        patience = _Patience(self)
                    return
            except arrays.CutArrayError:
                trouble = _Passing("sent an array that ends too early, or is not JSON")
                patience.overcome(trouble, used)
            except arrays.ChangedError:
                message = (
                    f"{self._title}'s log changed while a broken answer was read again, so the rest "
                    "cannot be told from what was delivered already. Run the command again."
                )
                raise UnreachableError(message) from None
            except arrays.NotAnArrayError:
                raise self.strange("its answer is no array") from None
            except (_Passing, AccessError) as trouble:
                patience.overcome(trouble, used)

    def ahead(self, ask: Callable[[Q], A], questions: Iterable[Q]) -> Iterator[A]:
        """Give ``ask(question)`` in order, as many under way at once as the user allows."""
        return ahead(ask, questions, self.concurrency)

    def cursor(self, link: object, parameter: str) -> str | None:
        """Take the cursor out of a link to the next page; a null link has none.

        The link itself is not followed: it may drop our parameters, or lead elsewhere.

        Raises:
            AnswerError: the link leads to another origin, or holds no cursor.

        """
        if link is None:
            return None
        try:
            url = urljoin(f"{self._base}/", link if isinstance(link, str) else "")
            cursors = parse_qs(urlsplit(url).query).get(parameter)
        except ValueError:
            url, cursors = "", None
        if not isinstance(link, str) or not url:
            raise self.strange("its link to the next page cannot be read")
        self._same_origin(url, "a link to the next page")
        if not cursors:
            raise self.strange(f"its link to the next page has no {parameter}")
        return cursors[0]

    def strange(self, what: str) -> AnswerError:
        """Give the error for an answer of another shape; ``what`` completes "because"."""
        message = (
            f"{self._title}'s answer cannot be understood, because {what}. Check that "
            f"{self._provider.name.upper()}_BASE_URL is the API's address; if it is, the API has changed."
        )
        return AnswerError(message)

    @property
    def _title(self) -> str:
        return self._provider.title

    def _once(self, path: str, params: Params | None) -> None:
        question = hash((path, *(params or {}).items()))
        with self._lock:
            if question in self._asked:
                named = ", ".join(f"{name}={value}" for name, value in (params or {}).items())
                message = (
                    f"{self._title}'s pages would never end: {self._safe(named or path)} came round "
                    "again. Nothing more was asked."
                )
                raise AnswerError(message)
            self._asked.add(question)

    @contextmanager
    def _exchange(
        self, path: str, params: Params | None, credentials: Mapping[str, str]
    ) -> Iterator[httpx.Response]:
        """Lend the answer to one request, its body not yet read; network faults are _Passing."""
        self._wait_turn()
        request = self._request(self._base + path + _query(params), credentials)
        response: httpx.Response | None = None
        started = time.monotonic()
        try:
            response = self._send(request, credentials)
            yield response
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise self._fault(error) from None
        finally:
            if response is not None:
                response.close()
            if self._on_exchange is not None:
                path = escape(redact_text(unquote(request.url.raw_path.decode())))
                status = response.status_code if response else None
                size = response.num_bytes_downloaded if response else 0
                milliseconds = (time.monotonic() - started) * 1000
                self._on_exchange(Exchange("GET", path, status, milliseconds, size))

    def _request(self, url: str, credentials: Mapping[str, str]) -> httpx.Request:
        headers = {**self._headers, **credentials}
        request = httpx.Request("GET", url, headers=headers, extensions={"timeout": _TIMEOUT})
        if self._cookies:
            self._cookies.set_cookie_header(request)
        return request

    def _send(self, request: httpx.Request, credentials: Mapping[str, str]) -> httpx.Response:
        for _ in range(MOST_REDIRECTS + 1):
            response = self._transport.handle_request(request)
            response.request = request
            if "Set-Cookie" in response.headers:
                # A session that the provider opened is used again, instead of one per request.
                self._cookies.extract_cookies(response)
            self._date = response.headers.get("Date"), datetime.now(UTC)
            if not response.has_redirect_location:
                return response
            response.close()
            try:
                url = urljoin(str(request.url), response.headers["Location"])
                self._same_origin(url, "a redirect")
                request = self._request(url, credentials)
            except (ValueError, httpx.InvalidURL):
                raise self.strange("it redirects to something that is no URL") from None
        message = f"{self._title} redirects more than {MOST_REDIRECTS} times. Check the base URL."
        raise AnswerError(message)

    @property
    def skew(self) -> timedelta | None:
        """How far the provider's clock is ahead of ours, by its last answer's Date."""
        header, now = self._date
        date = _http_date(header)
        return None if date is None else date - now

    def _same_origin(self, url: str, what: str) -> None:
        origin = _origin(url)
        if origin != self._origin:
            message = (
                f"{self._title} sent {what} to another origin, "
                f"{self._safe(f'{origin[0]}://{origin[1]}')}, where the credentials do not belong. "
                f"If that is where the API lives now, set {self._provider.name.upper()}_BASE_URL."
            )
            raise AnswerError(message)

    def _judged(self, response: httpx.Response, body: bytes) -> Answer:
        """Give the answer if it is one; raise what it stands for if it is not."""
        answer: Answer | None = None
        try:
            answer = parse(body)
        except ValueError:
            pass
        tree = answer.tree if answer else None
        status = self._provider.status(response.status_code, tree)
        if not httpx.codes.is_success(status):
            said = _said(tree) if answer else _said(body.decode(errors="replace"))
            raise self._refusal(status, response.headers, f": {self._safe(said)}" if said else "")
        if answer is None:
            what = f"answered with {len(body)} bytes that are not JSON"
            raise _Passing(what)
        return answer

    def _refusal(self, status: int, headers: httpx.Headers, said: str) -> Exception:
        hint = self._provider.hints.get(status, "")
        if status in RETRIED:
            wait = _wait_asked(headers)
            return _Passing(f"answered {status}{said}", throttled=status == THROTTLED, wait=wait)
        if status in (UNAUTHORIZED, FORBIDDEN):
            refused = AccessError if status == UNAUTHORIZED else ForbiddenError
            verb = "refused the credentials" if status == UNAUTHORIZED else "does not allow this"
            return refused(f"{self._title} {verb} ({status}{said}). {hint}".rstrip())
        if httpx.codes.is_server_error(status):
            return UnreachableError(f"{self._title} failed ({status}{said}). Try again later.")
        hint = hint or f"Check {self._provider.name.upper()}_BASE_URL and the options."
        return AnswerError(f"{self._title} refused the question ({status}{said}). {hint}")

    def _fault(self, error: httpx.RequestError) -> Exception:
        said = self._safe(str(error) or type(error).__name__)
        if "CERTIFICATE_VERIFY_FAILED" in said:
            message = (
                f"The certificate of {self._origin[1]} cannot be trusted: {said}. Set SSL_CERT_FILE if "
                "your network has its own certificate authority."
            )
            return UnreachableError(message)
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
            return _Passing(f"cannot be reached at {self._origin[1]} ({said})")
        if isinstance(error, httpx.TimeoutException):
            return _Passing(f"did not answer in time ({said or type(error).__name__})")
        return _Passing(f"broke off its answer ({said})")

    def _wait_turn(self) -> None:
        while (pause := self._not_before - time.monotonic()) > 0:
            self._sleep(pause)

    def _sleep(self, seconds: float) -> None:
        if self._closed.wait(seconds):
            message = "The run ended while this request waited."
            raise UnreachableError(message)

    def _renewed(self, used: Mapping[str, str]) -> bool:
        """Read the settings again, once in a run; say whether there are other credentials now."""
        with self._lock:
            if self._credentials is used and self._again is not None:
                again, self._again = self._again, None
                self._provider = again()
                fresh = dict(self._provider.credentials())
                if fresh != used:
                    self._credentials = fresh
            return self._credentials is not used

    def _safe(self, text: str) -> str:
        """Make a stranger's text fit for a message: no credential, one line, not too long."""
        for value in vars(self._provider).values():
            if isinstance(value, Secret):
                text = text.replace(value.reveal(), REDACTED)
        for value in self._credentials.values():
            text = text.replace(value, REDACTED).replace(value.rpartition(" ")[2], REDACTED)
        text = escape(redact_text(" ".join(text.split())))
        return text if len(text) <= LONGEST_SAYING else f"{text[:LONGEST_SAYING]}…"


class _Patience:
    """How long one question's trouble has lasted, and how it is waited out."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._since: float | None = None
        self._pauses = 0

    def overcome(self, trouble: _Passing | AccessError, used: Mapping[str, str]) -> None:
        """Wait until the question may be asked again, or raise what the trouble has come to."""
        client = self._client
        if isinstance(trouble, AccessError):
            if not client._renewed(used):
                raise trouble
            return
        now = time.monotonic()
        if self._since is None:
            self._since = now
        left = client._retry_for - (now - self._since)
        if left <= 0 or (trouble.wait is not None and trouble.wait > left):
            raise self._given_up(trouble) from None
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**self._pauses) * random.uniform(0.5, 1)
        pause = min(pause, left) if trouble.wait is None else trouble.wait
        self._pauses += 1
        client._on_pause(f"{client._title} {trouble.sentence}", pause)
        if trouble.throttled or trouble.wait is not None:
            client._not_before = max(client._not_before, now + pause)
        else:
            client._sleep(pause)

    def _given_up(self, trouble: _Passing) -> AuditctlError:
        client = self._client
        wants = f" and wants {trouble.wait:.0f} s of rest" if trouble.wait else ""
        message = (
            f"{client._title} {trouble.sentence}{wants}; "
            f"--retry-for allows {client._retry_for:.0f} s. "
        )
        if trouble.throttled:
            return ThrottledError(message + "Run it later, or with a longer --retry-for.")
        return UnreachableError(message + "Check the network and the provider's status page.")


def _read(response: httpx.Response) -> bytes:
    if response.is_success:
        return response.read()
    body = b""
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) >= LARGEST_REFUSAL:
            break
    return body


def _query(params: Params | None) -> str:
    return f"?{urlencode(params)}" if params else ""


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, parts.hostname or "", port


def _http_date(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _wait_asked(headers: httpx.Headers) -> float | None:
    """Read how many seconds the provider wants to be left alone."""
    after = headers.get("Retry-After", "").strip()
    if after.isascii() and after.isdigit():
        return float(after)
    date = _http_date(after)
    if date is not None:
        # Against the provider's own clock, where it tells it: ours may differ.
        now = _http_date(headers.get("Date")) or datetime.now(UTC)
        return max(0.0, (date - now).total_seconds())
    reset = headers.get("RateLimit-Reset", "").strip()
    if reset.isascii() and reset.isdigit():
        seconds = float(reset)
        return max(0.0, seconds - time.time()) if seconds >= EPOCH_FROM else seconds
    return None


def _said(tree: Any) -> str:  # noqa: ANN401 - JSON is any value
    """Find what a vendor's error body says, in any of the shapes seen."""
    if isinstance(tree, str):
        return "" if tree.lstrip()[:1] in ("<", "") else tree
    if not isinstance(tree, dict):
        return ""
    errors = tree.get("errors")
    if isinstance(errors, list) and errors:
        return _said(errors[0])
    words = (tree.get(name) for name in ("title", "details", "error", "message"))
    found = [_said(word) if isinstance(word, dict) else word for word in words]
    if tree.get("needed"):
        found.append(f"needed: {tree['needed']}")
    return ", ".join(str(word) for word in found if word and not isinstance(word, bool))
