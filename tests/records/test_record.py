import hashlib
import re
from typing import Any, cast

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl.records import exact
from auditctl.records.record import FIELDS, Fields, Record, build, content_id, make_sound
from auditctl.records.schema import AuditRecord, json_schema
from tests.conftest import TEXTS, utf8

HANDED_OVER = tuple(Fields.__annotations__)
NO_TEXTS = ("time", "status_code", "source_ip", "outcome")
TEXT_FIELDS = [name for name in HANDED_OVER if name not in NO_TEXTS]
IDS = ("id", "account", "actor_id", "session_id")

# A lone surrogate is fine in JSON, but no string to pydantic.
values = (
    TEXTS.filter(lambda text: r"\ud" not in utf8(text).decode()).map(
        lambda text: exact.loads(utf8(text))
    )
    | st.sampled_from(["", "NA", "N/A", "200", "404", "2026-01-31T08:09:10Z", "a@example.com"])
    | st.sampled_from([200, 399, 400, -1, 1769846950, True, [], {}, ["x"]])
    | st.text()
)
handed = st.dictionaries(st.sampled_from(HANDED_OVER), values).map(lambda d: cast("Fields", d))


def record_of(fields: Fields, event: Any = None) -> tuple[Record, list[str]]:
    """Make a record as the pipeline does: (the record, the fields that cannot be read)."""
    record = build("persona", fields, event)
    return record, make_sound([record]).get(0, [])


@given(handed, values)
def test_whatever_is_handed_over_the_record_has_the_documented_form(
    fields: Fields, event: Any
) -> None:
    record, _ = record_of(fields, event)
    assert tuple(record) == FIELDS
    record["id"] = record["id"] or content_id(event, 0)
    assert AuditRecord.model_validate(record).model_dump() == record
    assert record["raw"] is event


@given(handed)
def test_a_text_is_kept_a_word_for_nothing_is_null_and_the_rest_is_named(fields: Fields) -> None:
    record, unreadable = record_of(fields)
    for name in TEXT_FIELDS:
        value = fields.get(name)
        if name in IDS and type(value) is int:
            value = str(value)
        if name in IDS and type(value) is exact.Number and re.fullmatch("-?[0-9]+", value.text):
            value = value.text  # -0, or one of more than 64 bits
        is_text = type(value) is str
        assert record[name] == (value if is_text and value != "" else None)
        assert (name in unreadable) == (value is not None and not is_text)


@given(st.lists(handed))
def test_a_record_is_the_same_whatever_stands_beside_it(page: list[Fields]) -> None:
    alone = [record_of(fields) for fields in page]
    together = [build("persona", fields, None) for fields in page]
    unreadable = make_sound(together)
    assert [(r, unreadable.get(n, [])) for n, r in enumerate(together)] == alone
    assert make_sound(together) == {}  # made sound, they are so
    assert together == [record for record, _ in alone]


@given(handed)
def test_the_actor_is_the_best_name_there_is(fields: Fields) -> None:
    record, _ = record_of(fields)
    names = [record["actor_email"], record["actor_name"], record["actor_id"]]
    assert record["actor"] == next((name for name in names if name is not None), None)


@pytest.mark.parametrize(
    ("status", "code", "outcome", "unreadable"),
    [
        (200, 200, "success", []),
        (399, 399, "success", []),
        (400, 400, "failure", []),
        (503, 503, "failure", []),
        ("404", 404, "failure", []),
        ("200", 200, "success", []),
        (1, 1, "success", []),
        (999, 999, "failure", []),
        (0, 0, "unknown", []),
        (-1, -1, "unknown", []),
        (1000, 1000, "unknown", []),
        (2**64 - 1, 2**64 - 1, "unknown", []),
        ("0", 0, "unknown", []),
        ("-1", -1, "unknown", []),
        (None, None, "unknown", []),
        ("", None, "unknown", []),
        ("NA", None, "unknown", ["status_code"]),
        ("OK", None, "unknown", ["status_code"]),
        ("20\u0660", None, "unknown", ["status_code"]),
        (True, None, "unknown", ["status_code"]),
        (200.5, None, "unknown", ["status_code"]),
        ([200], None, "unknown", ["status_code"]),
        ({}, None, "unknown", ["status_code"]),
    ],
)
def test_a_status_code_tells_the_outcome(
    status: Any, code: int | None, outcome: str, unreadable: list[str]
) -> None:
    for _ in range(2):  # what the first record taught must not change the second
        record, problems = record_of({"status_code": status, "id": "1"})
        assert (record["status_code"], record["outcome"]) == (code, outcome)
        assert problems == unreadable


@pytest.mark.parametrize(
    ("given", "status", "outcome", "unreadable"),
    [
        ("success", 500, "success", []),
        ("failure", None, "failure", []),
        ("unknown", 404, "unknown", []),
        ("unknown", "404", "unknown", []),
        (None, 200, "success", []),
        ("", 200, "success", []),
        ("SUCCESS", 404, "failure", ["outcome"]),
        (["success"], None, "unknown", ["outcome"]),
    ],
)
def test_an_event_may_state_its_outcome(
    given: Any, status: Any, outcome: str, unreadable: list[str]
) -> None:
    for _ in range(2):
        record, problems = record_of({"outcome": given, "status_code": status, "id": "1"})
        assert (record["outcome"], problems) == (outcome, unreadable)


@pytest.mark.parametrize(
    ("handed_over", "address", "unreadable"),
    [
        ("203.0.113.5:41234", "203.0.113.5", []),
        ("[2001:db8::1]:443", "2001:db8::1", []),
        ("203.0.113.5, 198.51.100.7", "203.0.113.5", []),
        ("unknown", None, []),
        ("NA", None, []),
        (None, None, []),
        ("client.example.com", None, ["source_ip"]),
        (["203.0.113.5"], None, ["source_ip"]),
    ],
)
def test_the_source_is_an_address_alone(
    handed_over: object, address: str | None, unreadable: list[str]
) -> None:
    for _ in range(2):  # also when it is remembered
        record, problems = record_of({"source_ip": handed_over, "id": "1"})
        assert (record["source_ip"], problems) == (address, unreadable)


@given(TEXTS)
def test_a_content_id_is_of_the_content_whatever_the_keys_order(text: str) -> None:
    event = exact.loads(utf8(text))
    assert content_id(_reversed(event), 0) == content_id(event, 0)
    expected = exact.dumps(event, orjson.OPT_SORT_KEYS)
    assert content_id(event, 0) == hashlib.sha256(expected).hexdigest()


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _reversed(inner) for name, inner in reversed(value.items())}
    return [_reversed(inner) for inner in value] if isinstance(value, list) else value


@given(TEXTS, TEXTS, st.integers(0, 300), st.integers(0, 300))
def test_content_ids_differ_where_the_content_or_the_twin_does(
    one: str, other: str, first: int, second: int
) -> None:
    a, b = exact.loads(utf8(one)), exact.loads(utf8(other))
    same = first == second and exact.dumps(a, orjson.OPT_SORT_KEYS) == exact.dumps(
        b, orjson.OPT_SORT_KEYS
    )
    assert (content_id(a, first) == content_id(b, second)) == same


def test_content_ids_are_these_for_ever() -> None:
    content = b'{"a":"\xc3\xbc","b":[1,null]}'
    assert content_id({"b": [1, None], "a": "ü"}, 0) == hashlib.sha256(content).hexdigest()
    assert content_id({}, 0) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert content_id({}, 1) == hashlib.sha256(b"{}#1").hexdigest()
    assert content_id({}, 0, "2026-01-31") == hashlib.sha256(b"{}@2026-01-31").hexdigest()
    assert content_id({}, 1, "2026-01-31") == hashlib.sha256(b"{}@2026-01-31#1").hexdigest()


def test_the_schema_names_the_fields_in_their_order_and_demands_each() -> None:
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert tuple(schema["properties"]) == FIELDS == tuple(schema["required"])
    assert schema["additionalProperties"] is False
    assert all(field.get("description") for field in schema["properties"].values())
