"""The credentials of a run: headers for each request, and new ones when they are refused."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlencode

from auditctl import __version__
from auditctl.errors import AccessError, ContractError, ForbiddenError, RefusedError
from auditctl.http.answer import Answer
from auditctl.http.auth import Auth, ClientCredentials
from auditctl.http.connection import Connection
from auditctl.http.errors import UNAUTHORIZED, Failures, Subject
from auditctl.http.origin import checked_base_url, origin_of
from auditctl.http.responses import Responses
from auditctl.http.retry import PassingError, Patience, Trouble
from auditctl.http.service_account import ServiceAccount

FORM = "application/x-www-form-urlencoded"
TOKEN_MARGIN = 60.0
"""Seconds before its end that a token is fetched anew: questions under way still need it."""
REFUSALS = ("invalid_client", "unauthorized_client", "invalid_grant", "invalid_scope")
"""Errors that refuse the credentials (RFC 6749, section 5.2), whatever their HTTP status."""
NEVER = float("inf")

TokenAuth = ClientCredentials | ServiceAccount
"""Credentials for which a token is fetched first."""


class Service(Protocol):
    """The part of a provider that `auditctl.http` needs."""

    @property
    def base_url(self) -> str:
        """The URL that each path is appended to."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of each request."""

    @property
    def wording(self) -> Subject:
        """Its names in messages."""

    def auth(self) -> Auth:
        """Return the credentials."""

    def true_status(self, answer: Answer) -> int:
        """Return the HTTP status that an answer means."""


class Credentials:
    """The credentials of a run."""

    def __init__(
        self,
        service: Service,
        again: Callable[[], Service] | None,
        failures: Failures,
        patience: Patience,
        connect: Callable[..., Connection],
    ) -> None:
        """Take the credentials; a token is fetched before the first request.

        Raises:
            AccessError: no request can carry them.
            UsageError: no token may be asked for at the URL that they name.

        """
        self._again = again
        self._failures = failures
        self._patience = patience
        self._connect = connect
        self._lock = threading.Lock()
        self._may_reread = True
        self._refused = 0  # tokens since one was accepted
        self._take(service)

    def _take(self, service: Service) -> None:
        """Use the credentials of a service."""
        self._auth = service.auth()
        self._headers = self._checked_headers(self._auth)
        self._origins = [origin_of(url) for url in service.wording.origins.values()]
        if isinstance(self._auth, ServiceAccount):
            url = checked_base_url(self._auth.token_url, "The key's token_uri")
            self._origins.append(origin_of(url))
            self._failures.mask.hide(self._auth.secrets)
        self._token_until = 0.0 if isinstance(self._auth, TokenAuth) else NEVER

    def begin(self) -> None:
        """Allow the settings to be read once more."""
        self._may_reread = True

    def accepted(self) -> None:
        """Note that the service accepted the credentials."""
        self._refused = 0

    def headers(self, over: threading.Event) -> Mapping[str, str]:
        """Return the headers with the credentials; fetch a token first if one is needed."""
        if time.monotonic() < self._token_until:
            return self._headers
        with self._lock:
            while time.monotonic() >= self._token_until and isinstance(self._auth, TokenAuth):
                try:
                    self._fetch_token(self._auth, over)
                    break  # also if the token has no time left: the next request asks for another
                except AccessError:
                    if not self._reread():
                        raise
            return self._headers

    def _fetch_token(self, auth: TokenAuth, over: threading.Event) -> None:
        """Ask for a token.

        Raises:
            AccessError: the credentials are refused, or cannot be used.
            RefusedError: the question is refused.
            UsageError: the token's URL is of an origin that the provider does not declare.

        """
        url = auth.token_url
        try:
            is_declared = origin_of(url) in self._origins
        except ValueError:
            is_declared = False
        if not is_declared:
            raise self._failures.undeclared(url)
        failures = self._failures.of_token(url)
        responses = Responses(failures, _status_of_token)
        headers = {"Accept": "application/json", "User-Agent": f"auditctl/{__version__}"}
        connection = self._connect(url, headers, most=1, failures=failures)
        trouble = Trouble(self._patience, over)
        try:
            while True:
                self._patience.wait_turn(over)
                form = urlencode(self._form(auth)).encode()
                started = time.monotonic()
                try:
                    with connection.asked("POST", "", None, {}, form, FORM) as response:
                        answer = responses.answer(response)
                    break
                except PassingError as passing:
                    trouble.outlast(passing)
        except RefusedError as refused:
            raise self._failures.no_token(url, refused.said) from None
        finally:
            connection.close()
        tree: dict[str, Any] = answer.tree if type(answer.tree) is dict else {}
        token = tree.get("access_token")
        if type(token) is not str or not token.isascii() or not token.isprintable() or not token:
            raise self._failures.no_token(url, "its answer lacks access_token")
        self._failures.mask.hide([token])
        self._headers = {"Authorization": f"Bearer {token}"}
        self._token_until = started + _seconds_good(tree.get("expires_in"))

    def _form(self, auth: TokenAuth) -> Mapping[str, str]:
        try:
            form = auth.form()
        except ValueError as error:
            raise self._failures.unfit(str(error)) from None
        self._failures.mask.hide([form.get("assertion", "")])
        return form

    def renewed(self, used: Mapping[str, str], refused: AccessError) -> bool:
        """Look for other credentials than those that were refused; return whether there are some.

        A token that expired is fetched again, but not one that lacks a permission. Other
        credentials are read again from the settings, once in a walk.
        """
        with self._lock:
            if self._headers is not used:
                return True
            if isinstance(self._auth, TokenAuth):
                if self._token_until == 0.0:  # another thread was refused just before
                    return True
                if isinstance(refused, ForbiddenError):
                    return False
                self._refused += 1
                if self._refused == 1:
                    self._token_until = 0.0
                    return True
            return self._reread()

    def _reread(self) -> bool:
        """Read the settings again; return whether they hold other credentials now."""
        if not self._may_reread or self._again is None:
            return False
        self._may_reread = False
        self._refused = 0
        before = self._auth
        service = self._again()
        self._failures.know(service.wording)
        self._take(service)
        return self._auth != before

    def _checked_headers(self, auth: Auth) -> Mapping[str, str]:
        """Return the headers with the credentials, and note what must never be shown."""
        try:
            credentials = dict(auth.headers())
        except ValueError as error:
            raise self._failures.unfit(str(error)) from None
        except AttributeError as error:
            what = f"returns {type(auth).__name__}, and must return credentials made of Secrets"
            raise ContractError("auth", what) from error
        for value in credentials.values():
            if not value.isascii() or value != value.strip():
                raise self._failures.unfit("hold characters that no request can carry")
            self._failures.mask.hide((value, value.rpartition(" ")[2]))
        return credentials


def _status_of_token(answer: Answer) -> int:
    """Return 401 for every refusal of the credentials."""
    error = answer.tree.get("error") if type(answer.tree) is dict else None
    return UNAUTHORIZED if error in REFUSALS else answer.status


def _seconds_good(lasts: object) -> float:
    """Return how long a token is used, if it lasts so many seconds."""
    try:
        seconds = float(lasts)  # type: ignore[arg-type] # some write it as text
    except (TypeError, ValueError, OverflowError):
        return NEVER
    if not seconds > 0:  # also NaN: the token is used until it is refused
        return NEVER
    return seconds - TOKEN_MARGIN if seconds > TOKEN_MARGIN else seconds / 2
