"""What goes over the wire and what comes of it: a real server on loopback, and its faults."""

from __future__ import annotations

import base64
import gzip
import html
import json
import re
import socket
import sys
import threading
import time
import zlib
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import formatdate
from functools import partial
from http.client import responses
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest

from auditctl import __version__, demo
from auditctl.http import pace
from auditctl.http.client import Client
from auditctl.settings import sample
from auditctl.window import Window
from tests import tape
from tests.program import COMMAND, LONG, Run, process, started
from tests.server import (
    BAD_GZIP,
    CUT,
    DRIP,
    DROP,
    FIRST_ID,
    KEY,
    LOGS,
    NOT_JSON,
    TRUNCATED,
    WRONG_SHAPE,
    Answer,
    Fault,
    Hrhis,
    Log,
    Persona,
    Request,
    Server,
    Upstash,
    redirect,
    too_many,
)
from tests.world import ROWS, SPAN, TODAY, WINDOW, every_provider, log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.program import Program

ANSWERS = {name: log(name).answers for name in LOGS}
"""What the log of so many rows takes in the window."""


def paged(history: Log) -> Log:
    """Let HRHIS give pages, whatever it is asked for."""
    if isinstance(history, Hrhis):
        history.paged = True
    return history


TOO_OFTEN = 30
"""Requests after which the server ends what would never end: a test is to fail, not to hang."""


def again_and_again(fault: Fault) -> Callable[[Request], Fault]:
    return lambda request: fault if request.number < TOO_OFTEN else Fault(410)


def exported(auditctl: Program, server: Server, name: str, *words: str, **more: str) -> Run:
    # Of several --retry-for the last one counts; the default would make a failing test a slow one.
    first = (name, "list", *WINDOW, "--retry-for", "20s")
    return auditctl(*first, *words, **{**server.environment, **more})


SOUND: dict[str, bytes] = {}


@pytest.fixture
def sound(auditctl: Program) -> Callable[[str], bytes]:
    """Tell what a provider's log comes to when nothing goes wrong; asked for once."""

    def run(name: str) -> bytes:
        if name not in SOUND:
            with Server(log(name)) as server:
                found = exported(auditctl, server, name)
            assert (found.status, found.said) == (0, "")
            assert len(set(found.ids)) == ROWS
            assert len(server.requests) == ANSWERS[name]
            SOUND[name] = found.out
        return SOUND[name]

    return run


# Troubles that pass

NETWORK_FAULTS = {
    "dropped": DROP,
    "cut": CUT,
    "bad gzip": BAD_GZIP,
    "unknown coding": Fault(headers={"Content-Encoding": "br"}),
    "cut gzip": Fault(
        headers={"Content-Encoding": "gzip"}, edit=lambda body: gzip.compress(body)[:-50]
    ),
    "not JSON": NOT_JSON,
    "cut JSON": TRUNCATED,
    "nothing": Fault(body=b""),
    "not UTF-8": Fault(edit=lambda body: body[:9] + b"\xff" + body[9:]),
}
RETRIED = (408, 425, 429, 500, 502, 503, 504, 520, 527, 530)
NOT_RETRIED = (400, 404, 409, 410, 422)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        *(
            pytest.param(name, NETWORK_FAULTS[words], id=f"{name} {words}")
            for name, all_words in {
                "persona": NETWORK_FAULTS,
                "upstash": ("cut", "bad gzip", "cut JSON"),
                "roam": ("dropped",),
                "hrhis": ("cut",),
            }.items()
            for words in all_words
        ),
        *(
            pytest.param(name, Fault(status, {"Retry-After": "0"}), id=f"{name} {status}")
            for name, statuses in {
                "persona": RETRIED,
                "upstash": (503,),
                "roam": (429,),
                "hrhis": (502,),
            }.items()
            for status in statuses
        ),
        pytest.param("roam", Fault(408), id="408, no Retry-After"),
        pytest.param(
            "persona", Fault(502, body=b"<html>Bad Gateway</html>"), id="a load balancer's 502"
        ),
        pytest.param(
            "roam", Fault(200, body=b'{"ok":false,"error":"ratelimited"}'), id="hidden 429"
        ),
        pytest.param("hrhis", Fault(404, body=b'{"httpStatusCode":503}'), id="hidden 503"),
    ],
)
def test_a_trouble_that_passes_costs_one_further_request_and_no_record(
    name: str, fault: Fault, auditctl: Program, sound: Callable[[str], bytes]
) -> None:
    with Server(log(name), faults={ANSWERS[name] // 2 + 1: fault}) as server:
        found = exported(auditctl, server, name)
    assert (found.status, found.said) == (0, "")
    assert found.out == sound(name)
    assert len(server.requests) == ANSWERS[name] + 1
    questions = [request.query for request in server.requests]
    assert len(set(questions)) == ANSWERS[name]


def members(body: bytes) -> bytes:
    """Pack a body as a server that flushes by the kilobyte does: a member of gzip for each."""
    return b"".join(gzip.compress(body[n : n + 1000]) for n in range(0, len(body), 1000))


WRAPPED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "members of gzip": ("gzip", members),
    "x-gzip": ("x-gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", lambda body: zlib.compress(body)[2:-4]),
    "a byte order mark": ("identity", lambda body: b"\xef\xbb\xbf" + body),
    "a mark in gzip": ("gzip", lambda body: members(b"\xef\xbb\xbf" + body)),
}


@pytest.mark.parametrize("form", WRAPPED)
@pytest.mark.parametrize("name", ["persona", "upstash"])
def test_an_answer_is_read_however_it_is_wrapped(
    name: str, form: str, auditctl: Program, sound: Callable[[str], bytes]
) -> None:
    coding, edit = WRAPPED[form]
    wrapped = Fault(headers={"Content-Encoding": coding}, edit=edit)
    with Server(log(name), faults=again_and_again(wrapped)) as server:
        found = exported(auditctl, server, name)
    assert found.out == sound(name)
    assert all("gzip" in request.headers["accept-encoding"] for request in server.requests)


@pytest.mark.parametrize("status", [204, 205])
@pytest.mark.parametrize("name", ["persona", "upstash"])
def test_no_content_is_an_empty_log(name: str, status: int, auditctl: Program) -> None:
    with Server(log(name), faults=again_and_again(Fault(status, body=b""))) as server:
        found = exported(auditctl, server, name)
        checked = auditctl(name, "check", **server.environment)
    assert (found.status, found.said, found.out) == (0, "", b"")
    assert checked.status == 0
    assert b"newest record: none" in checked.out
    assert len(server.requests) == 2


def test_no_content_behind_a_cursor_is_no_end(auditctl: Program) -> None:
    with Server(log("persona"), faults={2: Fault(204, body=b"")}) as server:
        found = exported(auditctl, server, "persona")
    assert found.status == 6
    assert "it lacks the list data" in found.said
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [*NOT_RETRIED, 401, 403, 501])
@every_provider
def test_a_refusal_is_asked_for_once_and_told_in_the_vendors_words(
    name: str, status: int, auditctl: Program
) -> None:
    codes = {400: "invalid_arguments", 401: "invalid_token", 403: "missing_scope"}
    words = codes.get(status, responses[status]) if name == "roam" else responses[status]
    with Server(log(name), faults=again_and_again(Fault(status))) as server:
        found = exported(auditctl, server, name, "--concurrency", "1")
    assert found.status == {401: 4, 403: 4, 501: 3}.get(status, 6)
    assert f"({status}: {words})" in found.said
    assert found.said.startswith("auditctl: error: ")
    assert found.said.count("\n") == 1
    assert found.out == b""
    pages = 1 if name == "hrhis" and status not in (401, 403) else 0  # once more, in pages
    assert len(server.requests) == 1 + pages


@every_provider
def test_credentials_that_are_refused_or_do_not_suffice_are_named(
    name: str, auditctl: Program
) -> None:
    said = {}
    for status in (401, 403):
        with Server(log(name), faults=again_and_again(Fault(status))) as server:
            said[status] = exported(auditctl, server, name, "--concurrency", "1").said
    kind, permission = LOGS[name].needs
    assert LOGS[name].secret in said[401]
    assert "refused the credentials" in said[401]
    assert kind in said[401] + said[403]
    assert permission in said[403]
    assert "does not allow" in said[403]


@pytest.mark.parametrize("quote_", ['"', "'"])
@pytest.mark.parametrize(
    ("name", "variable", "status"),
    [
        ("persona", "PERSONA_API_KEY", 401),
        ("roam", "ROAM_API_KEY", 401),
        ("upstash", "UPSTASH_EMAIL", 401),
        ("hrhis", "HRHIS_PASSWORD", 403),
    ],
)
def test_quotes_that_came_with_a_value_are_named_when_it_is_refused(
    name: str, variable: str, status: int, quote_: str, auditctl: Program
) -> None:
    with Server(log(name), faults=again_and_again(Fault(status))) as server:
        value = server.environment[variable]
        quoted = {variable: f"{quote_}{value}{quote_}"}
        found = exported(auditctl, server, name, "--concurrency", "1", **quoted)
        plain = exported(auditctl, server, name, "--concurrency", "1")
    assert (found.status, plain.status) == (4, 4)
    assert re.search(rf"The value of {variable}( or \w+)? begins with a quote", found.said)
    assert "quote" not in plain.said


@pytest.mark.parametrize(
    ("name", "fault", "status", "words"),
    [
        ("hrhis", Fault(404, body=b'{"httpStatusCode":401,"message":"No such user"}'), 4, "401: "),
        ("hrhis", Fault(200, body=b'{"statusCode":403,"message":"Forbidden"}'), 4, "403: "),
        ("roam", Fault(200, body=b'{"ok":false,"error":"invalid_token"}'), 4, "401: "),
        (
            "roam",
            Fault(200, body=b'{"ok":false,"error":"missing_scope","needed":["userauditlog:read"]}'),
            4,
            "userauditlog:read",
        ),
        ("roam", Fault(200, body=b'{"ok":false,"error":"invalid_arguments"}'), 6, "400: "),
        (
            "persona",
            Fault(422, body=b'{"errors":[{"title":"Invalid","details":"size is odd"}]}'),
            6,
            "Invalid, size is odd",
        ),
        ("upstash", Fault(400, body=b'"written as a text"'), 6, "written as a text"),
        (
            "persona",
            Fault(
                400, body=b'{"errors":[{"title":"One"},{"title":"Two"},"Three",{"title":"Four"}]}'
            ),
            6,
            "(400: One, Two, Three). ",
        ),
        (
            "persona",
            Fault(400, body=b'{"title":"Bad","status":400,"detail":"size is odd","errors":[]}'),
            6,
            "(400: Bad, size is odd). ",
        ),
        (
            "persona",
            Fault(401, body=b'{"error":"invalid_token","error_description":"It has expired"}'),
            4,
            "(401: invalid_token, It has expired). ",
        ),
        (
            "persona",
            Fault(400, body=b'{"message":"Invalid","errors":{"page":["is odd"],"size":"is 0"}}'),
            6,
            "(400: Invalid, is odd, is 0). ",
        ),
        (
            "persona",
            Fault(400, body=b'{"error":"Same","message":"Same","errors":"x"}'),
            6,
            "Same, x)",
        ),
        ("upstash", Fault(404, body=b"no JSON at all"), 6, "no JSON at all"),
    ],
)
def test_a_refusal_is_found_where_the_vendor_hides_it(
    name: str, fault: Fault, status: int, words: str, auditctl: Program
) -> None:
    with Server(log(name), faults=again_and_again(fault)) as server:
        found = exported(auditctl, server, name, "--concurrency", "1")
    assert found.status == status
    assert words in found.said
    pages = 1 if name == "hrhis" and status == 6 else 0  # once more, in pages
    assert len(server.requests) == 1 + pages


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("status", [200, 400, 401, 429])
@every_provider
def test_a_secret_that_the_provider_says_back_is_not_passed_on(
    name: str, status: int, form: str, auditctl: Program
) -> None:
    ours = LOGS[name].authorization
    said = json.dumps({"error": f"{KEY} in {ours}, {ours.split()[1]}\x1b[31m"}).encode()
    fault = Fault(status, {"Retry-After": "9", "X-Echo": ours}, body=said)
    words = ("--retry-for", "0s", "-v", "--log-format", form, "--concurrency", "1")
    with Server(log(name), faults=again_and_again(fault)) as server:
        found = exported(auditctl, server, name, *words)
    assert found.status != 0
    assert "\x1b" not in found.said
    assert {request.headers["authorization"] for request in server.requests} == {ours}


@pytest.mark.parametrize("path", [f"/y/{KEY}", f"/y?k={KEY}", "/y?k=" + KEY.replace("_", "%5F")])
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_secret_in_a_redirect_is_not_shown(form: str, path: str, auditctl: Program) -> None:
    with Server(log("persona"), faults=[redirect(path)]) as server:
        found = exported(auditctl, server, "persona", "-v", "--log-format", form)
    assert (found.status, len(server.requests)) == (6, 2)
    assert "[REDACTED]" in found.said


HARD = "pa\\ss'wo\"rd/é  +1%<&>?"  # of two blanks


@pytest.mark.parametrize(
    "said",
    [
        {"message": [HARD, f"{HARD} again"]},
        {"error": repr(HARD)[1:-1]},
        {"message": {"error": quote(HARD)}},
        {"message": quote(HARD, safe="")},
        {"errors": [{"title": json.dumps(HARD)}]},
        {"needed": [json.dumps(HARD).replace("/", "\\/")]},
        {"message": base64.b64encode(f"asha:{HARD}".encode()).decode().rstrip("=")},
        {"message": base64.urlsafe_b64encode(f"asha:{HARD}".encode()).decode()},
        {"message": base64.b64encode(HARD.encode()).decode()},
        {"message": base64.urlsafe_b64encode(HARD.encode()).decode()},
        {"message": re.sub("%..", lambda code: code[0].lower(), quote(HARD, safe=""))},
        {"message": html.escape(HARD, quote=False)},
        {"message": json.dumps(json.dumps(HARD))},
    ],
    ids=[
        "list",
        "repr",
        "quoted",
        "quoted whole",
        "JSON",
        "PHP",
        "Basic",
        "URL-safe Basic",
        "base64",
        "URL-safe base64",
        "quoted in lower case",
        "HTML",
        "JSON in JSON",
    ],
)
def test_a_secret_is_known_in_whatever_form_it_is_said_back(
    said: object, auditctl: Program
) -> None:
    fault = Fault(400, body=json.dumps(said).encode())
    settings = {"HRHIS_USERNAME": "asha", "HRHIS_PASSWORD": HARD}
    with Server(log("hrhis"), faults=again_and_again(fault)) as server:
        found = exported(auditctl, server, "hrhis", **settings)
    assert found.status == 6
    assert "[REDACTED]" in found.said
    assert "wo" not in found.said
    assert "YXNoYTp" not in found.said
    assert "cGFcc3" not in found.said


@pytest.mark.parametrize("fault", [Fault(cut=3), BAD_GZIP], ids=["cut", "no gzip"])
@pytest.mark.parametrize(("status", "ends"), [(401, 4), (403, 4)])
def test_a_refusal_is_one_though_its_body_breaks_off(
    status: int, ends: int, fault: Fault, auditctl: Program
) -> None:
    broken = replace(fault, status=status)
    with Server(log("persona"), faults=again_and_again(broken)) as server:
        found = exported(auditctl, server, "persona")
    assert (found.status, len(server.requests)) == (ends, 1)


# Waiting


@pytest.mark.parametrize("fault", [Fault(cut=3), BAD_GZIP], ids=["cut", "no gzip"])
def test_a_pause_is_waited_out_though_the_body_breaks_off(fault: Fault, auditctl: Program) -> None:
    wait = {**fault.headers, "Retry-After": "1.5"}
    with Server(log("persona"), faults=[replace(fault, status=429, headers=wait)]) as server:
        found = exported(auditctl, server, "persona")
    assert (found.status, len(server.requests)) == (0, ANSWERS["persona"] + 1)
    assert server.requests[1].time >= server.requests[0].time + 1.5
    wait["Retry-After"] = "9" * 400
    longer = replace(fault, status=429, headers=wait)
    with Server(log("persona"), faults=again_and_again(longer)) as server:
        found = exported(auditctl, server, "persona")
    assert (found.status, len(server.requests)) == (5, 1)


def waited(server: Server) -> float:
    return server.requests[1].time - server.requests[0].time


@pytest.mark.parametrize(
    ("name", "status", "header"),
    [("persona", 429, "RateLimit-Reset"), ("upstash", 503, "Retry-After")],
)
def test_a_pause_in_seconds_is_waited_out(
    name: str, status: int, header: str, auditctl: Program
) -> None:
    with Server(log(name), faults=[Fault(status, {header: "1"})]) as server:
        found = exported(auditctl, server, name, "--retry-for", "3s")
    assert found.status == 0
    assert waited(server) >= 1


@pytest.mark.parametrize("ahead", [0, 86400], ids=["right", "a day ahead"])
@pytest.mark.parametrize(
    ("header", "form"),
    [("Retry-After", partial(formatdate, usegmt=True)), ("RateLimit-Reset", "{:.0f}".format)],
    ids=["Retry-After", "RateLimit-Reset"],
)
def test_a_pause_until_a_date_is_waited_out_by_the_providers_own_clock(
    header: str, form: Callable[[float], str], ahead: float, auditctl: Program
) -> None:
    until: list[float] = []

    def choose(request: Request) -> Fault | None:
        if request.number > 1:
            return None
        now = int(time.time()) + ahead
        until.append(int(time.monotonic() - time.time() + now - ahead + 1))
        dates = {"Date": formatdate(now, usegmt=True)}
        return Fault(429, dates | {header: form(now + 1)})

    with Server(log("persona"), faults=choose) as server:
        found = exported(auditctl, server, "persona", "--retry-for", "3s")
    assert found.status == 0
    assert server.requests[1].time >= until[0]
    assert len(server.requests) == ANSWERS["persona"] + 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "0", "RateLimit-Reset": "3600"},
        {"Retry-After": formatdate(0, usegmt=True)},
        {"Retry-After": "soon"},
        {"RateLimit-Reset": "-1"},
    ],
    ids=["Retry-After goes first", "a date that is past", "no time at all", "a negative time"],
)
def test_a_pause_that_is_over_or_unreadable_does_not_stop_the_run(
    headers: dict[str, str], auditctl: Program
) -> None:
    with Server(log("persona"), faults=[Fault(429, headers)]) as server:
        found = exported(auditctl, server, "persona", "--retry-for", "10s")
    assert found.status == 0
    assert len(server.requests) == ANSWERS["persona"] + 1


@pytest.mark.parametrize("name", ["roam", "hrhis"])
def test_a_pause_holds_back_all_requests_of_the_run(name: str, tmp_path: Path) -> None:
    under_way = 4
    told = threading.Event()

    def choose(request: Request) -> Fault | None:
        if request.number == under_way:
            return too_many(1)
        if 1 < request.number < under_way:
            # Answered only after the program has been told to pause, so that it could go on.
            assert told.wait(LONG)
        return None

    output = tmp_path / "log.jsonl"
    history = paged(LOGS[name](1000, span=timedelta(days=10), now=TODAY))
    words = ("--since", f"{TODAY - timedelta(days=10):%Y-%m-%d}", "--until", f"{TODAY:%Y-%m-%d}")
    with (
        Server(history, faults=choose) as server,
        started(name, "list", *words, "-v", "-o", str(output), **server.environment) as process,
    ):
        assert process.stderr
        for line in process.stderr:
            if b"asking again in 1 s" in line:
                told.set()
                break
        process.communicate(timeout=LONG)
    assert process.returncode == 0
    assert output.read_bytes().count(b"\n") == 1000
    assert len(server.requests) == 10 + 1
    throttled, *later = server.requests[under_way - 1 :]
    # The first answer comes alone, so one more may be under way when the fourth is refused.
    assert [r.number for r in later[1:] if r.time < throttled.time + 1] == []


def test_too_many_requests_for_ever_ends_the_run_with_5(auditctl: Program) -> None:
    name = "roam"
    with Server(log(name), faults=again_and_again(Fault(429))) as server:
        found = exported(auditctl, server, name, "--retry-for", "1s", "--concurrency", "1")
    assert found.status == 5
    assert "--retry-for" in found.said
    assert 2 <= len(server.requests) <= 6


@every_provider
def test_a_pause_longer_than_our_patience_ends_the_run_at_once(
    name: str, auditctl: Program
) -> None:
    with Server(log(name), faults=again_and_again(too_many(301))) as server:
        found = auditctl(name, "list", *WINDOW, "--concurrency", "1", **server.environment)
    assert found.status == 5
    assert "301 s" in found.said
    assert "300 s" in found.said
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("persona", Fault(503)),
        ("persona", DROP),
        ("upstash", NOT_JSON),
        ("upstash", TRUNCATED),
    ],
    ids=["503", "dropped", "not JSON", "an array cut in a sound answer"],
)
def test_a_provider_that_keeps_failing_ends_the_run_with_3(
    name: str, fault: Fault, auditctl: Program, tmp_path: Path
) -> None:
    with Server(log(name), faults=again_and_again(fault)) as server:
        output = str(tmp_path / "log.jsonl")
        words = ("--retry-for", "1s", "--concurrency", "1", "-o", output)
        found = exported(auditctl, server, name, *words)
    assert found.status == 3
    assert "--retry-for" in found.said
    assert 2 <= len(server.requests) <= 6
    assert list(tmp_path.iterdir()) == []


@every_provider
def test_a_port_where_nobody_listens_ends_the_run_with_3(name: str, auditctl: Program) -> None:
    with Server() as server:
        pass
    found = exported(auditctl, server, name, "--retry-for", "0s", "--concurrency", "1")
    assert found.status == 3
    assert "cannot be reached at 127.0.0.1" in found.said
    assert found.said.count("\n") == 1


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            NOT_JSON,
            (
                "answered with a web page instead of JSON; --retry-for allows 0 s. Check that "
                "PERSONA_BASE_URL is the API's address, and that no proxy answers in its place."
            ),
        ),
        (
            Fault(body=b"OK"),
            (
                "answered with 2 bytes that are not JSON; --retry-for allows 0 s. Check the "
                "network and the provider's status page."
            ),
        ),
    ],
)
def test_what_is_no_answer_of_the_api_is_told_apart(
    fault: Fault, said: str, auditctl: Program
) -> None:
    with Server(log("persona"), faults=again_and_again(fault)) as server:
        found = exported(auditctl, server, "persona", "--retry-for", "0s")
    assert found.ended == (3, f"auditctl: error: Persona {said}\n")


def test_an_address_that_leads_nowhere_is_named_by_its_variable(auditctl: Program) -> None:
    with Server() as server:
        pass
    found = exported(auditctl, server, "persona", "--retry-for", "0s")
    assert found.said.endswith(
        ". Check PERSONA_BASE_URL, the network and the provider's status page.\n"
    )


def test_a_rest_longer_than_can_be_waited_is_waited_for() -> None:
    with Server(
        log("persona"), faults=again_and_again(Fault(429, {"Retry-After": "1" + "0" * 11}))
    ) as server:
        words = ("persona", "list", *WINDOW, "--retry-for", "999999999d", "-v")
        with started(*words, **server.environment) as process:
            assert process.stderr
            lines = [process.stderr.readline() for _ in range(2)]
            process.terminate()
            _, rest = process.communicate(timeout=LONG)
    assert lines[1].startswith(
        b"Persona answered 429: Too Many Requests; asking again in 100000000000 s"
    )
    assert (process.returncode, rest) == (143, b"")


def test_a_provider_that_comes_up_meanwhile_is_found() -> None:
    body = b'{"data":[],"links":{"next":null}}'
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # and refuses, until it listens
        down = Server()
        down.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with started("persona", "list", "-v", **down.environment) as process:
            assert process.stderr
            refused = process.stderr.readline()
            listener.settimeout(LONG)
            listener.listen()
            connection, _ = listener.accept()
            with connection:
                asked = connection.recv(10_000)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
                connection.sendall(body)
                process.communicate(timeout=LONG)
    assert b"no answer" in refused
    assert asked.startswith(b"GET /api/v1/user-audit-logs?")
    assert process.returncode == 0


def test_an_answer_that_drips_is_a_trouble_that_passes(
    auditctl: Program, sound: Callable[[str], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "SPAN", 0.1)
    with Server(log("persona"), faults={2: replace(DRIP, drip=0.05)}) as server:
        found = exported(auditctl, server, "persona", "-v")
    assert found.out == sound("persona")
    assert "did not answer in time (less than 64 KiB in 0 s); asking again" in found.said
    assert len(server.requests) == ANSWERS["persona"] + 1


HEADERS = {
    "one": {"X": "x" * 200_000},
    "many": {f"X-{n}": "x" * 100 for n in range(2000)},
}


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
def test_headers_without_a_bound_end_the_run_with_6(
    headers: dict[str, str], auditctl: Program
) -> None:
    with Server(log("persona"), faults=again_and_again(Fault(headers=headers))) as server:
        found = exported(auditctl, server, "persona")
    assert (found.status, len(server.requests)) == (6, 1)
    assert "answer is larger than any that is read" in found.said


@every_provider
def test_timeouts_are_set_for_every_request(name: str) -> None:
    timeouts: list[Any] = []
    sent = demo.transport(tape.provider_class(name), TODAY)

    def answer(request: httpx.Request) -> httpx.Response:
        timeouts.append(request.extensions["timeout"])
        return sent.handle_request(request)

    provider = sample(tape.provider_class(name))
    client = Client(provider, transport=httpx.MockTransport(answer))
    for _ in provider.pages(client, Window(TODAY - SPAN, TODAY)):
        pass
    client.close()
    assert len(timeouts) >= ANSWERS[name]
    assert {(each["connect"], each["read"]) for each in timeouts} == {(10.0, 60.0)}


# One origin


@every_provider
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_within_the_origin_is_followed_with_the_credentials(
    name: str, status: int, auditctl: Program, sound: Callable[[str], bytes]
) -> None:
    faults: dict[int, Fault] = {}
    with Server(log(name), faults=faults) as server:

        def choose(request: Request) -> Fault | None:
            if request.number > 5:
                return None
            where = f"{request.path}?{request.query.split('&hop')[0]}&hop={request.number}"
            return Fault(status, {"Location": server.url * (request.number % 2) + where})

        server.faults = choose
        found = exported(auditctl, server, name, "--concurrency", "1")
    assert found.out == sound(name)
    assert len(server.requests) == ANSWERS[name] + 5
    assert [r.params.get("hop") for r in server.requests[:6]] == [None, "1", "2", "3", "4", "5"]
    assert {r.headers["authorization"] for r in server.requests} == {LOGS[name].authorization}


@every_provider
def test_six_redirects_are_one_too_many(name: str, auditctl: Program) -> None:
    round_and_round = redirect(LOGS[name].path)
    with Server(log(name), faults=again_and_again(round_and_round)) as server:
        found = exported(auditctl, server, name, "--concurrency", "1")
    assert found.status == 6
    assert "redirects more than 5 times" in found.said
    assert len(server.requests) == 6


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
    name: str, form: str, auditctl: Program
) -> None:
    with Server(log(name)) as other, Server(log(name)) as server:
        location = elsewhere(form, server, other, f"{LOGS[name].path}?token={KEY}")
        server.faults = {1: redirect(location)}
        found = exported(auditctl, server, name, "-v", "--concurrency", "1")
    assert found.status == 6
    assert "another origin" in found.said
    assert f"{name.upper()}_BASE_URL" in found.said
    assert found.out == b""
    assert len(server.requests) == 1
    assert other.requests == []


@pytest.mark.parametrize("form", ELSEWHERE)
def test_a_next_link_to_another_origin_ends_the_run_and_is_not_followed(
    form: str, auditctl: Program
) -> None:
    with Server(log("persona")) as other, Server(log("persona")) as server:
        path = f"{Persona.path}?page%5Bafter%5D=ual_1&token={KEY}"
        link = elsewhere(form, server, other, path)
        server.faults = {2: linked(link)}
        found = exported(auditctl, server, "persona", "-v")
    assert found.status == 6
    assert "another origin" in found.said
    assert len(server.requests) == 2
    assert other.requests == []
    assert len(found.records) == 200  # whole, and what came before


def linked(link: object) -> Fault:
    """Answer with another link to the next page."""

    def edit(body: bytes) -> bytes:
        page = json.loads(body)
        page["links"]["next"] = link
        return json.dumps(page).encode()

    return Fault(edit=edit)


def test_the_cursor_is_taken_out_of_a_link_that_is_absolute_or_odd(
    auditctl: Program, sound: Callable[[str], bytes]
) -> None:
    with Server(log("persona")) as server:
        # Another path and size, and an origin that is ours, however it is written.
        host = server.url.upper().replace("HTTP", "HtTp")
        cursor = f"page%5Bafter%5D=ual_{FIRST_ID + 99}"
        server.faults = {1: linked(f"{host}/other/path?page%5Bsize%5D=1&{cursor}&x=1#there")}
        found = exported(auditctl, server, "persona")
    assert found.out == sound("persona")
    expected = {"page[size]": "100", "page[after]": f"ual_{FIRST_ID + 99}"}
    assert server.requests[1].params == expected
    assert server.requests[1].path == Persona.path


@pytest.mark.parametrize("link", [7, "", "?", {"href": "/x"}, "/api/v1/user-audit-logs?page=2"])
def test_a_link_without_a_cursor_cannot_be_understood(link: object, auditctl: Program) -> None:
    with Server(log("persona"), faults=[linked(link)]) as server:
        found = exported(auditctl, server, "persona")
    assert found.status == 6
    assert len(server.requests) == 1


# No question twice, and the provider's own end


@pytest.mark.parametrize("circle", [1, 2, 3])
def test_a_cursor_that_comes_back_ends_the_run(circle: int, auditctl: Program) -> None:
    links = [f"?page%5Bafter%5D=ual_{FIRST_ID + 100 * n}" for n in range(circle)]

    def choose(request: Request) -> Fault:
        return linked(links[request.number % circle] if request.number < TOO_OFTEN else None)

    with Server(log("persona", 1000), faults=choose) as server:
        found = exported(auditctl, server, "persona")
    assert found.status == 6
    assert "never end" in found.said
    assert len(server.requests) == circle + 1


@pytest.mark.parametrize("name", ["persona", "roam"])
def test_a_cursor_that_no_url_can_hold_ends_the_run(name: str, auditctl: Program) -> None:
    cursor = "x" * 70_000
    bodies = {
        "persona": {"data": [], "links": {"next": f"?page[after]={cursor}"}},
        "roam": {"ok": True, "auditLogs": [], "nextCursor": cursor},
    }
    fault = Fault(body=json.dumps(bodies[name]).encode())
    with Server(log(name), faults=again_and_again(fault)) as server:
        found = exported(auditctl, server, name, "--concurrency", "1")
    assert (found.status, len(server.requests)) == (6, 1)
    assert "cannot be asked for" in found.said


def test_a_cursor_of_a_days_list_that_comes_back_ends_the_run(auditctl: Program) -> None:
    page = Fault(body=b'{"ok":true,"auditLogs":[],"nextCursor":"c1"}')
    with Server(log("roam"), faults=again_and_again(page)) as server:
        found = exported(auditctl, server, "roam", "--concurrency", "1")
    assert found.status == 6
    assert "never end" in found.said
    assert [request.params.get("cursor") for request in server.requests] == [None, "c1"]


def test_a_log_that_outgrows_its_reader_ends_the_run(auditctl: Program) -> None:
    with Server(paged(log("hrhis", growth=400))) as server:
        found = exported(auditctl, server, "hrhis", "--concurrency", "1")
    assert found.status == 6
    assert len(server.requests) < 20


def emptied(name: str) -> Callable[[bytes], bytes]:
    def edit(body: bytes) -> bytes:
        return json.dumps({**json.loads(body), name: []}).encode()

    return edit


@pytest.mark.parametrize(("name", "rows"), [("persona", "data"), ("hrhis", "userLogs")])
def test_an_empty_page_is_not_the_end(name: str, rows: str, auditctl: Program) -> None:
    with Server(paged(log(name)), faults={2: Fault(edit=emptied(rows))}) as server:
        found = exported(auditctl, server, name, "--concurrency", "1")
    assert found.status == 0
    if name == "persona":
        assert (len(server.requests), len(found.ids)) == (3, ROWS - 100)
    else:  # the total tells that rows are missing, and the second pass shows them
        assert (len(server.requests), len(found.ids)) == (3 + 2, ROWS)


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
    auditctl: Program,
) -> None:
    with Server(log("roam"), faults={2: Fault(body=body), 3: Fault(body=body)}) as server:
        found = exported(auditctl, server, "roam", "--concurrency", "1")
    assert found.status == 0
    assert len(server.requests) == ANSWERS["roam"]
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
def test_json_of_another_shape_cannot_be_understood(
    name: str, body: bytes, auditctl: Program, tmp_path: Path
) -> None:
    with Server(log(name), faults=again_and_again(Fault(body=body))) as server:
        output = str(tmp_path / "log.csv")
        found = exported(auditctl, server, name, "--concurrency", "1", "-o", output)
    if (name, body) in (("upstash", b"[]"), ("roam", b"{}")):
        assert found.status == 0  # its own shape
        return
    assert found.status == 6
    assert "cannot be understood" in found.said
    assert len(server.requests) == 1
    assert list(tmp_path.iterdir()) == []


# One array, read in a stream


@pytest.mark.parametrize(
    "faults",
    [
        [CUT],
        [Fault(cut=1_400_000), Fault(cut=40_000), Fault(cut=1_400_000)],
        [too_many(0), Fault(cut=900_000), Fault(503, {"Retry-After": "0"})],
        [Fault(edit=lambda body: body[:1_000_000])],
        [Fault(edit=lambda body: body[:1_000_000] + b"<html>")],
    ],
    ids=["early", "thrice", "between refusals", "sound but cut", "sound but garbled"],
)
def test_a_stream_that_breaks_off_goes_on_without_loss_or_repeat(
    faults: list[Fault | None], auditctl: Program
) -> None:
    chunked = len(faults) > 1
    with Server(log("upstash", 5000, chunked=chunked), faults=faults) as server:
        found = exported(auditctl, server, "upstash")
    assert (found.status, found.said) == (0, "")
    numbers = [int(ident.rpartition("-")[2]) - FIRST_ID for ident in found.ids]
    assert numbers == list(range(5000))
    assert len(server.requests) == 1 + len(faults)


@pytest.mark.parametrize("limit", [(), ("--limit", "10")])
def test_a_log_that_changed_while_a_broken_answer_is_read_again_ends_the_run_with_3(
    limit: tuple[str, ...], auditctl: Program, tmp_path: Path
) -> None:
    def changed(body: bytes) -> bytes:
        return b'[{"log_id":"new"},' + body[1:]

    faults = [Fault(cut=900_000), Fault(edit=changed)]
    with Server(log("upstash", 5000), faults=faults) as server:
        output = str(tmp_path / "log.jsonl")
        found = exported(auditctl, server, "upstash", "-o", output, *limit)
    assert found.status == 3
    assert "changed" in found.said
    assert len(server.requests) == 2
    assert list(tmp_path.iterdir()) == []


def test_days_that_break_off_while_others_hold_all_connections_lose_and_repeat_nothing(
    auditctl: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day whose turn it is asks again while the answers that wait for theirs stay open."""
    monkeypatch.setattr("auditctl.http.requests.READ_AHEAD", 4_000)
    history = LOGS["roam"](15_000, span=timedelta(days=6), now=TODAY)
    faults = {1: Fault(cut=400_000), 3: Fault(cut=300_000), 6: Fault(cut=200)}
    words = ("--since", f"{TODAY - timedelta(days=6):%Y-%m-%d}", "--until", f"{TODAY:%Y-%m-%d}")
    with Server(history, faults=faults) as server:
        found = auditctl("roam", "list", *words, **server.environment)
    assert (found.status, found.said) == (0, "")
    times = [record["time"] for record in found.records]
    assert times == sorted(times, reverse=True)
    assert len(set(found.ids)) == len(found.ids) == 15_000
    assert len(server.requests) == 6 + len(faults)


def test_what_was_written_before_a_stream_broke_for_good_is_whole_records(
    auditctl: Program,
) -> None:
    with Server(log("upstash", 5000), faults=again_and_again(Fault(cut=900_000))) as server:
        found = exported(auditctl, server, "upstash", "--retry-for", "0s")
    assert found.status == 3
    assert found.out.endswith(b"\n")
    assert 100 < len(set(found.ids)) == len(found.ids) < 5000


def test_rows_that_invite_a_cut_inside_them_and_one_that_is_huge_come_whole(
    auditctl: Program,
) -> None:
    traps = ["},{", '"},{"', "\\", '{"a":[{},{},{}]},{', "}, \n {", "]", "\ud800"]
    rows: list[Any] = [
        {"log_id": f"{n}", "timestamp": int(TODAY.timestamp()) - 9, "notes": traps[n % len(traps)]}
        | {"nested": [{"log_id": "no"}, {"x": [{}, {}]}] * (n % 3)}
        for n in range(2000)
    ]
    rows[1000]["notes"] = "},{" * 1_500_000
    with Server(Upstash(rows)) as server:
        found = exported(auditctl, server, "upstash", "--raw")
    assert found.records == rows


@dataclass
class Halting(Upstash):
    """Sends its first rows, and the rest when the gate opens."""

    gate: threading.Event = field(default_factory=threading.Event)
    opened: bool = False

    def stream(self) -> Iterator[bytes]:
        pieces = super().stream()
        yield next(pieces)
        yield next(pieces)
        self.opened = self.gate.wait(LONG)
        yield from pieces


def test_the_first_rows_are_out_before_the_answer_is_complete() -> None:
    history = Halting(5000, span=SPAN, now=TODAY)
    with (
        Server(history) as server,
        started("upstash", "list", *WINDOW, **server.environment) as process,
    ):
        assert process.stdout
        assert process.stderr
        first = json.loads(process.stdout.readline())
        history.gate.set()
        rest, said = process.stdout.read(), process.stderr.read()
    assert history.opened, "the rows came when the server had given up waiting"
    assert first["id"].endswith(f"-{FIRST_ID}")
    assert rest.count(b"\n") == 4999
    assert (process.returncode, said) == (0, b"")


# Credentials that change


def in_a_file(server: Server, name: str, path: Path, value: str = KEY) -> dict[str, str]:
    """Give an environment that names a file for the secret."""
    variable = LOGS[name].secret
    path.write_text(f"{value}\n")
    given = {key: text for key, text in server.environment.items() if key != variable}
    return {**given, f"{variable}_FILE": str(path)}


HIDDEN_401 = Fault(404, body=b'{"httpStatusCode":401,"message":"Unauthorized"}')


@every_provider
def test_a_secrets_file_is_read_again_when_the_credentials_are_refused(
    name: str, auditctl: Program, sound: Callable[[str], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "secret"

    def rotate(request: Request) -> Fault | None:
        if request.number > 1:
            return None
        path.write_text(KEY)
        return HIDDEN_401 if name == "hrhis" else None

    with Server(log(name), faults=rotate) as server:
        environment = in_a_file(server, name, path, "old_secret")
        found = auditctl(name, "list", *WINDOW, "-v", "--concurrency", "1", **environment)
    assert "old_secret" not in found.said
    assert found.status == 0
    assert found.out == sound(name)
    assert len(server.requests) == ANSWERS[name] + 1
    first, *rest = (request.headers["authorization"] for request in server.requests)
    assert first != LOGS[name].authorization
    assert set(rest) == {LOGS[name].authorization}


def test_requests_under_way_at_once_share_the_secret_that_was_read_again(
    auditctl: Program, sound: Callable[[str], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "secret"

    def rotate(_: Request) -> None:
        path.write_text(KEY)

    with Server(log("roam"), faults=rotate, latency=0.05) as server:
        found = auditctl("roam", "list", *WINDOW, **in_a_file(server, "roam", path, "old_secret"))
    assert found.out == sound("roam")
    assert len(server.requests) <= 2 * ANSWERS["roam"]


@every_provider
def test_a_secrets_file_is_read_again_once_only(
    name: str, auditctl: Program, tmp_path: Path
) -> None:
    path = tmp_path / "secret"

    def rotate(request: Request) -> Fault:
        path.write_text(f"{KEY}_{request.number}")
        return Fault(401 if request.number < TOO_OFTEN else 400)

    with Server(log(name), faults=rotate) as server:
        environment = in_a_file(server, name, path)
        found = auditctl(name, "list", *WINDOW, "--concurrency", "1", **environment)
    assert found.status == 4
    assert len(server.requests) == 2


@every_provider
def test_a_secrets_file_is_not_read_again_while_the_credentials_are_accepted(
    name: str, auditctl: Program, sound: Callable[[str], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "secret"
    faults = [Fault(503, {"Retry-After": "0"})]

    def spoil(request: Request) -> Fault | None:
        path.write_text("another")
        return faults[0] if request.number == 1 else None

    with Server(log(name), faults=spoil) as server:
        found = auditctl(name, "list", *WINDOW, **in_a_file(server, name, path))
    assert found.out == sound(name)
    assert {r.headers["authorization"] for r in server.requests} == {LOGS[name].authorization}


def test_a_refused_secret_out_of_a_variable_is_not_tried_again(auditctl: Program) -> None:
    with Server(log("persona")) as server:
        found = exported(auditctl, server, "persona", PERSONA_API_KEY="wrong_secret")
    assert found.status == 4
    assert "wrong_secret" not in found.said
    assert len(server.requests) == 1


# How many requests, connections and headers


@pytest.mark.parametrize("rows", [0, 1, 99, 100, 101, 250, 1000])
def test_a_log_of_pages_takes_one_request_per_hundred_rows_on_one_connection(
    rows: int, auditctl: Program
) -> None:
    with Server(log("persona", rows)) as server:
        found = exported(auditctl, server, "persona")
    assert len(set(found.ids)) == rows
    assert len(server.requests) == max(1, -(-rows // 100))
    assert server.connections == 1


@pytest.mark.parametrize("concurrency", [1, 2, 4, 8])
@pytest.mark.parametrize("name", ["roam", "hrhis"])
def test_as_many_connections_as_asked_for_are_under_way(
    name: str, concurrency: int, auditctl: Program
) -> None:
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
        found = auditctl(
            name, "list", *words, "--concurrency", str(concurrency), **server.environment
        )
    assert len(set(found.ids)) == 2000
    assert len(server.requests) == 20
    assert server.peak == concurrency
    assert server.connections <= concurrency


@every_provider
def test_nothing_is_asked_beside_the_pages(name: str, auditctl: Program) -> None:
    with Server(log(name)) as server:
        exported(auditctl, server, name)
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


@every_provider
def test_every_request_says_who_asks_and_how_the_answer_is_wanted(
    name: str, auditctl: Program
) -> None:
    with Server(log(name)) as server:
        exported(auditctl, server, name)
    for request in server.requests:
        assert request.headers["user-agent"] == f"auditctl/{__version__}"
        assert request.headers["authorization"] == LOGS[name].authorization
        assert request.headers["host"] == server.url.removeprefix("http://")
        assert request.headers.get("key-inflection") == ("kebab" if name == "persona" else None)


@pytest.mark.parametrize("path", ["", "/", "/demo", "/demo/"])
def test_a_base_url_may_have_a_path_of_its_own(path: str, auditctl: Program) -> None:
    with Server(log("hrhis")) as server:
        exported(auditctl, server, "hrhis", HRHIS_BASE_URL=server.url + path)
    assert server.requests[0].path == f"{path.rstrip('/')}/api/userLogs"


def test_a_session_that_the_provider_opens_goes_on_and_is_told_to_nobody(
    auditctl: Program,
) -> None:
    cookie = {"Set-Cookie": "sess=opened-by-the-provider; Path=/; HttpOnly"}
    with Server(paged(log("hrhis")), faults=[Fault(headers=cookie)]) as server:
        found = exported(auditctl, server, "hrhis", "-v", "--no-redact")
    assert "cookie" not in server.requests[0].headers
    assert {r.headers["cookie"] for r in server.requests[1:]} == {"sess=opened-by-the-provider"}
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
    name: str, limit: int, requests: int, auditctl: Program
) -> None:
    with Server(log(name, 300)) as server:
        found = exported(auditctl, server, name, "--limit", str(limit))
        assert len(server.requests) == requests
        whole = exported(auditctl, server, name)
    assert found.records == whole.records[:limit]


def test_reading_stops_with_the_first_page_that_is_wholly_older(auditctl: Program) -> None:
    history = Persona(1000, span=timedelta(days=10), now=TODAY)
    yesterday = ("--since", f"{TODAY - timedelta(days=1):%Y-%m-%d}", "--until", WINDOW[3])
    with Server(history) as server:
        found = auditctl("persona", "list", *yesterday, **server.environment)
    assert len(found.ids) == 100
    assert len(server.requests) == 2


# A log that grows while it is read


@pytest.mark.parametrize("concurrency", ["1", "4"])
@pytest.mark.parametrize("growth", [1, 37])
@pytest.mark.parametrize("name", ["hrhis", "persona"])
def test_a_log_that_grows_loses_and_repeats_nothing(
    name: str, growth: int, concurrency: str, auditctl: Program
) -> None:
    with Server(paged(log(name, 1000, growth=growth))) as server:
        found = exported(auditctl, server, name, "--concurrency", concurrency)
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
def test_a_page_that_is_answered_from_before_the_log_grew_leaves_no_gap(
    growth: int, auditctl: Program
) -> None:
    with Server(Overtaken(1000, span=SPAN, now=TODAY, growth=growth, paged=True)) as server:
        found = exported(auditctl, server, "hrhis", "--concurrency", "4")
    assert found.status == 0
    assert sorted(int(ident) - FIRST_ID for ident in found.ids) == list(range(1000))


@pytest.mark.parametrize("concurrency", ["1", "4"])
def test_what_a_log_grew_by_comes_at_most_once(concurrency: str, auditctl: Program) -> None:
    history = paged(log("hrhis", 1000, growth=37))
    history.now -= timedelta(days=1)  # so that it grows inside the window
    with Server(history) as server:
        found = exported(auditctl, server, "hrhis", "--concurrency", concurrency)
    numbers = [int(ident) - FIRST_ID for ident in found.ids]
    assert len(set(numbers)) == len(numbers)
    assert set(numbers) >= set(range(1000))


# A log whose pages move, and which is longer for each request


@pytest.mark.parametrize("user", [(), ("--user", "all")])
def test_everything_is_one_request_for_each_log(user: tuple[str, ...], auditctl: Program) -> None:
    with Server(log("hrhis", 1000, logged=True, shuffled=True)) as server:
        found = exported(auditctl, server, "hrhis", *user)
    numbers = [int(ident) - FIRST_ID for ident in found.ids]
    assert (found.status, found.said) == (0, "")
    assert sorted(numbers) == list(range(1000))
    assert {request.query.removesuffix("&fields=id") for request in server.requests} == {
        "paging=false&pageSize=100"
    }
    assert len(server.requests) == (1 + 5 if user else 1)


@pytest.mark.parametrize("concurrency", ["1", "4"])
@pytest.mark.parametrize("refused", [None, 400, 422, 500])
def test_pages_in_the_order_of_writing_are_read_whole_though_each_request_is_logged(
    refused: int | None, concurrency: str, auditctl: Program
) -> None:
    history = log("hrhis", 1000, logged=True, paged=True, refused=refused)
    with Server(history) as server:
        found = exported(auditctl, server, "hrhis", "--concurrency", concurrency)
    numbers = [int(ident) - FIRST_ID for ident in found.ids]
    assert (found.status, found.said) == (0, "")
    assert sorted(numbers) == list(range(1000))
    tries = {None: 0, 500: 2}.get(refused, 1)
    assert tries + 10 < len(server.requests) < tries + 16  # what they add takes an eleventh page


@pytest.mark.parametrize("refused", [None, 400])
def test_pages_in_another_order_for_each_request_are_no_export(
    refused: int | None, auditctl: Program, tmp_path: Path
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"yesterday's\n")
    history = log("hrhis", 1000, shuffled=True, logged=True, paged=True, refused=refused)
    with Server(history) as server:
        found = exported(auditctl, server, "hrhis", "-o", str(path))
    assert found.status == 6
    assert re.search(r"HRHIS showed \d+ of 1\d\d\d rows", found.said)
    assert "changed" not in found.said
    assert [entry.name for entry in tmp_path.iterdir()] == ["log.jsonl"]
    assert path.read_bytes() == b"yesterday's\n"


def test_a_sync_over_pages_that_move_keeps_what_it_has_and_covers_nothing(
    auditctl: Program, tmp_path: Path
) -> None:
    path = tmp_path / "log.jsonl"
    history = log("hrhis", 1000, shuffled=True, paged=True)
    assert isinstance(history, Hrhis)
    with Server(history) as server:
        first = auditctl("hrhis", "sync", "-o", str(path), **server.environment)
        assert (first.status, "rows" in first.said) == (6, True)
        kept = path.read_bytes()
        assert 700 < kept.count(b"\n") < 1000
        told = auditctl("status", str(path), "--format", "json")
        history.paged = False
        second = auditctl("hrhis", "sync", "-o", str(path), **server.environment)
    (told_of,) = json.loads(told.out)
    assert (told_of["covered"], told_of["last_success"]) == (None, None)
    assert second.status == 0
    assert path.read_bytes().startswith(kept)
    ids = [json.loads(line)["id"] for line in path.read_bytes().splitlines()]
    assert sorted(int(ident) - FIRST_ID for ident in ids) == list(range(1000))


@pytest.mark.parametrize("paged", [False, True])
def test_a_check_asks_for_everything_in_one_answer_or_for_one_page(
    auditctl: Program, *, paged: bool
) -> None:
    history = log("hrhis", 1000, shuffled=True, logged=True, paged=paged)
    with Server(history) as server:
        found = auditctl("hrhis", "check", **server.environment)
    assert (found.status, len(server.requests)) == (0, 1)
    assert ("on the first page" in found.out.decode()) == paged


# The environment


@pytest.mark.parametrize("name", ["persona", "upstash"])
def test_a_netrc_file_changes_nothing(
    name: str, auditctl: Program, sound: Callable[[str], bytes], tmp_path: Path
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1\nlogin stranger\npassword stranger\n")
    netrc.chmod(0o600)
    with Server(log(name)) as server:
        found = exported(auditctl, server, name, HOME=str(tmp_path), NETRC=str(netrc))
    assert found.out == sound(name)
    assert {r.headers["authorization"] for r in server.requests} == {LOGS[name].authorization}


class Proxy(Server):
    """Answers itself what it is asked to fetch."""

    def answer(self, request: Request, fault: Fault) -> Answer:
        path = re.sub(r"^https?://[^/]*", "", request.path)
        return super().answer(replace(request, path=path), fault)


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_a_proxy_variable_is_used_as_users_expect(
    variable: str, auditctl: Program, sound: Callable[[str], bytes]
) -> None:
    with Proxy(log("persona")) as proxy:
        environment = {
            **proxy.environment,
            "PERSONA_BASE_URL": "http://127.0.0.1:9/api/v1",
            variable: proxy.url,
        }
        words = ("persona", "list", *WINDOW, "--retry-for", "0s")
        found = auditctl(*words, **environment)
    assert found.out == sound("persona")
    address = f"http://127.0.0.1:9{Persona.path}"
    assert {request.path for request in proxy.requests} == {address}


@pytest.mark.parametrize("exception", ["127.0.0.1", "localhost,127.0.0.1", "*", "127.0.0.1:PORT"])
def test_no_proxy_is_respected(
    exception: str, auditctl: Program, sound: Callable[[str], bytes]
) -> None:
    with Proxy(log("persona")) as proxy, Server(log("persona")) as server:
        port = server.url.rpartition(":")[2]
        through = {"http_proxy": proxy.url, "no_proxy": exception.replace("PORT", port)}
        found = exported(auditctl, server, "persona", **through)
    assert found.out == sound("persona")
    assert proxy.requests == []


@pytest.mark.parametrize("proxy", ["http://192.0.2.1:9", "192.0.2.1:9", "http://[2001:db8::1]:9"])
def test_another_machines_proxy_never_sees_what_is_for_this_one(
    proxy: str, auditctl: Program, sound: Callable[[str], bytes]
) -> None:
    with Server(log("persona")) as server:
        found = exported(auditctl, server, "persona", http_proxy=proxy, all_proxy=proxy)
    assert found.out == sound("persona")


def test_a_proxy_that_needs_more_than_is_installed_says_so(
    auditctl: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    found = auditctl("persona", "list", PERSONA_API_KEY=KEY, all_proxy="socks5://127.0.0.1:9")
    assert found.ended == (
        2,
        (
            "auditctl: error: The connection cannot be set up: a SOCKS proxy needs more: pip "
            "install 'auditctl[socks]'. Check the variables for it, such as HTTPS_PROXY and "
            "ALL_PROXY.\n"
        ),
    )


def test_a_proxy_that_refuses_is_not_asked_again(auditctl: Program) -> None:
    with Server() as proxy:
        found = auditctl("persona", "list", PERSONA_API_KEY=KEY, https_proxy=proxy.url)
    assert found.ended == (
        3,
        (
            "auditctl: error: Persona cannot be reached at api.withpersona.com:443 through the "
            "proxy (404 Not Found). Check the proxy's variable (HTTPS_PROXY).\n"
        ),
    )
    assert len(proxy.requests) == 1


def test_a_proxy_is_asked_to_connect_and_never_sees_the_credentials(auditctl: Program) -> None:
    with Server() as proxy:
        found = auditctl(
            "persona",
            "list",
            "--retry-for",
            "0s",
            PERSONA_API_KEY=KEY,
            https_proxy=proxy.url,
        )
    assert found.status == 3
    assert [(r.method, r.path) for r in proxy.requests] == [("CONNECT", "api.withpersona.com:443")]
    assert "authorization" not in proxy.requests[0].headers


# --verbose

LINE = re.compile(r"GET (/\S+) (\d{3}|no answer) (\d+) ms (\d+) bytes")


@pytest.mark.parametrize("name", ["upstash", "roam"])
def test_verbose_says_a_line_per_request_that_tells_method_path_status_time_and_bytes(
    name: str, auditctl: Program
) -> None:
    faults = [too_many(0), DROP]
    with Server(log(name), faults=faults) as server:
        found = exported(auditctl, server, name, "-v", "--concurrency", "1")
    lines = [match for line in found.said.splitlines() if (match := LINE.fullmatch(line))]
    assert [match[1].partition("?")[0] for match in lines] == [r.path for r in server.requests]
    statuses = ["429", "no answer", *["200"] * ANSWERS[name]]
    assert [match[2] for match in lines] == statuses
    assert [int(match[4]) > 0 for match in lines] == [status != "no answer" for status in statuses]


def test_verbose_says_a_line_per_redirect(auditctl: Program) -> None:
    hops = [redirect(f"{Persona.path}?hop={n}&token={KEY}") for n in (1, 2)]
    with Server(log("persona"), faults=[*hops, redirect("//elsewhere.example/x")]) as server:
        found = exported(auditctl, server, "persona", "-v")
    lines = [match for line in found.said.splitlines() if (match := LINE.fullmatch(line))]
    assert [match[2] for match in lines] == ["302"] * 3
    queries = ["page[size]=100", "hop=1&token=[REDACTED]", "hop=2&token=[REDACTED]"]
    assert [match[1] for match in lines] == [f"{Persona.path}?{query}" for query in queries]
    assert len(server.requests) == 3


@every_provider
def test_verbose_in_json_gives_the_facts_of_each_request(name: str, auditctl: Program) -> None:
    with Server(log(name)) as server:
        found = exported(auditctl, server, name, "-v", "--log-format", "json")
    told = [json.loads(line) for line in found.said.splitlines()]
    requests = [entry for entry in told if "path" in entry]
    assert len(requests) == ANSWERS[name]
    for entry in requests:
        assert entry.keys() >= {"time", "level", "message", "method", "milliseconds", "bytes"}
        assert (entry["method"], entry["status"]) == ("GET", 200)
        assert entry["path"].startswith(LOGS[name].path)


def test_verbose_hides_what_a_query_may_hold_and_moves_no_cursor(auditctl: Program) -> None:
    link = "?page%5Bafter%5D=x%26token%3Dhidden%1B%5B2J"
    end = Fault(body=b'{"data":[],"links":{"next":null}}')
    with Server(log("persona"), faults=[linked(link), end]) as server:
        found = exported(auditctl, server, "persona", "-v")
    assert len(server.requests) == 2
    assert "hidden" not in found.said
    assert "\x1b" not in found.said


# Memory

PEAK = """
import os, sys
out = os.open(os.devnull, os.O_WRONLY)
redirected = [(os.POSIX_SPAWN_DUP2, out, 1)]
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=redirected)
_, status, usage = os.wait4(child, 0)
print(status, usage.ru_maxrss)
"""
"""The kernel counts a child's peak from its parent's size on, so the parent has to be small."""
MIB = 1024 * (1024 if sys.platform == "darwin" else 1)  # what ru_maxrss counts, per MiB


def peak(server: Server, *words: str) -> float:
    """Run the program and return its peak resident size in MiB."""
    command = [sys.executable, "-I", "-S", "-c", PEAK, *COMMAND]
    told = process(*words, command=command, environ=server.environment)
    status, size = map(int, told.out.split())
    assert (status, told.ended) == (0, (0, ""))
    return size / MIB


@pytest.mark.parametrize("name", ["persona", "roam", "hrhis"])
def test_ten_times_the_records_take_no_more_memory(name: str) -> None:
    peaks = []
    for days in (30, 300):
        history = LOGS[name](days * 100, span=timedelta(days=days), now=TODAY)
        since = f"{TODAY - timedelta(days=days):%Y-%m-%d}"
        with Server(history) as server:
            peaks.append(peak(server, name, "list", "--since", since, "--until", WINDOW[3]))
        assert len(server.requests) == (1 if name == "hrhis" else days)
    assert peaks[1] < 1.3 * peaks[0]


def test_a_huge_array_takes_little_memory() -> None:
    rows = 175_000
    history = log("upstash", rows)
    assert (history.answer(Request(1, 0, "GET", "/auditlogs", "", {})).length or 0) > 60_000_000
    with Server(history) as server:
        assert peak(server, "upstash", "list", *WINDOW) < 80
