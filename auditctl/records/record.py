"""The record: one event of any provider, under the same names in every format."""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypedDict

import orjson

from auditctl.errors import ContractError
from auditctl.reading import NOTHING, UNREADABLE
from auditctl.records import exact
from auditctl.records.address import address
from auditctl.records.event_time import are_instants, instant

FIELDS = (
    "time",
    "provider",
    "account",
    "id",
    "actor",
    "actor_id",
    "actor_name",
    "actor_email",
    "action",
    "target",
    "outcome",
    "status_code",
    "source_ip",
    "user_agent",
    "session_id",
    "raw",
)
OF_SOURCES = (*FIELDS[:2], "source", *FIELDS[2:])
"""The fields where records of several sources come together."""
OUTCOMES = ("success", "failure", "unknown")
FAILURE_FROM = 400
"""The lowest status code of a failure, as in HTTP."""
LARGEST_STATUS = 999
"""HTTP's codes have three digits; a larger number is something else."""

Event = Any
"""One event as the provider sent it: an object, or any other JSON value in its place."""

Record = dict[str, Any]
"""The fields in their order; `auditctl.records.schema` describes each."""


class Fields(TypedDict, total=False):
    """The fields that a provider reads from an event; a missing one is null in the record.

    Values are handed over as they are in the event: ``time`` may be a text or an epoch number, an
    id a whole number, ``source_ip`` a list of proxies, a number may be text, and what has a form
    that cannot be read becomes null. ``outcome`` is success, failure or unknown; without it, the
    status code tells.
    """

    time: object
    account: object
    id: object
    actor_id: object
    actor_name: object
    actor_email: object
    action: object
    target: object
    outcome: object
    status_code: object
    source_ip: object
    user_agent: object
    session_id: object


def build(provider: str, fields: Fields, event: Event) -> Record:
    """Make the record of an event, its values as they are; `make_sound` completes it.

    Raises:
        ContractError: there is no field of that name, or ``fields`` are none.

    """
    try:
        record = {**_BLANK, **fields}
    except TypeError:
        raise ContractError("normalize", f"returns {type(fields).__name__}, not Fields") from None
    if len(record) != len(_BLANK):
        unknown = ", ".join(sorted(map(str, fields.keys() - _BLANK.keys())))
        raise ContractError("normalize", f"gives {unknown}, which no record has")
    record["provider"] = provider
    record["raw"] = event
    return record


def outcome(status: int | None) -> str:
    """Read a status code as ``success``, ``failure`` or (without a usable one) ``unknown``."""
    if status is None or not 0 < status <= LARGEST_STATUS:
        return "unknown"
    return "success" if status < FAILURE_FROM else "failure"


def make_sound(records: Sequence[Record]) -> dict[int, list[str]]:
    """Give all values the types of their fields, and fill in ``actor`` and ``outcome``.

    A blank becomes null, and so does what cannot be read. The values of a field are judged
    together, since a call for each would take longer than to read the events did. Where one of
    them is odd, those of this field are read one by one.

    Returns:
        The names of the fields that cannot be read, by the place of their record.

    """
    unreadable: dict[int, list[str]] = {}
    columns = zip(*map(dict.values, records), strict=True)
    for name, column in zip(FIELDS, columns, strict=False):
        kind = _KINDS.get(name)
        if kind is None or kind.holds(column):
            continue
        for place, value in enumerate(column):
            found = kind.read(value)
            if found is UNREADABLE:
                found = None
                unreadable.setdefault(place, []).append(name)
            records[place][name] = found
    for record in records:
        record["actor"] = record["actor_email"] or record["actor_name"] or record["actor_id"]
        if record["outcome"] is None:  # what an event itself calls unknown stays so
            record["outcome"] = outcome(record["status_code"])
    return unreadable


def _are_texts(column: Sequence[object]) -> bool:
    return _OF_TEXTS.issuperset(map(type, column)) and "" not in column


def _text(value: object) -> object:
    return value if value and type(value) is str else _absent(value)


def _absent(value: object) -> object:
    return None if value in NOTHING else UNREADABLE


def _id(value: object) -> object:
    """Read a text; a whole number is as good."""
    if type(value) is int:
        return str(value)
    if type(value) is exact.Number and value.text.lstrip("-").isdigit():
        return value.text
    return _text(value)


def _are_addresses(column: Sequence[object]) -> bool:
    """Return whether each is an address that was seen before."""
    return _OF_TEXTS.issuperset(map(type, column)) and _addresses.issuperset(column)


def _address(value: object) -> object:
    if type(value) is not str:
        return _absent(value)
    if value in _addresses:
        return value
    found = address(value)
    if found == value and len(_addresses) < _MOST_ADDRESSES:
        _addresses.add(value)
    return found


def _are_codes(column: Sequence[object]) -> bool:
    return _OF_CODES.issuperset(map(type, column))


def _code(value: object) -> object:
    if type(value) is str and _is_number(value):
        return int(value)
    return value if type(value) is int else _absent(value)


def _are_outcomes(column: Sequence[object]) -> bool:
    return all(map(_OF_OUTCOMES.__contains__, column))


def _outcome(value: object) -> object:
    return value if value in OUTCOMES else _absent(value)


def content_id(event: Event, twin: int, day: str = "") -> str:
    """Make an id for an event that has none: SHA-256 of its content, with its keys sorted.

    ``twin`` counts the identical events before it, so that each keeps an id of its own. ``day``
    is for events without a time: the day they were asked for with.
    """
    import hashlib

    content = exact.dumps(event, orjson.OPT_SORT_KEYS)
    if day:
        content += b"@%b" % day.encode()
    return hashlib.sha256(content + b"#%d" % twin if twin else content).hexdigest()


class _Kind(NamedTuple):
    """What the values of a field may be."""

    holds: Callable[[Sequence[object]], bool]
    """Returns whether all of a field's values are sound."""
    read: Callable[[object], object]
    """Returns the sound value of one, or UNREADABLE."""


_TEXT, _ID = _Kind(_are_texts, _text), _Kind(_are_texts, _id)
_KINDS = {
    "time": _Kind(are_instants, instant),
    "account": _ID, "id": _ID, "actor_id": _ID, "actor_name": _TEXT, "actor_email": _TEXT,
    "action": _TEXT, "target": _TEXT, "outcome": _Kind(_are_outcomes, _outcome),
    "status_code": _Kind(_are_codes, _code), "source_ip": _Kind(_are_addresses, _address),
    "user_agent": _TEXT, "session_id": _ID,
}  # fmt: skip
"""The kinds of the fields that a provider reads."""
_BLANK: Record = dict.fromkeys(FIELDS)
_OF_TEXTS = frozenset({str, type(None)})
_OF_CODES = frozenset({int, type(None)})
_OF_OUTCOMES = (*OUTCOMES, None)  # a tuple: what an event has in its place may have no hash
_is_number = re.compile(r"-?[0-9]{1,9}", re.ASCII).fullmatch
_MOST_ADDRESSES = 10_000
_addresses: set[str | None] = {None}
