"""Cloudflare: both orders, cursors in the envelope, refusals inside a 200."""

from __future__ import annotations

from typing import Any

import pytest

from auditctl.errors import (
    AnswerError,
    RefusedError,
)
from auditctl.provider import Secret
from auditctl.providers.cloudflare import Cloudflare
from tests.service import Service

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


# The walk


@pytest.mark.parametrize(
    "info", [None, {}, {"cursors": None}, {"cursors": {}}, then(None), then("")]
)
def test_without_a_cursor_the_walk_is_at_its_end(info: Any) -> None:
    assert len(Service.saying(page(event(), info=info)).export(CLOUDFLARE)) == 1


@pytest.mark.parametrize("info", ["next", {"cursors": ["a"]}, then(["a"]), then({})])
def test_a_cursor_that_cannot_be_read_is_an_error_and_not_the_end(info: Any) -> None:
    with pytest.raises(AnswerError, match="cursor"):
        Service.saying(page(event(), info=info)).export(CLOUDFLARE)


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
    "errors", [None, {}, "Not like this", [None], [[]], ["Not like this"], [{"code": []}]]
)
def test_a_refusal_of_another_shape_is_one_all_the_same(errors: Any) -> None:
    said = {"success": False, "errors": errors, "result": [event()]}
    with pytest.raises(RefusedError):
        Service.saying(said).export(CLOUDFLARE)


def test_a_code_may_be_nested_without_an_end() -> None:
    deep = b"[" * 5_000 + b"]" * 5_000
    said = b'{"success":false,"errors":[{"code":%b,"message":"Not like this"}]}' % deep
    with pytest.raises(RefusedError, match="Not like this"):
        Service.saying(said).export(CLOUDFLARE)
