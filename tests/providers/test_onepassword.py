"""1Password: questions in bodies, cursors that go alone, features of a token."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from auditctl.commands.check import check
from auditctl.errors import AccessError, AnswerError, ForbiddenError
from auditctl.provider import Secret
from auditctl.providers.onepassword import OnePassword
from tests.service import Service
from tests.vendors import VENDORS, ask, spread

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "https://events.1password.com"
FEATURES = {"audit": "auditevents", "signins": "signinattempts", "usages": "itemusages"}
NOW = datetime(2025, 12, 12, tzinfo=UTC)


def reading(log: str = "audit") -> OnePassword:
    return OnePassword(token=Secret("token_example"), base_url=HOST, log_name=log)


def event(number: int = 1, **more: Any) -> Any:
    return {"uuid": f"EVENT{number}", "timestamp": "2025-12-10T08:00:00Z", **more}


def page(*events: Any, cursor: Any = "c", more: Any = False) -> Any:
    return {"cursor": cursor, "has_more": more, "items": list(events)}


# The walk


@pytest.mark.parametrize(
    "first",
    [
        page(event(), cursor=None, more=True),
        page(event(), cursor="", more=True),
        page(event(), cursor="c", more=None),
        page(event(), cursor="c", more="no"),
        page(event(), cursor={}, more=True),
        {"has_more": False},
        {"items": {}, "has_more": False},
        [],
    ],
)
def test_an_answer_that_does_not_say_how_to_go_on_is_an_error(first: Any) -> None:
    with pytest.raises(AnswerError, match="cannot be understood"):
        Service.saying(first).export(reading())


def test_a_body_is_not_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ask(
        VENDORS["onepassword"](spread(1_001, days=1)), monkeypatch, "list", "-v", "--since", "2d"
    )
    assert found.said.count("POST /api/v2/auditevents 200 ") == 2
    assert "start_time" not in found.said
    assert "=/+" not in found.said


def test_a_cursor_that_is_no_text_goes_back_as_it_came() -> None:
    first = rb'{"cursor":"a\ud800","has_more":true,"items":[]}'
    service = Service.saying(first, page(event()))
    assert len(service.export(reading())) == 1
    assert service.asked[1].content == rb'{"cursor":"a\ud800"}'


# Records


@pytest.mark.parametrize(
    ("category", "outcome"),
    [
        ("success", "success"),
        ("firewall_reported_success", "success"),
        ("credentials_failed", "failure"),
        ("modern_version_failed", "failure"),
        ("firewall_failed", "failure"),
        ("a_new_word", "failure"),
        (None, "unknown"),
        ("", "unknown"),
        (["success"], "unknown"),
    ],
)
def test_the_outcome_of_an_attempt_to_sign_in(category: Any, outcome: str) -> None:
    service = Service.saying(page(event(category=category, type="credentials_ok")))
    (record,) = service.export(reading("signins"))
    assert (record["action"], record["outcome"]) == ("credentials_ok", outcome)


@pytest.mark.parametrize(
    ("log", "given", "target"),
    [
        ("audit", {"object_type": "vault", "object_uuid": "V1"}, "vault V1"),
        ("audit", {"object_type": "vault"}, "vault"),
        ("audit", {"object_uuid": "V1"}, "V1"),
        ("audit", {}, None),
        ("signins", {"item_uuid": "I1", "object_uuid": "V1"}, None),
        ("usages", {"item_uuid": "I1"}, "item I1"),
        ("usages", {"item_uuid": ""}, None),
        ("usages", {}, None),
    ],
)
def test_of_a_target_there_is_what_the_event_has(log: str, given: Any, target: str | None) -> None:
    (record,) = Service.saying(page(event(**given))).export(reading(log))
    assert record["target"] == target


# Refusals


@pytest.mark.parametrize(
    ("status", "error", "says"),
    [
        (401, AccessError, "401: Wrong token"),
        (403, ForbiddenError, "403: Wrong token"),
        (404, AnswerError, "404: Wrong token"),
    ],
)
def test_a_refusal_is_told_in_the_vendors_words(status: int, error: Any, says: str) -> None:
    refusal = httpx.Response(status, json={"Error": {"Message": "Wrong token"}})
    with pytest.raises(error, match=says):
        Service.saying(refusal).export(reading())


# The check


def service_with(features: Any, *, introspect: int = 200) -> Service:
    def answer(request: httpx.Request) -> Any:
        if request.method == "GET":
            assert request.url.path == "/api/v2/auth/introspect"
            return httpx.Response(introspect, json={"uuid": "T", "features": features})
        return page(event())

    return Service(answer)


def checking(log: str, service: Service) -> Iterator[str]:
    return check(reading(log), service.client(reading(log)), NOW)


def test_a_check_with_all_features_says_nothing_of_them() -> None:
    lines = [*checking("audit", service_with([*FEATURES.values()]))]
    assert all(line.startswith("ok  ") for line in lines)
    assert not [line for line in lines if "signinattempts" in line]
    assert lines[-1] == "ok      newest record: 2025-12-10T08:00:00.000Z"


def test_a_check_reads_on_to_the_newest_record_in_ten_requests_at_most() -> None:
    def answer(request: httpx.Request) -> Any:
        if request.method == "GET":
            return {"features": [*FEATURES.values()]}
        number = len(service.asked)
        return page(event(number), cursor=f"c{number}", more=True)

    service = Service(answer)
    *_, last = checking("audit", service)
    assert last == (
        "ok      newest record (in 9 answers; the oldest come first): 2025-12-10T08:00:00.000Z"
    )
    assert len(service.asked) == 10


def test_a_check_names_the_features_that_other_logs_lack() -> None:
    service = service_with(["signinattempts"])
    lines = [*checking("signins", service)]
    assert "WARN    other logs: the credentials lack auditevents (audit), itemusages (usages)" in (
        lines
    )
    assert [request.method for request in service.asked] == ["GET", "POST"]


def test_a_check_without_the_feature_of_the_log_fails_and_names_it() -> None:
    lines: list[str] = []
    service = service_with(["signinattempts"])
    with pytest.raises(ForbiddenError, match="auditevents") as refused:
        lines.extend(checking("audit", service))
    assert "itemusages" in str(refused.value)
    assert "ONEPASSWORD_TOKEN" in str(refused.value)
    assert lines[-1] == "FAILED  permission"
    assert [request.method for request in service.asked] == ["GET"]


def test_a_check_goes_on_without_the_question_where_a_host_does_not_have_it() -> None:
    lines = [*checking("audit", service_with([], introspect=404))]
    assert lines[-1].endswith("2025-12-10T08:00:00.000Z")


def test_a_check_with_a_wrong_token_fails_at_once() -> None:
    lines: list[str] = []
    with pytest.raises(AccessError):
        lines.extend(checking("audit", service_with([], introspect=401)))
    assert lines == [f"ok      reachable: {HOST}", "FAILED  credentials"]
