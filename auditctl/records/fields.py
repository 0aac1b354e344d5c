"""Fields by name: which ones to write, and tests that a record must pass."""

import operator
import re
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from operator import itemgetter, methodcaller
from typing import Any, NamedTuple

from auditctl.errors import UsageError
from auditctl.records import exact
from auditctl.records.address import address
from auditctl.records.event_time import instant
from auditctl.records.record import FIELDS, OUTCOMES, Record
from auditctl.window import Window, finer, parse_time

Test = Callable[[Record], bool]

TESTS = (
    "FIELD=VALUE, FIELD!=VALUE, FIELD~REGEX or FIELD!~REGEX; time and status_code also with <, "
    "<=, > and >="
)

_TEST = r"(?s)(.*?)(!=|!~|<=|>=|=|~|<|>)(.*)"
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
_WHOLE = r"0|-?[1-9][0-9]*"


class Field(NamedTuple):
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
            raise UsageError(f"The field {name!r} is in --fields twice.")
    return [field(name, there=there) for name in names]


def field(name: str, *, there: Sequence[str] = FIELDS) -> Field:
    """Find a field by its name.

    Raises:
        UsageError: there is no field.

    """
    if name in there:
        # A file may have records of several sources beside others.
        return Field(name, itemgetter(name) if name in FIELDS else methodcaller("get", name))
    path = name.removeprefix("raw.")
    if path in (name, "") or not all(path.split(".")):
        raise UsageError(
            f"There is no field {name!r}. The fields are {', '.join(there)}; a dotted path "
            "reaches into raw: raw.attributes.method."
        )
    return Field(name, lambda record: _reach(record["raw"], path))


def parse_test(
    text: str,
    now: datetime | None = None,
    zone: tzinfo = UTC,
    values: Mapping[str, Collection[str]] | None = None,
    *,
    there: Sequence[str] = FIELDS,
) -> Test:
    """Read ``FIELD=VALUE``, ``FIELD!=VALUE``, ``FIELD~REGEX``, ``FIELD!~REGEX`` or ``time>=TIME``.

    The name ends at the first operator; blanks around that do not count. Values are compared as
    text (see `as_text`), a regex is searched for, and null equals and matches nothing. A TIME is
    read in ``zone``, and a duration counts back from ``now``. ``values`` are all that a field can
    have.

    Raises:
        UsageError: there is no operator, no such field, no such value, or the regex is invalid.

    """
    match = re.fullmatch(_TEST, text)
    if match is None:
        raise UsageError(f"Cannot read --where {text!r}: write {TESTS}.")
    name, sign, value = match[1].rstrip(" \t"), match[2], match[3].lstrip(" \t")
    read = field(name, there=there).read
    try:
        if sign in _ORDERS:
            return _ordered(name, _ORDERS[sign], value, now or datetime.now(UTC), zone)
        if sign.endswith("="):
            _check_value(name, value, {"outcome": OUTCOMES, **(values or {})})
    except UsageError as error:
        raise UsageError(f"--where {text!r}: {error}") from None
    if sign.endswith("="):
        found: Callable[[str], object] = value.__eq__
    else:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what a later Python will read otherwise
                found = re.compile(value).search
        except (re.error, OverflowError, RecursionError) as error:
            raise UsageError(f"Cannot read the regex in --where {text!r}: {error}.") from None

    wanted = not sign.startswith("!")

    def test(record: Record) -> bool:
        item = as_text(read(record))
        return (item is not None and bool(found(item))) is wanted

    return test


def _ordered(
    name: str, holds: Callable[[Any, Any], bool], value: str, now: datetime, zone: tzinfo
) -> Test:
    """Compare times or status codes by their order."""
    if name not in ("time", "status_code"):
        raise UsageError("Only time and status_code have an order. Use =, !=, ~ or !~.")
    if name == "status_code" and not re.fullmatch(_NUMBER, value):
        raise UsageError(f"status_code is compared with a number, such as 404, not {value!r}.")
    if name == "status_code":
        number = float(value)
        return lambda record: (code := record[name]) is not None and holds(code, number)
    # As text, which keeps nanoseconds; zeros at a fraction's end would count there.
    limit = Window(parse_time(value, now, zone), None, (finer(value), "")).span[0]
    return lambda record: bool(
        (time := record[name]) and holds(time[:-1].rstrip("0").rstrip("."), limit)
    )


def _check_value(name: str, value: str, values: Mapping[str, Collection[str]]) -> None:
    """Check that a field can have a value.

    Raises:
        UsageError: it cannot, so the test would be true for all records or for none.

    """
    if name in values and value not in values[name]:
        raise UsageError(f"{name} is never {value!r}. It is one of {', '.join(values[name])}.")
    if name == "status_code" and not re.fullmatch(_WHOLE, value):
        raise UsageError(f"status_code is never {value!r}. It is a whole number, such as 404.")
    if name == "source_ip" and address(value) != value:
        raise UsageError(
            f"source_ip is never {value!r}. It is one address, such as 203.0.113.7; for several, "
            r"use a regex, such as source_ip~^203\.0\.113\."
        )
    if name == "time" and instant(value) != value:
        raise UsageError(
            f"time is never written as {value!r}, but like 2026-01-31T08:09:10.123Z. For a span, "
            "use time>=TIME and time<TIME."
        )


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
