"""One client per run: patient, of one origin, never asking twice, leaving no refusal unnoticed."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from urllib.parse import parse_qs, unquote, urlencode, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from auditctl import __version__, arrays
from auditctl.ahead import ahead
from auditctl.answer import Answer, parse
from auditctl.errors import (
    AccessError,
    AnswerError,
    ForbiddenError,
    UnreachableError,
    UsageError,
)
from auditctl.escape import escape
from auditctl.patience import PassingError, Patience, Trouble
from auditctl.provider import Provider, Secret
from auditctl.redact import REDACTED, redact_text
from auditctl.refusals import http_date, said_in, wait_asked

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 60.0
KEPT_ALIVE = 60.0
"""Seconds that an idle connection is kept, so that a pause does not cost a new one."""
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that tell of a trouble that may pass."""
THROTTLED = 429
UNAUTHORIZED, FORBIDDEN = 401, 403
MOST_REDIRECTS = 5
LARGEST_REFUSAL = 64 * 1024
"""Bytes read of an answer that refuses: enough to say why."""
LONGEST_SAYING = 200

_EMPTY = httpx.ByteStream(b"")
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
        self._secrets: set[str] = set()
        self._credentials = self._proven(provider)
        self._patience = Patience(provider.title, retry_for, on_pause)
        self._on_exchange = on_exchange
        self._asked: set[int] = set()
        self._lock = threading.Lock()
        self._date: tuple[str | None, datetime] = None, datetime.now(UTC)
        self._base = provider.base_url.rstrip("/")
        self._origin = _origin(self._base)
        self._headers = {
            "Host": httpx.URL(self._base).netloc.decode(),
            "User-Agent": f"auditctl/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            **provider.headers,
        }
        self._cookies = httpx.Cookies()
        self._in_session = False
        self._transport = transport or self._connections()

    def _connections(self) -> httpx.HTTPTransport:
        """Make what sends requests: httpx's transport, through the proxy that the user has set.

        Not an httpx.Client around it: what that adds (several origins, credentials of .netrc,
        redirects, URLs parsed five times) is unwanted here or half of a page's cost.
        """
        scheme, host, _ = self._origin
        proxies = getproxies()
        proxy = None if proxy_bypass(host) else proxies.get(scheme) or proxies.get("all")
        if proxy and "://" not in proxy:
            proxy = f"http://{proxy}"
        limits = httpx.Limits(
            max_connections=self.concurrency,
            max_keepalive_connections=self.concurrency,
            keepalive_expiry=KEPT_ALIVE,
        )
        try:
            # Plain http is for this machine alone and has no certificates, whose loading takes
            # longer than most fetches.
            return httpx.HTTPTransport(verify=scheme == "https", proxy=proxy, limits=limits)
        except (ValueError, ImportError, httpx.InvalidURL, OSError) as error:
            # A proxy variable that is no URL or needs an extra, a certificate file that is gone.
            message = f"The connection cannot be set up: {self._safe(str(error))}"
            raise UsageError(message) from None

    def begin(self) -> None:
        """Begin another walk: its questions are new ones, and settings may be read once more."""
        self._asked.clear()
        self._may_renew = True

    def close(self) -> None:
        """Let go of the connections; whoever waits in another thread stops waiting."""
        self._patience.close()
        self._transport.close()

    def get(self, path: str, params: Params | None = None, *, again: bool = False) -> Answer:
        """Ask one question below the base URL and give the whole answer.

        ``again`` allows a question that was asked before, where the provider is known to have
        another answer by now; without it a circle of pages would never end.

        Raises:
            UnreachableError, AccessError, ThrottledError, AnswerError: see `auditctl.errors`.

        """
        if not again:
            self._once(path, params)
        trouble = Trouble(self._patience)
        while True:
            used = self._credentials
            try:
                with self._exchange(path, params, used) as response:
                    return self._judged(response, _read(response))
            except PassingError as passing:
                trouble.outlast(passing)
            except AccessError:
                if not self._renewed(used):
                    raise

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
        trouble = Trouble(self._patience)
        while True:
            used = self._credentials
            try:
                with self._exchange(path, None, used) as response:
                    if not response.is_success:
                        self._judged(response, _read(response))
                    for answer, behind in arrays.split(response.iter_bytes(), position):
                        yield answer
                        position = behind
                        trouble = Trouble(self._patience)
                    return
            except arrays.CutArrayError:
                cut = "sent an array that ends too early, or is not JSON"
                trouble.outlast(PassingError(cut))
            except arrays.ChangedError:
                message = (
                    f"{self._title}'s log changed while a broken answer was read again, so what is "
                    "left of it cannot be told from what was delivered. Run the command again."
                )
                raise UnreachableError(message) from None
            except arrays.NotAnArrayError:
                raise self.strange("its answer is no array") from None
            except PassingError as passing:
                trouble.outlast(passing)
            except AccessError:
                if not self._renewed(used):
                    raise

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
        if not isinstance(link, str) or not link:
            raise self.strange("its link to the next page is no link")
        try:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:  # else it is relative, and thus of our origin
                self._same_origin(urljoin(f"{self._base}/", link), "a link to the next page")
            cursor = parse_qs(parts.query).get(parameter, [""])[0]
            cursor.encode()  # a lone surrogate cannot be asked for
        except ValueError:
            raise self.strange("its link to the next page is no link") from None
        if not cursor:
            raise self.strange(f"its link to the next page has no {parameter}")
        return cursor

    def strange(self, what: str) -> AnswerError:
        """Give the error for an answer of another shape; ``what`` completes "because"."""
        message = (
            f"{self._title}'s answer cannot be understood, because {what}. Check that "
            f"{self._variable} is the API's address; if it is, the API has changed."
        )
        return AnswerError(message)

    @property
    def _title(self) -> str:
        return self._provider.title

    @property
    def _variable(self) -> str:
        return f"{self._provider.name.upper()}_BASE_URL"

    def _once(self, path: str, params: Params | None) -> None:
        question = hash((path, *(params or {}).items()))
        with self._lock:
            if question in self._asked:
                named = ", ".join(f"{name}={value}" for name, value in (params or {}).items())
                message = (
                    f"{self._title}'s pages would never end: {self._safe(named or path)} came "
                    "round again. Nothing more was asked; the API may have changed."
                )
                raise AnswerError(message)
            self._asked.add(question)

    @contextmanager
    def _exchange(
        self, path: str, params: Params | None, credentials: Mapping[str, str]
    ) -> Iterator[httpx.Response]:
        """Lend the answer to one request, its body not yet read.

        Raises:
            PassingError: the network failed, here or while the body was read.

        """
        self._patience.wait_turn()
        request = self._request(self._base + path + _query(params), credentials)
        try:
            for _ in range(MOST_REDIRECTS + 1):
                with self._sent(request) as response:
                    if not response.has_redirect_location:
                        yield response
                        return
                    request = self._redirected(response, credentials)
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise self._fault(error) from None
        message = f"{self._title} redirects more than {MOST_REDIRECTS} times. Check the base URL."
        raise AnswerError(message)

    @contextmanager
    def _sent(self, request: httpx.Request) -> Iterator[httpx.Response]:
        """Send one request and lend what answers it; tell of both when the body has been read."""
        response: httpx.Response | None = None
        started = time.monotonic()
        try:
            response = self._transport.handle_request(request)
            response.request = request
            if "Set-Cookie" in response.headers:
                # A session that the provider opened is used again, instead of one per request.
                self._cookies.extract_cookies(response)
                self._in_session = True
            self._date = response.headers.get("Date"), datetime.now(UTC)
            yield response
        finally:
            if response is not None:
                response.close()
            if self._on_exchange is not None:
                path = escape(redact_text(unquote(request.url.raw_path.decode())))
                status = response.status_code if response is not None else None
                size = response.num_bytes_downloaded if response is not None else 0
                milliseconds = (time.monotonic() - started) * 1000
                self._on_exchange(Exchange("GET", path, status, milliseconds, size))

    def _redirected(
        self, response: httpx.Response, credentials: Mapping[str, str]
    ) -> httpx.Request:
        """Make the request that a redirect asks for, if it stays within the origin."""
        try:
            url = urljoin(str(response.request.url), response.headers["Location"])
            self._same_origin(url, "a redirect")
            return self._request(url, credentials)
        except (ValueError, httpx.InvalidURL):
            raise self.strange("it redirects to something that is no URL") from None

    def _request(self, url: str, credentials: Mapping[str, str]) -> httpx.Request:
        headers = {**self._headers, **credentials}
        extensions = {"timeout": _TIMEOUT}
        # With a body of its own, if an empty one, httpx need not work out what headers go with it.
        request = httpx.Request("GET", url, headers=headers, stream=_EMPTY, extensions=extensions)
        if self._in_session:
            self._cookies.set_cookie_header(request)
        return request

    @property
    def skew(self) -> timedelta | None:
        """How far the provider's clock is ahead of ours, by its last answer's Date."""
        header, now = self._date
        date = http_date(header)
        return None if date is None else date - now

    def _same_origin(self, url: str, what: str) -> None:
        origin = _origin(url)
        if origin != self._origin:
            message = (
                f"{self._title} sent {what} to another origin, "
                f"{self._safe(f'{origin[0]}://{origin[1]}')}, where the credentials do not belong. "
                f"If that is where the API lives now, set {self._variable}."
            )
            raise AnswerError(message)

    def _judged(self, response: httpx.Response, body: bytes) -> Answer:
        """Give the answer if it is one; raise what it stands for if it is not."""
        answer: Answer | None = None
        with suppress(ValueError):
            answer = parse(body)
        tree = answer.tree if answer else None
        status = self._provider.status(response.status_code, tree)
        if not httpx.codes.is_success(status):
            try:
                said = said_in(tree) if answer else said_in(body.decode(errors="replace"))
            except RecursionError:
                said = ""
            raise self._refusal(status, response.headers, f": {self._safe(said)}" if said else "")
        if answer is None:
            what = f"answered with {len(body)} bytes that are not JSON"
            raise PassingError(what)
        return answer

    def _refusal(self, status: int, headers: httpx.Headers, said: str) -> Exception:
        hint = self._provider.hints.get(status, "")
        if status in RETRIED:
            wait = wait_asked(headers)
            return PassingError(
                f"answered {status}{said}", throttled=status == THROTTLED, wait=wait
            )
        if status in (UNAUTHORIZED, FORBIDDEN):
            refused = AccessError if status == UNAUTHORIZED else ForbiddenError
            verb = "refused the credentials" if status == UNAUTHORIZED else "does not allow this"
            return refused(f"{self._title} {verb} ({status}{said}). {hint}".rstrip())
        if httpx.codes.is_server_error(status):
            return UnreachableError(f"{self._title} failed ({status}{said}). Try again later.")
        hint = hint or f"Check {self._variable} and the options."
        return AnswerError(f"{self._title} refused the question ({status}{said}). {hint}")

    def _fault(self, error: httpx.RequestError) -> Exception:
        said = self._safe(str(error) or type(error).__name__)
        if "CERTIFICATE_VERIFY_FAILED" in said:
            message = (
                f"The certificate of {self._origin[1]} cannot be trusted: {said}. Set "
                "SSL_CERT_FILE if your network has its own certificate authority."
            )
            return UnreachableError(message)
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
            _, host, port = self._origin
            return PassingError(f"cannot be reached at {host}:{port} ({said})")
        if isinstance(error, httpx.TimeoutException):
            return PassingError(f"did not answer in time ({said or type(error).__name__})")
        return PassingError(f"broke off its answer ({said})")

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
        self._secrets.update(
            value.reveal() for value in vars(provider).values() if isinstance(value, Secret)
        )
        credentials = dict(provider.credentials())
        for value in credentials.values():
            if not value.isascii() or value != value.strip():
                message = (
                    f"{provider.title}'s credentials hold characters, or blanks around them, that "
                    "a request cannot carry. Check how they were copied; they must be: "
                    f"{provider.permission}."
                )
                raise AccessError(message)
            self._secrets.update((value, value.rpartition(" ")[2]))
        self._secrets.discard("")
        return credentials

    def _safe(self, text: str) -> str:
        """Make a stranger's text fit for a message: no credential, one line, not too long."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, REDACTED)
        text = escape(redact_text(" ".join(text.split())))
        return text if len(text) <= LONGEST_SAYING else f"{text[:LONGEST_SAYING]}…"


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
