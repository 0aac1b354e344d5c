"""Anthropic: an end that is always sent, actors of six kinds, the object by its name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from auditctl.errors import AccessError, AnswerError, ForbiddenError
from auditctl.export import batches
from auditctl.provider import Secret, Window
from auditctl.providers.anthropic import Anthropic
from tests.service import Service

ANTHROPIC = Anthropic(
    compliance_key=Secret("sk-ant-api01-example"), base_url="https://api.anthropic.com"
)


def event(id_: str = "activity_1", **more: Any) -> Any:
    return {"id": id_, "created_at": "2025-12-10T08:00:00Z", "type": "x", **more}


def page(*events: Any, more: Any = False) -> Any:
    last = events[-1]["id"] if events else None
    return {"data": list(events), "has_more": more, "first_id": None, "last_id": last}


def only(row: Any) -> Any:
    (record,) = Service.saying(page(row)).export(ANTHROPIC)
    return record


# The walk


@pytest.mark.parametrize("ahead", [None, timedelta(days=1)])
def test_what_happens_while_the_log_is_read_is_left_to_the_next_run(
    ahead: timedelta | None,
) -> None:
    service = Service.saying(page(event("a"), more=True), page(event("b")))
    began = datetime.now(UTC)
    window = Window(began - timedelta(days=900), began + ahead if ahead else None)
    list(batches(ANTHROPIC, service.client(ANTHROPIC), window))
    (end,) = {datetime.fromisoformat(asked["created_at.lt"]) for asked in service.params}
    assert began - timedelta(milliseconds=1) < end <= datetime.now(UTC)


def test_a_log_that_each_request_adds_to_has_an_end() -> None:
    def answer(request: httpx.Request) -> Any:
        rows.insert(0, event(f"own_{len(rows)}", created_at=datetime.now(UTC).isoformat()))
        end = datetime.fromisoformat(request.url.params["created_at.lt"])
        found = [row for row in rows if datetime.fromisoformat(row["created_at"]) < end]
        after = request.url.params.get("after_id")
        begin = 1 + [row["id"] for row in found].index(after) if after else 0
        return page(*found[begin : begin + 1], more=begin + 1 < len(found))

    rows = [event("a"), event("b")]
    service = Service(answer)
    window = Window(datetime(2025, 12, 1, tzinfo=UTC), None)
    found = batches(ANTHROPIC, service.client(ANTHROPIC), window)
    assert [record["id"] for batch in found for record in batch.records] == ["a", "b"]
    assert len(service.asked) == 2


def test_more_without_a_cursor_is_an_error() -> None:
    with pytest.raises(AnswerError, match="last_id"):
        Service.saying(page(more=True)).export(ANTHROPIC)


# Records


@pytest.mark.parametrize(
    ("actor", "id_", "email"),
    [
        ({"user_id": "u1", "email_address": "a@example.com"}, "u1", "a@example.com"),
        ({"api_key_id": "k1"}, "k1", None),
        ({"admin_api_key_id": "k2"}, "k2", None),
        ({"workos_event_id": "e1", "directory_id": "d1"}, "d1", None),
        ({"unauthenticated_email_address": "b@example.com"}, None, "b@example.com"),
        ({"type": "anthropic_actor"}, None, None),
        ({"user_id": None, "api_key_id": "k1"}, "k1", None),
        (None, None, None),
    ],
)
def test_each_kind_of_actor_has_an_id_or_an_address(
    actor: Any, id_: str | None, email: str | None
) -> None:
    record = only(event(actor=actor))
    assert (record["actor_id"], record["actor_email"]) == (id_, email)


@pytest.mark.parametrize(
    ("more", "target"),
    [
        ({"organization_id": "o", "claude_chat_id": "c", "claude_file_id": "f"}, "c"),
        ({"claude_chat_id": None, "claude_file_id": "f"}, "f"),
        ({"filename": "a.pdf", "claude_file_id": "f"}, "f"),
        ({"filename": "a.pdf"}, "a.pdf"),
        ({"organization_id": "o", "organization_uuid": "u"}, None),
    ],
)
def test_the_target_is_the_first_other_id_else_the_file(more: Any, target: str | None) -> None:
    record = only(event(**more))
    assert record["target"] == target
    assert record["account"] == more.get("organization_id")


# Refusals and settings


def test_a_refusal_is_told_in_the_vendors_words() -> None:
    words = "Missing required scopes. Got: [] Needed: [read:compliance_activities]"
    body = {"type": "error", "error": {"type": "permission_error", "message": words}}
    with pytest.raises(ForbiddenError) as refused:
        Service.saying(httpx.Response(403, json=body)).export(ANTHROPIC)
    assert words in str(refused.value)


def test_either_key_will_do_and_its_own_name_is_told() -> None:
    provider = Anthropic(
        compliance_key=Secret("sk-ant-admin01-example"),
        base_url="https://api.anthropic.com",
        setting_names={"compliance_key": "ANTHROPIC_ADMIN_KEY"},
    )
    with pytest.raises(AccessError, match=r"Check ANTHROPIC_ADMIN_KEY: "):
        Service.saying(httpx.Response(401, json={})).export(provider)
