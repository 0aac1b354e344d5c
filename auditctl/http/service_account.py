"""Tokens for a service account, asked for with assertions that its key signs."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from auditctl.errors import AccessError
from auditctl.phrases import with_and

if TYPE_CHECKING:
    from collections.abc import Mapping

    from auditctl.http.auth import Secret

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_LASTS = 3600
"""Seconds: the longest that Google accepts."""
NEEDED = ("client_email", "private_key", "token_uri")
"""The members of a key's JSON that are read, besides its id."""


class ServiceAccount(NamedTuple):
    """A token that is fetched for a service account (RFC 7523), such as one of Google's.

    ``key`` is the JSON of the account's key. It names the token's URL, which may be of any origin,
    because the user who set the key has declared it. ``subject`` is the user to act as.
    """

    key: Secret
    subject: str
    scope: str

    @property
    def token_url(self) -> str:
        """The URL where tokens are asked for."""
        return str(self._members["token_uri"])

    @property
    def secrets(self) -> list[str]:
        """The key that signs, in all its lines and in one."""
        key = self._members["private_key"].encode(errors="replace").decode()
        return [key, " ".join(key.split())]

    def headers(self) -> Mapping[str, str]:
        """Return nothing: the headers are made of the token.

        Raises:
            ValueError: the key lacks something.

        """
        _ = self._members  # an invalid key is an error before anything is asked
        return {}

    def form(self) -> Mapping[str, str]:
        """Return the form fields of the request for a token, with a new assertion.

        Raises:
            ValueError: the key cannot sign.
            AccessError: the package that signs is missing.

        """
        now = int(time.time())
        header = {"alg": "RS256", "typ": "JWT", "kid": self._members.get("private_key_id")}
        claims = {
            "iss": self._members["client_email"],
            "sub": self.subject,
            "scope": self.scope,
            "aud": self.token_url,
            "iat": now,
            "exp": now + ASSERTION_LASTS,
        }
        parts = [_base64url(json.dumps(part).encode()) for part in (header, claims)]
        signature = _signature(self._members["private_key"], ".".join(parts).encode())
        return {"grant_type": GRANT, "assertion": ".".join([*parts, _base64url(signature)])}

    @property
    def _members(self) -> dict[str, Any]:
        """Read the key.

        Raises:
            ValueError: it is no key, or lacks a member; the message completes "the credentials".

        """
        try:
            read: Any = json.loads(self.key.reveal())
        except (ValueError, RecursionError):
            read = None
        if type(read) is not dict:
            raise ValueError("are no service account's key in JSON")
        if missing := [name for name in NEEDED if type(read.get(name)) is not str]:
            raise ValueError(f"are a service account's key without {with_and(missing)}")
        return read


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _signature(private_key: str, message: bytes) -> bytes:
    """Sign with RSA and SHA-256: RS256 (RFC 7518, section 3.3)."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric import padding, rsa
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        raise AccessError(
            "A service account's key signs with a package that is not installed here: "
            "pip install 'auditctl[google]'."
        ) from None
    try:
        key = load_pem_private_key(private_key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PKCS1v15(), SHA256())
    raise ValueError("are a service account's key whose private_key is no RSA key")
