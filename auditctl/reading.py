"""Helpers with which providers read events, where anything may be missing or of another form."""

from collections.abc import Mapping
from typing import Any

NOTHING = (None, "")
"""Values that mean that there is no value."""
UNREADABLE = object()
"""A field's value for what has a form that cannot be read: null in the record, and counted."""


def mapping(value: object) -> Mapping[str, Any]:
    """Return the value if it is an object, else an empty one."""
    return value if type(value) is dict else _EMPTY


def listed(value: object) -> list[Any]:
    """Return the value if it is a list, else an empty one."""
    return value if type(value) is list else []


def non_empty(value: object) -> object:
    """Return a value, or None if it is empty."""
    return None if value in NOTHING else value


def reach(value: object, *names: str) -> Any:  # noqa: ANN401 - JSON is any value
    """Follow names into objects: None where one is missing, UNREADABLE if it is no object."""
    for name in names:
        if value in NOTHING:
            return None
        if type(value) is not dict:
            return UNREADABLE
        value = value.get(name)
    return value


def request(method: object, path: object) -> object:
    """Return ``METHOD path`` of a logged request, without the query; None if it lacks a part."""
    if type(method) is type(path) is str:
        if "?" in path:
            path = path.partition("?")[0]
        return f"{method} {path}" if method and path else None
    unreadable = [part for part in (method, path) if part is not None and type(part) is not str]
    return UNREADABLE if unreadable else None


def first_of(*values: object) -> object:
    """Return the first value that is not empty, or None."""
    return next((value for value in values if value not in NOTHING), None)


def first_in(value: object, *names: str) -> object:
    """Return the first of an object's members with these names that is not empty, or None."""
    return first_of(*map(mapping(value).get, names))


def names_in(things: object, *names: str) -> object:
    """Join the best name of each object of a list: the first of its members that is not empty."""
    if non_empty(things) is None:
        return None
    if type(things) is not list:
        return UNREADABLE
    return joined(*(first_in(thing, *names) for thing in things), by=" / ")


def email_in(value: object) -> object:
    """Return a text with an ``@``, or None."""
    return value if type(value) is str and "@" in value else None


def joined(*parts: object, by: str = " ") -> object:
    """Join the texts and whole numbers among the parts, or return None if there are none.

    With a part of another form, the whole cannot be read.
    """
    there = [part for part in parts if part not in NOTHING]
    if any(type(part) not in (str, int) for part in there):
        return UNREADABLE
    return by.join(map(str, there)) or None


def outcome_of(
    word: object, failure: tuple[str, ...], success: tuple[str, ...], other: str = "unknown"
) -> object:
    """Translate a word for an outcome; what is no word stays as it is."""
    if type(word) is not str or not word:
        return word
    return "failure" if word in failure else "success" if word in success else other


def outcome_in(word: object, failure: tuple[str, ...], success: tuple[str, ...] = ()) -> str:
    """Read the outcome in a word, or in the ending of an event's name, such as ``_failed``."""
    if type(word) is str and word.endswith(failure):
        return "failure"
    return "success" if type(word) is str and word.endswith(success) else "unknown"


_EMPTY: Mapping[str, Any] = {}
