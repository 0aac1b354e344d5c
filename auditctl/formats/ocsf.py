"""Events of the Open Cybersecurity Schema Framework (OCSF), one a line."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from auditctl.events import Meaning, fallback, table
from auditctl.events.classes import CATEGORIES, CLASSES, LATER, OTHER, SHARED, UNKNOWN, caption
from auditctl.events.subject import Attributes, Subject, there
from auditctl.formats import FIRST_OCSF, Format, Layout
from auditctl.records import exact
from auditctl.records.record import FIELDS, Record

STATUSES = {"unknown": (0, "Unknown"), "success": (1, "Success"), "failure": (2, "Failure")}
SEVERITIES = {1: "Informational", 3: "Medium", 4: "High"}
INFORMATIONAL = 1
LONGEST_TEXT = 65_535
"""Characters of a text in 1.3.0; later versions have no limit."""
NO_TIME = "The event has no time that can be read: this is the time of the run."
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TEXTS = tuple(name for name in FIELDS if name not in ("status_code", "raw"))


class Ocsf(Format):
    """An event a line."""

    def __init__(self, version: str, base_urls: Mapping[str, str], now: datetime) -> None:
        """Write events of a version; ``now`` is the time of those that have none."""
        self._version = version
        self._is_first = version == FIRST_OCSF
        self._longest = LONGEST_TEXT if self._is_first else None
        self._base_urls = base_urls
        self._now = _milliseconds(now)

    def rows(self, records: Sequence[Record]) -> bytes:
        """Write one line per record."""
        return exact.lines([self._event(record) for record in records])

    def stable(self, row: bytes) -> bytes:
        """Return a row, or its beginning, without its time: one without any has that of a run."""
        return re.sub(rb'^\{"time":-?[0-9]*', b'{"time":', row)

    def _event(self, record: Record) -> Attributes:
        unmapped: Attributes = {}
        if self._longest is not None:
            record = _shortened(record, unmapped)
        known = table(record["provider"])
        base_url = self._base_urls.get(record.get("source", ""), "")
        subject = Subject(
            record, known, base_url=base_url, longest=self._longest, is_first=self._is_first
        )
        meaning = known.meaning(record)
        own = getattr(subject, meaning.class_)() if meaning else None
        if meaning is None or own is None:
            meaning = fallback(record, meaning)
            own = getattr(subject, meaning.class_)()
        class_ = CLASSES[meaning.class_]
        has = class_.has if self._is_first else class_.has | class_.has_later
        attributes = there(**{name: getattr(subject, name)() for name in SHARED if name in has})
        attributes |= there(**own)
        # Texts that were cut are there already, whole.
        unmapped = {**_without_place(record, attributes), **unmapped}
        raw = exact.dumps(record["raw"]).decode()
        is_long = self._longest is not None and len(raw) > self._longest
        (unmapped if is_long else attributes)["raw_data"] = raw
        time, code = record["time"], record["status_code"]
        if time is None:
            unmapped["time"] = NO_TIME
        original = known.time(record)
        severity = known.severity(record) or INFORMATIONAL
        status_id, status = STATUSES[record["outcome"]]
        return {
            "time": self._now if time is None else _milliseconds(datetime.fromisoformat(time)),
            **self._classified(meaning, record["action"]),
            "severity_id": severity,
            "severity": SEVERITIES[severity],
            "status_id": status_id,
            "status": status,
            **({} if code is None else {"status_code": str(code)}),
            "metadata": {
                "version": self._version,
                "product": {"name": known.product, "vendor_name": known.vendor},
                "log_provider": record["provider"],
                **there(
                    uid=record["id"],
                    event_code=record["action"],
                    original_time=original and original[: self._longest],
                    tenant_uid=record["account"],
                ),
            },
            **attributes,
            **there(unmapped=unmapped),
        }

    def _classified(self, meaning: Meaning, action: str | None) -> Attributes:
        class_ = CLASSES[meaning.class_]
        number = class_.activities.get(meaning.activity, OTHER)
        if self._is_first and meaning in LATER:
            number = OTHER
        name = kind = caption(meaning.activity)
        if number == OTHER:
            number, name, kind = (
                (OTHER, action, "Other") if action else (UNKNOWN, "Unknown", "Unknown")
            )
        return {
            "category_uid": class_.category,
            "category_name": CATEGORIES[class_.category],
            "class_uid": class_.uid,
            "class_name": class_.title,
            "activity_id": number,
            "activity_name": name,
            "type_uid": class_.uid * 100 + number,
            "type_name": f"{class_.title}: {kind}",
        }


def make(layout: Layout) -> Ocsf:
    """Return events of the version that was chosen."""
    return Ocsf(layout.ocsf_version, layout.base_urls, datetime.now(UTC))


def _shortened(record: Record, whole: Attributes) -> Record:
    """Return a record without texts that are too long, and put these into ``whole``."""
    values = ((name, record[name]) for name in _TEXTS)
    long = {name: text for name, text in values if text and len(text) > LONGEST_TEXT}
    whole |= long
    return {**record, **{name: text[:LONGEST_TEXT] for name, text in long.items()}}


def _without_place(record: Record, attributes: Attributes) -> Attributes:
    """Return the fields of a record that its class has no place for, or that nothing holds."""
    get = attributes.get
    actor, user = get("actor", {}), get("user", {})
    who = [*actor.get("user", {}).values(), *user.values()]
    objects = (user, get("group"), get("entity"), get("service"))
    lists = (*get("resources", ()), *get("web_resources", ()))
    places: dict[str, Collection[str]] = {
        "actor_id": who,
        "actor_name": who,
        "actor_email": who,
        "target": [text for one in (*objects, *lists) if one for text in one.values()],
        "source_ip": get("src_endpoint", {}).values(),
        "user_agent": [get("http_request", {}).get("user_agent")],
        "session_id": actor.get("session", {}).values(),
        "source": (),
    }
    values = ((name, record.get(name), texts) for name, texts in places.items())
    return {name: text for name, text, texts in values if text and text not in texts}


def _milliseconds(time: datetime) -> int:
    since = time - _EPOCH
    return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
