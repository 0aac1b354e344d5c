"""Cloudflare: both orders, cursors in the envelope, refusals inside a 200."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from auditctl.errors import (
    AccessError,
    AnswerError,
    ForbiddenError,
    RefusedError,
    ThrottledError,
    UnreachableError,
)
from auditctl.export import batches
from auditctl.provider import Secret, Window
from auditctl.providers.cloudflare import Cloudflare
from tests.program import result
from tests.service import Service, moment

CLOUDFLARE = Cloudflare(
    api_token=Secret("token_example"),
    account_id="account1",
    base_url="https://api.cloudflare.com/client/v4",
)


def event(number: int = 1, **more: Any) -> Any:
    return {"id": f"event{number}", "action": {"time": "2025-12-10T08:00:00Z"}, **more}


def page(*events: Any, info: Any = None) -> Any:
    return {"success": True, "errors": [], "result": list(events), "result_info": info}


def then(cursor: Any) -> Any:
    return {"count": "1", "cursors": {"after": cursor}}


def refusal(*errors: Any) -> Any:
    return {"success": False, "errors": list(errors), "messages": [], "result": None}


# The walk


@pytest.mark.parametrize("direction", ["desc", "asc"])
def test_both_ends_and_the_order_are_asked_for_with_each_page(direction: str) -> None:
    service = Service.saying(page(event(1), info=then("a+/=")), page(event(2), info=then("")))
    window = Window(moment("2025-12-01"), moment("2026-01-01"), oldest_first=direction == "asc")
    found = list(batches(CLOUDFLARE, service.client(CLOUDFLARE), window))
    assert [record["id"] for batch in found for record in batch.records] == ["event1", "event2"]
    asked = {
        "since": "2025-11-30T23:59:59.999Z",
        "before": "2026-01-01T00:00:00.000Z",
        "direction": direction,
        "limit": "1000",
    }
    assert service.params == [asked, {**asked, "cursor": "a+/="}]
    assert {*service.paths} == {"/client/v4/accounts/account1/logs/audit"}
    assert {r.headers["Authorization"] for r in service.asked} == {"Bearer token_example"}


@pytest.mark.parametrize(
    "info", [None, {}, {"cursors": None}, {"cursors": {}}, then(None), then("")]
)
def test_without_a_cursor_the_walk_is_at_its_end(info: Any) -> None:
    assert len(Service.saying(page(event(), info=info)).export(CLOUDFLARE)) == 1


@pytest.mark.parametrize("info", ["next", {"cursors": ["a"]}, then(["a"]), then({})])
def test_a_cursor_that_cannot_be_read_is_an_error_and_not_the_end(info: Any) -> None:
    with pytest.raises(AnswerError, match="cursor"):
        Service.saying(page(event(), info=info)).export(CLOUDFLARE)


@pytest.mark.parametrize("account", ["a/b", "..", "a?b", "a b", "https://example.com"])
def test_an_account_that_would_lead_elsewhere_is_refused_before_anything_is_asked(
    account: str,
) -> None:
    found = result(
        "cloudflare", "list", CLOUDFLARE_API_TOKEN="token", CLOUDFLARE_ACCOUNT_ID=account
    )
    assert found.status == 2
    assert "CLOUDFLARE_ACCOUNT_ID" in found.said


# Records


@pytest.mark.parametrize(
    ("result", "status", "outcome"),
    [
        ("success", 500, "success"),
        ("failure", 200, "failure"),
        ("failed", 200, "failure"),
        ("error", 200, "failure"),
        ("skipped", 200, "unknown"),
        ("skipped", "200", "unknown"),
        (None, 200, "success"),
        ("", 403, "failure"),
        (None, None, "unknown"),
    ],
)
def test_the_outcome_is_the_events_own_else_the_statuss(
    result: Any, status: Any, outcome: str
) -> None:
    action = {"time": "2025-12-10T08:00:00Z", "result": result}
    row = event(action=action, raw={"status_code": status})
    (record,) = Service.saying(page(row)).export(CLOUDFLARE)
    assert record["outcome"] == outcome


@pytest.mark.parametrize(
    ("resource", "zone", "target"),
    [
        ({"type": "dns_record", "id": "r1"}, {"name": "example.com"}, "dns_record r1"),
        ({"type": "dns_record"}, {"name": "example.com"}, "dns_record"),
        ({"id": "r1"}, {}, "r1"),
        ({}, {"name": "example.com"}, "example.com"),
        (None, None, None),
    ],
)
def test_the_target_is_the_resource_else_the_zone(
    resource: Any, zone: Any, target: str | None
) -> None:
    (record,) = Service.saying(page(event(resource=resource, zone=zone))).export(CLOUDFLARE)
    assert record["target"] == target


# Refusals inside a 200


@pytest.mark.parametrize(
    ("code", "error", "status"),
    [
        (10000, AccessError, 4),
        (10001, AccessError, 4),
        (9109, ForbiddenError, 4),
        (971, ThrottledError, 5),
        (7003, RefusedError, 6),
        (None, RefusedError, 6),
        ([], RefusedError, 6),
    ],
)
@pytest.mark.parametrize("http", [200, 400])
def test_a_refusal_is_known_by_its_code_and_told_in_the_vendors_words(
    code: Any, error: Any, status: int, http: int
) -> None:
    said = refusal({"code": 1, "message": "First"}, {"code": code, "message": "Not like this"})
    with pytest.raises(error, match="First, Not like this") as refused:
        Service.saying(httpx.Response(http, json=said)).export(CLOUDFLARE)
    assert refused.value.status == status


@pytest.mark.parametrize("errors", [None, {}, "Not like this", [None], [[]], ["Not like this"]])
def test_a_refusal_of_another_shape_is_one_all_the_same(errors: Any) -> None:
    said = {"success": False, "errors": errors, "result": [event()]}
    with pytest.raises(RefusedError):
        Service.saying(said).export(CLOUDFLARE)


def test_a_code_may_be_nested_without_an_end() -> None:
    deep = b"[" * 5_000 + b"]" * 5_000
    said = b'{"success":false,"errors":[{"code":%b,"message":"Not like this"}]}' % deep
    with pytest.raises(RefusedError, match="Not like this"):
        Service.saying(said).export(CLOUDFLARE)


@pytest.mark.parametrize(("http", "error"), [(403, ForbiddenError), (502, UnreachableError)])
def test_a_status_of_its_own_counts_more_than_a_code(http: int, error: Any) -> None:
    said = refusal({"code": 10000, "message": "Authentication error"})
    with pytest.raises(error, match="Authentication error"):
        Service.saying(httpx.Response(http, json=said)).export(CLOUDFLARE)
