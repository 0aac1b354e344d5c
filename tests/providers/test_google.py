"""Google Workspace: rows with several events, page tokens, tokens for a service account."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from auditctl.commands.check import check
from auditctl.commands.show import described
from auditctl.errors import AccessError, AnswerError, ForbiddenError, RefusedError, ThrottledError
from auditctl.formats.jsonl import Jsonl
from auditctl.provider import Secret
from auditctl.providers.google import Google
from auditctl.settings import find, load
from tests.account import TOKEN_URL, account
from tests.service import Service

if TYPE_CHECKING:
    from pathlib import Path

    from auditctl.records.record import Record

GOOGLE = Google(
    service_account=Secret(account(TOKEN_URL)),
    subject="admin@example.com",
    base_url="https://admin.googleapis.com",
)
KIND = "admin#reports#activities"
SPAN = ("2026-01-01", "2026-02-01")


def event(name: str = "CREATE_USER", *parameters: tuple[str, Any]) -> dict[str, Any]:
    listed = [{"name": parameter, "value": value} for parameter, value in parameters]
    return {"type": "USER_SETTINGS", "name": name, "parameters": listed}


def row(number: int, at: str, *events: Any, **more: Any) -> dict[str, Any]:
    return {
        "kind": "admin#reports#activity",
        "id": {
            "time": at,
            "uniqueQualifier": str(-number),
            "applicationName": "admin",
            "customerId": "C01example",
        },
        "actor": {"callerType": "USER", "email": "asha@example.com", "profileId": "1053"},
        "ipAddress": "192.0.2.7",
        "events": list(events),
        **more,
    }


def refusing(status: int, said: Any) -> Service:
    return Service.saying({"access_token": "t"}, httpx.Response(status, json=said))


def export(*rows: Any, log: str = "admin") -> list[Record]:
    service = refusing(200, {"kind": KIND, **({"items": rows} if rows else {})})
    return service.export(replace(GOOGLE, log_name=log), *SPAN)


def test_each_event_of_a_row_becomes_a_record_and_the_row_is_cut_to_it() -> None:
    events = [event("a"), event("b"), event("a")]
    other = row(2, "2026-01-02T10:00:00Z", event("c"))
    found = export(row(1, "2026-01-03T10:00:00Z", *events), other)
    assert [record["id"] for record in found] == [
        "2026-01-03T10:00:00Z/-1/0",
        "2026-01-03T10:00:00Z/-1/1",
        "2026-01-03T10:00:00Z/-1/2",
        "2026-01-02T10:00:00Z/-2/0",
    ]
    assert [record["action"] for record in found] == ["a", "b", "a", "c"]
    assert [record["raw"]["events"] for record in found[:3]] == [[one] for one in events]
    assert found[1]["raw"] == row(1, "2026-01-03T10:00:00Z", events[1])


@pytest.mark.parametrize("events", [[], None, "x", {}])
def test_a_row_without_events_is_one_record(events: Any) -> None:
    one = row(1, "2026-01-03T10:00:00Z", events=events)
    (record,) = export(one)
    assert (record["id"], record["action"]) == ("2026-01-03T10:00:00Z/-1/0", None)
    assert record["raw"] == one


def test_events_of_any_form_are_exported() -> None:
    events: list[Any] = ["x", "x", None, 7, [], {"name": []}]
    found = export(row(1, "2026-01-03T10:00:00Z", *events))
    assert [record["id"][-2:] for record in found] == ["/0", "/1", "/2", "/3", "/4", "/5"]
    assert [record["raw"]["events"] for record in found] == [[one] for one in events]


def test_numbers_stay_exact_in_each_of_a_rows_events() -> None:
    body = (
        b'{"kind":"reports#activities","items":[{"id":{"time":"2026-01-03T10:00:00Z",'
        b'"uniqueQualifier":-1},"sum":1.10,"events":[{"name":"a","n":-0},{"name":"b","n":1e400}]}]}'
    )
    found = Service.saying({"access_token": "t"}, body).export(GOOGLE, *SPAN)
    first, second = Jsonl(None).rows(found).splitlines()
    assert b'"id":"2026-01-03T10:00:00Z/-1/0"' in first
    assert b'"sum":1.10,"events":[{"name":"a","n":-0}]' in first
    assert b'"sum":1.10,"events":[{"name":"b","n":1e400}]' in second


@pytest.mark.parametrize(
    ("parameters", "more", "expected"),
    [
        ([("doc_id", "1"), ("doc_title", "Plan"), ("USER_EMAIL", "x@example.com")], {}, "Plan"),
        ([("USER_EMAIL", "x@example.com"), ("doc_title", "Plan")], {}, "x@example.com"),
        ([("GROUP_EMAIL", "all@example.com")], {}, "all@example.com"),
        ([("target_user", "t@example.com")], {}, "t@example.com"),
        ([("app_name", "An app")], {}, "An app"),
        ([("affected_email_address", "a@example.com")], {}, "a@example.com"),
        ([("app_name", ""), ("doc_title", "Plan")], {}, "Plan"),
        ([("x", "y")], {"resourceDetails": [{"id": "r1", "title": "A label"}]}, "A label"),
        ([("x", "y")], {"resourceDetails": [{"id": "r1"}, {"id": "r2"}]}, "r1"),
        ([], {"resourceDetails": []}, None),
        ([], {"resourceDetails": "x"}, None),
        ([("x", "y")], {}, None),
    ],
)
def test_the_target_is_a_parameter_or_a_resource(
    parameters: list[tuple[str, Any]], more: dict[str, Any], expected: str | None
) -> None:
    (record,) = export(row(1, "2026-01-03T10:00:00Z", event("a", *parameters), **more))
    assert record["target"] == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("login_success", "success"),
        ("login_failure", "failure"),
        ("2sv_challenge_failed", "failure"),
        ("failed_login", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_outcome_is_in_the_name(name: str, expected: str) -> None:
    (record,) = export(row(1, "2026-01-03T10:00:00Z", event(name)), log="login")
    assert record["outcome"] == expected


def test_a_robot_is_known_by_its_key_and_placeholders_stay() -> None:
    actor = {"callerType": "KEY", "key": "SYSTEM", "profileId": "105250506097979753968"}
    (record,) = export(row(1, "2026-01-03T10:00:00Z", event(), actor=actor))
    assert (record["actor"], record["actor_id"]) == ("SYSTEM", "105250506097979753968")


@pytest.mark.parametrize("ident", [{}, {"time": "2026-01-03T10:00:00Z"}, {"uniqueQualifier": "1"}])
def test_a_row_without_a_whole_id_gets_one_of_its_content(ident: dict[str, Any]) -> None:
    answer = {"kind": KIND, "items": [{"id": ident, "events": [{"name": "a"}, {"name": "b"}]}]}
    found = Service.saying({"access_token": "t"}, answer).export(GOOGLE, *SPAN)
    assert len({record["id"] for record in found}) == 2
    assert all(re.fullmatch("[0-9a-f]{64}", record["id"]) for record in found)


def test_an_empty_log_has_no_list() -> None:
    assert export() == []
    service = Service.saying({"access_token": "t"}, {"unexpected": 1})
    with pytest.raises(AnswerError, match="lacks the list items"):
        service.export(GOOGLE, *SPAN)


# Refusals


def refused(status: int, reason: str) -> Service:
    error = {"code": status, "message": "Said by Google", "errors": [{"reason": reason}]}
    return refusing(status, {"error": {**error, "status": "X"}})


@pytest.mark.parametrize("reason", ["rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"])
def test_a_403_may_mean_too_many_requests(reason: str) -> None:
    with pytest.raises(ThrottledError, match="Said by Google"):
        refused(403, reason).export(GOOGLE, *SPAN)


@pytest.mark.parametrize(
    ("status", "failure", "hint"),
    [
        (403, ForbiddenError, "the privilege Reports"),
        (404, RefusedError, "Check GOOGLE_BASE_URL"),
        (400, RefusedError, "Check --log"),
    ],
)
def test_a_refusal_says_what_to_do(status: int, failure: type[Exception], hint: str) -> None:
    with pytest.raises(failure, match="Said by Google") as said:
        refused(status, "forbidden").export(GOOGLE, *SPAN)
    assert hint in str(said.value)


def test_a_missing_delegation_is_told_with_both_settings() -> None:
    said = {"error": "unauthorized_client", "error_description": "Client is unauthorized."}
    service = Service.saying(httpx.Response(401, json=said))
    with pytest.raises(AccessError) as failure:
        service.export(GOOGLE, *SPAN)
    assert "(401: unauthorized_client, Client is unauthorized.)" in str(failure.value)
    assert "Check GOOGLE_SERVICE_ACCOUNT and GOOGLE_SUBJECT" in str(failure.value)


def test_the_key_is_mostly_in_a_file_and_has_several_lines(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text(f"{account(TOKEN_URL)}\n")
    environ = {"GOOGLE_SERVICE_ACCOUNT_FILE": str(path), "GOOGLE_SUBJECT": "it@example.com"}
    found = load(Google, find(Google, environ, {}))
    assert found.service_account.reveal().count("\n") > 5
    assert found.auth().token_url == TOKEN_URL
    of_variable = {**environ, "GOOGLE_SERVICE_ACCOUNT": path.read_text()}
    with pytest.raises(AccessError, match="are both set"):
        find(Google, of_variable, {})
    del of_variable["GOOGLE_SERVICE_ACCOUNT_FILE"]
    assert load(Google, find(Google, of_variable, {})).auth() == found.auth()


def test_what_is_missing_is_named() -> None:
    with pytest.raises(AccessError) as failure:
        load(Google, find(Google, {}, {}))
    said = "Google Workspace needs GOOGLE_SUBJECT and GOOGLE_SERVICE_ACCOUNT, not set here: "
    assert str(failure.value).startswith(said)
    assert "as in GOOGLE_SERVICE_ACCOUNT_FILE" in str(failure.value)


def test_the_origin_of_the_token_is_told() -> None:
    told = described(Google)["environment"]
    assert "GOOGLE_SERVICE_ACCOUNT (tokens from its token_uri)" in told
    lines = list(check(GOOGLE, refusing(200, {"kind": KIND}).client(GOOGLE), datetime.now(UTC)))
    assert f"ok      credentials: a token of {TOKEN_URL}" in lines


def test_every_application_of_the_discovery_document_is_a_log() -> None:
    assert len(Google.logs) == 42
    assert list(Google.logs)[:4] == ["admin", "login", "token", "drive"]
    assert GOOGLE.log_name == "admin"
