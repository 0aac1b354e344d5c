"""Authentication of requests: with a key, a password, or a token that is fetched first."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:  # help texts import this module, and dataclasses would take six times as long
    from collections.abc import Mapping


class Secret:
    """A value that shows itself only when asked."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Hold ``value``."""
        self._value = value

    def reveal(self) -> str:
        """Return the value itself."""
        return self._value

    def __repr__(self) -> str:
        """Show nothing."""
        return "Secret([REDACTED])"

    def __eq__(self, other: object) -> bool:
        """Compare the values."""
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        """Hash the value."""
        return hash(self._value)


class Auth(Protocol):
    """The credentials that `auditctl.provider.Provider.auth` returns."""

    def headers(self) -> Mapping[str, str]:
        """Return the headers of each request.

        Raises:
            ValueError: no request can carry the credentials; it says why, behind "the credentials".

        """


class Bearer(NamedTuple):
    """A token or key in the header ``Authorization``, behind the word Bearer or another."""

    token: Secret
    scheme: str = "Bearer"

    def headers(self) -> Mapping[str, str]:
        """Return the one header."""
        return {"Authorization": f"{self.scheme} {self.token.reveal()}"}


class Basic(NamedTuple):
    """HTTP Basic authentication (RFC 7617, in UTF-8)."""

    user: str
    password: Secret

    def headers(self) -> Mapping[str, str]:
        """Return the one header.

        Raises:
            ValueError: the user name contains a colon, so it would run into the password.

        """
        import base64

        if ":" in self.user:
            # It would end the user name and begin the password.
            raise ValueError("hold a colon in the user name")
        token = base64.b64encode(f"{self.user}:{self.password.reveal()}".encode()).decode()
        return {"Authorization": f"Basic {token}"}


class KeyHeaders(NamedTuple):
    """Keys in headers of the service's own, such as ``X-API-Key``."""

    keys: Mapping[str, Secret]

    def headers(self) -> Mapping[str, str]:
        """Return a header for each key."""
        return {name: key.reveal() for name, key in self.keys.items()}


class ClientCredentials(NamedTuple):
    """A token that is fetched for a client's id and secret (RFC 6749, section 4.4).

    The client fetches it before the first question, and again when it expires. ``token_url`` must
    be of the base URL's origin, or of one that the provider declares with `origin`.
    """

    token_url: str
    client_id: str
    client_secret: Secret
    scope: str = ""

    def headers(self) -> Mapping[str, str]:
        """Return nothing: the headers are made of the token."""
        return {}

    def form(self) -> Mapping[str, str]:
        """Return the form fields of the request for a token."""
        return {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret.reveal(),
            **({"scope": self.scope} if self.scope else {}),
        }
