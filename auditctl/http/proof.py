"""The credentials of a run: headers for each request, and new ones when they are refused."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlencode

from auditctl.errors import RefusedError
from auditctl.http.answer import Answer
from auditctl.http.auth import Auth, ClientCredentials
from auditctl.http.connection import Connection
from auditctl.http.errors import Refusals, Subject
from auditctl.http.judge import Judge
from auditctl.http.origin import origin_of
from auditctl.http.retry import PassingError, Patience, Trouble

FORM = "application/x-www-form-urlencoded"
TOKEN_MARGIN = 60.0
"""Seconds before its end that a token is fetched anew: questions under way still need it."""


class Service(Protocol):
    """The part of a provider that `auditctl.http` needs."""

    @property
    def base_url(self) -> str:
        """The URL that each path is appended to."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of each request."""

    @property
    def subject(self) -> Subject:
        """Its names in messages."""

    def auth(self) -> Auth:
        """Return the credentials."""

    def true_status(self, answer: Answer) -> int:
        """Return the HTTP status that an answer means."""


class Proof:
    """The credentials of a run."""

    def __init__(
        self,
        service: Service,
        again: Callable[[], Service] | None,
        refusals: Refusals,
        patience: Patience,
        connect: Callable[..., Connection],
    ) -> None:
        """Take the credentials; a token is fetched before the first request.

        Raises:
            AccessError: no request can carry them.

        """
        self._again = again
        self._refusals = refusals
        self._patience = patience
        self._connect = connect
        self._lock = threading.Lock()
        self._may_renew = True
        self.has_worked = False
        """The current token was accepted."""
        self._origins = [origin_of(url) for url in (service.base_url, *service.subject.origins)]
        self._auth = service.auth()
        self._credentials = self._proven(self._auth)
        self._token_until = 0.0 if isinstance(self._auth, ClientCredentials) else float("inf")

    def begin(self) -> None:
        """Allow the settings to be read once more."""
        self._may_renew = True

    def headers(self, over: threading.Event) -> Mapping[str, str]:
        """Return the headers with the credentials; fetch a token first if one is needed."""
        if time.monotonic() < self._token_until:
            return self._credentials
        with self._lock:
            if time.monotonic() >= self._token_until and isinstance(self._auth, ClientCredentials):
                self._fetch_token(self._auth, over)
            return self._credentials

    def _fetch_token(self, auth: ClientCredentials, over: threading.Event) -> None:
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
        judge = Judge(self._refusals, lambda answer: answer.status)
        form = urlencode(auth.form()).encode()
        connection = self._connect(url, {"Accept": "application/json"}, most=1)
        trouble = Trouble(self._patience, over)
        try:
            while True:
                self._patience.wait_turn(over)
                started = time.monotonic()
                try:
                    with connection.asked("POST", "", None, {}, form, FORM) as response:
                        answer = judge.answer(response)
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
            raise self._refusals.strange("it lacks the token (access_token)")
        self._refusals.hide([token])
        self._credentials = {"Authorization": f"Bearer {token}"}
        self.has_worked = False
        try:
            self._token_until = started + max(float(lasts) - TOKEN_MARGIN, TOKEN_MARGIN)
        except (TypeError, ValueError, OverflowError):
            self._token_until = float("inf")  # until it is refused

    def renewed(self, used: Mapping[str, str]) -> bool:
        """Look for other credentials than those that were refused; return whether there are some.

        A token that was accepted before is fetched again; else the settings are read again, once in
        a run.
        """
        with self._lock:
            if self._credentials is not used:
                return True
            if isinstance(self._auth, ClientCredentials):
                if self.has_worked:
                    self._token_until = 0.0
                    self.has_worked = False
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
        """Return the headers with the credentials, and note what must never be shown."""
        try:
            credentials = dict(auth.headers())
        except ValueError as error:
            raise self._refusals.unfit(str(error)) from None
        for value in credentials.values():
            if not value.isascii() or value != value.strip():
                raise self._refusals.unfit("characters, or blanks around them")
            self._refusals.hide((value, value.rpartition(" ")[2]))
        return credentials
