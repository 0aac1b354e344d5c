"""Upstash: one array, two kinds of actor, up to three entities, and words for nothing."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from auditctl.errors import AccessError, AnswerError
from auditctl.provider import Secret
from auditctl.providers.upstash import Upstash
from auditctl.records import exact
from tests.service import Service

API = "https://api.upstash.com"
UPSTASH = Upstash(email="owner@example.com", api_key=Secret("example-key"), base_url=API)


def event(**fields: Any) -> Any:
    return {"log_id": "1", "timestamp": 1764587058, "actor": "asha@example.com", **fields}


def record_of(**fields: Any) -> Any:
    (record,) = Service.saying([event(**fields)]).export(UPSTASH)
    return record


def test_events_come_as_they_stand_and_repeated_ones_as_often() -> None:
    rows = [event(log_id="2", timestamp=1764587059), event(log_id="1"), event(log_id="2")]
    found = Service.saying(rows).export(UPSTASH)
    assert [record["id"] for record in found] == ["2", "1", "2"]


@pytest.mark.parametrize("row", [None, "text", 7, [], [{"log_id": "1"}]])
def test_a_row_that_is_no_object_is_exported_all_the_same(row: Any) -> None:
    first, second = Service.saying([row, event()]).export(UPSTASH)
    assert (first["raw"], first["time"], first["action"]) == (row, None, None)
    assert first["id"]
    assert second["id"] == "1"


def test_a_colon_in_the_address_cannot_shift_the_key() -> None:
    upstash = Upstash(email="a:b", api_key=Secret("example-key"), base_url=API)
    with pytest.raises(AccessError, match=r"a colon .* Check UPSTASH_EMAIL and UPSTASH_API_KEY; "):
        Service.saying().client(upstash)


def test_a_path_with_a_version_is_recognized_in_the_refusal() -> None:
    said = httpx.Response(404, json={"error": "not found"})
    with pytest.raises(AnswerError, match="without /v2"):
        Service.saying(said).export(UPSTASH)


@pytest.mark.parametrize(
    ("actor", "name", "id_", "email"),
    [
        ("asha@example.com", "asha@example.com", None, "asha@example.com"),
        ("user-7", "user-7", "user-7", None),
        ("", None, None, None),
        ("NA", None, None, None),
        (None, None, None, None),
        (7, "7", "7", None),
        (7.5, None, None, None),
    ],
)
def test_an_actor_with_an_at_is_an_address_and_else_an_id(
    actor: Any, name: str | None, id_: str | None, email: str | None
) -> None:
    record = record_of(actor=actor)
    assert (record["actor"], record["actor_id"], record["actor_email"]) == (name, id_, email)
    assert record["actor_name"] is None


@pytest.mark.parametrize(
    ("entities", "target"),
    [
        (("db", "", ""), "db"),
        (("db", "NA", ""), "db"),
        (("db", "NA", "NA"), "db"),
        (("db", "eu", ""), "db / eu"),
        (("db", "eu", "x"), "db / eu / x"),
        (("db", "NA", "x"), "db / x"),
        (("", "eu", "x"), "eu / x"),
        (("NA", "NA", ""), None),
        (("NA", "NA", "NA"), None),
        (("", "", ""), None),
        ((None, None, None), None),
        (("db", None, 7), None),
        (("db", ["x"], ""), None),
        ((7, "", ""), None),
    ],
)
def test_the_target_is_made_of_the_entities_there_are(
    entities: tuple[Any, Any, Any], target: str | None
) -> None:
    names = ("entity", "secondary_entity", "third_entity")
    assert record_of(**dict(zip(names, entities, strict=True)))["target"] == target


@pytest.mark.parametrize(
    ("timestamp", "time"),
    [
        (1764587058, "2025-12-01T11:04:18.000Z"),
        (1764587058123, "2025-12-01T11:04:18.123Z"),
        ("2025-12-01T11:04:18Z", "2025-12-01T11:04:18.000Z"),
        (None, None),
        ("", None),
        (True, None),
        (10**30, None),
    ],
)
def test_a_timestamp_counts_seconds_or_milliseconds(timestamp: Any, time: str | None) -> None:
    record = record_of(timestamp=timestamp)
    assert record["time"] == time
    assert exact.dumps(record["raw"]) == exact.dumps(event()).replace(
        b"1764587058", json.dumps(timestamp).encode()
    )


def test_the_other_fields_are_taken_as_they_are_and_nothing_is_said_of_the_outcome() -> None:
    record = record_of(
        customer_id="team-1", action=13, action_string="Delete Team", ip="2001:db8::1"
    )
    assert (record["account"], record["action"]) == ("team-1", "Delete Team")
    assert (record["source_ip"], record["outcome"]) == ("2001:db8::1", "unknown")
