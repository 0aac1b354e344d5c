"""What the client makes sure of, whoever asks through it."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl.commands.check import check
from auditctl.errors import AccessError, AnswerError, ThrottledError, UnreachableError
from auditctl.http.client import MOST_FRUITLESS
from auditctl.http.page import MOST_EVENTS
from auditctl.http.responses import message_in
from auditctl.provider import Answer, Secret
from auditctl.providers.hrhis import Hrhis
from auditctl.providers.persona import Persona
from auditctl.providers.roam import Roam
from tests.service import Service

PERSONA = Persona(api_key=Secret("persona_production_example"), base_url="https://api.example.com")
NOW = datetime(2025, 12, 31, tzinfo=UTC)


def page(*events: Any, number: int | None) -> Any:
    """Make a page whose cursor is none that was there before."""
    following = None if number is None else f"/user-audit-logs?page%5Bafter%5D=c{number}"
    return {"data": list(events), "links": {"prev": None, "next": following}}


def event(id_: str | None = "ual_1") -> Any:
    return {"id": id_, "attributes": {"created-at": "2025-12-10T08:00:00.000Z"}}


def walk(of: Callable[[int], Any]) -> tuple[int, Exception | None]:
    """Walk pages made by their number to the end: how many were asked for, and how it ended."""
    service = Service(lambda _: of(len(service.asked)))
    try:
        service.export(PERSONA)
    except AnswerError as error:
        return len(service.asked), error
    return len(service.asked), None


# Pages that never end


@pytest.mark.parametrize("empty", [7, MOST_FRUITLESS - 1])
def test_empty_pages_are_no_end(empty: int) -> None:
    def of(number: int) -> Any:
        last = number == 2 * empty + 2
        rows = [event(f"ual_{number}")] if number % (empty + 1) == 0 else []
        return page(*rows, number=None if last else number)

    assert walk(of) == (2 * empty + 2, None)


@pytest.mark.parametrize(
    "rows", [[], [event(None)], [event(None), event(None)]], ids=["none", "one", "twins"]
)
def test_a_hundred_answers_in_a_row_without_a_new_event_end_the_walk(rows: list[Any]) -> None:
    asked, error = walk(lambda number: page(*rows, number=number))
    assert asked == MOST_FRUITLESS + bool(rows)
    assert "pages would never end: 100 answers in a row brought no new event" in str(error)


def test_so_do_events_that_come_in_turns() -> None:
    def of(number: int) -> Any:
        return page({"id": None, "turn": number % 3}, number=number)

    asked, error = walk(of)
    assert (asked, type(error)) == (MOST_FRUITLESS + 3, AnswerError)


def test_check_does_not_ask_for_ever_either() -> None:
    service = Service(lambda _: page(number=len(service.asked)))
    *_, last = check(PERSONA, service.client(PERSONA), NOW)
    assert last == "ok      newest record (in 10 answers; there may be others): none"
    assert len(service.asked) == 10


@pytest.mark.parametrize(
    ("members", "following"),
    [
        ({"has_more": True, "last_id": "a"}, "a"),
        ({"has_more": True, "last_id": 7}, 7),
        ({"has_more": False, "last_id": "a"}, None),
        ({"has_more": False}, None),
        ({"last_id": None}, None),
        ({}, None),
    ],
)
def test_has_more_tells_whether_there_is_another_page(members: Any, following: Any) -> None:
    client = Service.saying().client(PERSONA)
    assert client.more(Answer(members, b""), "last_id") == following


@pytest.mark.parametrize(
    "members",
    [
        {"has_more": True},
        {"has_more": True, "last_id": ""},
        {"has_more": "false", "last_id": ""},
        {"has_more": 0, "last_id": None},
        {"last_id": "a"},
    ],
)
def test_pages_that_do_not_say_how_to_go_on_are_an_error(members: Any) -> None:
    client = Service.saying().client(PERSONA)
    with pytest.raises(AnswerError, match="cannot be understood"):
        client.more(Answer(members, b""), "last_id")


def test_an_answer_that_is_too_large_is_no_trouble_that_passes() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b"[" * 8 * 2**20)

    service = Service(answer)
    with pytest.raises(AnswerError, match="is larger than any that is read"):
        service.client(PERSONA).get("/user-audit-logs")
    assert len(service.asked) == 1


def test_a_page_of_far_too_many_events_is_not_made_into_records() -> None:
    service = Service(lambda _: page(*[1] * (MOST_EVENTS + 1), number=None))
    with pytest.raises(AnswerError, match="has 100,001 events, more than the 100,000"):
        service.export(PERSONA)
    assert len(service.asked) == 1


@pytest.mark.parametrize("id_", [".", ".."])
def test_an_id_of_the_provider_is_no_way_up(id_: str) -> None:
    service = Service(lambda _: {"users": [{"id": id_}]})
    hrhis = Hrhis(
        base_url="https://api.example.com",
        username="user_x",
        password=Secret("example"),
        users=("all",),
    )
    with pytest.raises(AnswerError, match="cannot be asked for /api/users/"):
        service.export(hrhis)
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    "headers",
    [
        [("Link", '<a>; rel="self"'), ("Link", '<b>; rel="next"')],
        [("Link", '<a>; title="x, <c>; rel=next"; rel="self", <b>; REL="start NEXT"')],
        [("link", "<b>;rel=next;type=json")],
    ],
)
def test_a_relation_is_found_in_any_form_of_the_header(headers: list[tuple[str, str]]) -> None:
    service = Service.saying(httpx.Response(200, json=[], headers=headers))
    answer = service.client(PERSONA).get("/")
    assert answer.link("next") == "b"
    assert answer.link("prev") is None


@pytest.mark.parametrize("how", ["get", "stream"])
@pytest.mark.parametrize(
    ("params", "query"),
    [
        ({"limit": 3, "from": 0, "to": None}, b"limit=3&from=0"),
        ({"from": None, "to": ""}, b"to="),
        ({"from": None, "to": None}, b""),
    ],
)
def test_a_parameter_without_a_value_is_left_out(
    how: str, params: dict[str, str | int | None], query: bytes
) -> None:
    service = Service(lambda _: [])
    client = service.client(PERSONA)
    if how == "get":
        client.get("/activity", params)
    else:
        list(client.stream("/activity", params))
    (asked,) = service.asked
    assert asked.url.query == query


def test_a_parameter_without_a_value_makes_no_new_question() -> None:
    service = Service(lambda _: [])
    client = service.client(PERSONA)
    client.get("/activity", {"limit": 3})
    with pytest.raises(AnswerError, match="limit=3") as refused:
        client.get("/activity", {"limit": 3, "to": None})
    assert "None" not in str(refused.value)
    assert len(service.asked) == 1


# Whatever an answer says


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        (b'"no"', " (400: no)"),
        (b'["no",{"errors":[' + b"[" * 5000 + b"]" * 5000 + b"]}]", " (400: no)"),
        (b'{"error":' * 5000 + b'"no"' + b"}" * 5000, " (400)"),
    ],
)
def test_what_a_refusal_says_may_be_nested_deep(inner: bytes, said: str) -> None:
    content = b'{"ok":false,"error":%b}' % inner
    service = Service(lambda _: httpx.Response(200, content=content))
    with pytest.raises(AnswerError, match=f"refused the request{re.escape(said)}"):
        service.export(Roam(api_key=Secret("example"), base_url="https://api.example.com"))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            {"errorCode": "E6", "errorSummary": "no", "errorCauses": [{"errorSummary": "why"}]},
            "no, why",
        ),
        ({"message": "no", "documentation_url": "https://x"}, "no"),
        ({"error": {"code": 403, "message": "no", "status": "DENIED"}}, "no"),
        ({"error": {"message": "no", "errors": ["a", "b"]}}, "no, a, b"),
        ({"Error": {"Message": "no"}}, "no"),
        ({"success": False, "errors": [{"code": 10000, "message": "no"}], "result": None}, "no"),
        ({"ok": False, "error": "no", "needed": "x", "provided": "y"}, "no, needed: x"),
        ({"fault": {"faultstring": "no"}}, "no"),
        ({"nobody": "knows", "this": {"form": "no"}}, "knows, no"),
        ("no", "no"),
        (["no", "why"], "no, why"),
        ({}, ""),
        ({"ok": False, "data": None}, ""),
    ],
)
def test_the_vendors_own_words_are_found_in_any_shape(body: Any, said: str) -> None:
    assert message_in(body) == said


HEADERS = st.sampled_from(
    [
        b"Location", b"Set-Cookie", b"Date", b"Retry-After", b"RateLimit", b"X-RateLimit-Reset",
        b"Content-Type", b"Content-Encoding", b"Content-Length",
    ]
)  # fmt: skip
VALUES = st.binary(max_size=30) | st.sampled_from(
    [b"gzip", b"deflate", b"/next", b"//[", b"http://h:x/", b"a=b", b"text/html", b"9" * 99]
)
STATUSES = st.integers(100, 599) | st.sampled_from([200, 204, 302, 401, 429, 503, 600, 999])


@given(
    st.integers(0, 10**6),
    st.lists(st.tuples(STATUSES, st.lists(st.tuples(HEADERS, VALUES)), st.binary())),
)
def test_whatever_headers_an_answer_has_a_foreseen_failure_comes_of_it(
    body: int, answers: list[tuple[int, list[tuple[bytes, bytes]], bytes]]
) -> None:
    left = iter(answers)

    def answer(_: httpx.Request) -> httpx.Response:
        status, headers, content = next(left, (200, [], b"%d" % body))
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(content))

    client = Service(answer).client(PERSONA)
    for number in range(len(answers) + 1):
        with suppress(UnreachableError, AccessError, ThrottledError, AnswerError):
            found = client.get(f"/{number}")
            assert found.body == b"" or found.tree == orjson.loads(found.body)
    client.close()
