"""Persona: cursors out of links, users beside the events, objects in paths."""

from __future__ import annotations

import gc
from typing import Any

import httpx
import pytest

from auditctl.errors import AnswerError
from auditctl.provider import Answer, Secret
from auditctl.providers.persona import Persona
from auditctl.records import exact
from tests.service import Service

API = "https://api.withpersona.com/api/v1"
PATH = "/api/v1/user-audit-logs"
PERSONA = Persona(api_key=Secret("persona_production_example"), base_url=API)


def event(id_: str = "ual_1", *, at: str = "2025-12-10T08:00:00.000Z", **more: Any) -> Any:
    """Make an event; ``more`` are attributes, with ``_`` for ``-``."""
    attributes = {name.replace("_", "-"): value for name, value in more.items()}
    return {
        "type": "user-audit-log",
        "id": id_,
        "attributes": {"created-at": at, "method": "GET", "path": "/x", **attributes},
        "relationships": {"user": {"data": {"type": "user", "id": "user_1"}}},
    }


def person(first: str, email: str | None, id_: str = "user_1") -> Any:
    attributes = {"name-first": first, "name-last": "Example", "email-address": email}
    return {"type": "user", "id": id_, "attributes": attributes}


def page(*events: Any, then: Any = None, included: Any = ()) -> Any:
    return {"data": list(events), "links": {"next": then, "prev": None}, "included": [*included]}


def after(cursor: str) -> str:
    return f"{PATH}?page%5Bafter%5D={cursor}"


# The walk


def test_a_page_is_let_go_before_the_next_is_asked_for() -> None:
    def answer(_: httpx.Request) -> Any:
        held = [a for a in gc.get_objects() if type(a) is Answer and b"ual_let_go" in a.body]
        assert not held
        number = left.pop()
        return page(event(f"ual_let_go{number}"), then=after(f"ual_{number}") if left else None)

    left = [1, 2, 3]
    span = "2025-12-01", "2026-01-01"
    for batch in Service(answer).batches(PERSONA, *span, concurrency=1, redacted=True):
        assert len(batch.records) == 1
        del batch
    assert not left


@pytest.mark.parametrize(
    "link",
    [
        after("ual_2"),
        f"{PATH}?page[after]=ual_2&page[size]=1&fields[user-audit-log]=path",
        f"https://api.withpersona.com{after('ual_2')}",
        "https://api.withpersona.com:443/api/v2/elsewhere?page%5Bafter%5D=ual_2",
        "?page%5Bafter%5D=ual_2",
    ],
)
def test_only_the_cursor_is_taken_from_the_link(link: str) -> None:
    service = Service.saying(page(event("ual_1"), then=link), page(event("ual_2")))
    assert [record["id"] for record in service.export(PERSONA)] == ["ual_1", "ual_2"]
    assert service.paths == [PATH, PATH]
    assert service.params == [
        {"page[size]": "100"},
        {"page[size]": "100", "page[after]": "ual_2"},
    ]


def test_what_two_pages_share_comes_once_and_what_one_repeats_as_often() -> None:
    service = Service.saying(
        page(event("ual_1"), event("ual_2"), event("ual_2"), then=after("ual_2")),
        page(event("ual_2"), event("ual_3"), event("ual_3")),
    )
    found = [record["id"] for record in service.export(PERSONA)]
    assert found == ["ual_1", "ual_2", "ual_2", "ual_3", "ual_3"]


@pytest.mark.parametrize("link", [PATH, f"{PATH}?page%5Bafter%5D=", "", 7, {}, False, "https://["])
def test_a_link_without_a_cursor_is_an_error_and_not_the_end(link: Any) -> None:
    service = Service.saying(page(event(), then=link))
    with pytest.raises(AnswerError, match="link to the next page"):
        service.export(PERSONA)


@pytest.mark.parametrize(
    "body",
    [
        {"data": []},
        {"data": [], "links": None},
        {"data": [], "links": {"prev": None}},
        {"links": {"next": None}},
        {"data": {}, "links": {"next": None}},
        {"data": None, "links": {"next": None}},
        [],
        None,
        "ok",
    ],
)
def test_a_page_of_another_shape_is_an_error(body: Any) -> None:
    with pytest.raises(AnswerError, match="cannot be understood"):
        Service.saying(body).export(PERSONA)


@pytest.mark.parametrize("ids", [True, False], ids=["with ids", "without ids"])
@pytest.mark.parametrize("circle", [1, 2, 3, 10])
def test_a_page_that_comes_round_under_ever_new_cursors_ends_the_walk(
    circle: int, *, ids: bool
) -> None:
    def answer(_: httpx.Request) -> Any:
        number = len(service.asked)
        rows = event(f"ual_{number % circle}"), event(f"ual_{number % circle}x")
        if not ids:
            for row in rows:
                row["attributes"]["path"] = row.pop("id")
        return page(*rows, then=after(f"ual_{number}"))

    service = Service(answer)
    with pytest.raises(AnswerError, match="never end"):
        service.export(PERSONA)
    assert len(service.asked) == circle + 1


def test_a_page_in_the_middle_that_comes_again_ends_the_walk() -> None:
    pages = [page(event(f"ual_{n}"), then=after(f"ual_{at}")) for at, n in enumerate((1, 2, 3, 2))]
    service = Service.saying(*pages)
    with pytest.raises(AnswerError, match="never end"):
        service.export(PERSONA)


# One event


def test_the_actor_is_the_user_as_the_same_page_names_them() -> None:
    before, now = person("Asha", "asha@example.com"), person("Ash", "ash@example.com")
    service = Service.saying(
        page(event("ual_1"), then=after("ual_1"), included=[before]),
        page(event("ual_2"), then=after("ual_2")),
        page(event("ual_3"), included=[person("Bilal", "bilal@example.com", "user_2"), now]),
    )
    found = service.export(PERSONA)
    assert [record["actor"] for record in found] == [
        "asha@example.com",
        "user_1",
        "ash@example.com",
    ]
    assert [record["actor_name"] for record in found] == ["Asha Example", None, "Ash Example"]
    assert {record["actor_id"] for record in found} == {"user_1"}


@pytest.mark.parametrize("included", [None, {}, "users", [None, 7, {"type": "user"}, {"id": 7}]])
def test_users_that_cannot_be_read_cost_nothing_but_the_names(included: Any) -> None:
    (record,) = Service.saying({**page(event()), "included": included}).export(PERSONA)
    assert record["actor"] == "user_1"


def test_an_impersonator_stays_in_raw() -> None:
    acted = event(impersonator_email_address="support@example.com")
    body = page(acted, included=[person("Asha", "asha@example.com")])
    (record,) = Service.saying(body).export(PERSONA)
    assert record["actor"] == "asha@example.com"
    assert record["raw"] == acted
    assert "support@example.com" not in [record[name] for name in record if name != "raw"]


@pytest.mark.parametrize(
    ("context", "path", "target"),
    [
        ({"inquiry-id": "inq_1"}, "/api/v1/cases/case_1", "inq_1"),
        ({"note": "none", "subject": "acct_1"}, "/x", "acct_1"),
        ({"inquiry-id": None}, "/api/v1/cases/case_1", "case_1"),
        *(({name: "made up"}, "/x", "made up") for name in ("id", "x_id", "xId", "x2ID", "X_ID")),
        *(({name: "x"}, "/x", None) for name in ("paid", "valid", "grid", "PAID", "ids", "idle")),
        ({"paid": "yes", "kind": "sign_in", "inquiry-id": "inq_1"}, "/x", "inq_1"),
        (None, "/users/sign_in", None),
        (None, "/cases/case_1/sign_in", "case_1"),
        (None, "/inquiries/inq_Example/sign_out", "inq_Example"),
        (None, "/inquiries/inq_example7", "inq_example7"),
        (None, "/inquiries/inq_example/resume", "inq_example"),
        (None, "/inquiries/inq_example_x", None),
        ({}, "/api/v1/cases/case_1/comments", "case_1"),
        (None, "/api/v1/cases/case_1/inquiries/inq_2", "inq_2"),
        (None, "/api/v1/inquiries?filter=inq_1", None),
        (None, "/api/v1/user-audit-logs", None),
        ("inq_1", 7, None),
    ],
)
def test_the_target_is_an_id_in_the_context_or_the_last_one_in_the_path(
    context: Any, path: Any, target: str | None
) -> None:
    (record,) = Service.saying(page(event(context=context, path=path))).export(PERSONA)
    assert record["target"] == target


# get ID


def test_one_record_is_retrieved_by_its_id_whatever_its_time() -> None:
    old = event("ual_9", at="2021-01-01T00:00:00.000Z")
    service = Service.saying({"data": old, "included": [person("Asha", "asha@example.com")]})
    record = service.get(PERSONA, "ual_9")
    assert (record["id"], record["actor"]) == ("ual_9", "asha@example.com")
    assert service.paths == [f"{PATH}/ual_9"]
    assert service.params == [{"include": "user"}]


def test_a_server_that_does_not_know_include_is_asked_without_it() -> None:
    refused = httpx.Response(400, json={"errors": [{"title": "Bad Request"}]})
    service = Service.saying(refused, {"data": event("ual_9")})
    assert service.get(PERSONA, "ual_9")["actor"] == "user_1"
    assert service.params == [{"include": "user"}, {}]
    with pytest.raises(AnswerError, match="400: Bad Request"):
        Service.saying(refused, refused).get(PERSONA, "ual_9")


@pytest.mark.parametrize("body", [{"data": []}, {"data": None}, {}, []])
def test_an_answer_without_the_record_is_an_error(body: Any) -> None:
    with pytest.raises(AnswerError, match="lacks the object data"):
        Service.saying(body).get(PERSONA, "ual_9")


@pytest.mark.parametrize("ids", [("", ""), (',"id":"ual_1"', ""), (',"id":1', ',"id":2')])
def test_events_without_an_id_may_be_nested_deep(ids: tuple[str, str]) -> None:
    deep = "[" * 3_000 + "]" * 3_000
    rows = [f'{{"type":"user-audit-log","n":{n},"x":{deep}{id_}}}' for n, id_ in enumerate(ids)]
    body = f'{{"data":[{",".join(rows)}],"links":{{"next":null}},"included":[]}}'.encode()
    found = Service.saying(body).export(PERSONA)
    assert [exact.dumps(record["raw"]).decode() for record in found] == rows
