"""One record for people: every field whole, and nothing in it that moves the cursor."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given

from auditctl.formats import Layout, make
from auditctl.records import exact
from auditctl.records.record import FIELDS, Record
from tests.conftest import TEXTS, utf8


def record(**values: Any) -> Record:
    return {**dict.fromkeys(FIELDS), "time": "2026-11-26T13:06:13.123Z", **values}


def lines(*records: Record, **layout: Any) -> list[str]:
    made = make("detail", Layout(terminal=True, **layout))
    return (made.rows(records) + made.end()).decode().split("\n")[:-1]


def test_a_field_a_line_and_the_event_as_indented_json() -> None:
    event = {"n": exact.Number("1.10"), "list": [], "text": "\u202e\x1b"}
    shown = lines(record(actor="a" * 300, action="x\n\x1b[31m", outcome="failure", raw=event))
    assert shown == [
        "time         2026-11-26T13:06:13.123Z",
        "provider     -",
        "account      -",
        "id           -",
        f"actor        {'a' * 300}",
        "actor_id     -",
        "actor_name   -",
        "actor_email  -",
        r"action       x\n\x1b[31m",
        "target       -",
        "outcome      failure",
        "status_code  -",
        "source_ip    -",
        "user_agent   -",
        "session_id   -",
        "raw",
        "{",
        '  "n": 1.10,',
        '  "list": [],',
        r'  "text": "\u202e\u001b"',
        "}",
    ]


def test_names_are_bold_and_a_failure_is_red() -> None:
    shown = lines(record(outcome="failure", raw=1), color=True)
    assert shown[0] == "\x1b[1mtime\x1b[0m         2026-11-26T13:06:13.123Z"
    assert shown[10] == "\x1b[1moutcome\x1b[0m      \x1b[31mfailure\x1b[0m"


def test_a_time_in_a_zone_has_its_offset() -> None:
    shown = lines(record(), zone=ZoneInfo("Africa/Dar_es_Salaam"))
    assert shown[0] == "time         2026-11-26T16:06:13.123+03:00"


def test_several_records_are_apart() -> None:
    one = lines(record())
    assert lines(record(), record()) == [*one, "", *one]


@given(TEXTS)
def test_an_event_is_shown_whole_and_safe(text: str) -> None:
    event = exact.loads(utf8(text))
    shown = lines(record(raw=event))[len(FIELDS) :]
    assert exact.dumps(exact.loads("\n".join(shown).encode())) == exact.dumps(event)
