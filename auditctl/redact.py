"""What holds credentials, wherever it stands in an event, and its replacement."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote_plus

REDACTED = "[REDACTED]"

_NAMES = frozenset({b"cookie", b"setcookie", b"authorization", b"proxyauthorization"})
_PARTS = (b"password", b"passwd", b"secret", b"token", b"apikey", b"csrf", b"privatekey")
_LOWER = bytes(range(256)).lower()
_NAME = re.compile(r"(?:^(?=[^\s=]*=)|(?<=[?&;#]))([^?&;#=]*)=")
_SEPARATOR = re.compile(r"[?&;#]")
_END = re.compile(r"[&#]")
_NESTED = re.compile(r"%3f|%26|%23|%3b", re.IGNORECASE)
_MOST_NAMES = 10_000
"""Names remembered at once: logs use a few hundred, but strangers may invent one per event."""
_LONGEST_NAME = 200

_known: dict[str, bool] = {}
_harmless: set[str] = set()


def is_secret(name: str) -> bool:
    """Say whether a value under this name is a credential; case, ``-`` and ``_`` do not matter."""
    known = _known.get(name)
    if known is None:
        # As bytes, because str.lower() would fold a few foreign letters onto ours.
        plain = name.encode(errors="surrogatepass").translate(_LOWER, b"-_")
        known = plain in _NAMES or any(part in plain for part in _PARTS)
        if len(name) <= _LONGEST_NAME:
            if len(_known) >= _MOST_NAMES:
                _known.clear()
                _harmless.clear()
            _known[name] = known
            if not known:
                _harmless.add(name)
    return known


def redact_text(text: str) -> str:
    """Replace the credentials among the query parameters of a URL, a path or a bare query.

    Names are percent-decoded first. A value that is itself an encoded URL with a credential in
    it is replaced whole. An empty value stays.
    """
    if "=" not in text:
        return text
    kept: list[str] = []
    done = 0
    position = 0
    while match := _NAME.search(text, position):
        position = match.end()
        if is_secret(unquote_plus(match[1])):
            # To the next "&" or "#": what looks like a separator may belong to a password.
            end = _END.search(text, position)
        else:
            # Up to the next separator only: behind it another name may begin, "?a=/b?token=x".
            end = _SEPARATOR.search(text, position)
            value = text[position : end.start() if end else len(text)]
            if not _NESTED.search(value) or redact_text(decoded := unquote_plus(value)) == decoded:
                continue
        stop = end.start() if end else len(text)
        if stop > position:
            kept += text[done:position], REDACTED
            done = position = stop
    return "".join([*kept, text[done:]])


def redact(event: Any) -> Any:  # noqa: ANN401 - JSON is any value
    """Replace every credential in a JSON value, in place, and give the value back."""
    if type(event) is str:
        return redact_text(event)
    todo = [event]
    while todo:
        value = todo.pop()
        if type(value) is dict:
            for name, inner in value.items():
                if is_secret(name):
                    if inner is not None and inner != "" and type(inner) is not bool:
                        value[name] = REDACTED
                elif type(inner) is str:
                    if "=" in inner:
                        value[name] = redact_text(inner)
                elif type(inner) is dict or type(inner) is list:
                    todo.append(inner)
        elif type(value) is list:
            for index, inner in enumerate(value):
                if type(inner) is str:
                    value[index] = redact_text(inner)
                elif type(inner) is dict or type(inner) is list:
                    todo.append(inner)
    return event


def survey(tree: object) -> tuple[bool, bool]:
    """Look through a whole answer once: (holds a credential, holds a float).

    This is the common case made cheap: an answer without credentials, and most are, is not
    redacted event by event. A float may be a number that orjson has rounded.
    """
    secret = False
    inexact = False
    todo: list[Any] = [tree]
    add = todo.append
    for value in todo:  # grows while it is read: everything nested, level by level
        inner_values: Iterable[Any] = (value,)
        if type(value) is dict:
            if not _harmless.issuperset(value) and any([is_secret(name) for name in value]):
                secret = True
            inner_values = value.values()
        elif type(value) is list:
            inner_values = value
        for inner in inner_values:
            kind = type(inner)
            if kind is str:
                if "=" in inner and not secret and redact_text(inner) != inner:
                    secret = True
            elif kind is dict or kind is list:
                if inner:
                    add(inner)
            elif kind is float:
                inexact = True
    return secret, inexact
