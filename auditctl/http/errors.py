# Longer than 300 lines: all messages about failed requests are in one place.
"""Failed responses and network errors, turned into auditctl's exceptions with a message."""

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus

import httpx

from auditctl.errors import (
    AccessError,
    AnswerError,
    ForbiddenError,
    RefusedError,
    UnreachableError,
    UsageError,
)
from auditctl.escape import escape
from auditctl.http.origin import Origin
from auditctl.http.retry import PassingError
from auditctl.http.waits import wait_asked
from auditctl.records.redact import REDACTED, redact_text

RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504, *range(520, 531)})
"""Statuses of temporary failures; those from 520 on are a CDN's in front."""
THROTTLED = 429
UNAUTHORIZED, FORBIDDEN = 401, 403
LONGEST_SAYING = 500
MOST_ERRORS = 3
"""The most errors of a list that are quoted."""
DEEPEST_SAYING = 20
"""Levels of an error body that are looked into; JSON may be nested without an end."""
QUOTES = "\"'\N{LEFT DOUBLE QUOTATION MARK}\N{LEFT SINGLE QUOTATION MARK}"
_WORDS = (
    "title", "details", "detail", "error", "Error", "error_description", "message", "Message",
    "msg", "reason", "description", "errorSummary", "errorCauses", "errorMessage", "error_message",
    "faultstring", "summary",
)  # fmt: skip
"""Members that say what is wrong: JSON:API's, RFC 9457's, RFC 6749's and those of many others."""
_PERCENT = re.compile(r"%[0-9A-F]{2}")
_URL_SAFE = str.maketrans("+/", "-_")
_is_refusal = re.compile(r"4[0-9]{2} ").match
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
    origins: Sequence[str] = ()
    """URLs of other origins, where a token may be asked for."""


class Refusals:
    """Turns failed responses and network errors into failures with a message.

    Before a service's own words go into one, they are freed of our secrets and of what moves a
    terminal's cursor.
    """

    def __init__(self, subject: Subject) -> None:
        """Make messages about this service, with its hints."""
        self._secrets: set[str] = set()
        self.know(subject)

    def know(self, subject: Subject) -> None:
        """Note the settings as they are now: which may not be shown, and which are odd."""
        self._title = subject.title
        self._hints = subject.hints
        self._permission = subject.permission
        self._variable = subject.base_url
        self._required = list(subject.settings)
        self.hide(subject.secrets)
        self.hide(secret.strip(QUOTES) for secret in subject.secrets)
        self._quoted = [
            name for name, value in subject.settings.items() if value[:1] in tuple(QUOTES)
        ]

    def hide(self, secrets: Iterable[str]) -> None:
        """Note what may not be shown, in every form in which it may come back."""
        for secret in secrets:
            written = json.dumps(secret)[1:-1]
            percent = quote(secret, safe="")
            packed = b64encode(secret.encode()).decode().rstrip("=")
            self._secrets |= {
                secret,
                secret.lower(),  # as the host that it was taken for
                secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
                json.dumps(written)[1:-1],
                _PERCENT.sub(lambda match: match[0].lower(), percent),
                packed,
                packed.translate(_URL_SAFE),
                secret.rstrip("=").translate(_URL_SAFE),  # if it is base64 itself
                written,
                written.replace("/", "\\/"),
                json.dumps(secret, ensure_ascii=False)[1:-1],
                repr(secret)[1:-1],
                quote(secret),
                percent,
                quote_plus(secret),
                secret.rstrip("="),
            }
        self._secrets.discard("")

    def shown(self, text: str) -> str:
        """Make a text fit to be shown: no credential in it, and nothing that moves a cursor."""
        return escape(redact_text(self._hidden(text)))

    def safe(self, text: str) -> str:
        """Make a service's text fit for a message: shown, in one line, not too long."""
        text = self.shown(" ".join(self._hidden(text).split()))  # a secret may hold blanks
        return text if len(text) <= LONGEST_SAYING else f"{text[:LONGEST_SAYING]}…"

    def _hidden(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, REDACTED)
        return text

    def of_status(self, status: int, headers: httpx.Headers, words: str) -> Exception:
        """Return the failure for a status; ``words`` are the body's message, if any."""
        said = f": {self.safe(words)}" if words else ""
        hint = self._hints.get(status, "")
        if status in RETRIED:
            wait = wait_asked(headers)
            return PassingError(
                f"answered {status}{said}",
                throttled=status == THROTTLED,
                wait=wait,
                unlike_api=True,
            )
        if status in (UNAUTHORIZED, FORBIDDEN):
            refused = AccessError if status == UNAUTHORIZED else ForbiddenError
            verb = "refused the credentials" if status == UNAUTHORIZED else "does not allow this"
            if self._quoted:
                hint = (
                    f"The value of {' and '.join(self._quoted)} begins with a quote, which is sent "
                    f"with it: an env file of Docker's takes no quotes. {hint}"
                )
            return refused(f"{self._title} {verb} ({status}{said}). {hint}".rstrip())
        if httpx.codes.is_server_error(status):
            failed = UnreachableError(f"{self._title} failed ({status}{said}). Try again later.")
            failed.unlike_api = True
            return failed
        hint = hint or f"Check {self._variable} and the options."
        error = RefusedError(f"{self._title} refused the request ({status}{said}). {hint}")
        error.code = status
        error.unlike_api = _is_web_page(headers)
        return error

    def of_network(self, error: httpx.RequestError, origin: Origin, *, proxied: bool) -> Exception:
        """Return the failure for a network error on the way to an origin."""
        said = self.safe(str(error) or type(error).__name__)
        if said == _ENDLESS_HEADERS:
            return self.too_large()
        _, host, port = origin
        if "CERTIFICATE_VERIFY_FAILED" in said:
            message = (
                f"The certificate of {host} cannot be trusted: {said}. Set SSL_CERT_FILE if your "
                "network has its own certificate authority."
            )
            return UnreachableError(message)
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
            through = " through the proxy" if proxied else ""
            way = "the proxy's variable (HTTPS_PROXY)" if proxied else self._variable
            sentence = f"cannot be reached at {host}:{port}{through} ({said})"
            if _is_refusal(said) and int(said[:3]) not in RETRIED:
                return UnreachableError(f"{self._title} {sentence}. Check {way}.")
            hint = f"Check {way}, the network and the provider's status page."
            return PassingError(sentence, hint=hint)
        if isinstance(error, httpx.TimeoutException):
            return PassingError(f"did not answer in time ({said or type(error).__name__})")
        return PassingError(f"broke off its answer ({said})")

    def not_json(self, headers: httpx.Headers, body: bytes) -> PassingError:
        """Return the error for an answer that is not JSON: it may come whole when asked again."""
        if not _is_web_page(headers):
            said = f"answered with {len(body)} bytes that are not JSON"
            return PassingError(said, unlike_api=True)
        hint = (
            f"Check that {self._variable} is the API's address, and that no proxy answers in its "
            "place."
        )
        said = "answered with a web page instead of JSON"
        return PassingError(said, hint=hint, unlike_api=True)

    def cut(self, headers: httpx.Headers) -> PassingError:
        """Return the error for a stream that ends too early: it may come whole when asked again."""
        if _is_web_page(headers):
            return self.not_json(headers, b"")
        return PassingError("sent an array that ends too early, or is not JSON")

    def strange(self, what: str) -> AnswerError:
        """Return the error for an answer of another shape; ``what`` completes "because"."""
        message = (
            f"{self._title}'s answer cannot be understood, because {what}. Check that "
            f"{self._variable} is the API's address; if it is, the API has changed."
        )
        return AnswerError(message)

    def too_large(self) -> AnswerError:
        """Return the error for an answer that would take too much memory."""
        message = (
            f"{self._title}'s answer is larger than any that is read: a page has some 60 KB. Check "
            f"that {self._variable} is the API's address."
        )
        return AnswerError(message)

    def circle(self, question: str) -> AnswerError:
        """Return the error for a question that was asked before."""
        message = (
            f"{self._title}'s pages would never end: {self.safe(question)} came round again. "
            "Nothing more was asked; the API may have changed."
        )
        return AnswerError(message)

    def endless(self, answers: int) -> AnswerError:
        """Return the error for pages that bring nothing and do not end."""
        message = (
            f"{self._title}'s pages would never end: {answers} answers in a row brought no new "
            "event. Nothing more was asked; try again later, and tell the provider if it stays so."
        )
        return AnswerError(message)

    def incomplete(self, rows: int, total: int, why: str) -> AnswerError:
        """Return the error for numbered pages that have not shown all rows of their list."""
        message = (
            f"{self._title} showed {rows} of {total} rows on its pages: {why}. What is missing "
            "cannot be known; run it again when the service is less busy."
        )
        return AnswerError(message)

    def elsewhere(self, origin: Origin, what: str) -> AnswerError:
        """Return the error for ``what``, a link or a redirect, that leads to another origin."""
        message = (
            f"{self._title} sent {what} to another origin, "
            f"{self.safe(f'{origin[0]}://{origin[1]}:{origin[2]}')}, where the credentials do not "
            f"belong. If that is where the API lives now, set {self._variable}."
        )
        return AnswerError(message)

    def redirected(self, most: int) -> AnswerError:
        """Return the error for a redirect too many."""
        message = f"{self._title} redirects more than {most} times. Check the base URL."
        return AnswerError(message)

    def changed(self) -> UnreachableError:
        """Return the error for a stream that cannot be taken up where it broke off."""
        message = (
            f"{self._title}'s log changed while a broken answer was read again, so what is "
            "left of it cannot be told from what was delivered. Run the command again."
        )
        return UnreachableError(message)

    def of_token(self, url: str, refused: RefusedError) -> RefusedError:
        """Return the error for a request for a token that was refused, but not the credentials."""
        settings = " and ".join(self._required)
        error = RefusedError(f"No token was given by {self.safe(url)}. {refused} See {settings}.")
        error.code = refused.code
        return error

    def undeclared(self, url: str) -> UsageError:
        """Return the error for a token's URL of an origin that the provider does not declare."""
        message = (
            f"{self._title} would ask for a token at {self.safe(url)}, which is of another origin "
            "than its settings name. Nothing was sent there."
        )
        return UsageError(message)

    def unfit(self, why: str) -> AccessError:
        """Return the error for credentials that cannot be used; ``why`` follows their name."""
        message = (
            f"{self._title}'s credentials {why}. Check {' and '.join(self._required)}; wanted: "
            f"{self._permission}."
        )
        return AccessError(message)

    def unaskable(self, what: str) -> AnswerError:
        """Return the error for a question that no URL can hold."""
        return AnswerError(f"{self._title} cannot be asked for {self.safe(what)}: {WHY_UNASKABLE}.")


def _is_web_page(headers: httpx.Headers) -> bool:
    return "html" in headers.get("Content-Type", "").lower()


def said_in(tree: Any, levels: int = DEEPEST_SAYING) -> str:  # noqa: ANN401 - JSON is any value
    """Find what a vendor's error body says, in any of the shapes seen."""
    if isinstance(tree, str):
        return "" if tree.lstrip()[:1] in ("<", "") else tree
    if not levels or not isinstance(tree, dict | list):
        return str(tree) if type(tree) is int else ""
    inner = partial(said_in, levels=levels - 1)
    if isinstance(tree, list):
        return ", ".join(filter(None, map(inner, tree)))
    errors = tree.get("errors")
    if isinstance(errors, dict):  # by the field that each is about
        errors = list(errors.values())
    needed = inner(tree.get("needed"))
    found = [
        *(inner(tree.get(name)) for name in _WORDS),
        *map(inner, errors[:MOST_ERRORS] if isinstance(errors, list) else [errors]),
        needed and f"needed: {needed}",
    ]
    if not any(found):  # under names that nobody knows
        found = [inner(value) for value in list(tree.values())[:MOST_ERRORS]]
    return ", ".join(filter(None, dict.fromkeys(found)))
