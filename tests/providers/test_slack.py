"""Slack: seconds that both count, refusals inside a 200, objects under the name of their type."""

from __future__ import annotations

from typing import Any

import pytest

from auditctl.errors import (
    AnswerError,
    RefusedError,
)
from auditctl.provider import Secret
from auditctl.providers.slack import Slack
from auditctl.records.redact import REDACTED
from tests.service import Service

SLACK = Slack(token=Secret("xoxp-example"), base_url="https://api.slack.com")
AT = 1765353600  # 2025-12-10T08:00:00Z


def event(number: int = 1, at: int = AT, **more: Any) -> Any:
    return {"id": f"event{number}", "date_create": at, **more}


def page(*events: Any, then: Any = "") -> Any:
    return {"ok": True, "entries": list(events), "response_metadata": {"next_cursor": then}}


def only(row: Any) -> Any:
    (record,) = Service.saying(page(row)).export(SLACK)
    return record


# The walk


def test_the_window_is_asked_for_in_seconds_rounded_outwards_and_cut_exactly() -> None:
    service = Service.saying(
        page(event(1, AT + 1), event(2, AT), then="dXNlcjpX/+="),
        page(),
    )
    found = service.export(SLACK, "2025-12-10T00:00:00.5", "2025-12-10T08:00:01")
    assert [record["id"] for record in found] == ["event2"]
    asked = {"oldest": "1765324800", "latest": f"{AT + 1}", "limit": "1000"}
    assert service.params == [asked, {**asked, "cursor": "dXNlcjpX/+="}]
    assert {*service.paths} == {"/audit/v1/logs"}
    assert service.asked[0].headers["Authorization"] == "Bearer xoxp-example"


@pytest.mark.parametrize("metadata", [None, {}, {"next_cursor": None}, {"next_cursor": ""}])
def test_without_a_cursor_the_walk_is_at_its_end(metadata: Any) -> None:
    answer = {"ok": True, "entries": [event()], "response_metadata": metadata}
    assert len(Service.saying(answer).export(SLACK)) == 1


@pytest.mark.parametrize("metadata", [[], "next", {"next_cursor": {}}, {"next_cursor": True}])
def test_a_cursor_that_cannot_be_read_is_an_error_and_not_the_end(metadata: Any) -> None:
    answer = {"ok": True, "entries": [event()], "response_metadata": metadata}
    with pytest.raises(AnswerError, match="cursor"):
        Service.saying(answer).export(SLACK)


# Records


@pytest.mark.parametrize(
    ("entity", "target"),
    [
        ({"type": "file", "file": {"id": "F", "name": "n", "title": "t"}}, "n"),
        ({"type": "user", "user": {"id": "U", "name": "", "email": "a@example.com"}},
         "a@example.com"),
        ({"type": "file", "file": {"id": "F", "title": "t"}}, "t"),
        ({"type": "workspace", "workspace": {"id": "T", "domain": "d"}}, "d"),
        ({"type": "list", "list": {"id": "L"}, "user": {"name": "n"}}, "L"),
        ({"type": "message", "message": {"channel": "C"}}, None),
        ({"type": "a_new_kind"}, None),
        ({"type": []}, None),
        (None, None),
    ],
)  # fmt: skip
def test_the_target_is_the_best_name_of_the_object(entity: Any, target: str | None) -> None:
    assert only(event(entity=entity))["target"] == target


@pytest.mark.parametrize(
    ("action", "outcome"),
    [("user_login_failed", "failure"), ("user_login", "unknown"), (None, "unknown")],
)
def test_an_action_may_tell_of_a_failure(action: Any, outcome: str) -> None:
    assert only(event(action=action))["outcome"] == outcome


def test_a_session_that_is_a_number_becomes_text_and_a_token_is_hidden() -> None:
    entity = {"type": "external_auth_oauth2_token", "external_auth_oauth2_token": {"id": "x"}}
    record = only(event(context={"session_id": 7, "location": {"name": "W"}}, entity=entity))
    assert (record["session_id"], record["account"], record["target"]) == ("7", "W", None)
    assert record["raw"]["entity"]["external_auth_oauth2_token"] == REDACTED


# Refusals inside a 200


@pytest.mark.parametrize("said", [{}, {"error": None}, {"error": {"code": "x"}}, {"error": []}])
def test_a_refusal_of_another_shape_is_one_all_the_same(said: Any) -> None:
    with pytest.raises(RefusedError):
        Service.saying({"ok": False, "entries": [event()], **said}).export(SLACK)
