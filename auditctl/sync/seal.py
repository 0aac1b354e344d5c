"""A JSON object sealed with the hash of all other members as its last."""

import json
from hashlib import sha256
from typing import Any

import orjson

_HASH = b',"hash":"'
HASH_SIZE = len(_HASH) + 64 + len(b'"}')


def seal(members: dict[str, Any]) -> tuple[bytes, str]:
    """Write an object as JSON with the hash of all other members as its last; return both."""
    try:
        text = orjson.dumps(members)[:-1]
    except orjson.JSONEncodeError:  # a lone surrogate, in an id or in the name of a file
        text = json.dumps(members, separators=(",", ":")).encode()[:-1]
    digest = sha256(text).hexdigest()
    return b'%b%b%b"}' % (text, _HASH, digest.encode()), digest


def unseal(text: bytes) -> tuple[bytes, str] | None:
    """Return what is before the hash, and the hash; None if that is another one."""
    body, tail = text[:-HASH_SIZE], text[-HASH_SIZE:]
    digest = sha256(body).hexdigest()
    return (body, digest) if tail == b'%b%b"}' % (_HASH, digest.encode()) else None


def plain(value: Any) -> Any:  # noqa: ANN401 - JSON is any value
    """Return a value as JSON has it: with objects in place of named tuples."""
    match value:
        case tuple() if hasattr(value, "_asdict"):
            return plain(value.as_json() if hasattr(value, "as_json") else value._asdict())
        case tuple() | list():
            return [one if type(one) is str else plain(one) for one in value]
        case dict():
            return {name: plain(one) for name, one in value.items()}
    return value


def parsed(text: bytes) -> Any:  # noqa: ANN401 - JSON is any value
    """Read JSON, with or without lone surrogates."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)
