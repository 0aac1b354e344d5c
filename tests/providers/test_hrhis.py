"""HRHIS: a pager that misleads, a log that grows while it is read, statuses hidden in bodies."""

from __future__ import annotations

import base64
import errno
import json
import random
import re
import threading
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl.errors import (
    AccessError,
    AnswerError,
    AuditctlError,
    ForbiddenError,
    RefusedError,
    ThrottledError,
    UnreachableError,
)
from auditctl.export import batches_of
from auditctl.provider import Client, Secret, Window
from auditctl.providers.hrhis import Hrhis
from auditctl.records import exact
from tests import server
from tests.server import Fault, Request, Server
from tests.service import Service, moment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SITE = "https://hrhis.example.org/demo"
HRHIS = Hrhis(base_url=SITE, username="asha", password=Secret("example-password"))
LOGS = "/demo/api/userLogs"


def users(*ids: str) -> Hrhis:
    return replace(HRHIS, users=ids)


def row(id_: str = "1", **fields: Any) -> Any:
    return {"id": id_, "time": "2025-12-10T08:00:00.000Z", "method": "GET", **fields}


def rows(*ids: object) -> list[Any]:
    return [row(str(id_)) for id_ in ids]


def page(listed: Sequence[Any], total: Any, size: Any = 100, *, name: str = "userLogs") -> Any:
    """Make a page whose pager misleads as the server's does."""
    pager = {"pageSize": size, "pageCount": len(listed), "total": total, "page": "1"}
    return {"pager": {**pager, "nextPage": f"{SITE}/api/{name}?page=21"}, name: [*listed]}


def number_of(request: httpx.Request) -> int:
    """Tell which page a server gives that pages whatever it is asked."""
    return int(request.url.params.get("page", 1))


@dataclass
class Growing:
    """A log that has newer rows at its front after each answer."""

    total: int
    size: int
    growth: int
    log: list[Any] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.log = rows(*range(self.total))

    def __call__(self, request: httpx.Request) -> Any:
        number = number_of(request)
        size = min(self.size, int(request.url.params["pageSize"]))
        with self.lock:
            assert len(self.log) < 100 * self.total, "read without end"
            said = page(self.log[(number - 1) * size : number * size], len(self.log), size)
            new = [f"new {len(self.log)}.{n}" for n in range(self.growth)]
            self.log[:0] = rows(*new)
        return said


def ids(service: Service, provider: Hrhis = HRHIS, concurrency: int = 1) -> list[str]:
    return [record["id"] for record in service.export(provider, concurrency=concurrency)]


# Everything in one answer


WHOLE = {"paging": "false", "pageSize": "100"}


def numbers(service: Service) -> list[str | None]:
    """Tell which pages were asked for; None is everything."""
    return [params.get("page") for params in service.params]


@pytest.mark.parametrize("body", [{"userLogs": []}, page([], 0)])
def test_everything_is_asked_for_once_with_name_and_password(body: Any) -> None:
    service = Service.saying(body)
    assert ids(service) == []
    (request,) = service.asked  # though nextPage offers another one
    assert str(request.url) == f"{SITE}/api/userLogs?paging=false&pageSize=100"
    pair = base64.b64encode(b"asha:example-password").decode()
    assert request.headers["Authorization"] == f"Basic {pair}"


def test_one_answer_has_everything_however_long_it_is() -> None:
    service = Service.saying({"userLogs": rows(*range(3_000), 7, 7)})
    assert ids(service) == [*map(str, range(3_000)), "7", "7"]
    assert service.params == [WHOLE]


@pytest.mark.parametrize("status", [400, 404, 405, 410, 413, 422, 501])
@pytest.mark.parametrize("hidden", [False, True])
def test_a_server_that_refuses_to_give_everything_is_asked_for_pages(
    status: int, *, hidden: bool
) -> None:
    body = {"statusCode": status, "message": "paging must be true"}
    refusal = httpx.Response(404 if hidden and status < 500 else status, json=body)
    log = Growing(total=250, size=100, growth=0)
    service = Service(lambda request: log(request) if "page" in request.url.params else refusal)
    assert ids(service) == [str(n) for n in range(250)]
    assert numbers(service) == [None, "1", "2", "3"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_server_that_refuses_the_credentials_is_asked_nothing_more(status: int) -> None:
    service = Service.saying(httpx.Response(status))
    with pytest.raises(AccessError):
        ids(service)


def failing(log: Growing, failure: Callable[[], Any]) -> Service:
    """Make a service that fails whenever it is asked for everything."""
    return Service(lambda request: log(request) if "page" in request.url.params else failure())


@pytest.mark.parametrize("rows_sent", [0, 1, 60, 700])
@pytest.mark.parametrize("growth", [0, 1])
def test_an_answer_that_breaks_off_is_completed_from_the_pages(rows_sent: int, growth: int) -> None:
    log = Growing(total=1_000, size=100, growth=growth)
    whole = json.dumps({"userLogs": log.log}).encode()
    cut = whole.index(b'{"id": "%d"' % rows_sent)
    service = failing(log, lambda: whole[:cut])
    found = ids(service)
    assert {str(n) for n in range(1_000)} <= set(found)
    assert len(found) == len(set(found))
    assert numbers(service)[:2] == [None, "1"]


@pytest.mark.parametrize(
    "failure",
    [
        lambda: httpx.Response(500),
        lambda: httpx.Response(503, headers={"Retry-After": "0"}),
        lambda: httpx.Response(200, content=b"<html>busy</html>"),
        lambda: httpx.Response(200, json={"statusCode": 500, "message": "out of memory"}),
    ],
)
def test_a_server_that_fails_twice_at_everything_is_asked_for_pages(
    failure: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditctl.http.retry.FIRST_PAUSE", 0.001)
    service = failing(Growing(total=150, size=100, growth=0), failure)
    client = Client(
        HRHIS, transport=httpx.MockTransport(service), retry_for=timedelta(hours=1), concurrency=1
    )
    window = Window(moment("2025-12-01"), moment("2026-01-01"))
    pages = HRHIS.pages(client, window)
    assert sum(len(batch.records) for batch in batches_of(HRHIS, pages, window)) == 150
    assert numbers(service) == [None, None, "1", "2"]


def test_a_server_that_wants_to_be_left_alone_is_left_alone() -> None:
    service = failing(
        Growing(total=1, size=1, growth=0),
        lambda: httpx.Response(503, headers={"Retry-After": "900"}),
    )
    with pytest.raises(UnreachableError, match="900 s of rest"):
        ids(service)
    assert len(service.asked) == 1


def test_keys_that_cannot_be_kept_do_not_lead_to_rows_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(**_: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("auditctl.http.keys.KEYS_IN_MEMORY", 100)
    log = Growing(total=1_000, size=100, growth=0)
    whole = json.dumps({"userLogs": log.log}).encode()
    sound = ids(failing(log, lambda: whole[:-5_000]))
    assert sorted(sound, key=int) == [str(n) for n in range(1_000)]
    monkeypatch.setattr("tempfile.TemporaryFile", refused)  # which SpooledTemporaryFile makes
    service = failing(log, lambda: whole[:-5_000])
    with pytest.raises(UnreachableError):
        ids(service)
    assert numbers(service) == [None]


def test_everything_with_a_pager_lacks_only_what_was_added_meanwhile() -> None:
    log = Growing(total=1_000, size=100, growth=1)

    def answer(request: httpx.Request) -> Any:
        if "page" in request.url.params:
            return log(request)
        return page(log.log[1:], len(log.log))

    service = Service(answer)
    found = ids(service)
    assert {str(n) for n in range(1_000)} <= set(found)
    assert len(found) == len(set(found))
    assert len(service.asked) < 6


@pytest.mark.parametrize("first", ["pager", "rows"])
def test_the_pager_may_stand_before_or_behind_the_rows(first: str) -> None:
    log = rows(*range(250))

    def answer(request: httpx.Request) -> Any:
        start = (number_of(request) - 1) * 100
        said = page(log[start : start + 100], 250)
        return said if first == "pager" else dict(reversed(said.items()))

    service = Service(answer)
    assert ids(service) == [str(n) for n in range(250)]
    assert numbers(service) == [None, "2", "3"]


# The pager


@pytest.mark.parametrize("text", [int, str])
def test_rows_are_counted_against_the_total_though_the_pager_says_otherwise(
    text: type[int | str],
) -> None:
    log = rows(*range(342))

    def answer(request: httpx.Request) -> Any:
        start = (number_of(request) - 1) * 100
        return page(log[start : start + 100], text(342), text(100))

    service = Service(answer)
    assert ids(service) == [str(n) for n in range(342)]
    assert service.params == [WHOLE, *({"page": n, "pageSize": "100"} for n in "234")]


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("total", [50, 51, 100, 101, 250])
def test_a_server_that_caps_its_pages_without_saying_so_is_read_to_its_end(
    total: int, concurrency: int
) -> None:
    log, cap = rows(*range(total)), 50

    def answer(request: httpx.Request) -> Any:
        start = (number_of(request) - 1) * cap
        return page(log[start : start + cap], total, 100)

    service = Service(answer)
    assert ids(service, concurrency=concurrency) == [str(n) for n in range(total)]
    assert len(service.asked) == -(-total // cap)


def test_an_empty_page_does_not_end_the_walk() -> None:
    said = [page(rows(1), 3, 1), page([], 3, 1), page(rows(3), 3, 1)]
    service = Service.saying(*said, said[0], page(rows(2), 3, 1))
    assert ids(service) == ["1", "3", "2"]
    assert numbers(service) == [None, "2", "3", "1", "2"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        {"userLogs": None},
        {"pager": {"total": 1}},
        {"pager": 7, "userLogs": []},
        {"pager": {}, "userLogs": []},
        {"pager": {"total": "many"}, "userLogs": []},
        {"pager": {"total": 200, "pageSize": 0}, "userLogs": []},
        {"pager": {"total": 200, "pageSize": None}, "userLogs": []},
    ],
)
def test_a_page_that_cannot_be_understood_is_an_error(body: Any) -> None:
    with pytest.raises(AnswerError, match="cannot be understood"):
        ids(Service.saying(body))


def test_a_later_page_without_a_pager_is_an_error() -> None:
    with pytest.raises(AnswerError, match="pager"):
        ids(Service.saying(page(rows(1), 2, 1), {"userLogs": rows(2)}))


# Growth


@pytest.mark.parametrize("growth", [0, 1, 3])
@pytest.mark.parametrize("total", [20, 95, 100, 101])
def test_none_is_lost_and_none_doubled_while_the_log_grows(total: int, growth: int) -> None:
    service = Service(Growing(total, size=10, growth=growth))
    found = ids(service)
    old = [id_ for id_ in found if not id_.startswith("new")]
    assert old == [str(n) for n in range(total)]
    assert len(found) == len(set(found))


def test_none_is_lost_when_a_later_page_is_answered_before_an_earlier_one() -> None:
    log = Growing(total=60, size=10, growth=1)
    third = threading.Event()

    def answer(request: httpx.Request) -> Any:
        if number_of(request) == 2 and len(service.asked) < 4:
            third.wait(timeout=2)  # it need not come: whoever asks in order loses nothing
        said = log(request)
        if number_of(request) == 3:
            third.set()
        return said

    service = Service(answer)
    found = ids(service, concurrency=2)
    assert {str(n) for n in range(60)} - set(found) == set()
    assert len(found) == len(set(found))


@pytest.mark.parametrize("hidden", [0, 40, 60])
def test_none_is_lost_so_either_if_the_first_page_is_short(hidden: int) -> None:
    kept = set(range(600)) - set(range(500, 500 + hidden))

    def answer(request: httpx.Request) -> Any:
        # The later page was answered first, and rows were added before and behind that.
        number = number_of(request)
        total = 700 if number > 6 or len(service.asked) > 7 else 650 if number == 5 else 600
        shown = range(total - 1, -1, -1)[number * 100 - 100 : number * 100]
        return page(rows(*(n for n in shown if n >= 600 or n in kept)), total)

    service = Service(answer)
    assert {str(n) for n in kept} - set(ids(service)) == set()


@pytest.mark.parametrize(("before", "after"), [(12, 60), (50, 70)])
@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_small_log_may_grow_by_whole_pages_at_once(
    before: int, after: int, concurrency: int
) -> None:
    def answer(request: httpx.Request) -> Any:
        number = number_of(request)
        total = before if number == 1 else after
        return page(rows(*range(total - 1, -1, -1)[number * 10 - 10 : number * 10]), total, 10)

    found = ids(Service(answer), concurrency=concurrency)
    assert len(found) == len(set(found))
    assert {str(n) for n in range(before)} <= set(found)


def test_rows_that_stand_in_one_page_twice_are_delivered_twice() -> None:
    service = Service.saying(page(rows(1, 1, 2), 5, 3), page(rows(2, 2, 3), 5, 3))
    assert ids(service) == ["1", "1", "2", "3"]


def test_a_log_that_outgrows_its_reader_ends_the_run_and_not_the_disk() -> None:
    service = Service(Growing(total=50, size=10, growth=11))
    with pytest.raises(AnswerError, match="grows faster"):
        ids(service)
    assert len(service.asked) == 20  # twice the five pages promised, and ten


# Pages that move


@pytest.mark.parametrize(
    ("shown", "total", "size", "found", "asked"),
    [
        ({1: range(100), 2: range(90, 140)}, 150, 100, 140, 6),
        ({1: [1], 2: [], 3: [3], 4: []}, 400, 100, 2, 12),  # it hides rows that it counts
        (dict.fromkeys((1, 2, 3, 4), range(10)), 40, 10, 10, 12),  # whatever the number is
        ({n: range(n % 2 * 10, n % 2 * 10 + 10) for n in range(7)}, 60, 10, 20, 18),
        (defaultdict(list, {1: [1]}), 10**8, 100, 1, 101),
    ],
)
@pytest.mark.parametrize("concurrency", [1, 4])
def test_rows_that_no_page_shows_are_missed_and_the_run_says_so(  # noqa: PLR0913, PLR0917
    shown: Mapping[int, Any], total: int, size: int, found: int, asked: int, concurrency: int
) -> None:
    service = Service(lambda request: page(rows(*shown[number_of(request)]), total, size))
    with pytest.raises(AnswerError, match=f"{found} of {total} rows") as failure:
        ids(service, concurrency=concurrency)
    assert "changed" not in str(failure.value)
    assert asked <= len(service.asked) <= asked + 4 * (concurrency - 1)


@pytest.mark.parametrize("sound", [2, 3])
def test_rows_that_a_later_pass_shows_are_not_missed(sound: int) -> None:
    moved, still = {1: range(100), 2: range(90, 140)}, {1: range(100), 2: range(100, 150)}

    def answer(request: httpx.Request) -> Any:
        shown = still if len(service.asked) > 2 * (sound - 1) else moved
        return page(rows(*shown[number_of(request)]), 150)

    service = Service(answer)
    assert sorted(ids(service), key=int) == [str(n) for n in range(150)]
    assert len(service.asked) == 2 * sound


@pytest.mark.parametrize("growth", [0, 1])
@pytest.mark.parametrize("concurrency", [1, 4])
def test_pages_in_another_order_for_each_request_end_the_run(growth: int, concurrency: int) -> None:
    dice = random.Random(growth)
    log = list(range(1_000))

    def answer(request: httpx.Request) -> Any:
        with service.lock:
            dice.shuffle(log)
            start = (number_of(request) - 1) * 100
            said = page(rows(*log[start : start + 100]), len(log))
            log.extend(range(len(log), len(log) + growth))
        return said

    service = Service(answer)
    with pytest.raises(AnswerError, match=r"showed \d+ of 1\d\d\d rows"):
        ids(service, concurrency=concurrency)
    assert len(service.asked) < 1 + 3 * 12 + 20


def test_rows_that_moved_are_not_made_up_for_by_rows_that_were_added() -> None:
    """As many new rows are shown as old ones are hidden: only the largest total tells."""
    log = [str(n) for n in range(300)]

    def answer(request: httpx.Request) -> Any:
        number, new = number_of(request), len(service.asked) - 1
        now = [*log, *(f"new {n}" for n in range(new))]
        start = 95 if number == 2 else (number - 1) * 100  # five rows again, five never
        return page(rows(*now[start : start + 100]), len(now))

    service = Service(answer)
    with pytest.raises(AnswerError, match=r"\d+ of 3\d\d rows"):
        ids(service)


@given(
    st.integers(0, 60),
    st.integers(1, 10),
    st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=30),
)
def test_whatever_a_log_grows_by_and_wherever_none_is_lost_and_none_comes_twice(
    total: int, size: int, growth: list[tuple[int, bool]]
) -> None:
    log = [str(n) for n in range(total)]
    left = list(growth)

    def answer(request: httpx.Request) -> Any:
        start = (number_of(request) - 1) * size
        said = page(rows(*log[start : start + size]), len(log), size)
        new, is_first = left.pop() if left else (0, False)
        fresh = [f"new {len(log)}.{n}" for n in range(new)]
        log[:] = [*fresh, *log] if is_first else [*log, *fresh]
        return said

    failed = ""
    found: list[str] = []
    try:
        found = ids(Service(answer))
    except AnswerError as failure:
        failed = str(failure)
    assert len(found) == len(set(found))
    assert "grows faster" in failed or {str(n) for n in range(total)} <= set(found)


@given(st.data())
def test_a_run_that_ends_well_has_shown_every_row_whatever_the_pages_did(
    data: st.DataObject,
) -> None:
    total, size = data.draw(st.integers(0, 30)), data.draw(st.integers(1, 10))
    log = [str(n) for n in range(total)]

    def answer(request: httpx.Request) -> Any:
        start = (number_of(request) - 1) * size
        turned = log[offset:] + log[:offset] if (offset := data.draw(st.integers(0, 3))) else log
        return page(rows(*turned[start : start + size]), total, size)

    try:
        found = ids(Service(answer))
    except AnswerError as failure:
        shown = re.search(r"showed (\d+) of (\d+) rows", str(failure))
        assert shown
        assert int(shown[1]) < int(shown[2]) == total
        return
    assert sorted(found, key=int) == log


def test_rows_without_an_id_are_counted_by_their_place() -> None:
    log: list[Any] = [{"method": "GET"} for _ in range(95)] + [7, 1.50, None, [], "row"]
    bodies = {1: json.dumps(page(log, 150)), 2: json.dumps(page(rows(*range(50)), 150))}
    service = Service(lambda request: bodies[number_of(request)].encode())
    assert len(service.export(HRHIS)) == 150
    assert len(service.asked) == 2
    bodies[2] = json.dumps(page(rows(*range(49)), 150))
    service.asked.clear()
    with pytest.raises(AnswerError, match="149 of 150 rows"):
        service.export(HRHIS)
    assert len(service.asked) == 6


def test_numbers_of_a_page_stay_exact_though_some_of_its_rows_came_before() -> None:
    bodies = {
        1: b'{"pager":{"total":4,"pageSize":2},"userLogs":[{"id":"1"},{"id":"2"}]}',
        2: b'{"pager":{"total":4,"pageSize":2},"userLogs":[{"id":"2"},1.10,{"id":"3","x":2.50}]}',
    }
    service = Service(lambda request: bodies[number_of(request)])
    raw = [exact.dumps(record["raw"]) for record in service.export(HRHIS)]
    assert raw == [b'{"id":"1"}', b'{"id":"2"}', b"1.10", b'{"id":"3","x":2.50}']


# Statuses


@pytest.mark.parametrize(
    ("status", "body", "failure"),
    [
        (404, {"statusCode": 403, "message": "Forbidden resource"}, ForbiddenError),
        (404, {"statusCode": 401, "message": "Unauthorized"}, AccessError),
        (404, {"statusCode": 404, "message": "Cannot GET"}, RefusedError),
        (404, {"message": "Object with id X could not be found."}, RefusedError),
        (404, {"statusCode": 503, "message": "busy"}, UnreachableError),
        (404, {"statusCode": 429, "message": "slowly"}, ThrottledError),
        (200, {"httpStatusCode": 401, "status": "ERROR"}, AccessError),
        (201, {"httpStatusCode": 403, "status": "ERROR"}, ForbiddenError),
        (403, {"statusCode": 403, "message": "Forbidden resource"}, ForbiddenError),
        (400, {"error": "no such column"}, RefusedError),
        (500, {"statusCode": 200}, UnreachableError),
        (404, {"statusCode": 200}, RefusedError),
    ],
)
def test_the_status_in_the_body_goes_before_that_of_http(
    status: int, body: Any, failure: type[AuditctlError]
) -> None:
    with pytest.raises(failure) as refused:
        ids(Service(lambda _: httpx.Response(status, json=body)))
    assert type(refused.value) is failure


def test_a_status_of_success_in_the_body_changes_nothing() -> None:
    assert ids(Service.saying({**page(rows(1), 1), "httpStatusCode": 200})) == ["1"]


# Users


ASHA = {"id": "u1", "firstName": "Asha", "surname": "Example", "email": "asha@example.com"}
BILAL = {"id": "u2", "firstName": "Bilal", "surname": "Example", "email": None}


def by_path(answers: dict[str, Any]) -> Service:
    def answer(request: httpx.Request) -> Any:
        number = request.url.params.get("page", "1")
        path = request.url.raw_path.decode().partition("?")[0]
        said = answers[path.removeprefix("/demo/api/")]
        return said[int(number) - 1] if isinstance(said, list) else said

    return Service(answer)


def test_the_logs_of_a_user_have_an_actor_and_those_of_all_have_none() -> None:
    service = by_path({"users/u1/logs": {**ASHA, "logs": rows(1)}, "userLogs": page(rows(1), 1)})
    (record,) = service.export(users("u1"))
    assert (record["actor"], record["actor_id"]) == ("asha@example.com", "u1")
    assert (record["actor_name"], record["actor_email"]) == ("Asha Example", "asha@example.com")
    (record,) = service.export(HRHIS)
    assert record["actor"] is None
    assert service.paths == ["/demo/api/users/u1/logs", LOGS]


@pytest.mark.parametrize(
    ("user", "actor"),
    [
        (BILAL, "Bilal Example"),
        ({"id": "u3", "firstName": "Chiara"}, "Chiara"),
        ({"id": "u4", "firstName": "", "surname": None}, "u4"),
        ({"firstName": 7, "email": []}, "7"),
        ({"id": None, "firstName": "", "surname": "Doe"}, "Doe"),
    ],
)
def test_the_actor_is_the_best_name_there_is(user: Any, actor: str | None) -> None:
    (record,) = by_path({"users/u/logs": {**user, "logs": rows(1)}}).export(users("u"))
    assert record["actor"] == actor


@pytest.mark.parametrize("concurrency", [1, 4])
def test_several_users_are_read_in_the_order_given_and_each_once(concurrency: int) -> None:
    service = by_path(
        {
            "users/u2/logs": {**BILAL, "logs": rows("b")},
            "users/me/logs": {**ASHA, "logs": rows("a1", "a2")},
        }
    )
    assert ids(service, users("u2", "me", "u2"), concurrency) == ["b", "a1", "a2"]
    assert sorted(service.paths) == ["/demo/api/users/me/logs", "/demo/api/users/u2/logs"]


@pytest.mark.parametrize("concurrency", [1, 4])
def test_all_users_are_those_that_the_server_lists_on_all_its_pages(concurrency: int) -> None:
    service = by_path(
        {
            "users": [
                page([{"id": "u1"}], 3, 1, name="users"),
                page([{"id": "u2"}], 3, 1, name="users"),
                page([{"id": "u3"}], 3, 1, name="users"),
            ],
            "users/u1/logs": [
                {**ASHA, "pager": {"total": 3, "pageSize": 2}, "logs": rows("a1", "a2")},
                {**ASHA, "pager": {"total": 3, "pageSize": 2}, "logs": rows("a3")},
            ],
            "users/u2/logs": {**BILAL, "logs": rows("b")},
            "users/u3/logs": {"logs": []},
        }
    )
    assert ids(service, users("all"), concurrency) == ["a1", "a2", "a3", "b"]
    listed = [params for params in service.params if params.pop("fields", None) == "id"]
    assert listed == [WHOLE, *({"page": n, "pageSize": "100"} for n in "23")]


@pytest.mark.parametrize("user", [None, {}, {"id": None}, {"id": ""}, {"id": ["u1"]}, "u1"])
def test_a_user_without_an_id_is_not_passed_over(user: Any) -> None:
    service = by_path({"users": {"users": [user]}})
    with pytest.raises(AnswerError, match="without an id"):
        ids(service, users("all"))


def test_odd_ids_of_users_are_asked_for_as_they_are() -> None:
    def answer(request: httpx.Request) -> Any:
        if request.url.path.endswith("/users"):
            return {"users": [{"id": "a/b"}, {"id": "\ud800"}]}
        return {"logs": rows(len(service.asked))}

    service = Service(answer)
    found = service.export(users("all"))
    assert [record["actor"] for record in found] == ["a/b", "\ufffd"]
    assert service.paths[1:] == [f"/demo/api/users/{id_}/logs" for id_ in ("a%2Fb", "%ED%A0%80")]


# One row


def record_of(**fields: Any) -> Any:
    (record,) = Service.saying(page([row(**fields)], 1)).export(HRHIS)
    return record


@pytest.mark.parametrize(
    ("headers", "ip"),
    [
        ({"x-real-ip": "192.0.2.1", "x-forwarded-for": "198.51.100.1"}, "192.0.2.1"),
        ({"x-forwarded-for": "198.51.100.1, 203.0.113.1"}, "198.51.100.1"),
        ({"x-real-ip": "", "x-forwarded-for": " 2001:db8::1 "}, "2001:db8::1"),
        ({"x-forwarded-for": ""}, None),
        ({}, None),
        (None, None),
        ("https://hrhis.example.org/", None),
    ],
)
def test_the_address_is_in_the_headers_of_the_logged_request(headers: Any, ip: str | None) -> None:
    assert record_of(referer=headers)["source_ip"] == ip


@pytest.mark.parametrize("id_", [None, ""])
def test_a_user_who_was_asked_for_is_known_whatever_the_answer_leaves_out(id_: Any) -> None:
    (record,) = by_path({"users/u/logs": {"id": id_, "logs": rows(1)}}).export(users("u"))
    assert (record["actor"], record["actor_id"]) == ("u", "u")


@pytest.mark.parametrize("size", [{}, {"pageSize": 100}])
def test_a_server_that_sends_all_at_once_is_asked_once(size: dict[str, int]) -> None:
    body = {"pager": {"page": 1, "total": 250, **size}, "userLogs": rows(*range(250))}
    service = Service.saying(body)
    assert len(service.export(HRHIS)) == 250


def test_all_users_and_one_whom_the_server_does_not_list() -> None:
    service = by_path(
        {
            "users": {"users": [{"id": "a"}, {"id": 7}]},
            "users/a/logs": {"logs": [{"id": "1"}]},
            "users/7/logs": {"logs": [{"id": "2"}]},
            "users/c/logs": {"logs": [{"id": "3"}]},
        }
    )
    found = service.export(users("c", "all", "a"))
    assert sorted((record["actor"], record["id"]) for record in found) == [
        ("7", "2"),
        ("a", "1"),
        ("c", "3"),
    ]


def test_ids_may_be_nested_deep() -> None:
    def answer(*ids: str) -> bytes:
        listed = ",".join(f'{{"id":{id_}}}' for id_ in ids)
        return f'{{"pager":{{"total":4,"pageSize":2}},"userLogs":[{listed}]}}'.encode()

    deep = "[" * 3_000 + "]" * 3_000
    assert len(Service.saying(answer("1", deep), answer(deep, '"a"')).export(HRHIS)) == 4


# Users whose logs are long


def user_log(user: dict[str, Any], count: int, *, named_first: bool) -> bytes:
    listed = [row(f"{user['id']}.{n}", resource="/api/" + "x" * 1_000) for n in range(count)]
    said = {**user, "logs": listed} if named_first else {"logs": listed, **user}
    return json.dumps(said).encode()


@pytest.mark.parametrize("named_first", [True, False])
@pytest.mark.parametrize("count", [1, 300, 3_000])
def test_the_actor_is_right_whether_the_name_stands_before_or_behind_the_logs(
    count: int, *, named_first: bool
) -> None:
    log = user_log(ASHA, count, named_first=named_first)
    pieces = [log[start : start + 65_536] for start in range(0, len(log), 65_536)]
    service = Service(lambda _: httpx.Response(200, content=iter(pieces)))
    found = service.export(users("u1"))
    assert {(record["actor"], record["actor_name"], record["actor_id"]) for record in found} == {
        ("asha@example.com", "Asha Example", "u1")
    }
    assert len({record["id"] for record in found}) == len(found) == count
    # Names behind more than may be held cost another request.
    assert len(service.asked) == (2 if count == 3_000 and not named_first else 1)


@pytest.mark.parametrize("words", [("me", "u1"), ("u1", "me"), ("all", "me"), ("u2", "all", "me")])
@pytest.mark.parametrize("concurrency", [1, 4])
def test_one_user_under_two_names_is_delivered_once(
    words: tuple[str, ...], concurrency: int
) -> None:
    log = {**ASHA, "logs": [*rows("a", "b", "b"), 1.5, 1.5]}
    service = by_path(
        {
            "users": {"users": [{"id": "u1"}, {"id": "u2"}]},
            "users/u1/logs": log,
            "users/u2/logs": {**BILAL, "logs": rows("c")},
            "users/me/logs": log,
        }
    )
    found = ids(service, users(*words), concurrency)
    assert {id_: found.count(id_) for id_ in "abc" if id_ in found} == (
        {"a": 1, "b": 2} if len(words) == 2 and "all" not in words else {"a": 1, "b": 2, "c": 1}
    )


@pytest.mark.parametrize("concurrency", [1, 2, 4])
def test_long_logs_of_several_users_that_break_off_are_completed_from_their_pages(
    concurrency: int,
) -> None:
    """Whoever waits for its turn holds its connection: the one whose turn it is needs another."""
    people = [f"u{n}" for n in range(7)]
    wholes = {id_: user_log({"id": id_}, 3_000, named_first=True) for id_ in people}

    def choose(request: Request) -> Fault | None:
        return Fault(cut=2_500_000) if request.params.get("paging") == "false" else None

    class Logs(server.Hrhis):
        def answer(self, request: Request) -> server.Answer:
            id_ = request.path.split("/")[3]
            if "page" not in request.params:
                return server.Answer(wholes[id_])
            listed = json.loads(wholes[id_])["logs"]
            start = (int(request.params["page"]) - 1) * 100
            said = page(listed[start : start + 100], len(listed), name="logs")
            return server.Answer(json.dumps({"id": id_, **said}).encode())

    with Server(Logs(0), faults=choose) as site:
        provider = Hrhis(
            base_url=site.url,
            username=server.USER,
            password=Secret(server.KEY),
            users=tuple(people),
        )
        client = Client(provider, retry_for=timedelta(), concurrency=concurrency)
        with closing(client):
            window = Window(moment("2025-12-01"), moment("2026-01-01"))
            pages = provider.pages(client, window)
            found = [r["id"] for b in batches_of(provider, pages, window) for r in b.records]
    assert sorted(found) == sorted(f"{id_}.{n}" for id_ in people for n in range(3_000))
