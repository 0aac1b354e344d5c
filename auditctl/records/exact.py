"""JSON in and out without losing a digit, a lone surrogate or a level of nesting."""

# orjson reads and writes everything that is ordinary. What it would change without a word
# (integers beyond 64 bits, ``1e400``, long decimals, ``-0``), refuse (lone surrogates) or find too
# deep takes the slower roads below, which the standard library paves except for the depth.

import json
import re
from collections.abc import Callable, Sequence
from functools import partial
from json.decoder import scanstring  # type: ignore[attr-defined] # not in typeshed
from json.encoder import encode_basestring
from typing import Any, Self

import orjson

REPLACEMENT = "\ufffd"
"""Unicode's own sign for what cannot be read."""
MOST_DIGITS = 20
"""Of what fits into 64 bits; what is longer is not even read, for that may take long."""
MOST_LINES = 1000
"""Lines made before they are joined: each takes 8 KB until then, since orjson keeps some room."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_SURROGATE = "[\ud800-\udfff]"  # not compiled: few runs meet one
_SPACE = re.compile(r"[ \t\n\r]*")
_WORDS = {"t": ("true", True), "f": ("false", False), "n": ("null", None)}


class Number(float):
    """A number that is written again exactly as it was read, whatever a float makes of it."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Self:
        """Keep ``text``, the number as written in the JSON."""
        number = super().__new__(cls, text)
        number.text = text
        return number


def loads(body: bytes, repeated: list[Any] | None = None) -> Any:  # noqa: ANN401 - any value
    """Read JSON exactly: each number with a fraction, an exponent or many digits is a Number.

    Of values under one name in one object the last is given. The others are added to
    ``repeated``, as objects.

    Raises:
        ValueError: the body is not JSON in UTF-8.

    """
    text = body.decode()
    decoder = _DECODER if repeated is None else _decoder(partial(_last, repeated))
    try:
        return decoder.decode(text)
    except RecursionError:
        return _loads_deep(text, [] if repeated is None else repeated)


def dumps(value: object, option: int = 0) -> bytes:
    """Write compact JSON in UTF-8; a lone surrogate is written as its escape.

    ``option`` takes orjson's OPT_APPEND_NEWLINE and OPT_SORT_KEYS, and OPT_INDENT_2, which has no
    effect on values that orjson itself refuses.
    """
    try:
        return orjson.dumps(value, _verbatim, option)
    except orjson.JSONEncodeError:
        text = _dumps_deep(value, sort=bool(option & orjson.OPT_SORT_KEYS))
        end = b"\n" if option & orjson.OPT_APPEND_NEWLINE else b""
        # Only lone surrogates cannot be encoded, and they can only be inside a string, where
        # Python's escape for them is JSON's.
        return text.encode(errors="backslashreplace") + end


def lines(values: Sequence[object]) -> bytes:
    """Write JSON Lines: each value as `dumps` does, and a line feed behind it."""
    if len(values) > MOST_LINES:
        parts = range(0, len(values), MOST_LINES)
        return b"".join([lines(values[start : start + MOST_LINES]) for start in parts])
    dumps_one, option = orjson.dumps, orjson.OPT_APPEND_NEWLINE
    try:
        return b"".join([dumps_one(value, _verbatim, option) for value in values])
    except orjson.JSONEncodeError:
        return b"".join([dumps(value, option) for value in values])


def is_ordinary(value: object) -> bool:
    """Return whether orjson can write a value: no lone surrogate is in it, nor deep nesting."""
    try:
        orjson.dumps(value, _verbatim)
    except orjson.JSONEncodeError:
        return False
    return True


def replace_surrogates(value: dict[str, Any] | list[Any]) -> bool:
    """Put U+FFFD in the place of each lone surrogate in a value; return whether there was one.

    A lone surrogate is no Unicode text, and many readers refuse a whole file for one.
    """
    if is_ordinary(value):
        return False
    found = False
    todo: list[Any] = [value]
    for inner in todo:  # grows while it is read
        is_object = type(inner) is dict
        if is_object and any(re.search(_SURROGATE, name) for name in inner):
            _rename(inner)
            found = True
        for place, member in list(inner.items() if is_object else enumerate(inner)):
            if type(member) is dict or type(member) is list:
                todo.append(member)
            elif type(member) is str and re.search(_SURROGATE, member):
                inner[place] = re.sub(_SURROGATE, REPLACEMENT, member)
                found = True
    return found


def _rename(members: dict[str, Any]) -> None:
    """Mend an object's names; a number keeps those apart that would become equal."""
    taken = set(members)
    numbers: dict[str, int] = {}
    pairs = list(members.items())
    members.clear()
    for name, value in pairs:
        mended = unique = re.sub(_SURROGATE, REPLACEMENT, name)
        while mended != name and unique in taken:
            numbers[mended] = numbers.get(mended, 1) + 1
            unique = f"{mended}{numbers[mended]}"
        taken.add(unique)
        members[unique] = value


def _verbatim(value: object) -> orjson.Fragment:
    if isinstance(value, Number):
        return orjson.Fragment(value.text)
    raise TypeError


def _integer(text: str) -> int | Number:
    # The same numbers as orjson reads as integers: which of the two reads a page must not matter.
    if len(text) <= MOST_DIGITS and text != "-0" and -(2**63) <= (number := int(text)) < 2**64:
        return number
    return Number(text)


def _constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def _last(repeated: list[Any], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    kept = dict(pairs)
    if len(kept) < len(pairs):
        repeated += ({name: value} for name, value in pairs if value is not kept[name])
    return kept


def _decoder(pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> json.JSONDecoder:
    return json.JSONDecoder(
        parse_float=Number, parse_int=_integer, parse_constant=_constant, object_pairs_hook=pairs
    )


_DECODER = _decoder()


def _loads_deep(text: str, repeated: list[Any]) -> Any:  # noqa: ANN401, C901, PLR0915 - a parser is one piece
    """Read JSON of any depth: the nesting is kept in a list instead of on the stack."""
    root: list[Any] = []
    open_: list[dict[str, Any] | list[Any]] = [root]
    keys: list[str] = []

    def skip(position: int) -> int:
        return _SPACE.match(text, position).end()  # type: ignore[union-attr] # matches nothing too

    def fail(position: int) -> ValueError:
        return json.JSONDecodeError("Expecting another character", text, position)

    def key(position: int) -> int:
        if text[position : position + 1] != '"':
            raise fail(position)
        name, position = scanstring(text, position + 1)
        position = skip(position)
        if text[position : position + 1] != ":":
            raise fail(position)
        keys.append(name)
        return skip(position + 1)

    def put(value: object) -> None:
        inner = open_[-1]
        if isinstance(inner, dict):
            name = keys.pop()
            if name in inner:
                repeated.append({name: inner[name]})
            inner[name] = value
        else:
            inner.append(value)

    position = skip(0)
    while True:
        character = text[position : position + 1]
        if character in ("{", "["):
            closing = "}" if character == "{" else "]"
            value: Any = {} if character == "{" else []
            put(value)
            position = skip(position + 1)
            if text[position : position + 1] != closing:
                open_.append(value)
                position = key(position) if character == "{" else position
                continue
            position += 1
        elif character == '"':
            value, position = scanstring(text, position + 1)
            put(value)
        elif character in _WORDS and text.startswith(_WORDS[character][0], position):
            word, value = _WORDS[character]
            put(value)
            position += len(word)
        elif match := _NUMBER.match(text, position):
            put(Number(match[0]) if match[1] or match[2] else _integer(match[0]))
            position = match.end()
        else:
            raise fail(position)
        position = skip(position)
        while len(open_) > 1:
            inner = open_[-1]
            character = text[position : position + 1]
            if character == ",":
                position = skip(position + 1)
                position = key(position) if isinstance(inner, dict) else position
                break
            if character != ("}" if isinstance(inner, dict) else "]"):
                raise fail(position)
            open_.pop()
            position = skip(position + 1)
        else:
            if position != len(text):
                raise fail(position)
            return root[0]


def _dumps_deep(value: object, *, sort: bool) -> str:
    """Write JSON of any depth, lone surrogates left in it."""
    out: list[str] = []
    # What is still to be written, the next thing last: a value, or text that is ready.
    todo: list[tuple[bool, Any]] = [(False, value)]
    while todo:
        ready, item = todo.pop()
        if ready:
            out.append(item)
        elif isinstance(item, str):
            out.append(encode_basestring(item))
        elif isinstance(item, dict):
            pairs = sorted(item.items()) if sort else list(item.items())
            todo.append((True, "}"))
            for index in range(len(pairs) - 1, -1, -1):
                name, inner = pairs[index]
                todo.append((False, inner))
                todo.append((True, ("," if index else "") + encode_basestring(name) + ":"))
            todo.append((True, "{"))
        elif isinstance(item, list | tuple):
            todo.append((True, "]"))
            for index in range(len(item) - 1, -1, -1):
                todo.append((False, item[index]))
                if index:
                    todo.append((True, ","))
            todo.append((True, "["))
        else:
            out.append(orjson.dumps(item, _verbatim).decode())
    return "".join(out)
