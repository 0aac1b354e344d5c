"""Links and cursors: within one origin, never in a circle, to the provider's own end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.server import (
    FIRST_ID,
    KEY,
    LOGS,
    TOO_OFTEN,
    WRONG_SHAPE,
    Fault,
    Persona,
    Request,
    Server,
    again_and_again,
    linked,
    redirect,
)
from tests.world import ANSWERS, ROWS, asked, every_provider, listed, log, paged, sound

# One origin


@every_provider
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_within_the_origin_is_followed_with_the_credentials(
    name: str, status: int
) -> None:
    faults: dict[int, Fault] = {}
    with Server(log(name), faults=faults) as server:

        def choose(request: Request) -> Fault | None:
            if request.number > 5:
                return None
            where = f"{request.path}?{request.query.split('&hop')[0]}&hop={request.number}"
            return Fault(status, {"Location": server.url * (request.number % 2) + where})

        server.faults = choose
        found = listed(server, name, "--concurrency", "1")
    assert found.out == sound(name)
    assert len(server.requests) == ANSWERS[name] + 5
    assert [r.params.get("hop") for r in server.requests[:6]] == [None, "1", "2", "3", "4", "5"]
    assert {r.headers["authorization"] for r in server.requests} == {LOGS[name].authorization}


@every_provider
def test_six_redirects_are_one_too_many(name: str) -> None:
    round_and_round = redirect(LOGS[name].path)
    found, requests = asked(name, "--concurrency", "1", faults=again_and_again(round_and_round))
    assert found.status == 6
    assert "redirects more than 5 times" in found.said
    assert len(requests) == 6


ELSEWHERE = [
    "{other}{path}",
    "//127.0.0.1:{port}{path}",
    "http://localhost:{own}{path}",
    "https://127.0.0.1:{own}{path}",
    "http://127.0.0.1:{own}@127.0.0.1:{port}{path}",
    "http://127.0.0.1{path}",
    "file:///etc/passwd?{path}",
]
"""What a link to another origin looks like; `{path}` is that of the list, with a cursor."""


def elsewhere(form: str, server: Server, other: Server, path: str) -> str:
    own, port = (each.url.rpartition(":")[2] for each in (server, other))
    return form.format(other=other.url, port=port, own=own, path=path)


@pytest.mark.parametrize(
    ("name", "form"),
    [*((name, ELSEWHERE[0]) for name in LOGS), *(("persona", form) for form in ELSEWHERE[1:])],
)
def test_a_redirect_to_another_origin_ends_the_run_and_is_not_followed(
    name: str, form: str
) -> None:
    with Server(log(name)) as other, Server(log(name)) as server:
        location = elsewhere(form, server, other, f"{LOGS[name].path}?token={KEY}")
        server.faults = {1: redirect(location)}
        found = listed(server, name, "-v", "--concurrency", "1")
    assert found.status == 6
    assert "another origin" in found.said
    assert f"{name.upper()}_BASE_URL" in found.said
    assert found.out == b""
    assert len(server.requests) == 1
    assert other.requests == []


@pytest.mark.parametrize("form", ELSEWHERE)
def test_a_next_link_to_another_origin_ends_the_run_and_is_not_followed(form: str) -> None:
    with Server(log("persona")) as other, Server(log("persona")) as server:
        path = f"{Persona.path}?page%5Bafter%5D=ual_1&token={KEY}"
        link = elsewhere(form, server, other, path)
        server.faults = {2: linked(link)}
        found = listed(server, "persona", "-v")
    assert found.status == 6
    assert "another origin" in found.said
    assert len(server.requests) == 2
    assert other.requests == []
    assert len(found.records) == 200  # whole, and what came before


def test_the_cursor_is_taken_out_of_a_link_that_is_absolute_or_odd() -> None:
    with Server(log("persona")) as server:
        # Another path and size, and an origin that is ours, however it is written.
        host = server.url.upper().replace("HTTP", "HtTp")
        cursor = f"page%5Bafter%5D=ual_{FIRST_ID + 99}"
        server.faults = {1: linked(f"{host}/other/path?page%5Bsize%5D=1&{cursor}&x=1#there")}
        found = listed(server, "persona")
    assert found.out == sound("persona")
    expected = {"page[size]": "100", "page[after]": f"ual_{FIRST_ID + 99}"}
    assert server.requests[1].params == expected
    assert server.requests[1].path == Persona.path


@pytest.mark.parametrize("link", [7, "", "?", {"href": "/x"}, "/api/v1/user-audit-logs?page=2"])
def test_a_link_without_a_cursor_cannot_be_understood(link: object) -> None:
    found, requests = asked("persona", faults=[linked(link)])
    assert found.status == 6
    assert len(requests) == 1


# No question twice, and the provider's own end


@pytest.mark.parametrize("circle", [1, 2, 3])
def test_a_cursor_that_comes_back_ends_the_run(circle: int) -> None:
    links = [f"?page%5Bafter%5D=ual_{FIRST_ID + 100 * n}" for n in range(circle)]

    def choose(request: Request) -> Fault:
        return linked(links[request.number % circle] if request.number < TOO_OFTEN else None)

    found, requests = asked("persona", history=log("persona", 1000), faults=choose)
    assert found.status == 6
    assert "never end" in found.said
    assert len(requests) == circle + 1


@pytest.mark.parametrize("name", ["persona", "roam"])
def test_a_cursor_that_no_url_can_hold_ends_the_run(name: str) -> None:
    cursor = "x" * 70_000
    bodies = {
        "persona": {"data": [], "links": {"next": f"?page[after]={cursor}"}},
        "roam": {"ok": True, "auditLogs": [], "nextCursor": cursor},
    }
    fault = Fault(body=json.dumps(bodies[name]).encode())
    found, requests = asked(name, "--concurrency", "1", faults=again_and_again(fault))
    assert (found.status, len(requests)) == (6, 1)
    assert "cannot be asked for" in found.said


def test_a_cursor_of_a_days_list_that_comes_back_ends_the_run() -> None:
    page = Fault(body=b'{"ok":true,"auditLogs":[],"nextCursor":"c1"}')
    found, requests = asked("roam", "--concurrency", "1", faults=again_and_again(page))
    assert found.status == 6
    assert "never end" in found.said
    assert [request.params.get("cursor") for request in requests] == [None, "c1"]


def test_a_log_that_outgrows_its_reader_ends_the_run() -> None:
    found, requests = asked("hrhis", "--concurrency", "1", history=paged(log("hrhis", growth=400)))
    assert found.status == 6
    assert len(requests) < 20


def emptied(name: str) -> Callable[[bytes], bytes]:
    def edit(body: bytes) -> bytes:
        return json.dumps({**json.loads(body), name: []}).encode()

    return edit


@pytest.mark.parametrize(("name", "rows"), [("persona", "data"), ("hrhis", "userLogs")])
def test_an_empty_page_is_not_the_end(name: str, rows: str) -> None:
    found, requests = asked(
        name, "--concurrency", "1", history=paged(log(name)), faults={2: Fault(edit=emptied(rows))}
    )
    assert found.status == 0
    if name == "persona":
        assert (len(requests), len(found.ids)) == (3, ROWS - 100)
    else:  # the total tells that rows are missing, and the second pass shows them
        assert (len(requests), len(found.ids)) == (3 + 2, ROWS)


@pytest.mark.parametrize(
    ("body", "warned"),
    [
        (b'{"ok":true}', False),
        (b'{"ok":true,"auditLogs":null}', False),
        (b'{"auditLogs":[]}', False),
        (b"{}", True),
        (b'{"auditLogs":null}', True),
    ],
)
def test_a_day_without_its_list_is_empty_and_counted_unless_the_provider_says_ok(
    body: bytes,
    warned: bool,  # noqa: FBT001
) -> None:
    found, requests = asked(
        "roam", "--concurrency", "1", faults={2: Fault(body=body), 3: Fault(body=body)}
    )
    assert found.status == 0
    assert len(requests) == ANSWERS["roam"]
    assert found.said.count("\n") == warned
    assert found.said.startswith(
        "auditctl: warning: 2 answers of Roam had no list" if warned else ""
    )


@pytest.mark.parametrize(
    "body",
    [WRONG_SHAPE.body, b"[]", b"null", b"7", b'"text"', b"{}"],
    ids=["object", "list", "null", "number", "text", "nothing in it"],
)
@every_provider
def test_json_of_another_shape_cannot_be_understood(name: str, body: bytes, tmp_path: Path) -> None:
    with Server(log(name), faults=again_and_again(Fault(body=body))) as server:
        output = str(tmp_path / "log.csv")
        found = listed(server, name, "--concurrency", "1", "-o", output)
    if (name, body) in (("upstash", b"[]"), ("roam", b"{}")):
        assert found.status == 0  # its own shape
        return
    assert found.status == 6
    assert "cannot be understood" in found.said
    assert len(server.requests) == 1
    assert list(tmp_path.iterdir()) == []
