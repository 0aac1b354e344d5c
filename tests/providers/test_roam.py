"""Roam: a request per day, two generations of envelopes, events without ids."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from auditctl import settings
from auditctl.batch import Tally
from auditctl.errors import (
    AccessError,
    AnswerError,
    AuditctlError,
    ForbiddenError,
    RefusedError,
    ThrottledError,
    UnreachableError,
)
from auditctl.export import batches
from auditctl.provider import Client, Page, Secret, Window
from auditctl.providers.roam import Roam
from auditctl.records import exact
from tests.service import Service, moment, strays

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 30
"""Seconds after which something that waits for ever is given up; nothing is expected to."""

API = "https://api.ro.am/v1"
ROAM = Roam(api_key=Secret("example-key"), base_url=API)
ONE_DAY = ("2025-12-03", "2025-12-04")


def event(at: Any = "2025-12-03T08:00:00.000Z", **fields: Any) -> Any:
    return {"timestamp": at, "eventType": "ENTER_ROOM", "name": "Asha", **fields}


def v1(*events: Any, **more: Any) -> Any:
    return {"ok": True, "auditLogs": list(events), **more}


# The walk


def test_each_day_of_the_window_is_one_request_newest_first() -> None:
    service = Service(lambda _: v1())
    service.export(ROAM, "2025-12-02T23:59:59", "2025-12-05T00:00:01")
    days = ["2025-12-05", "2025-12-04", "2025-12-03", "2025-12-02"]
    assert service.params == [{"date": day} for day in days]
    assert set(service.paths) == {"/v1/userauditlog.list"}
    assert {request.headers["Authorization"] for request in service.asked} == {"Bearer example-key"}
    assert not any("Roam-Version" in request.headers for request in service.asked)


def test_events_of_a_day_that_come_round_under_ever_new_cursors_end_the_walk() -> None:
    def answer(_: httpx.Request) -> Any:
        rows = [event(f"2025-12-01T0{n}:00:00.000Z") for n in range(2)]
        return v1(*rows) | {"nextCursor": f"c{len(service.asked)}"}

    service = Service(answer)
    with pytest.raises(AnswerError, match="never end"):
        service.export(ROAM, *ONE_DAY)
    assert len(service.asked) == 2


@pytest.mark.parametrize("rows", [[], [event()], [event(), event()]], ids=["none", "one", "twins"])
def test_pages_of_a_day_that_bring_nothing_new_end_with_the_hundredth(rows: list[Any]) -> None:
    service = Service(lambda _: v1(*rows, nextCursor=f"c{len(service.asked)}"))
    with pytest.raises(AnswerError, match="100 answers in a row brought no new event"):
        service.export(ROAM, *ONE_DAY)
    assert len(service.asked) == 100 + bool(rows)


def test_days_without_events_are_no_pages_that_bring_nothing() -> None:
    def answer(request: httpx.Request) -> Any:
        return v1() if "cursor" in request.url.params else v1(nextCursor="c")

    service = Service(lambda _: v1())
    assert service.export(ROAM, "2025-01-01", "2025-12-01") == []
    assert len(service.asked) == 334
    seven = Service.saying(*(v1(nextCursor=f"c{n}") for n in range(7)), v1(event()))
    assert len(seven.export(ROAM, *ONE_DAY)) == 1


@pytest.mark.parametrize("concurrency", [1, 4])
def test_no_day_after_the_providers_today_is_asked_for_but_the_first(concurrency: int) -> None:
    """A clock of ours that is ten years ahead must not ask for all the days between."""
    began = datetime.now(UTC)
    theirs = began - timedelta(days=3650)
    headers = {"Date": format_datetime(theirs, usegmt=True)}
    service = Service(lambda _: httpx.Response(200, json=v1(), headers=headers))
    since, until = theirs - timedelta(days=2), began + timedelta(days=9)
    service.export(ROAM, f"{since:%Y-%m-%d}", f"{until:%Y-%m-%d}", concurrency=concurrency)
    first, *later = [params["date"] for params in service.params]
    assert f"{began:%Y-%m-%d}" <= first <= f"{datetime.now(UTC):%Y-%m-%d}"
    assert later == [f"{theirs - timedelta(days=n):%Y-%m-%d}" for n in range(3)]


def test_both_generations_of_envelopes_are_understood() -> None:
    row = event()
    v0 = Roam(api_key=Secret("example-key"), base_url="https://api.ro.am/v0")
    service = Service.saying({"auditLogs": [row]})
    old = service.export(v0, *ONE_DAY)
    assert service.paths == ["/v0/userauditlog.list"]
    assert old == Service.saying(v1(row)).export(ROAM, *ONE_DAY)
    assert old[0]["raw"] == row


@pytest.mark.parametrize("body", [{}, {"auditLogs": None}, {"nextCursor": None}])
def test_a_day_without_its_list_is_taken_for_empty_and_counted(body: Any) -> None:
    days = {
        "2025-12-03": body,
        "2025-12-02": v1(event("2025-12-02T08:00:00.000Z")),
        "2025-12-01": body,
    }
    service, tally = Service(lambda request: days[request.url.params["date"]]), Tally()
    window = Window(moment("2025-12-01"), moment("2025-12-04"))
    found = list(map(tally.count_page, batches(ROAM, service.client(ROAM), window)))
    assert [len(batch.records) for batch in found] == [0, 1, 0]
    assert (tally.pages, tally.unconfirmed, tally.first_unconfirmed) == (3, 2, "2025-12-03")


@pytest.mark.parametrize(
    "body",
    [{"error": "x"}, {"ok": 1}, {"ok": True, "auditLogs": {}}, {"logs": []}, [], None, "ok"],
)
def test_an_answer_that_is_not_ok_and_holds_no_list_is_an_error(body: Any) -> None:
    with pytest.raises(AnswerError, match="lacks the list auditLogs"):
        Service.saying(body).export(ROAM, *ONE_DAY)


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("invalid_token", AccessError),
        ("missing_scope", ForbiddenError),
        ("ratelimited", ThrottledError),
        ("invalid_arguments", RefusedError),
        ("something_new", RefusedError),
        (None, RefusedError),
        (["missing_scope"], RefusedError),
    ],
)
@pytest.mark.parametrize("http", [200, 400])
def test_an_envelope_that_is_not_ok_is_a_refusal_even_under_http_200(
    code: Any, failure: type[AuditctlError], http: int
) -> None:
    said = httpx.Response(http, json={"ok": False, "error": code, "auditLogs": []})
    with pytest.raises(failure) as refused:
        Service.saying(said).export(ROAM, *ONE_DAY)
    assert type(refused.value) is failure
    assert not isinstance(code, str) or code in str(refused.value)


@pytest.mark.parametrize(
    ("status", "body", "failure"),
    [
        (401, {"ok": False, "error": "invalid_token"}, AccessError),
        (403, {"ok": False, "error": "missing_scope", "needed": ["x:read"]}, ForbiddenError),
        (429, {"ok": False, "error": "ratelimited"}, ThrottledError),
        (400, {"error": "date not provided"}, RefusedError),
        (401, {"error": "no such key"}, AccessError),
        (500, {"ok": False, "error": "internal_error"}, UnreachableError),
    ],
)
def test_a_refusal_says_the_code_and_the_scopes_needed(
    status: int, body: dict[str, Any], failure: type[AuditctlError]
) -> None:
    with pytest.raises(failure) as refused:
        Service.saying(httpx.Response(status, json=body)).export(ROAM, *ONE_DAY)
    assert type(refused.value) is failure
    assert f"{status}: {body['error']}" in str(refused.value)
    assert all(scope in str(refused.value) for scope in body.get("needed", []))


def test_a_next_cursor_is_followed_within_its_day_which_is_sorted_as_a_whole() -> None:
    service = Service.saying(
        v1(event(name="A"), nextCursor="c1"),
        v1(event("2025-12-03T09:00:00.000Z", name="B"), nextCursor="c2"),
        v1(event(name="C"), nextCursor=None),
        v1(event("2025-12-02T08:00:00.000Z", name="D"), nextCursor=""),
    )
    found = service.export(ROAM, "2025-12-02", "2025-12-04")
    assert [record["actor_name"] for record in found] == ["B", "A", "C", "D"]
    assert service.params == [
        {"date": "2025-12-03"},
        {"date": "2025-12-03", "cursor": "c1"},
        {"date": "2025-12-03", "cursor": "c2"},
        {"date": "2025-12-02"},
    ]


def test_numbers_are_exact_on_every_page_of_a_day_even_in_the_place_of_events() -> None:
    service = Service.saying(
        b'{"ok":true,"auditLogs":[1.50,{"n":1.10},[2.0]],"nextCursor":"c1"}',
        b'{"ok":true,"auditLogs":[{"n":1e400}],"nextCursor":"c2"}',
        b'{"ok":true,"auditLogs":[1E400,0.10,-0,{"n":-0}]}',
    )
    found = service.export(ROAM, *ONE_DAY)
    raw = exact.dumps([record["raw"] for record in found])
    assert raw == b'[1.50,{"n":1.10},[2.0],{"n":1e400},1E400,0.10,-0,{"n":-0}]'


# Order and ids


def test_identical_events_keep_different_ids_which_are_the_same_when_fetched_again() -> None:
    twin, other = event(name="twin"), event(name="other")
    first = Service.saying(v1(twin, other, twin, twin)).export(ROAM, *ONE_DAY)
    again = Service.saying(v1(twin, twin, other, twin)).export(ROAM, *ONE_DAY)
    ids = [record["id"] for record in first]
    assert len(set(ids)) == 4
    assert sorted(ids) == sorted(record["id"] for record in again)
    fewer = Service.saying(v1(twin)).export(ROAM, *ONE_DAY)
    assert fewer[0]["id"] == ids[0]


def test_an_event_counts_by_its_own_time_not_by_the_day_it_was_asked_for() -> None:
    service = Service.saying(
        v1(event("2025-12-04T01:00:00.000+03:00"), event("2025-12-04T00:00:00.000Z")),
        v1(event("2025-12-01T23:00:00.000Z")),
    )
    found = service.export(ROAM, "2025-12-02", "2025-12-04")
    assert [record["time"] for record in found] == ["2025-12-03T22:00:00.000Z"]


def test_an_event_that_two_days_both_answer_with_comes_once() -> None:
    midnight, late = event("2025-12-03T00:00:00.000Z"), event("2025-12-02T23:59:59.999Z")
    days = {
        "2025-12-03": v1(event(), midnight, midnight, late),
        "2025-12-02": v1(midnight, late, late, event("2025-12-02T08:00:00.000Z")),
    }
    service = Service(lambda request: days[request.url.params["date"]])
    found = service.export(ROAM, "2025-12-02", "2025-12-04")
    times = [record["time"][8:13] for record in found]
    assert times == ["03T08", "03T00", "03T00", "02T23", "02T23", "02T08"]
    assert len({record["id"] for record in found}) == 6
    # Each day alone has the same ids.
    alone = service.export(ROAM, "2025-12-03", "2025-12-04")
    alone += service.export(ROAM, "2025-12-02", "2025-12-03")
    assert {record["id"] for record in alone} == {record["id"] for record in found}


# One event


@pytest.mark.parametrize(
    ("data", "target"),
    [
        ({"location": {"kind": "RoomLocation", "roomId": 266}}, "room 266"),
        ({"location": {"kind": "AudienceLocation", "roomId": 0}}, "room 0"),
        ({"location": {"roomId": "lobby"}}, "room lobby"),
        ({"location": {"roomId": ""}}, None),
        ({"location": {"roomId": None}}, None),
        ({"location": {"roomId": True}}, None),
        ({"location": []}, None),
        ({}, None),
        (None, None),
        ("room 266", None),
    ],
)
def test_the_target_is_the_room(data: Any, target: str | None) -> None:
    (record,) = Service.saying(v1(event(data=data))).export(ROAM, *ONE_DAY)
    assert record["target"] == target


def test_the_api_key_goes_before_the_token() -> None:
    tokens = {"ROAM_API_KEY": "example-key", "ROAM_TOKEN": "example-token"}
    both = settings.find(Roam, tokens, {})
    assert settings.load(Roam, both).api_key.reveal() == "example-key"
    old = settings.find(Roam, {"ROAM_TOKEN": "example-token"}, {})
    assert settings.load(Roam, old).api_key.reveal() == "example-token"


# Walks that fail while several days are under way


def walk(client: Client) -> list[Page]:
    window = Window(moment("2025-12-01"), moment("2025-12-06"))
    return list(ROAM.pages(client, window))


def failing(answer: Callable[[str, bool], httpx.Response]) -> Client:
    """Give a client whose first walk has failed with its second day; others were under way."""

    def answered(request: httpx.Request) -> httpx.Response:
        day, first = request.url.params["date"], "cursor" not in request.url.params
        if not failed and day >= "2025-12-04":
            return httpx.Response(501) if day == "2025-12-04" else httpx.Response(200, json=v1())
        return answer(day, first)

    failed = False
    client = Client(ROAM, transport=httpx.MockTransport(answered))  # patient for minutes
    with pytest.raises(UnreachableError, match="501"):
        walk(client)
    failed = True
    return client


def test_what_is_under_way_when_a_walk_fails_asks_no_further() -> None:
    failing(lambda _day, _first: httpx.Response(503))
    for thread in strays():
        thread.join(PATIENCE)
    assert strays() == []


def test_what_is_under_way_when_a_walk_fails_is_no_question_of_the_next_walk() -> None:
    begun = threading.Event()

    def answer(_day: str, first: bool) -> httpx.Response:  # noqa: FBT001
        if first:
            assert begun.wait(PATIENCE)
        following = {"nextCursor": "c"} if first else {}
        return httpx.Response(200, json=v1(event(name="A"), event(name=str(first)), **following))

    client = failing(answer)
    late = strays()
    client.begin()
    begun.set()
    for thread in late:
        thread.join(PATIENCE)
    found = Counter(page.day for page in walk(client) for _ in page.events)
    assert [*found.values()] == [4, 4, 4, 4, 4]


@pytest.mark.parametrize("depth", [3, 3_000])
def test_pages_are_told_apart_however_deep_their_events_are(depth: int) -> None:
    deep = f'"data":{"[" * depth}{"]" * depth}'
    rows = [f'{{"timestamp":"2025-12-03T0{n}:00:00Z",{deep}}}' for n in (2, 1)]
    bodies = [
        f'{{"ok":true,"auditLogs":[{",".join(rows)}],"nextCursor":"{cursor}"}}'.encode()
        for cursor in ("a", "b", "c")
    ]
    service = Service.saying(*bodies)
    with pytest.raises(AnswerError, match="a page that was read before came round again"):
        service.export(ROAM, *ONE_DAY)
    assert len(service.asked) == 2
