"""A service account's key, made anew for each run of the tests."""

import base64
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

TOKEN_URL = "https://oauth2.googleapis.com/token"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PRIVATE_KEY = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def account(token_uri: str, **members: Any) -> str:
    """Write the file that the vendor's console would give: JSON of several lines."""
    key = {
        "type": "service_account",
        "project_id": "project",
        "private_key_id": "key-1",
        "private_key": PRIVATE_KEY,
        "client_email": "auditor@project.example",
        "token_uri": token_uri,
    }
    return json.dumps({**key, **members}, indent=2)


def claims(assertion: str) -> Any:
    """Return what an assertion says, once its signature is proven."""
    header, said, signature = assertion.split(".")
    KEY.public_key().verify(
        _bytes(signature), f"{header}.{said}".encode(), padding.PKCS1v15(), SHA256()
    )
    assert json.loads(_bytes(header))["alg"] == "RS256"
    return json.loads(_bytes(said))


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
