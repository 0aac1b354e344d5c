"""Failed responses and network errors, turned into auditctl's exceptions with a message."""

import re
from collections.abc import Mapping, Sequence
from copy import copy
from typing import NamedTuple, Self

import httpx

from auditctl.errors import (
    AccessError,
    AnswerError,
    ForbiddenError,
    RefusedError,
    UnreachableError,
    UsageError,
)
from auditctl.http.mask import Mask
from auditctl.http.origin import Origin, host_and_port, origin_of
from auditctl.http.retry import PassingError
from auditctl.http.waits import wait_asked
from auditctl.phrases import with_and

RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504, *range(520, 531)})
"""Statuses of temporary failures; those from 520 on are a CDN's in front."""
THROTTLED = 429
UNAUTHORIZED, FORBIDDEN = 401, 403
QUOTES = "\"'\N{LEFT DOUBLE QUOTATION MARK}\N{LEFT SINGLE QUOTATION MARK}"
_REFUSAL = r"4[0-9]{2} "  # not compiled: few runs need it
"""The beginning of httpx's message if a proxy refuses us for good."""
_ENDLESS_HEADERS = "Receive buffer too long"
"""A part of h11's message for headers that are too long."""
WHY_UNASKABLE = "that is longer than a URL may be, or contains characters that no URL may have"


class Subject(NamedTuple):
    """The names of a service and its settings in messages."""

    title: str
    permission: str
    """The permission that the credentials need."""
    hints: Mapping[int, str]
    """What to do about a status."""
    base_url: str
    """The variable that holds the base URL."""
    settings: Mapping[str, str]
    """The other variables that must be set -> their values."""
    secrets: Sequence[str]
    """Texts that no message may show."""
    origins: Mapping[str, str]
    """The variables of URLs -> their values: the base URL, and where a token may be asked for."""


class Failures:
    """Makes an exception of each failed response or network error.

    A service's own words are masked first: without our secrets, and without what moves a
    terminal's cursor.
    """

    def __init__(self, subject: Subject) -> None:
        """Name this service in messages, and add its hints."""
        self.mask = Mask()
        self.know(subject)

    def know(self, subject: Subject) -> None:
        """Note the settings as they are now: which may not be shown, and which are odd."""
        self._title = subject.title
        self._hints = subject.hints
        self._permission = subject.permission
        self._variable = subject.base_url
        self._required = with_and([*subject.settings] or [subject.base_url])
        self._variables = {origin_of(url): name for name, url in subject.origins.items()}
        self.mask.hide(subject.secrets)
        self.mask.hide(secret.strip(QUOTES) for secret in subject.secrets)
        self._quoted = [
            name for name, value in subject.settings.items() if value[:1] in tuple(QUOTES)
        ]

    def of_token(self, url: str) -> Self:
        """Return the same for answers of a token's URL, whose address another setting holds."""
        other = copy(self)
        variable = self._variables.get(origin_of(url), "the key's token_uri")
        other._variable = variable  # noqa: SLF001 - of its own class
        return other

    def of_status(self, status: int, headers: httpx.Headers, words: str) -> Exception:
        """Return the failure for a status; ``words`` are the body's message, if any."""
        quoted = f": {self.mask.safe(words)}" if words else ""
        hint = self._hints.get(status, "")
        if status in RETRIED:
            return PassingError(
                f"answered {status}{quoted.removesuffix('.')}",  # the sentence goes on
                throttled=status == THROTTLED,
                wait=wait_asked(headers),
                unlike_api=True,
            )
        if status in (UNAUTHORIZED, FORBIDDEN):
            refused = AccessError if status == UNAUTHORIZED else ForbiddenError
            verb = "refused the credentials" if status == UNAUTHORIZED else "does not allow this"
            if self._quoted:
                hint = (
                    f"The value of {with_and(self._quoted)} begins with a quote, which is sent "
                    f"with it: an env file of Docker's takes no quotes. {hint}"
                )
            return refused(f"{self._title} {verb} ({status}{quoted}). {hint}".rstrip())
        if httpx.codes.is_server_error(status):
            failed = UnreachableError(f"{self._title} failed ({status}{quoted}). Try again later.")
            failed.unlike_api = True
            return failed
        hint = hint or f"Check {self._variable} and the options."
        error = RefusedError(f"{self._title} refused the request ({status}{quoted}). {hint}")
        error.code, error.said = status, f"{status}{quoted}"
        error.unlike_api = _is_web_page(headers)
        return error

    def of_network(self, error: httpx.RequestError, origin: Origin, *, proxied: bool) -> Exception:
        """Return the failure for a network error on the way to an origin."""
        reason = self.mask.safe(str(error) or type(error).__name__)
        if reason == _ENDLESS_HEADERS:
            return self.too_large()
        host = origin[1]
        if "CERTIFICATE_VERIFY_FAILED" in reason:
            return UnreachableError(
                f"The certificate of {host} cannot be trusted: {reason}. Set SSL_CERT_FILE if your "
                "network has its own certificate authority."
            )
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
            through = " through the proxy" if proxied else ""
            way = "the proxy's variable (HTTPS_PROXY)" if proxied else self._variable
            sentence = f"cannot be reached at {host_and_port(origin)}{through} ({reason})"
            if re.match(_REFUSAL, reason) and int(reason[:3]) not in RETRIED:
                return UnreachableError(f"{self._title} {sentence}. Check {way}.")
            hint = f"Check {way}, the network and the provider's status page."
            return PassingError(sentence, hint=hint)
        if isinstance(error, httpx.TimeoutException):
            return PassingError(f"did not answer in time ({reason or type(error).__name__})")
        return PassingError(f"broke off its answer ({reason})")

    def not_json(self, headers: httpx.Headers, body: bytes) -> PassingError:
        """Return the error for an answer that is not JSON: it may come whole when asked again."""
        if not _is_web_page(headers):
            sentence = f"answered with {len(body)} bytes that are not JSON"
            return PassingError(sentence, unlike_api=True)
        hint = (
            f"Check that {self._variable} is the API's address, and that no proxy answers in its "
            "place."
        )
        sentence = "answered with a web page instead of JSON"
        return PassingError(sentence, hint=hint, unlike_api=True)

    def cut(self, headers: httpx.Headers) -> PassingError:
        """Return the error for a stream that ends too early: it may come whole when asked again."""
        if _is_web_page(headers):
            return self.not_json(headers, b"")
        return PassingError("sent an array that ends too early, or is not JSON")

    def unexpected(self, what: str) -> AnswerError:
        """Return the error for an answer of another shape; ``what`` completes "because"."""
        return AnswerError(
            f"{self._title}'s answer cannot be understood, because {what}. Check that "
            f"{self._variable} is the API's address; if it is, the API has changed."
        )

    def too_large(self) -> AnswerError:
        """Return the error for an answer that would take too much memory."""
        return AnswerError(
            f"{self._title}'s answer is larger than any that is read: a page has some 60 KB. Check "
            f"that {self._variable} is the API's address."
        )

    def circle(self, question: str) -> AnswerError:
        """Return the error for a question that was asked before."""
        return AnswerError(
            f"{self._title}'s pages would never end: {self.mask.safe(question)} came round again. "
            "Nothing more was asked; the API may have changed."
        )

    def endless(self, answers: int) -> AnswerError:
        """Return the error for pages that bring nothing and do not end."""
        return AnswerError(
            f"{self._title}'s pages would never end: {answers} answers in a row brought no new "
            "event. Nothing more was asked; try again later, and tell the provider if it stays so."
        )

    def incomplete(self, rows: int, total: int, why: str) -> AnswerError:
        """Return the error for numbered pages that have not shown all rows of their list."""
        return AnswerError(
            f"{self._title} showed {rows} of {total} rows on its pages: {why}. What is missing "
            "cannot be known; run it again when the service is less busy."
        )

    def elsewhere(self, origin: Origin, what: str) -> AnswerError:
        """Return the error for ``what``, a link or a redirect, that leads to another origin."""
        url = self.mask.safe(f"{origin[0]}://{host_and_port(origin)}")
        return AnswerError(
            f"{self._title} sent {what} to another origin, {url}, where the credentials do not "
            f"belong. If that is where the API lives now, set {self._variable}."
        )

    def redirected(self, most: int) -> AnswerError:
        """Return the error for a redirect too many."""
        return AnswerError(
            f"{self._title} redirects more than {most} times. Check {self._variable}."
        )

    def changed(self) -> UnreachableError:
        """Return the error for a stream that cannot be taken up where it broke off."""
        return UnreachableError(
            f"{self._title}'s log changed while a broken answer was read again, so what is "
            "left of it cannot be told from what was delivered. Run the command again."
        )

    def no_token(self, url: str, why: str) -> RefusedError:
        """Return the error for an answer without a token that does not refuse the credentials."""
        return RefusedError(
            f"No token was given by {self.mask.safe(url)} ({why}). See {self._required}."
        )

    def undeclared(self, url: str) -> UsageError:
        """Return the error for a token's URL of an origin that the provider does not declare."""
        return UsageError(
            f"{self._title} would ask for a token at {self.mask.safe(url)}, which is of another "
            "origin than its settings name. Nothing was sent there."
        )

    def unfit(self, why: str) -> AccessError:
        """Return the error for credentials that cannot be used; ``why`` follows their name."""
        return AccessError(
            f"{self._title}'s credentials {why}. Check {self._required}; wanted: "
            f"{self._permission}."
        )

    def unaskable(self, what: str) -> AnswerError:
        """Return the error for a question that no URL can hold."""
        return AnswerError(
            f"{self._title} cannot be asked for {self.mask.safe(what)}: {WHY_UNASKABLE}."
        )


def _is_web_page(headers: httpx.Headers) -> bool:
    return "html" in headers.get("Content-Type", "").lower()
