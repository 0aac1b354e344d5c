"""Atlassian: cursors without an end, both orders, the first object of a list as target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from auditctl.errors import AnswerError
from auditctl.provider import Secret
from auditctl.providers.atlassian import Atlassian
from tests.service import Service

if TYPE_CHECKING:
    from auditctl.records.record import Record

ATLASSIAN = Atlassian(
    api_key=Secret("k3y"), org_id="a1b2-c3d4", base_url="https://api.atlassian.com"
)
SPAN = ("2026-01-01", "2026-02-01")


def event(number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "type": "events",
        "id": f"e{number}",
        "attributes": {
            "time": f"2026-01-{number + 1:02}T10:00:00Z",
            "action": "user_login",
            "actor": {"id": "557058:1", "name": "Asha Example", "email": "asha@example.com"},
            "context": [{"type": "users", "id": "557058:1", "attributes": {}}],
            "container": [{"type": "sites", "id": "s1"}],
            "location": {"ip": "192.0.2.7"},
            **more,
        },
    }


def page(*rows: Any, cursor: Any = "more") -> Any:
    return {"data": list(rows), "meta": {"next": cursor, "page_size": len(rows)}, "links": {}}


def export(*rows: Any) -> list[Record]:
    return Service.saying(page(*rows), page()).export(ATLASSIAN, *SPAN)


@pytest.mark.parametrize(
    ("context", "container", "expected"),
    [
        ([{"type": "users"}], [{"type": "sites", "id": "s1"}], "users"),
        ([{"id": "u1"}], [], "u1"),
        ([], [{"type": "sites", "id": "s1"}, {"type": "x"}], "sites s1"),
        (None, [{"type": "sites"}], "sites"),
        ([{}], [{"id": "s1"}], "s1"),
        (["x"], "x", None),
        ([], None, None),
    ],
)
def test_the_target_is_the_first_of_a_list(context: Any, container: Any, expected: Any) -> None:
    (record,) = export(event(context=context, container=container))
    assert record["target"] == expected


@pytest.mark.parametrize(
    ("action", "expected"),
    [("user_login_failed", "failure"), ("user_login", "unknown"), (None, "unknown")],
)
def test_the_outcome_is_in_the_action(action: str | None, expected: str) -> None:
    (record,) = export(event(action=action))
    assert record["outcome"] == expected


def test_a_server_that_refuses_the_question_behind_a_cursor_gets_the_cursor_alone() -> None:
    def answer(request: httpx.Request) -> Any:
        if "cursor" not in request.url.params:
            return page(event(3), cursor="c1")
        if "from" in request.url.params:
            return httpx.Response(400, json={})
        is_last = request.url.params["cursor"] == "c2"
        return page() if is_last else page(event(2), cursor="c2")

    service = Service(answer)
    assert len(service.export(ATLASSIAN, *SPAN)) == 2
    alone = [{"cursor": cursor, "limit": "500"} for cursor in ("c1", "c2")]
    assert service.params[2:] == alone, "the question is refused once, not behind each cursor"


def test_the_cursor_may_be_in_a_link_alone() -> None:
    link = "/admin/v1/orgs/a1b2-c3d4/events-stream?limit=1&cursor=c%2B1"
    first = {"data": [event(3)], "links": {"next": link}}
    service = Service.saying(first, page())
    assert len(service.export(ATLASSIAN, *SPAN)) == 1
    assert service.params[1]["cursor"] == "c+1"


@pytest.mark.parametrize("cursor", [None, ""])
def test_no_cursor_ends_the_walk_too(cursor: str | None) -> None:
    service = Service.saying(page(event(), cursor=cursor))
    assert len(service.export(ATLASSIAN, *SPAN)) == 1


@pytest.mark.parametrize("body", [{}, [], {"data": {}}, {"data": None}, {"errors": []}])
def test_an_answer_of_another_shape_is_an_error(body: Any) -> None:
    with pytest.raises(AnswerError, match="lacks the list data"):
        Service.saying(body).export(ATLASSIAN, *SPAN)
