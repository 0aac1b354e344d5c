"""What goes wrong with an answer: troubles that pass, and refusals in the vendor's words."""

from __future__ import annotations

import base64
import gzip
import html
import json
import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from http.client import responses
from urllib.parse import quote

import pytest

from tests.program import result
from tests.server import (
    BAD_GZIP,
    CUT,
    DROP,
    KEY,
    LOGS,
    NOT_JSON,
    TRUNCATED,
    Fault,
    Server,
    again_and_again,
    redirect,
)
from tests.world import ANSWERS, asked, every_provider, listed, log, sound

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
    name: str, fault: Fault
) -> None:
    found, requests = asked(name, faults={ANSWERS[name] // 2 + 1: fault})
    assert (found.status, found.said) == (0, "")
    assert found.out == sound(name)
    assert len(requests) == ANSWERS[name] + 1
    questions = [request.query for request in requests]
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
def test_an_answer_is_read_however_it_is_wrapped(name: str, form: str) -> None:
    coding, edit = WRAPPED[form]
    wrapped = Fault(headers={"Content-Encoding": coding}, edit=edit)
    found, requests = asked(name, faults=again_and_again(wrapped))
    assert found.out == sound(name)
    assert all("gzip" in request.headers["accept-encoding"] for request in requests)


@pytest.mark.parametrize("status", [204, 205])
@pytest.mark.parametrize("name", ["persona", "upstash"])
def test_no_content_is_an_empty_log(name: str, status: int) -> None:
    with Server(log(name), faults=again_and_again(Fault(status, body=b""))) as server:
        found = listed(server, name)
        checked = result(name, "check", **server.environment)
    assert (found.status, found.said, found.out) == (0, "", b"")
    assert checked.status == 0
    assert b"newest record: none" in checked.out
    assert len(server.requests) == 2


def test_no_content_behind_a_cursor_is_no_end() -> None:
    found, requests = asked("persona", faults={2: Fault(204, body=b"")})
    assert found.status == 6
    assert "it lacks the list data" in found.said
    assert len(requests) == 2


@pytest.mark.parametrize("status", [*NOT_RETRIED, 401, 403, 501])
@every_provider
def test_a_refusal_is_asked_for_once_and_told_in_the_vendors_words(name: str, status: int) -> None:
    codes = {400: "invalid_arguments", 401: "invalid_token", 403: "missing_scope"}
    words = codes.get(status, responses[status]) if name == "roam" else responses[status]
    found, requests = asked(name, "--concurrency", "1", faults=again_and_again(Fault(status)))
    assert found.status == {401: 4, 403: 4, 501: 3}.get(status, 6)
    assert f"({status}: {words})" in found.said
    assert found.said.startswith("auditctl: error: ")
    assert found.said.count("\n") == 1
    assert found.out == b""
    pages = 1 if name == "hrhis" and status not in (401, 403) else 0  # once more, in pages
    assert len(requests) == 1 + pages


@every_provider
def test_credentials_that_are_refused_or_do_not_suffice_are_named(name: str) -> None:
    said = {}
    for status in (401, 403):
        with Server(log(name), faults=again_and_again(Fault(status))) as server:
            said[status] = listed(server, name, "--concurrency", "1").said
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
    name: str, variable: str, status: int, quote_: str
) -> None:
    with Server(log(name), faults=again_and_again(Fault(status))) as server:
        value = server.environment[variable]
        quoted = {variable: f"{quote_}{value}{quote_}"}
        found = listed(server, name, "--concurrency", "1", **quoted)
        plain = listed(server, name, "--concurrency", "1")
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
    name: str, fault: Fault, status: int, words: str
) -> None:
    found, requests = asked(name, "--concurrency", "1", faults=again_and_again(fault))
    assert found.status == status
    assert words in found.said
    pages = 1 if name == "hrhis" and status == 6 else 0  # once more, in pages
    assert len(requests) == 1 + pages


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("status", [200, 400, 401, 429])
@every_provider
def test_a_secret_that_the_provider_says_back_is_not_passed_on(
    name: str, status: int, form: str
) -> None:
    ours = LOGS[name].authorization
    said = json.dumps({"error": f"{KEY} in {ours}, {ours.split()[1]}\x1b[31m"}).encode()
    fault = Fault(status, {"Retry-After": "9", "X-Echo": ours}, body=said)
    words = ("--retry-for", "0s", "-v", "--log-format", form, "--concurrency", "1")
    found, requests = asked(name, *words, faults=again_and_again(fault))
    assert found.status != 0
    assert "\x1b" not in found.said
    assert {request.headers["authorization"] for request in requests} == {ours}


@pytest.mark.parametrize("path", [f"/y/{KEY}", f"/y?k={KEY}", "/y?k=" + KEY.replace("_", "%5F")])
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_secret_in_a_redirect_is_not_shown(form: str, path: str) -> None:
    found, requests = asked("persona", "-v", "--log-format", form, faults=[redirect(path)])
    assert (found.status, len(requests)) == (6, 2)
    assert "[REDACTED]" in found.said


HARD = "pa\\ss'wo\"rd/é  +1%<&>?"  # of two blanks


SAID_BACK: dict[str, object] = {
    "list": {"message": [HARD, f"{HARD} again"]},
    "repr": {"error": repr(HARD)[1:-1]},
    "quoted": {"message": {"error": quote(HARD)}},
    "quoted whole": {"message": quote(HARD, safe="")},
    "JSON": {"errors": [{"title": json.dumps(HARD)}]},
    "PHP": {"needed": [json.dumps(HARD).replace("/", "\\/")]},
    "Basic": {"message": base64.b64encode(f"asha:{HARD}".encode()).decode().rstrip("=")},
    "URL-safe Basic": {"message": base64.urlsafe_b64encode(f"asha:{HARD}".encode()).decode()},
    "base64": {"message": base64.b64encode(HARD.encode()).decode()},
    "URL-safe base64": {"message": base64.urlsafe_b64encode(HARD.encode()).decode()},
    "quoted in lower case": {
        "message": re.sub("%..", lambda code: code[0].lower(), quote(HARD, safe=""))
    },
    "HTML": {"message": html.escape(HARD, quote=False)},
    "JSON in JSON": {"message": json.dumps(json.dumps(HARD))},
}


@pytest.mark.parametrize("said", SAID_BACK.values(), ids=SAID_BACK)
def test_a_secret_is_known_in_whatever_form_it_is_said_back(said: object) -> None:
    fault = Fault(400, body=json.dumps(said).encode())
    faults = again_and_again(fault)
    found, _ = asked("hrhis", faults=faults, HRHIS_USERNAME="asha", HRHIS_PASSWORD=HARD)
    assert found.status == 6
    assert "[REDACTED]" in found.said
    assert "wo" not in found.said
    assert "YXNoYTp" not in found.said
    assert "cGFcc3" not in found.said


@pytest.mark.parametrize("fault", [Fault(cut=3), BAD_GZIP], ids=["cut", "no gzip"])
@pytest.mark.parametrize(("status", "ends"), [(401, 4), (403, 4)])
def test_a_refusal_is_one_though_its_body_breaks_off(status: int, ends: int, fault: Fault) -> None:
    broken = replace(fault, status=status)
    found, requests = asked("persona", faults=again_and_again(broken))
    assert (found.status, len(requests)) == (ends, 1)
