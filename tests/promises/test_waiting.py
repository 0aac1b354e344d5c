"""How long a service is waited for, and what ends it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from email.utils import formatdate
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from auditctl import demo
from auditctl.http import pace
from auditctl.http.client import Client
from auditctl.settings import sample
from auditctl.window import Window
from tests import tape
from tests.program import LONG, result, started
from tests.server import (
    BAD_GZIP,
    DRIP,
    DROP,
    LOGS,
    NOT_JSON,
    TRUNCATED,
    Fault,
    Request,
    Server,
    again_and_again,
    too_many,
)
from tests.world import (
    ANSWERS,
    SPAN,
    TODAY,
    WINDOW,
    asked,
    every_provider,
    listed,
    log,
    paged,
    sound,
)


@pytest.mark.parametrize("fault", [Fault(cut=3), BAD_GZIP], ids=["cut", "no gzip"])
def test_a_pause_is_waited_out_though_the_body_breaks_off(fault: Fault) -> None:
    wait = {**fault.headers, "Retry-After": "1.5"}
    found, requests = asked("persona", faults=[replace(fault, status=429, headers=wait)])
    assert (found.status, len(requests)) == (0, ANSWERS["persona"] + 1)
    assert requests[1].time >= requests[0].time + 1.5
    wait["Retry-After"] = "9" * 400
    longer = replace(fault, status=429, headers=wait)
    found, requests = asked("persona", faults=again_and_again(longer))
    assert (found.status, len(requests)) == (5, 1)


def waited(server: Server) -> float:
    return server.requests[1].time - server.requests[0].time


@pytest.mark.parametrize(
    ("name", "status", "header"),
    [("persona", 429, "RateLimit-Reset"), ("upstash", 503, "Retry-After")],
)
def test_a_pause_in_seconds_is_waited_out(name: str, status: int, header: str) -> None:
    with Server(log(name), faults=[Fault(status, {header: "1"})]) as server:
        found = listed(server, name, "--retry-for", "3s")
    assert found.status == 0
    assert waited(server) >= 1


@pytest.mark.parametrize("ahead", [0, 86400], ids=["right", "a day ahead"])
@pytest.mark.parametrize(
    ("header", "form"),
    [("Retry-After", partial(formatdate, usegmt=True)), ("RateLimit-Reset", "{:.0f}".format)],
    ids=["Retry-After", "RateLimit-Reset"],
)
def test_a_pause_until_a_date_is_waited_out_by_the_providers_own_clock(
    header: str, form: Callable[[float], str], ahead: float
) -> None:
    until: list[float] = []

    def choose(request: Request) -> Fault | None:
        if request.number > 1:
            return None
        now = int(time.time()) + ahead
        until.append(int(time.monotonic() - time.time() + now - ahead + 1))
        dates = {"Date": formatdate(now, usegmt=True)}
        return Fault(429, dates | {header: form(now + 1)})

    found, requests = asked("persona", "--retry-for", "3s", faults=choose)
    assert found.status == 0
    assert requests[1].time >= until[0]
    assert len(requests) == ANSWERS["persona"] + 1


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
def test_a_pause_that_is_over_or_unreadable_does_not_stop_the_run(headers: dict[str, str]) -> None:
    found, requests = asked("persona", "--retry-for", "10s", faults=[Fault(429, headers)])
    assert found.status == 0
    assert len(requests) == ANSWERS["persona"] + 1


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


@every_provider
def test_a_pause_longer_than_our_patience_ends_the_run_at_once(name: str) -> None:
    with Server(log(name), faults=again_and_again(too_many(301))) as server:
        found = result(name, "list", *WINDOW, "--concurrency", "1", **server.environment)
    assert found.status == 5
    assert "301 s" in found.said
    assert "300 s" in found.said
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("name", "fault", "status"),
    [
        ("roam", Fault(429), 5),
        ("persona", Fault(503), 3),
        ("persona", DROP, 3),
        ("upstash", NOT_JSON, 3),
        ("upstash", TRUNCATED, 3),
    ],
    ids=["429", "503", "dropped", "not JSON", "an array cut in a sound answer"],
)
def test_a_provider_that_keeps_failing_ends_the_run(
    name: str, fault: Fault, status: int, tmp_path: Path
) -> None:
    with Server(log(name), faults=again_and_again(fault)) as server:
        output = str(tmp_path / "log.jsonl")
        words = ("--retry-for", "1s", "--concurrency", "1", "-o", output)
        found = listed(server, name, *words)
    assert found.status == status
    assert "--retry-for" in found.said
    assert 2 <= len(server.requests) <= 6
    assert list(tmp_path.iterdir()) == []


@every_provider
def test_a_port_where_nobody_listens_ends_the_run_with_3(name: str) -> None:
    with Server() as server:
        pass
    found = listed(server, name, "--retry-for", "0s", "--concurrency", "1")
    assert found.status == 3
    assert "cannot be reached at 127.0.0.1" in found.said
    variable = f"{name.upper()}_BASE_URL"
    assert f". Check {variable}, the network and the provider's status page.\n" in found.said
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
def test_what_is_no_answer_of_the_api_is_told_apart(fault: Fault, said: str) -> None:
    found, _ = asked("persona", "--retry-for", "0s", faults=again_and_again(fault))
    assert found.ended == (3, f"auditctl: error: Persona {said}\n")


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


def test_an_answer_that_drips_is_a_trouble_that_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "SPAN", 0.1)
    found, requests = asked("persona", "-v", faults={2: replace(DRIP, drip=0.05)})
    assert found.out == sound("persona")
    assert "did not answer in time (less than 64 KiB in 0 s); asking again" in found.said
    assert len(requests) == ANSWERS["persona"] + 1


HEADERS = {"one": {"X": "x" * 200_000}, "many": {f"X-{n}": "x" * 100 for n in range(2000)}}


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
def test_headers_without_a_bound_end_the_run_with_6(headers: dict[str, str]) -> None:
    found, requests = asked("persona", faults=again_and_again(Fault(headers=headers)))
    assert (found.status, len(requests)) == (6, 1)
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
