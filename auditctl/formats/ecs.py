"""Documents of the Elastic Common Schema (ECS), one a line."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from auditctl.events import Meaning, Table, fallback, table
from auditctl.events.classes import CLASSES
from auditctl.events.subject import Attributes, Subject, endpoint, there
from auditctl.formats import Format, Layout
from auditctl.records import exact
from auditctl.records.record import Record
from auditctl.window import to_text

VERSION = "9.4.0"
LONGEST_TIME = len("2026-01-31T08:09:10.123456789")
"""Elasticsearch reads nanoseconds, and nothing finer."""
NO_TIME = "The event has no time that can be read: @timestamp is when it was exported."


class Ecs(Format):
    """A document a line."""

    def __init__(self, now: str) -> None:
        """Write documents; ``now`` is when they are made, and the time of those without one."""
        self._now = now

    def rows(self, records: Sequence[Record]) -> bytes:
        """Write one line per record."""
        return exact.lines([self._document(record) for record in records])

    def stable(self, row: bytes) -> bytes:
        """Return a row, or its beginning, without its times: one without any has those of a run."""
        row = re.sub(rb'"created":"[^"]*', b'"created":"', row, count=1)
        return re.sub(rb'^\{"@timestamp":"[^"]*', b'{"@timestamp":"', row)

    def _document(self, record: Record) -> Attributes:
        known = table(record["provider"])
        subject = Subject(record, known)
        meaning = known.meaning(record)
        # It has the class of OCSF, so that both mean the same.
        if meaning is None or getattr(subject, meaning.class_)() is None:
            meaning = fallback(record, meaning)
        time, code = record["time"], record["status_code"]
        response = subject.http_response()
        request = subject.place("request")
        path, _, query = request.get("url", "").partition("?")
        source = endpoint(record["source_ip"])
        return {
            "@timestamp": f"{time[:-1][:LONGEST_TIME]}Z" if time else self._now,
            "ecs": {"version": VERSION},
            "event": {
                "kind": "event",
                "module": record["provider"],
                "dataset": known.dataset,
                **there(id=record["id"], action=record["action"], **_categorized(meaning)),
                "outcome": record["outcome"],
                "created": self._now,
                "original": exact.dumps(record["raw"]).decode(),
            },
            **_people(record, known, subject, meaning),
            **there(
                source=source if "ip" in source else there(address=record["source_ip"]),
                user_agent=there(original=record["user_agent"]),
                http=there(
                    request=there(method=request.get("method")),
                    response=response and {"status_code": response["code"]},
                ),
                url=there(path=path, query=query, original=request.get("url")),
                organization=there(id=record["account"]),
                auditctl=there(
                    source=record.get("source"),
                    target=record["target"],
                    session_id=record["session_id"],
                    status_code=None if code is None or response else str(code),
                    time=None if time else NO_TIME,
                ),
            ),
        }


def make(_layout: Layout) -> Ecs:
    """Return documents that are made now."""
    return Ecs(to_text(datetime.now(UTC)))


def _categorized(meaning: Meaning) -> Attributes:
    """Return the category and the types, which ECS allows in certain pairs only."""
    class_ = CLASSES[meaning.class_]
    category, *types = class_.ecs or ("",)
    last = class_.types.get(meaning.activity) or class_.types.get("")
    return {"category": [category], "type": [*types, last]} if category else {}


def _people(record: Record, known: Table, subject: Subject, meaning: Meaning) -> Attributes:
    """Return who acted, and in changes of accounts whom and which group it was done to."""
    is_change = "iam" in CLASSES[meaning.class_].ecs
    affected = subject.affected() if is_change else {}
    group = subject.group() if meaning.class_ == "group_management" else {}
    user = there(
        id=record["actor_id"],
        email=record["actor_email"],
        target=there(
            id=affected.get("uid"), name=affected.get("name"), email=affected.get("email_addr")
        ),
        **{"name" if known.actor_name_is_login else "full_name": record["actor_name"]},
    )
    own = (record[name] for name in ("actor_id", "actor_name", "actor_email"))
    ip = endpoint(record["source_ip"]).get("ip")
    return there(
        user=user,
        group=there(id=group.get("uid"), name=group.get("name")),
        related=there(ip=_unique(ip), user=_unique(*own, *affected.values())),
    )


def _unique(*texts: Any) -> list[str]:  # noqa: ANN401 - texts or None
    return list(dict.fromkeys(filter(None, texts)))
