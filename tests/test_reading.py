"""Words for nothing and forms that cannot be read, wherever a provider meets them."""

from __future__ import annotations

from typing import Any

import pytest

from auditctl.reading import (
    UNREADABLE,
    first_in,
    joined,
    listed,
    mapping,
    names_in,
    non_empty,
    outcome_of,
    reach,
    request,
)
from auditctl.records.record import build, make_sound
from tests.providers.test_entra import ENTRA, SIGNINS
from tests.providers.test_hrhis import HRHIS
from tests.providers.test_okta import OKTA
from tests.providers.test_persona import PERSONA
from tests.providers.test_roam import ROAM
from tests.providers.test_upstash import UPSTASH


def persona(**attributes: Any) -> Any:
    return {"attributes": {name.replace("_", "-"): v for name, v in attributes.items()}}


def related(user: Any, session: Any) -> Any:
    return {"relationships": {"user": user, "user-session": session}}


def location(room: Any) -> Any:
    return {"data": {"location": {"roomId": room}}}


def headers(**referer: Any) -> Any:
    return {"referer": {name.replace("_", "-"): value for name, value in referer.items()}}


SESSION = {"data": {"id": "uses_9"}}
CASE = "/api/v1/cases/case_A1"


@pytest.mark.parametrize(
    ("provider", "event", "field", "value"),
    [
        (PERSONA, related({"data": None}, SESSION), "session_id", "uses_9"),
        (PERSONA, {"relationships": {"user-session": SESSION}}, "session_id", "uses_9"),
        (PERSONA, related({"data": {"id": "user_1"}}, None), "actor_id", "user_1"),
        (PERSONA, related({"data": {"id": ""}}, ""), "actor_id", None),
        (PERSONA, related({"data": {"id": "NA"}}, ""), "actor_id", "NA"),
        (PERSONA, persona(method="", path="/x"), "action", None),
        (PERSONA, persona(method="NA", path="/x"), "action", "NA /x"),
        (PERSONA, persona(method="GET", path=""), "action", None),
        (PERSONA, persona(method="GET", path="?x=1"), "action", None),
        (PERSONA, persona(method="GET"), "action", None),
        (PERSONA, persona(path=CASE, context={"inquiry-id": ""}), "target", "case_A1"),
        (PERSONA, persona(path=CASE, context={"x-id": "[FILTERED]"}), "target", "case_A1"),
        (PERSONA, persona(context={"step": "step_2", "case-id": "none"}), "target", "none"),
        (PERSONA, persona(path=f"{CASE}?next=case_B2"), "target", "case_A1"),
        (PERSONA, persona(path=CASE, context="[FILTERED]"), "target", "case_A1"),
        (HRHIS, headers(x_real_ip="", x_forwarded_for="192.0.2.1, x"), "source_ip", "192.0.2.1"),
        (HRHIS, headers(x_real_ip="192.0.2.2", x_forwarded_for=7), "source_ip", "192.0.2.2"),
        (HRHIS, {"method": "GET", "resource": ""}, "action", None),
        (HRHIS, {"method": "GET", "resource": "/api/x?token=y"}, "action", "GET /api/x"),
        (HRHIS, {"referer": None}, "source_ip", None),
        (HRHIS, {"statuscode": "404"}, "status_code", 404),
        (ROAM, location(""), "target", None),
        (ROAM, location(0), "target", "room 0"),
        (ROAM, {"data": {}}, "target", None),
        (ROAM, {"data": None}, "target", None),
        (UPSTASH, {"entity": "NA", "third_entity": "c"}, "target", "c"),
    ],
)
def test_where_there_is_nothing_it_is_passed_over(
    provider: Any, event: Any, field: str, value: Any
) -> None:
    assert read(provider, event, field) == (value, False)


@pytest.mark.parametrize(
    ("provider", "event", "field"),
    [
        (PERSONA, persona(method=5, path="/x"), "action"),
        (PERSONA, persona(method="GET", path=["x"]), "action"),
        (PERSONA, persona(path={}), "action"),
        (PERSONA, persona(context=5), "target"),
        (PERSONA, persona(context=["inq_1"]), "target"),
        (PERSONA, {"relationships": []}, "actor_id"),
        (PERSONA, {"relationships": []}, "session_id"),
        (PERSONA, related("user_1", SESSION), "actor_id"),
        (PERSONA, related({"data": {"id": 7.5}}, SESSION), "actor_id"),
        (HRHIS, {"method": "GET", "resource": 5}, "action"),
        (HRHIS, {"referer": "http://example.org/"}, "source_ip"),
        (HRHIS, {"referer": "http://example.org/"}, "user_agent"),
        (HRHIS, headers(x_forwarded_for=["192.0.2.1"]), "source_ip"),
        (HRHIS, {"statuscode": "2000000000000000000000"}, "status_code"),
        (ROAM, location([]), "target"),
        (ROAM, location({"id": 1}), "target"),
        (ROAM, location(True), "target"),  # noqa: FBT003 - JSON
        (ROAM, location(26.5), "target"),
        (ROAM, {"data": {"location": "lobby"}}, "target"),
        (UPSTASH, {"entity": "db", "secondary_entity": 5}, "target"),
        (UPSTASH, {"entity": ["db"]}, "target"),
    ],
)
def test_what_cannot_be_read_is_null_and_counted(provider: Any, event: Any, field: str) -> None:
    assert read(provider, event, field) == (None, True)


def read(provider: Any, event: Any, field: str) -> tuple[Any, bool]:
    """Give a record's field, and whether it counts as one that cannot be read."""
    fields = provider.normalize(event, None)
    record = build("x", fields, event)
    problems = make_sound([record]).get(0, [])
    return record[field], field in problems


def test_words_for_nothing_are_none() -> None:
    values: list[Any] = [None, "", "NA", "na", 0, [], False]
    assert [non_empty(value) for value in values] == [None, None, "NA", "na", 0, [], False]


def test_names_are_followed_into_objects_only() -> None:
    tree = {"a": {"b": {"c": 0}, "d": None, "e": "", "f": [1]}}
    assert reach(tree, "a", "b", "c") == 0
    assert reach(tree) is tree
    assert reach(tree, "a", "d", "x") is reach(tree, "a", "e", "x") is reach(tree, "x", "y") is None
    assert reach(tree, "a", "f", "x") is UNREADABLE


def test_a_request_is_its_method_and_path() -> None:
    assert request("GET", "/a?b#c") == "GET /a"
    assert request(None, "/a") is request("GET", None) is request(None, None) is None
    assert request(7, None) is request(None, 7) is request("GET", b"/a") is UNREADABLE


def test_a_name_has_as_many_parts_as_there_are() -> None:
    assert joined("Asha", "Example") == "Asha Example"
    assert joined("", "Doe") == "Doe"
    assert joined(7, "Doe") == "7 Doe"
    assert joined([7], "Doe") is UNREADABLE
    assert joined("", None) is joined() is None


def test_what_is_no_object_is_an_empty_one() -> None:
    assert mapping({"a": 1}) == {"a": 1}
    assert mapping([1]) == mapping(None) == {}


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        (("zone", "z1"), "zone z1"),
        (("zone", 17), "zone 17"),
        (("zone", 0), "zone 0"),
        (("zone", None), "zone"),
        (("", "z1"), "z1"),
        ((None, ""), None),
        (("zone", 1.5), UNREADABLE),
        (("zone", True), UNREADABLE),
        (("zone", {}), UNREADABLE),
        (("zone", UNREADABLE), UNREADABLE),
    ],
)
def test_a_pattern_has_the_parts_that_there_are(parts: Any, whole: object) -> None:
    assert joined(*parts) == whole


@pytest.mark.parametrize(
    ("provider", "event"),
    [
        (OKTA, {"outcome": {"result": 7}}),
        (OKTA, {"outcome": "SUCCESS"}),
        (ENTRA, {"result": ["success"]}),
        (SIGNINS, {"status": {"errorCode": "0"}}),
    ],
)
def test_an_outcome_of_another_form_is_counted(provider: Any, event: Any) -> None:
    fields = provider.normalize(event, None)
    record = build(provider.name, fields, event)
    assert (make_sound([record]), record["outcome"]) == ({0: ["outcome"]}, "unknown")


@pytest.mark.parametrize(
    ("things", "expected"),
    [
        ([{"name": "a"}, {"name": "", "id": 7}, {"name": [], "id": "x"}], UNREADABLE),
        ([{"name": "a"}, {"name": "", "id": 7}, {"id": None}, None, "x"], "a / 7"),
        ([], None),
        (None, None),
        ("", None),
        ({"name": "a"}, UNREADABLE),
    ],
)
def test_the_best_name_of_each_object_is_joined(things: Any, expected: Any) -> None:
    assert names_in(things, "name", "id") == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("OK", "success"),
        ("NO", "failure"),
        ("ok", "unknown"),
        ("", ""),
        (None, None),
        (7, 7),
        ([], []),
    ],
)
def test_a_word_for_an_outcome_is_translated_and_what_is_none_stays(
    word: Any, expected: Any
) -> None:
    assert outcome_of(word, ("NO",), ("OK",)) == expected


def test_of_what_has_another_form_nothing_is_read() -> None:
    assert listed([1]) == [1]
    assert [listed(value) for value in (None, "a", {"a": 1}, 7)] == [[]] * 4
    assert [first_in(value, "a") for value in (None, "a", [1], {"a": ""}, {"a": 0})] == [
        *[None] * 4,
        0,
    ]
