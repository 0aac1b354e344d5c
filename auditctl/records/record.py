"""The record: one event of any provider, under the same names in every format."""

import re
from typing import Any, TypedDict

import orjson

from auditctl.errors import ContractError
from auditctl.reading import NOTHING, UNREADABLE
from auditctl.records import exact
from auditctl.records.address import address
from auditctl.records.event_time import instant

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
    """Make the record of an event, its values as they are; `make_sound` corrects them.

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
    record["time"] = instant(record["time"])
    record["provider"] = provider
    record["actor"] = record["actor_email"] or record["actor_name"] or record["actor_id"]
    if record["outcome"] is None:
        record["outcome"] = outcome(record["status_code"])
    record["raw"] = event
    return record


def outcome(status: object) -> str:
    """Read a status code as ``success``, ``failure`` or (without a usable one) ``unknown``."""
    if type(status) is not int or not 0 < status <= LARGEST_STATUS:
        return "unknown"
    return "success" if status < FAILURE_FROM else "failure"


def is_sound(fields: Fields, record: Record) -> bool:
    """Return whether every value has its field's type, and none of ``fields`` is a blank.

    It looks at the types alone, all at once: a run sees a handful of combinations, and checking
    field by field would cost more than reading the event did. Addresses are those seen before.
    """
    try:
        return (
            tuple(map(type, record.values())) in _sound
            and record["source_ip"] in _addresses
            and record["outcome"] in OUTCOMES
            and "" not in fields.values()
        )
    except TypeError:  # a list or an object cannot be looked up
        return False


def make_sound(record: Record, fields: Fields) -> list[str]:  # noqa: C901 - each kind of field
    """Make the record of ``fields`` sound: null for what cannot be read. Return their names."""
    unreadable = []
    for name in _TEXTS:
        value = record[name]
        if name in _IDS and _is_whole(value):
            record[name] = value.text if type(value) is exact.Number else str(value)
        elif type(value) is not str and value is not None:
            unreadable.append(name)
            record[name] = None
        elif value in NOTHING:
            record[name] = None
    record["source_ip"] = source = _address(record["source_ip"])
    if source is UNREADABLE:
        unreadable.append("source_ip")
        record["source_ip"] = None
    status = record["status_code"]
    if type(status) is str and _is_number(status):
        record["status_code"] = int(status)
    elif type(status) is str and status in NOTHING:
        record["status_code"] = None
    elif type(status) is not int and status is not None:
        unreadable.append("status_code")
        record["status_code"] = None
    record["actor"] = record["actor_email"] or record["actor_name"] or record["actor_id"]
    if record["outcome"] not in OUTCOMES:
        if record["outcome"] not in NOTHING:
            unreadable.append("outcome")
        record["outcome"] = "unknown"
    # What an event itself calls unknown stays so; the status may be readable only now.
    if record["outcome"] == "unknown" != fields.get("outcome"):
        record["outcome"] = outcome(record["status_code"])
    if len(_sound) < _MOST_SHAPES:
        _sound.add(tuple(map(type, record.values())))
    return unreadable


def _is_whole(value: object) -> bool:
    return type(value) is int or (type(value) is exact.Number and value.text.lstrip("-").isdigit())


def _address(source: str | None) -> object:
    """Return the address alone, and remember the texts that are one."""
    found = None if source is None else address(source)
    if found == source and len(_addresses) < _MOST_ADDRESSES:
        _addresses.add(source)
    return found


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


_BLANK: Record = dict.fromkeys(FIELDS)
_DERIVED = ("provider", "actor", "outcome", "status_code", "raw")
_IDS = ("id", "account", "actor_id", "session_id")
"""Fields in which a whole number is as good as a text."""
_TEXTS = tuple(name for name in FIELDS if name not in _DERIVED)
_is_number = re.compile(r"-?[0-9]{1,9}", re.ASCII).fullmatch
_MOST_SHAPES = 1_000
_sound: set[tuple[type, ...]] = set()
_MOST_ADDRESSES = 10_000
_addresses: set[str | None] = {None}
