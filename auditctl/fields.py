"""Fields by name: which ones to write, and tests that a record must pass."""

import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from auditctl import exact
from auditctl.errors import UsageError
from auditctl.record import FIELDS, Record

Test = Callable[[Record], bool]

_TEST = re.compile(r"(.*?)(!=|!~|=|~)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Field:
    """A column: a field of the record, or a dotted path into its ``raw``."""

    name: str
    read: Callable[[Record], Any]


def parse_fields(text: str, *, there: Sequence[str] = FIELDS) -> list[Field]:
    """Read ``a,b,raw.c.d``; ``there`` are the fields of the records.

    Raises:
        UsageError: a name is unknown, or is there twice.

    """
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if names.count(name) > 1:
            message = f"The field {name!r} is in --fields twice."
            raise UsageError(message)
    return [field(name, there=there) for name in names]


def field(name: str, *, there: Sequence[str] = FIELDS) -> Field:
    """Find a field by its name.

    Raises:
        UsageError: there is no field.

    """
    if name in there:
        return Field(name, itemgetter(name))
    path = name.removeprefix("raw.")
    if path in (name, "") or not all(path.split(".")):
        message = (
            f"There is no field {name!r}. The fields are {', '.join(there)}; a dotted path "
            "reaches into raw: raw.attributes.method."
        )
        raise UsageError(message)
    return Field(name, lambda record: _reach(record["raw"], path))


def parse_test(text: str, *, there: Sequence[str] = FIELDS) -> Test:
    """Read ``FIELD=VALUE``, ``FIELD!=VALUE``, ``FIELD~REGEX`` or ``FIELD!~REGEX``.

    The name ends at the first operator. Values are compared as text (see `as_text`), a regex is
    searched for, and null equals and matches nothing.

    Raises:
        UsageError: there is no operator, no such field, or the regex is invalid.

    """
    match = _TEST.fullmatch(text)
    if match is None:
        forms = "FIELD=VALUE, FIELD!=VALUE, FIELD~REGEX or FIELD!~REGEX"
        message = f"Cannot read --where {text!r}: write {forms}."
        raise UsageError(message)
    name, operator, value = match.groups()
    read = field(name, there=there).read
    if operator.endswith("="):
        found: Callable[[str], object] = value.__eq__
    else:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what a later Python will read otherwise
                found = re.compile(value).search
        except (re.error, OverflowError, RecursionError) as error:
            message = f"Cannot read the regex in --where {text!r}: {error}."
            raise UsageError(message) from None

    wanted = not operator.startswith("!")

    def test(record: Record) -> bool:
        item = as_text(read(record))
        return (item is not None and bool(found(item))) is wanted

    return test


def as_text(value: Any) -> str | None:  # noqa: ANN401 - JSON is any value
    """Return a value as text: a text as it is, null as None, anything else as its JSON."""
    return value if value is None or type(value) is str else as_json(value)


def as_json(value: Any) -> str:  # noqa: ANN401
    """Return a value as its JSON."""
    return exact.dumps(value).decode()


def _reach(value: Any, path: str) -> Any:  # noqa: ANN401
    while path:
        if type(value) is dict:
            if path in value:  # also a name that has dots of its own
                return value[path]
            name, _, path = path.partition(".")
            value = value.get(name)
        elif type(value) is list:
            index, _, path = path.partition(".")
            if not (index.isascii() and index.isdigit() and int(index[:18]) < len(value)):
                return None
            value = value[int(index[:18])]
        else:
            return None
    return value
