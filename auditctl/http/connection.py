"""The connection to one origin: requests go there and nowhere else, each with a timeout."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from auditctl.errors import UsageError
from auditctl.http.body import Counted, TooLargeError
from auditctl.http.cookies import Cookies
from auditctl.http.errors import Failures
from auditctl.http.origin import is_loopback, origin_of
from auditctl.http.pace import Pace, watch
from auditctl.http.urls import Params, address
from auditctl.http.waits import clock

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 60.0
KEPT_ALIVE = 60.0
"""Seconds that an idle connection is kept, so that a pause does not cost a new one."""
MOST_REDIRECTS = 5
REPEATED = (307, 308)
"""Redirects that ask for the same request, its method and body included."""

_TIMEOUT = httpx.Timeout(READ_TIMEOUT, connect=CONNECT_TIMEOUT, pool=None).as_dict()


class Exchange(NamedTuple):
    """One request and what came of it."""

    method: str
    path: str
    """With the query, its credentials redacted."""
    status: int | None
    """None if no answer came."""
    milliseconds: float
    bytes: int
    """The size of the body as it came over the wire."""


class Connection:
    """Sends requests to the origin of a base URL."""

    def __init__(  # noqa: PLR0913 - one value for each thing that a run may decide
        self,
        base_url: str,
        headers: Mapping[str, str],
        failures: Failures,
        *,
        most: int,
        transport: httpx.BaseTransport | None,
        on_exchange: Callable[[Exchange], None] | None,
        on_send: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare, without asking anything yet.

        Args:
            base_url: what each path is put behind.
            headers: sent with each request.
            failures: makes the exceptions to raise.
            most: connections that are kept open for further requests.
            transport: answers instead of the network.
            on_exchange: called after every request.
            on_send: called before every request.

        Raises:
            UsageError: the network cannot be used as the environment says.

        """
        self._base = base_url.rstrip("/")
        self._origin = origin_of(self._base)
        self._failures = failures
        try:
            self._headers = {"Host": httpx.URL(self._base).netloc.decode(), **headers}
        except httpx.InvalidURL as error:
            raise UsageError(f"No request can be sent to the base URL: {error}.") from None
        self._on_exchange = on_exchange
        self._on_send = on_send
        self._prepared: tuple[Mapping[str, str], httpx.Headers] = {}, httpx.Headers(self._headers)
        """Credentials, and all headers with them: they are the same for each page."""
        self._cookies = Cookies()
        self._pace = Pace()
        self._date: tuple[str | None, datetime] = None, datetime.now(UTC)
        self._proxied = False
        self._transport = transport or self._network(most)

    def _network(self, most: int) -> httpx.HTTPTransport:
        """Make the transport: httpx's, through the proxy that the user has set.

        Not an httpx.Client around it: what that adds (several origins, credentials of .netrc,
        redirects, URLs parsed five times) is unwanted here or half of a page's cost.
        """
        scheme, host, port = self._origin
        proxies = getproxies()
        bypassed = proxy_bypass(f"{host}:{port}")  # no_proxy may name a port
        proxy = None if bypassed else proxies.get(scheme) or proxies.get("all")
        if proxy and "://" not in proxy:
            proxy = f"http://{proxy}"
        limits = httpx.Limits(
            # As many as there are requests under way, which is limited elsewhere. Answers that
            # wait for their turn hold a connection, and the one whose turn it is may need another.
            max_connections=None,
            max_keepalive_connections=most,
            keepalive_expiry=KEPT_ALIVE,
        )
        try:
            if proxy and scheme == "http" and not is_loopback(urlsplit(proxy).hostname or ""):
                proxy = None  # it would be another machine, and see the credentials in the clear
            self._proxied = proxy is not None
            # Plain http is for this machine alone and has no certificates, whose loading takes
            # longer than most fetches. Without a context httpcore would make one that verifies.
            verify: Any = scheme == "https" or None
            transport = httpx.HTTPTransport(verify=verify, proxy=proxy, limits=limits)
        except (ValueError, ImportError, httpx.InvalidURL, OSError) as error:
            # A certificate file that is gone; a proxy that is no URL, or needs an extra.
            if isinstance(error, ImportError):
                reason = "a SOCKS proxy needs more: pip install 'auditctl[socks]'"
            elif isinstance(error, OSError):
                reason = self._failures.mask.safe(str(error)).rstrip(".")
            else:
                reason = "the proxy is not a valid URL"  # without it: it may hold a password
            of_files = isinstance(error, OSError)
            about = "SSL_CERT_FILE and SSL_CERT_DIR" if of_files else "HTTPS_PROXY and ALL_PROXY"
            raise UsageError(
                f"The connection cannot be set up: {reason}. "
                f"Check the variables for it, such as {about}."
            ) from None
        watch(transport, self._pace)
        return transport

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def forget_date(self) -> None:
        """Forget what the last answer showed of the provider's clock."""
        self._date = None, datetime.now(UTC)

    @property
    def skew(self) -> timedelta | None:
        """The lead of the provider's clock over ours, by its last answer's Date."""
        header, now = self._date
        date = clock(header)
        return None if date is None else date - now

    @contextmanager
    def asked(  # noqa: PLR0913, PLR0917 - all that a request is made of
        self,
        method: str,
        path: str,
        params: Params | None,
        credentials: Mapping[str, str],
        body: bytes = b"",
        content_type: str = "application/json",
    ) -> Iterator[httpx.Response]:
        """Provide the answer to one request, redirects followed, its body not yet read.

        Raises:
            PassingError: the network failed, here or while the body was read.
            AnswerError: it is redirected too often, or to another origin; or its body is too large.

        """
        try:
            url = address(self._base, path, params)
            headers = {**credentials, "Content-Type": content_type} if body else credentials
            request = self._request(method, url, headers, body)
        except (httpx.InvalidURL, ValueError):
            raise self._failures.unaskable(f"{path} {params or ''}") from None
        try:
            for _ in range(MOST_REDIRECTS + 1):
                with self._sent(request) as response:
                    if not response.has_redirect_location:
                        yield response
                        return
                    request = self._redirected(response, headers, body)
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise self._failures.of_network(error, self._origin, proxied=self._proxied) from None
        except TooLargeError:
            raise self._failures.too_large() from None
        raise self._failures.redirected(MOST_REDIRECTS)

    def belongs(self, link: str, what: str) -> None:
        """Check that a link, as written in an answer, leads to this origin.

        Raises:
            AnswerError: it does not, and the credentials belong nowhere else.
            ValueError: it is no link, or has a backslash before its query: browsers take that for a
                slash, and two slashes lead to another host.

        """
        if "\\" in link.partition("?")[0]:
            raise ValueError
        if link.startswith(f"{self._base}/"):
            return  # it begins as all our questions do, as nearly every link does
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:  # else it is relative, and thus of this origin
            origin = origin_of(urljoin(f"{self._base}/", link))
            if origin != self._origin:
                raise self._failures.elsewhere(origin, what)

    def path_of(self, link: str) -> tuple[str, str]:
        """Split a link of this origin into its path below the base URL, and its query.

        Raises:
            ValueError: it is not below the base URL.

        """
        parts = urlsplit(urljoin(f"{self._base}/", link))
        base = urlsplit(self._base).path
        if not parts.path.startswith(f"{base}/"):
            raise ValueError("not below the base URL")
        return parts.path.removeprefix(base), parts.query

    def _request(
        self, method: str, url: httpx.URL, credentials: Mapping[str, str], body: bytes
    ) -> httpx.Request:
        used, headers = self._prepared
        if used is not credentials:
            headers = httpx.Headers({**self._headers, **credentials})
            self._prepared = credentials, headers
        extensions = {"timeout": _TIMEOUT}
        # With a body of its own, if an empty one, httpx need not work out what headers go with it.
        stream = httpx.ByteStream(body) if body else _NOTHING
        request = httpx.Request(method, url, headers=headers, stream=stream, extensions=extensions)
        if body or method != "GET":
            request.headers["Content-Length"] = str(len(body))
        if cookies := self._cookies.header:
            request.headers.encoding = "latin-1"  # whose characters are bytes
            request.headers["Cookie"] = cookies.decode("latin-1")
        return request

    @contextmanager
    def _sent(self, request: httpx.Request) -> Iterator[httpx.Response]:
        """Send one request and provide its response; report both when the body has been read."""
        response: httpx.Response | None = None
        body: Counted | None = None
        started = time.monotonic()
        try:
            self._on_send()
            self._pace.begin()
            response = self._transport.handle_request(request)
            self._pace.in_head = False
            response.request = request
            response.stream = body = Counted(response)
            if "Set-Cookie" in response.headers:
                # A session that the provider opened is used again, instead of one per request.
                self._cookies.take(response.headers)
            self._date = response.headers.get("Date"), datetime.now(UTC)
            yield response
        finally:
            if response is not None:
                response.close()
            if self._on_exchange is not None:
                path = self._failures.mask.shown(unquote(request.url.raw_path.decode()))
                status = response.status_code if response is not None else None
                size = body.size if body is not None else 0
                milliseconds = round((time.monotonic() - started) * 1000, 1)
                self._on_exchange(Exchange(request.method, path, status, milliseconds, size))

    def _redirected(
        self, response: httpx.Response, headers: Mapping[str, str], body: bytes
    ) -> httpx.Request:
        """Make the request that a redirect asks for, if it stays within the origin."""
        method = response.request.method
        try:
            url = urljoin(str(response.request.url), response.headers["Location"])
            self.belongs(url, "a redirect")
            if method != "GET" and response.status_code not in REPEATED:
                raise self._failures.unexpected(f"it redirects a {method} to something else")
            return self._request(method, httpx.URL(url), headers, body)
        except (ValueError, httpx.InvalidURL):
            raise self._failures.unexpected("it redirects to something that is no URL") from None


class _Nothing(httpx.SyncByteStream):
    """No body; an empty ByteStream is one piece, which h11 would check and write."""

    def __iter__(self) -> Iterator[bytes]:
        return iter(())


_NOTHING = _Nothing()
