"""Whatever a service refuses with, the run ends as the status says, and no secret is shown."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from auditctl import registry
from auditctl.errors import failure
from auditctl.export import batches
from auditctl.http.mask import LONGEST_TEXT
from auditctl.provider import ClientCredentials, ServiceAccount, Window
from auditctl.settings import find, load
from tests import server, tape
from tests.account import PRIVATE_KEY
from tests.server import KEY
from tests.service import Service
from tests.vendors import VENDORS

WORDS = f"Not this, with {KEY}"
SHOWN = "Not this, with [REDACTED]"
ENDS = {400: 6, 401: 4, 402: 6, 403: 4, 404: 6, 409: 6, 429: 5, 500: 3, 503: 3}


def nested(levels: int, inner: Any) -> Any:
    for _ in range(levels):
        inner = {"error": inner}
    return inner


SPEAKING: list[Any] = [
    WORDS,
    [WORDS],
    nested(15, {"message": WORDS}),
    {"message": WORDS},
    {"message": [WORDS]},
    {"Error": {"Message": WORDS}},
    {"error": [WORDS]},
    {"error": {"errors": [None, {"reason": []}, 7], "message": [WORDS]}},
    {"errors": WORDS},
    {"errors": {"name": [WORDS, [WORDS]]}},
    {"errors": [{"code": [1], "message": WORDS}, {"code": {"a": 1}}] * 900},
    {"message": f"\x1b[31m\u202e\n{WORDS} [bold]. " + 60_000 * "x"},
    b"\xef\xbb\xbf" + json.dumps({"message": WORDS}).encode(),
]
"""Bodies with words of the vendor's own, and the key in them."""
MUTE: list[Any] = [
    *(None, True, False, 0, 7, 1e300, "", [], {}, [None], [[[None]], [], {}], {"error": 0}),
    *({"error": None}, {"error": []}, {"error": {}}, {"error": {"code": {}}}),
    *({"error": {"errors": {"reason": 1}}}, {"error": [{"errors": [{"reason": "quotaExceeded"}]}]}),
    *(
        {"errors": None},
        {"errors": [None]},
        {"errors": {"a": None}},
        {"errors": [{"code": [1]}, 7]},
    ),
    *({"message": {}}, {"message": 12}, {"message": [[]]}),
    *({"ok": False, "error": None, "needed": []}, {"ok": False, "error": []}, {"ok": False}),
    *({"ok": False, "error": {}}, {"ok": False, "error": 1, "needed": {}}),
    *({"success": False, "errors": None}, {"success": False, "errors": {}}, {"success": False}),
    {"success": False, "errors": [{"code": 10000.0}, {"code": [10000]}, None]},
    nested(60, {"message": WORDS}),
    f"<html>{KEY}</html>".encode(),
    b'{"error":' * 5000 + b"1" + b"}" * 5000,
    b'{"error":{"code":1e999,"errors":%b}}' % (b"9" * 5000),
    b'{"\\ud800":"\\ud800","error":["\\ud800"]}',
    *(b"", b" \n", b"\xef\xbb\xbf", b'{"message":"\xe9', bytes(range(256)), b'{"message":NaN}'),
]
"""Bodies of any other shape."""


def content(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


@pytest.fixture(params=registry.installed())
def service(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give each provider, and a service to ask, whose answers are set."""
    # To sign takes a hundred times as long as all the rest.
    monkeypatch.setattr("auditctl.http.service_account._signature", lambda _key, _text: b"signed")
    name = request.param
    vendor = VENDORS.get(name)
    environment = vendor.environment if vendor else server.settings("https://api.example")
    kind = tape.provider_class(name)
    provider = load(kind, find(kind, environment, {}))
    return Asked(provider)


class Asked:
    """Asks one provider, which gets one answer to all questions, or to those for a token."""

    def __init__(self, provider: Any) -> None:
        self.provider = provider
        self.has_token = isinstance(provider.auth(), ClientCredentials | ServiceAccount)

    def ended(self, status: int, body: bytes, *, of_token: bool = False) -> tuple[int, str]:
        """Return the exit status and the message of a run; it makes one try."""
        now = datetime.now(UTC)

        def answer(request: httpx.Request) -> Any:
            is_of_token = self.has_token and request.method == "POST"
            if is_of_token != of_token:
                return {"access_token": KEY}
            return httpx.Response(status, content=body)

        client = Service(answer).client(self.provider)
        try:
            list(batches(self.provider, client, Window(now - timedelta(hours=1), now)))
        except Exception as error:  # noqa: BLE001 - as the boundary does
            failed = failure(error)
            return failed.status, str(failed)
        finally:
            client.close()
        return 0, ""


def is_fit(said: str) -> bool:
    """Return whether a message is short, in one line, and shows nothing that it may not."""
    return said.isprintable() and KEY not in said and len(said) < LONGEST_TEXT + 600


@pytest.mark.parametrize("of_token", [False, True])
def test_a_refusal_of_any_shape_ends_as_its_status_says(service: Asked, *, of_token: bool) -> None:
    if of_token and not service.has_token:
        return
    for status, ends in ENDS.items():
        for body in MUTE:
            found = service.ended(status, content(body), of_token=of_token)
            assert (found[0], is_fit(found[1])) == (ends, True), (status, body, found)


def test_the_vendors_own_words_are_quoted_without_the_key(service: Asked) -> None:
    for status, ends in ENDS.items():
        for body in SPEAKING:
            ended, said = service.ended(status, content(body))
            assert (ended, is_fit(said), SHOWN in said) == (ends, True, True), (status, body, said)
            rest = said.replace(SHOWN, "").replace("[bold]. ", "")
            assert len(re.findall(r"[a-z0-9)…][.!?](?: [A-Z]|\Z)", rest)) <= 2, said


def test_an_answer_of_any_other_shape_is_an_error_and_never_ours(service: Asked) -> None:
    for body in (*SPEAKING, *MUTE):
        ended, said = service.ended(200, content(body))
        # A list may be one of events, which have any form; an empty object is a day without any.
        assert ended in (3, 6) or (ended == 0 and (isinstance(body, list) or body == {})), body
        assert is_fit(said)


@pytest.mark.parametrize("written", [PRIVATE_KEY, json.dumps(PRIVATE_KEY)])
def test_the_key_that_signs_is_shown_in_no_form(written: str) -> None:
    kind = tape.provider_class("google")
    provider = load(kind, find(kind, VENDORS["google"].environment, {}))
    ended, said = Asked(provider).ended(400, content({"error": written}), of_token=True)
    assert ended == 6
    assert not any(line in said for line in PRIVATE_KEY.split() if len(line) > 20)
