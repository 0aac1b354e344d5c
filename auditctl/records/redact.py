# Longer than 300 lines: the ways in which credentials are written call each other.
"""Credentials in events, found anywhere and replaced."""

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Any
from urllib.parse import unquote_plus

from auditctl.records import exact

REDACTED = "[REDACTED]"
MOST_LAYERS = 5
"""The most URLs or JSON texts within each other; what is deeper is replaced unread."""

_SECRET_NAMES = frozenset({b"authorization", b"proxyauthorization"})
"""Names of credentials, in small letters, without ``-`` and ``_``."""
_SECRET_PARTS = (
    b"cookie", b"connect.sid", b"password", b"passwd", b"pwd", b"secret", b"token", b"apikey",
    b"csrf", b"privatekey", b"sessionkey", b"jwt", b"signature", b"credential",
)  # fmt: skip
"""Parts of such names, written in the same way."""
# Not compiled, as some further ones: most runs do not need them.
_NAMES_AN_OBJECT = (
    r"(?s:.*)(?:(?:[^A-Za-z0-9]|\A)(?i:ids?|uuid|name)|[a-z0-9](?:I[dD]s?|IDS|Uuid|UUID|Name|NAME))"
)
"""token_id, token-name, tokenId, API_KEY_IDS: the name of a credential is not a credential."""
_LOWER = bytes(range(256)).lower()
_NAME = re.compile(r"(?m:^[^\S\n]*+(?=[^\s=/]*+[^\S\n]*+=)|(?<=[?&;#]))([^?&;#=\n]*)=")
_SEPARATOR = re.compile(r"[?&;#\n]")
_JSON_END = r"[&#]"
_LINES_END = r"\r?\n(?=[^\S\n]*+(?:$|(?:[-<>] )?[\w.-]++[^\S\n]*+(?::\s|=(?!=|[^\S\n]*+$))))"
"""Where a value of several lines ends: the next line is empty or begins with a name. The last line
of base64 is no name, though it may end in ``=``."""
_LINE = (
    r'^[^\S\n]*+(?:content-disposition:[^\n]*?[;\s]name="?([^"\n;]*+)[^\n]*+\n?'
    r"|(?:[-<>] )?([\w.-]++)(?<!error)(?<!exception)[^\S\n]*+:(?=\s)[^\S\n]*+)"
)
"""Finds the names at the beginning of lines: of parts of a form, of headers and the like."""
_PART_END = r"\r?\n--"
_ENCODED = re.compile(r"%(?:22|23|25|26|3b|3d|3f|40)", re.IGNORECASE)
_USER_PART = r'(?<![\w.~/-])(\\?/\\?/[^\s"/?#:@]*:)[^\s"/?#]+@'
"""``//user:password@`` in a URL, also with ``/`` as JSON may escape it; a password may hold ``:``
and ``@``."""
_MAY_BE_USER_PART = rb'//[^"/:]*:[^"/]*@'
_JSON = ("{", "[", '"{', '"[')
"""Beginnings of JSON, also as a text in JSON; not every quote, since headers begin with one."""
_QUOTE, _OPENING = r'(?:"|%(?:25)*22)?', r"(?:[{\[]|%(?:25)*[75]b)"
_opens_json = re.compile(rf"(?:\s|\+|%20)*{_QUOTE}{_OPENING}", re.IGNORECASE).match
_INNER_JSON = r'[{\[]\s*["{\[]'
_MEMBER = (
    r'"(?i:name|key)\\*"\s*:\s*\\*"([^"\\]*)\\*"|[\[,]\s*\\*"([^"\\]*)\\*"\s*(?=,)'
    r'|"([^"\\]*)\\*"\s*:(?!\s*(?:null|true|false|\\*"\\*")\s*[,}\]])'
)
"""Finds the names that may mark a credential in a part of some JSON, also as a text in JSON."""
_WORD = r"[\w.-]+\Z"
_TITLES = ("name", "key")
_FEW = 10
"""Texts with a mark to look into; where there are more, looking at all of them is cheaper."""
_MOST_NAMES = 10_000
"""Names remembered at once: logs use a few hundred, but an attacker may invent one per event."""
_LONGEST_NAME = 200

_known: dict[str, bool] = {}
_harmless: set[str] = set()


IsHarmless = Callable[[str, Mapping[str, Any]], bool]
"""Returns whether a member of an object holds no credential, though its name sounds so."""


def _nothing_is(_name: str, _parent: Mapping[str, Any]) -> bool:
    return False


def is_secret(name: str) -> bool:
    """Return whether a value under this name is a credential.

    Case, ``-`` and ``_`` do not matter. Of a name with brackets, ``user[password]``, each part
    counts.
    """
    known = _known.get(name)
    if known is None:
        known = any(map(_is_secret, name.replace("]", "[").split("[")))
        if len(name) <= _LONGEST_NAME:
            if len(_known) >= _MOST_NAMES:
                _known.clear()
                _harmless.clear()
            _known[name] = known
            if not known and not _is_value(name):
                _harmless.add(name)
    return known


def _is_secret(name: str) -> bool:
    # As bytes, because str.lower() would fold a few foreign letters onto ours.
    plain = name.encode(errors="surrogatepass").translate(_LOWER, b"-_")
    return plain in _SECRET_NAMES or (
        any(part in plain for part in _SECRET_PARTS) and not re.fullmatch(_NAMES_AN_OBJECT, name)
    )


def _is_value(name: str) -> bool:
    """Return whether a member holds what another names: value, Values, newValue."""
    return name.lower().endswith(("value", "values"))


def is_credential(value: object) -> bool:
    """Return whether a value under a secret name may be a credential; no null, "" or boolean is."""
    return value is not None and value != "" and type(value) is not bool


def redact_text(text: str, layers: int = MOST_LAYERS) -> str:
    """Replace the credentials in a URL, a path, a bare query, headers, or JSON that a text holds.

    In any text: the password in the user part of a URL. In URLs and queries: the values of
    parameters, whose names are percent-decoded first. A value that is itself an encoded URL with a
    credential in it is replaced whole. In headers, forms and the like: what follows a name at the
    beginning of a line. An empty value stays. JSON in a text is redacted as such; what only looks
    like it, such as a part of some, is replaced from its beginning on if it names a credential.
    """
    if '"' in text and text.removeprefix("\ufeff").lstrip().startswith(_JSON):
        redacted = _redact_json(text, layers)
        if redacted is not None:
            return redacted
    if "@" in text and ":" in text and "/" in text:
        text = re.sub(_USER_PART, rf"\1{REDACTED}@", text)
    if "=" in text:
        text = _redact_parameters(text, layers)
    if ":" in text and ("\n" in text or "=" in text):
        text = _redact_lines(text)
    return (
        _redact_inner_json(text, layers) if '"' in text and ("{" in text or "[" in text) else text
    )


def _redact_lines(text: str) -> str:
    kept: list[str] = []
    done = 0
    for match in re.finditer(_LINE, text, re.IGNORECASE | re.MULTILINE):
        if match.start() >= done and is_secret(match[match.lastindex or 0]):
            stop = _find(_PART_END if match[1] else _LINES_END, text, match.end())
            if text[match.end() : stop].strip():
                kept += text[done : match.end()], REDACTED
                done = stop
    return "".join([*kept, text[done:]])


def _find(pattern: str, text: str, position: int) -> int:
    # Not compiled at every start: most runs find no secret.
    match = re.compile(pattern, re.MULTILINE).search(text, position)
    return match.start() if match else len(text)


def _redact_parameters(text: str, layers: int) -> str:
    kept: list[str] = []
    done = 0
    position = 0
    judged = 0
    while match := _NAME.search(text, position):
        position = match.end()
        if is_secret(unquote_plus(match[1])):
            # To the next "&" or "#": what looks like a separator may belong to a password.
            stop = _find(rf"{_JSON_END}|{_LINES_END}", text, position)
        else:
            # Up to the next separator only: behind it another name may begin, "?a=/b?token=x".
            # But JSON may hold one: it is judged as a whole, once, or hostile text takes for ever.
            as_json = position >= judged and _opens_json(text, position)
            if as_json:
                stop = judged = _find(_JSON_END, text, position)
            else:
                end = _SEPARATOR.search(text, position)
                stop = end.start() if end else len(text)
            value = text[position:stop]
            wraps = '"' in value or _ENCODED.search(value)
            if not wraps or not _hides_secret(unquote_plus(value), layers):
                continue
        if stop > position:
            kept += text[done:position], REDACTED
            done = position = stop
    return "".join([*kept, text[done:]])


def _redact_json(text: str, layers: int) -> str | None:
    """Redact a text that is JSON; return None if it is not JSON."""
    repeated: list[Any] = []
    try:
        # As escapes, which mean the same in JSON: a lone surrogate cannot be encoded.
        value = exact.loads(text.encode(errors="backslashreplace"), repeated)
    except ValueError:
        return None
    if not layers:
        return REDACTED
    found = [value, repeated]  # a value that a repeated name overwrote is still in the text
    before = exact.dumps(found)
    scan(found, layers=layers - 1)
    return text if exact.dumps(found) == before else exact.dumps(found[0]).decode()


def _redact_inner_json(text: str, layers: int) -> str:
    opening = re.search(_INNER_JSON, text)
    start = opening.start() if opening else len(text)
    stop = max(text.rfind("}"), text.rfind("]")) + 1
    redacted = _redact_json(text[start:stop], layers)
    found = [m.start() for m in re.finditer(_MEMBER, text) if is_secret(m[m.lastindex or 0])]
    if redacted is not None and not any(at < start or at >= stop for at in found):
        return text[:start] + redacted + text[stop:]
    return text[: min(start, found[0])] + REDACTED if found else text


def _hides_secret(decoded: str, layers: int) -> bool:
    # What is wrapped deeper than one cares to look is taken for a secret.
    still_encoded = "=" not in decoded or decoded.startswith("%")
    if layers > 0 and still_encoded and _ENCODED.search(decoded):
        return _hides_secret(unquote_plus(decoded), layers - 1)
    return layers == 0 or redact_text(decoded, layers - 1) != decoded


def may_hide_in_texts(body: bytes) -> bool:
    """Return whether a text in this JSON may hold a credential; it is sure only if none does.

    Nearly every page has a text with ``=`` or ``@``, if only the link to the next. To look into
    these few costs less than to look for ``=`` in every text.
    """
    if b"\\" in body:  # as a quote in a text is written, \", or what can stand for any character
        return True
    return any(_in_some_text(body, mark) for mark in (b"=", b"@"))


def _in_some_text(body: bytes, mark: bytes) -> bool:
    at = body.find(mark)
    for _ in range(_FEW):
        if at < 0:
            return False
        end = body.index(b'"', at)
        text = body[body.rindex(b'"', 0, at) + 1 : end].decode()
        if redact_text(text) != text:
            return True
        at = body.find(mark, end)
    return mark == b"=" or (b"/" in body and re.search(_MAY_BE_USER_PART, body) is not None)


def scan(  # noqa: C901 - the hottest loop there is, in one piece
    values: list[Any],
    *,
    redact: bool = True,
    texts: bool = True,
    layers: int = MOST_LAYERS,
    is_harmless: IsHarmless = _nothing_is,
) -> tuple[bool, bool]:
    """Replace, in place, every credential in a list of JSON values.

    Without ``texts`` it is known that no text holds one (see `may_hide_in_texts`). An object or a
    list under a secret name is replaced whole, unless it ``is_harmless``, given that name and the
    object around it: then it is walked like any other.

    All is found in one walk over the values of a page, since this is done to every event. It goes
    level by level: the names of all objects of a level are looked up together, which takes a third
    of the time that it takes for each of them.

    Returns:
        Whether a float is there, which may be a number rounded when it was read, and whether a 0
        is, which may be a ``-0`` (see `auditctl.http.answer`).

    """
    floats = zeros = False
    texts = texts and redact
    objects: list[dict[str, Any]] = []
    lists: list[list[Any]] = [values]
    while objects or lists:
        inner_objects: list[dict[str, Any]] = []
        inner_lists: list[list[Any]] = []
        has_secret = False
        for inner in chain.from_iterable(chain(map(dict.values, objects), lists)):
            kind = type(inner)
            if kind is str:
                if texts and (
                    "=" in inner
                    or '"' in inner
                    or ("/" in inner and ("//" in inner or "/\\/" in inner))
                    or "\n" in inner
                ):
                    has_secret = has_secret or redact_text(inner, layers) != inner
            elif kind is dict:
                if inner:
                    inner_objects.append(inner)
            elif kind is list and inner:
                inner_lists.append(inner)
            elif kind is float:
                floats = True
            elif kind is int and not inner:
                zeros = True
        if has_secret:
            _redact_texts([*objects, *lists], layers)
        if redact:
            _redact_members(inner_objects, inner_lists, is_harmless)
        objects, lists = inner_objects, inner_lists
    return floats, zeros


def _redact_members(
    objects: list[dict[str, Any]], lists: list[list[Any]], is_harmless: IsHarmless
) -> None:
    """Replace what is a credential by its name: in objects, and in lists of names and values."""
    names: set[str] = set()
    if odd := names.union(*objects) - _harmless:
        if len(odd) == 1:  # nearly always; a lookup is faster than a walk over all names
            (name,) = odd
            found = [value for value in objects if name in value]
        else:
            found = [value for value in objects if not odd.isdisjoint(value)]
        for value in found:
            _redact_names(value, is_harmless)
    for pairs in lists:
        if not len(pairs) % 2 and type(pairs[0]) is str:
            _redact_pairs(pairs)


def _redact_names(value: dict[str, Any], is_harmless: IsHarmless) -> None:
    titled = any(
        type(title) is str and name.lower() in _TITLES and is_secret(title)
        for name, title in value.items()
    )
    for name, inner in value.items():
        if (is_secret(name) or (titled and _is_value(name))) and is_credential(inner):
            if type(inner) in (dict, list) and is_harmless(name, value):
                continue
            value[name] = REDACTED


def _redact_pairs(value: list[Any]) -> None:
    """Redact a pair, or a list of headers: names and values in turn."""
    if value[2:] and not _are_headers(value):
        return
    for at in range(0, len(value), 2):
        if is_secret(value[at]) and is_credential(value[at + 1]):
            value[at + 1] = REDACTED


def _are_headers(value: list[Any]) -> bool:
    try:
        held = "".join(value[1::2])
        # First what tells them at once from the many lists that hold words or ids alone.
        return (" " in held or "/" in held) and all(re.match(_WORD, name) for name in value[::2])
    except TypeError:  # not all are texts
        return False


def _redact_texts(values: list[dict[str, Any] | list[Any]], layers: int) -> None:
    for value in values:
        places: Iterable[Any] = value.items() if isinstance(value, dict) else enumerate(value)
        for place, inner in places:
            if type(inner) is str:
                value[place] = redact_text(inner, layers)
