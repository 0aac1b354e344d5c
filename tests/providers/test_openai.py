"""OpenAI: whole seconds, the last id as cursor, details under the name of the type."""

from __future__ import annotations

from typing import Any

import pytest

from auditctl.errors import AnswerError
from auditctl.provider import Secret
from auditctl.providers.openai import OpenAI
from auditctl.records.redact import REDACTED
from tests.service import Service

OPENAI = OpenAI(admin_key=Secret("sk-admin-example"), base_url="https://api.openai.com/v1")
AT = 1765353600  # 2025-12-10T08:00:00Z


def event(id_: str = "audit_log-1", kind: Any = "login.succeeded", **more: Any) -> Any:
    return {"id": id_, "type": kind, "effective_at": AT, **more}


def page(*events: Any, more: Any = False, last: Any = None) -> Any:
    last = events[-1]["id"] if events and last is None else last
    return {"object": "list", "data": list(events), "last_id": last, "has_more": more}


def only(row: Any) -> Any:
    (record,) = Service.saying(page(row)).export(OPENAI)
    return record


# The walk


def test_an_empty_page_with_more_behind_it_goes_on() -> None:
    service = Service.saying(
        page(event("a"), more=True), page(more=True, last="b"), page(event("c"))
    )
    assert [record["id"] for record in service.export(OPENAI)] == ["a", "c"]
    assert [asked.get("after") for asked in service.params] == [None, "a", "b"]


@pytest.mark.parametrize("last", ["", None])
def test_more_without_a_cursor_is_an_error(last: Any) -> None:
    answer = {"data": [event()], "last_id": last, "has_more": True}
    with pytest.raises(AnswerError, match="last_id"):
        Service.saying(answer).export(OPENAI)


# Records


@pytest.mark.parametrize(
    ("actor", "id_", "email"),
    [
        ({"session": {"user": {"id": "u1", "email": "a@example.com"}}}, "u1", "a@example.com"),
        ({"api_key": {"id": "k", "user": {"id": "u2", "email": "b@example.com"}}}, "u2",
         "b@example.com"),
        ({"api_key": {"id": "k", "service_account": {"id": "svc1"}}}, "svc1", None),
        ({"api_key": {"id": "k", "user": None, "service_account": {"id": "svc1"}}}, "svc1", None),
        ({"session": {"user": {"id": 17}}}, "17", None),
        ({"session": {}, "api_key": None}, None, None),
        (None, None, None),
    ],
)  # fmt: skip
def test_the_actor_is_the_user_of_a_session_or_key_else_the_service_account(
    actor: Any, id_: str | None, email: str | None
) -> None:
    record = only(event(actor=actor))
    assert (record["actor_id"], record["actor_email"]) == (id_, email)


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("login.failed", "failure"),
        ("logout.succeeded", "success"),
        ("project.created", "unknown"),
        ("failed", "unknown"),
        ("login.failed.later", "unknown"),
        (None, "unknown"),
        ([], "unknown"),
    ],
)
def test_the_outcome_is_in_the_type(kind: Any, outcome: str) -> None:
    assert only(event(kind=kind))["outcome"] == outcome


def test_details_and_keys_are_read_though_their_names_sound_like_credentials() -> None:
    kind = "tenant.workload_identity.access_token.issued"
    details = {"id": "tok_1", "token": "sk-1", "data": {"scopes": ["a"], "secret": "sk-2"}}
    actor = {"type": "api_key", "api_key": {"id": "key_1", "user": {"id": "u1"}}}
    others = {"api_key.deleted": {"id": "key_2"}, "access_token": {"id": "tok_2"}}
    record = only({**event(kind=kind, actor=actor), kind: details, **others})
    assert (record["actor_id"], record["target"]) == ("u1", "tok_1")
    assert record["raw"]["actor"] == actor
    assert record["raw"][kind] == {
        "id": "tok_1",
        "token": REDACTED,
        "data": {"scopes": ["a"], "secret": REDACTED},
    }
    # Under the name of another type nobody expects them.
    assert record["raw"]["api_key.deleted"] == record["raw"]["access_token"] == REDACTED


def test_only_the_type_of_the_event_names_details() -> None:
    inner = {"type": "secret", "secret": {"value": "sk-1"}, "api_key": {"id": "key_1"}}
    kind = "project.created"
    record = only({**event(kind=kind), kind: inner})
    assert record["raw"][kind] == {**inner, "secret": REDACTED}


def test_a_key_in_the_clear_is_no_object() -> None:
    record = only(event(kind="api_key.created", api_key="sk-1", **{"api_key.created": "sk-2"}))
    assert record["raw"]["api_key"] == record["raw"]["api_key.created"] == REDACTED
    assert record["target"] is None
