"""What each provider's events mean: the tables beside this module, read and asked."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from auditctl.events.classes import CLASSES
from auditctl.records.exact import Number
from auditctl.records.record import Record

Attributes = Mapping[str, str]
"""Attributes of an object that an event names."""
REMEMBERED = 10_000
"""Names of events that are looked up once; request logs have a name for each path."""
LONGEST = 200
"""Characters of a name that are compared: with a longer one, a pattern could take very long."""


class Meaning(NamedTuple):
    """What an event is about: a class of OCSF, and an activity of it."""

    class_: str
    activity: str


class Table:
    """The meaning of a provider's events, and the places of what they name."""

    def __init__(self, provider: str, read: Mapping[str, Any]) -> None:
        """Make it of the provider's data; a provider without any gets names to go by."""
        self.product: str = read.get("product", provider)
        self.vendor: str = read.get("vendor", provider)
        self.dataset: str = read.get("dataset", f"{provider}.audit")
        self.target: str = read.get("target", "name")
        """The attribute of an object that a record's ``target`` is."""
        self.actor_name_is_login: bool = read.get("actor_name_is_login", False)
        self._name: list[str] = read.get("event", ["action"])
        self._time = _split(read.get("time", []))
        self._severity = dict(read.get("severity", {"at": ""}))
        self._severity_at = _split([self._severity.pop("at")])
        self._places = {
            name: {attribute: _split(paths) for attribute, paths in places.items()}
            for name, places in read.get("places", {}).items()
        }
        names = list(names_in(read))
        self._exact = {name: meaning for name, meaning in reversed(names) if "*" not in name}
        self._patterns = [(_pattern(name), meaning) for name, meaning in names if "*" in name]
        self._meaning_of = lru_cache(REMEMBERED)(self._look_up)

    def meaning(self, record: Record) -> Meaning | None:
        """Return what an event means, or None if the table does not know it."""
        raw = record["raw"]
        parts = (
            text_at(raw, one[1:].split("/")) if one[0] == "/" else record[one] for one in self._name
        )
        return self._meaning_of(" ".join(filter(None, parts))[:LONGEST])

    def place(self, name: str, record: Record) -> Attributes:
        """Return what an event says of an object: a user, a group, a request."""
        raw = record["raw"]
        found = {
            attribute: _first(raw, paths) for attribute, paths in self._places.get(name, {}).items()
        }
        return {attribute: text for attribute, text in found.items() if text is not None}

    def time(self, record: Record) -> str | None:
        """Return an event's time as the vendor writes it."""
        return _first(record["raw"], self._time) or record["time"]

    def severity(self, record: Record) -> int | None:
        """Return the id of the severity, if the vendor says one that is known."""
        return self._severity.get(_first(record["raw"], self._severity_at))

    def _look_up(self, name: str) -> Meaning | None:
        if known := self._exact.get(name):
            return known
        found = (meaning for matches, meaning in self._patterns if matches(name))
        return next(found, None) if name else None


def fallback(record: Record, meaning: Meaning | None) -> Meaning:
    """Return the meaning of an event that is unknown, or lacks what its class requires."""
    activity = meaning.activity if meaning else "other"
    if record["actor"] and record["source_ip"]:
        return Meaning("api_activity", activity)
    return Meaning("entity_management" if record["target"] else "base_event", activity)


@lru_cache
def table(provider: str) -> Table:
    """Return the table of a provider; that of one that has none is empty."""
    return Table(provider, read(provider))


def read(provider: str) -> Mapping[str, Any]:
    """Read the data of a provider."""
    import tomllib
    from importlib.resources import files

    try:
        return tomllib.loads((files(__name__) / f"{provider}.toml").read_text("utf-8"))
    except FileNotFoundError:
        return {}


def names_in(read: Mapping[str, Any]) -> Iterator[tuple[str, Meaning]]:
    """Yield the names of events in a provider's data, in their order, with what they mean."""
    for class_ in read:
        if class_ in CLASSES:
            for activity, names in read[class_].items():
                yield from ((name, Meaning(class_, activity)) for name in names)


def text_at(value: object, path: list[str]) -> str | None:
    """Follow a path into an event: names, places in lists, and key=value for a list's member."""
    for step in path:
        if type(value) is dict:
            value = value.get(step)
        elif type(value) is list and "=" in step:
            key, _, wanted = step.partition("=")
            members = (one for one in value if type(one) is dict and one.get(key) == wanted)
            value = next(members, None)
        elif type(value) is list and step.isdigit():
            value = value[int(step)] if int(step) < len(value) else None
        else:
            return None
    if type(value) is str:
        return value or None
    if type(value) is Number:
        return value.text
    return str(value) if type(value) is int or type(value) is float else None


def _split(paths: list[str]) -> list[list[str]]:
    return [path.split("/") for path in paths]


def _first(raw: object, paths: list[list[str]]) -> str | None:
    return next(filter(None, (text_at(raw, path) for path in paths)), None)


def _pattern(name: str) -> Callable[[str], object]:
    return re.compile(".*".join(map(re.escape, name.split("*"))), re.DOTALL).fullmatch
