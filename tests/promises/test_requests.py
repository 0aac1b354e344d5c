"""How many requests, connections and headers a log takes, also one that grows or moves."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from auditctl import __version__
from tests.program import LONG, result
from tests.server import FIRST_ID, LOGS, Answer, Fault, Hrhis, Persona, Request, Server
from tests.world import SPAN, TODAY, WINDOW, asked, every_provider, listed, log, paged

# How many requests, connections and headers


@pytest.mark.parametrize("rows", [0, 1, 99, 100, 101, 250, 1000])
def test_a_log_of_pages_takes_one_request_per_hundred_rows_on_one_connection(rows: int) -> None:
    with Server(log("persona", rows)) as server:
        found = listed(server, "persona")
    assert len(set(found.ids)) == rows
    assert len(server.requests) == max(1, -(-rows // 100))
    assert server.connections == 1


@pytest.mark.parametrize("concurrency", [1, 2, 4, 8])
@pytest.mark.parametrize("name", ["roam", "hrhis"])
def test_as_many_connections_as_asked_for_are_under_way(name: str, concurrency: int) -> None:
    full = threading.Event()

    def choose(request: Request) -> None:
        # HRHIS's first page tells how many there are, Roam's first day what day it is there.
        if server.busy == concurrency:
            full.set()
        if request.number > 1:
            assert full.wait(LONG)

    history = paged(LOGS[name](2000, span=timedelta(days=20), now=TODAY))
    with Server(history, faults=choose) as server:
        words = ("--since", f"{TODAY - timedelta(days=20):%Y-%m-%d}", "--until", WINDOW[3])
        found = result(
            name, "list", *words, "--concurrency", str(concurrency), **server.environment
        )
    assert len(set(found.ids)) == 2000
    assert len(server.requests) == 20
    assert server.peak == concurrency
    assert server.connections <= concurrency


@every_provider
def test_nothing_is_asked_beside_the_pages_and_each_request_says_who_asks(name: str) -> None:
    with Server(log(name)) as server:
        listed(server, name)
    assert {(request.method, request.path) for request in server.requests} == {
        ("GET", LOGS[name].path)
    }
    expected: dict[str, list[dict[str, str]]] = {
        "persona": [
            {"page[size]": "100"},
            {"page[size]": "100", "page[after]": f"ual_{FIRST_ID + 99}"},
            {"page[size]": "100", "page[after]": f"ual_{FIRST_ID + 199}"},
        ],
        "upstash": [{}],
        "roam": [{"date": f"{TODAY - timedelta(days=n):%Y-%m-%d}"} for n in (1, 2, 3)],
        "hrhis": [{"paging": "false", "pageSize": "100"}],
    }
    asked = sorted((request.params for request in server.requests), key=str)
    assert asked == sorted(expected[name], key=str)
    for request in server.requests:
        assert request.headers["user-agent"] == f"auditctl/{__version__}"
        assert request.headers["authorization"] == LOGS[name].authorization
        assert request.headers["host"] == server.url.removeprefix("http://")
        assert request.headers.get("key-inflection") == ("kebab" if name == "persona" else None)


@pytest.mark.parametrize("path", ["", "/", "/demo", "/demo/"])
def test_a_base_url_may_have_a_path_of_its_own(path: str) -> None:
    with Server(log("hrhis")) as server:
        listed(server, "hrhis", HRHIS_BASE_URL=server.url + path)
    assert server.requests[0].path == f"{path.rstrip('/')}/api/userLogs"


def test_a_session_that_the_provider_opens_goes_on_and_is_told_to_nobody() -> None:
    cookie = {"Set-Cookie": "sess=opened-by-the-provider; Path=/; HttpOnly"}
    found, requests = asked(
        "hrhis", "-v", "--no-redact", history=paged(log("hrhis")), faults=[Fault(headers=cookie)]
    )
    assert "cookie" not in requests[0].headers
    assert {r.headers["cookie"] for r in requests[1:]} == {"sess=opened-by-the-provider"}
    assert "opened-by-the-provider" not in found.said + found.out.decode()


@pytest.mark.parametrize(
    ("name", "limit", "requests"),
    [
        ("persona", 1, 1),
        ("persona", 100, 1),
        ("persona", 101, 2),
        ("roam", 1, 1),
        ("roam", 100, 1),
        ("roam", 101, 2),
    ],
)
def test_a_limit_asks_for_no_page_or_day_that_it_does_not_need(
    name: str, limit: int, requests: int
) -> None:
    with Server(log(name, 300)) as server:
        found = listed(server, name, "--limit", str(limit))
        assert len(server.requests) == requests
        whole = listed(server, name)
    assert found.records == whole.records[:limit]


def test_reading_stops_with_the_first_page_that_is_wholly_older() -> None:
    history = Persona(1000, span=timedelta(days=10), now=TODAY)
    yesterday = ("--since", f"{TODAY - timedelta(days=1):%Y-%m-%d}", "--until", WINDOW[3])
    with Server(history) as server:
        found = result("persona", "list", *yesterday, **server.environment)
    assert len(found.ids) == 100
    assert len(server.requests) == 2


# A log that grows while it is read


@pytest.mark.parametrize("concurrency", ["1", "4"])
@pytest.mark.parametrize("growth", [1, 37])
@pytest.mark.parametrize("name", ["hrhis", "persona"])
def test_a_log_that_grows_loses_and_repeats_nothing(
    name: str, growth: int, concurrency: str
) -> None:
    with Server(paged(log(name, 1000, growth=growth))) as server:
        found = listed(server, name, "--concurrency", concurrency)
        new = server.logs[0].grown
    assert found.status == 0
    assert new >= 10 * growth
    numbers = [int(ident.rpartition("_")[2]) - FIRST_ID for ident in found.ids]
    assert sorted(numbers) == list(range(1000))


@dataclass
class Overtaken(Hrhis):
    """Answers the third page before the second, though it was asked for it later."""

    third: threading.Event = field(default_factory=threading.Event)

    def answer(self, request: Request) -> Answer:
        number = request.params.get("page")
        if number == "2":
            assert self.third.wait(LONG)
        answer = super().answer(request)
        if number == "3":
            self.third.set()
        return answer


@pytest.mark.parametrize("growth", [1, 9, 37])
def test_a_page_that_is_answered_from_before_the_log_grew_leaves_no_gap(growth: int) -> None:
    found, _ = asked(
        "hrhis",
        "--concurrency",
        "4",
        history=Overtaken(1000, span=SPAN, now=TODAY, growth=growth, paged=True),
    )
    assert found.status == 0
    assert sorted(int(ident) - FIRST_ID for ident in found.ids) == list(range(1000))


@pytest.mark.parametrize("concurrency", ["1", "4"])
def test_what_a_log_grew_by_comes_at_most_once(concurrency: str) -> None:
    history = paged(log("hrhis", 1000, growth=37))
    history.now -= timedelta(days=1)  # so that it grows inside the window
    found, _ = asked("hrhis", "--concurrency", concurrency, history=history)
    numbers = [int(ident) - FIRST_ID for ident in found.ids]
    assert len(set(numbers)) == len(numbers)
    assert set(numbers) >= set(range(1000))


# A log whose pages move, and which is longer for each request


@pytest.mark.parametrize("user", [(), ("--user", "all")])
def test_everything_is_one_request_for_each_log(user: tuple[str, ...]) -> None:
    found, requests = asked("hrhis", *user, history=log("hrhis", 1000, logged=True, shuffled=True))
    numbers = [int(ident) - FIRST_ID for ident in found.ids]
    assert (found.status, found.said) == (0, "")
    assert sorted(numbers) == list(range(1000))
    assert {request.query.removesuffix("&fields=id") for request in requests} == {
        "paging=false&pageSize=100"
    }
    assert len(requests) == (1 + 5 if user else 1)


@pytest.mark.parametrize("concurrency", ["1", "4"])
@pytest.mark.parametrize("refused", [None, 400, 422, 500])
def test_pages_in_the_order_of_writing_are_read_whole_though_each_request_is_logged(
    refused: int | None, concurrency: str
) -> None:
    history = log("hrhis", 1000, logged=True, paged=True, refused=refused)
    found, requests = asked("hrhis", "--concurrency", concurrency, history=history)
    numbers = [int(ident) - FIRST_ID for ident in found.ids]
    assert (found.status, found.said) == (0, "")
    assert sorted(numbers) == list(range(1000))
    tries = {None: 0, 500: 2}.get(refused, 1)
    assert tries + 10 < len(requests) < tries + 16  # what they add takes an eleventh page


@pytest.mark.parametrize("refused", [None, 400])
def test_pages_in_another_order_for_each_request_are_no_export(
    refused: int | None, tmp_path: Path
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"yesterday's\n")
    history = log("hrhis", 1000, shuffled=True, logged=True, paged=True, refused=refused)
    found, _ = asked("hrhis", "-o", str(path), history=history)
    assert found.status == 6
    assert re.search(r"HRHIS showed \d+ of 1\d\d\d rows", found.said)
    assert "changed" not in found.said
    assert [entry.name for entry in tmp_path.iterdir()] == ["log.jsonl"]
    assert path.read_bytes() == b"yesterday's\n"


def test_a_sync_over_pages_that_move_keeps_what_it_has_and_covers_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    history = log("hrhis", 1000, shuffled=True, paged=True)
    assert isinstance(history, Hrhis)
    with Server(history) as server:
        first = result("hrhis", "sync", "-o", str(path), **server.environment)
        assert (first.status, "rows" in first.said) == (6, True)
        kept = path.read_bytes()
        assert 700 < kept.count(b"\n") < 1000
        told = result("status", str(path), "--format", "json")
        history.paged = False
        second = result("hrhis", "sync", "-o", str(path), **server.environment)
    (told_of,) = json.loads(told.out)
    assert (told_of["covered"], told_of["last_success"]) == (None, None)
    assert second.status == 0
    assert path.read_bytes().startswith(kept)
    ids = [json.loads(line)["id"] for line in path.read_bytes().splitlines()]
    assert sorted(int(ident) - FIRST_ID for ident in ids) == list(range(1000))


@pytest.mark.parametrize("paged", [False, True])
def test_a_check_asks_for_everything_in_one_answer_or_for_one_page(*, paged: bool) -> None:
    history = log("hrhis", 1000, shuffled=True, logged=True, paged=paged)
    with Server(history) as server:
        found = result("hrhis", "check", **server.environment)
    assert (found.status, len(server.requests)) == (0, 1)
    assert ("on the first page" in found.out.decode()) == paged
