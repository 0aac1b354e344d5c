"""Assertions of a service account: signed as RFC 7523 wants, asked for where the key says."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from auditctl.errors import (
    AccessError,
    AnswerError,
    ForbiddenError,
    RefusedError,
    ThrottledError,
    UnreachableError,
    UsageError,
)
from auditctl.http.client import Client
from auditctl.http.service_account import ServiceAccount
from auditctl.provider import Secret
from tests.account import account, claims
from tests.providers.test_contract import Realm
from tests.service import Service

TOKEN_URL = "https://tokens.example/token"
SCOPE = "https://scopes.example/audit.readonly"


def head(assertion: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(assertion.split(".", maxsplit=1)[0] + "=="))


def test_an_assertion_is_signed_and_says_who_asks_for_whom_and_what() -> None:
    auth = ServiceAccount(Secret(account(TOKEN_URL)), "admin@example.com", SCOPE)
    form = auth.form()
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert head(form["assertion"]) == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}
    said = claims(form["assertion"])
    assert said == {
        "iss": "auditor@project.example",
        "sub": "admin@example.com",
        "scope": SCOPE,
        "aud": TOKEN_URL,
        "iat": said["iat"],
        "exp": said["iat"] + 3600,
    }


@dataclass(frozen=True, kw_only=True)
class Office(Realm):
    name = "office"
    title = "Office"
    key: Secret

    def auth(self) -> ServiceAccount:  # type: ignore[override]
        return ServiceAccount(self.key, "admin@example.com", SCOPE)


def office(key: str) -> Office:
    return Office(
        tenant="acme",
        client_id="app",
        client_secret=Secret("unused"),
        login_url="https://login.realm.example",
        base_url="https://graph.realm.example/v1.0",
        key=Secret(key),
    )


def site(*tokens: Any, good: Callable[[str], int] = lambda _: 200) -> Service:
    """Make a service that gives these tokens; `good` tells the status that a token gets."""
    left = iter(tokens)

    def answer(request: httpx.Request) -> Any:
        if request.url.host == "tokens.example":
            return next(left)
        status = good(request.headers["Authorization"])
        body: Any = {"value": []} if status == 200 else {"error": {"message": "no"}}
        return httpx.Response(status, json=body)

    return Service(answer)


def asked_for_tokens(service: Service) -> int:
    return sum(request.url.host == "tokens.example" for request in service.asked)


def test_a_token_comes_from_the_origin_that_the_key_names_and_goes_to_the_base_url_only() -> None:
    service = site({"access_token": "t1", "expires_in": 3600, "token_type": "Bearer"})
    service.export(office(account(TOKEN_URL)))
    token, question = service.asked
    assert (token.method, str(token.url)) == ("POST", TOKEN_URL)
    assert token.headers["User-Agent"] == question.headers["User-Agent"]
    assert "Authorization" not in token.headers
    assert parse_qs(token.content.decode()).keys() == {"grant_type", "assertion"}
    assert question.headers["Authorization"] == "Bearer t1"
    assert question.content == b""


def test_a_wrong_answer_at_the_origin_in_the_key_names_its_token_uri() -> None:
    service = site(httpx.Response(307, headers={"Location": "https://evil.example"}))
    with pytest.raises(AnswerError, match="set the key's token_uri"):
        service.export(office(account(TOKEN_URL)))


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("no JSON {", "are no service account's key in JSON"),
        ("[1]", "are no service account's key in JSON"),
        ("{}", "without client_email, private_key and token_uri"),
        (account(TOKEN_URL, private_key=7), "without private_key"),
    ],
)
def test_a_key_that_is_none_is_an_error_before_anything_is_asked(key: str, said: str) -> None:
    service = site()
    with pytest.raises(AccessError, match=said) as failure:
        service.export(office(key))
    assert service.asked == []
    assert "BEGIN" not in str(failure.value)


CURVE = ec.generate_private_key(ec.SECP256R1()).private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
)
NONSENSE = "-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize("private_key", [CURVE.decode(), NONSENSE], ids=["curve", "nonsense"])
def test_only_rsa_keys_sign(private_key: str) -> None:
    with pytest.raises(AccessError, match="private_key is no RSA key"):
        site().export(office(account(TOKEN_URL, private_key=private_key)))


def test_without_the_package_that_signs_a_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    service = site()
    with pytest.raises(AccessError, match=r"pip install 'auditctl\[google\]'"):
        service.export(office(account(TOKEN_URL)))
    assert service.asked == []


@pytest.mark.parametrize(
    "url", ["http://tokens.example/token", "ftp://tokens.example", "", "https://a:b@c.example/"]
)
def test_a_token_uri_that_may_not_be_used_is_a_usage_error(url: str) -> None:
    service = site()
    with pytest.raises(UsageError, match="The key's token_uri may not be used"):
        service.export(office(account(url)))
    assert service.asked == []


def test_plain_http_to_this_machine_may_be_used() -> None:
    service = Service(lambda r: {"access_token": "t"} if r.url.port == 7 else {"value": []})
    service.export(office(account("http://127.0.0.1:7/token")))
    assert len(service.asked) == 2


# A token that is refused


def test_a_token_is_renewed_once_on_a_401() -> None:
    tokens = [{"access_token": f"t{n}"} for n in range(3)]
    service = site(*tokens, good=lambda token: 200 if token == "Bearer t1" else 401)
    service.export(office(account(TOKEN_URL)))
    assert asked_for_tokens(service) == 2
    service = site(*tokens, good=lambda _: 401)
    with pytest.raises(AccessError, match="401"):
        service.export(office(account(TOKEN_URL)))
    assert asked_for_tokens(service) == 2


def test_a_token_is_not_renewed_on_a_403() -> None:
    service = site({"access_token": "t0"}, {"access_token": "t1"}, good=lambda _: 403)
    with pytest.raises(ForbiddenError):
        service.export(office(account(TOKEN_URL)))
    assert asked_for_tokens(service) == 1


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"expires_in": 3600}, 3540),
        ({"expires_in": "3600"}, 3540),
        ({"expires_in": 90}, 30),
        ({"expires_in": 30}, 15),
        ({}, 10**6),
        ({"expires_in": None}, 10**6),
        ({"expires_in": 0}, 10**6),
        ({"expires_in": "soon"}, 10**6),
        ({"expires_in": "nan"}, 10**6),
    ],
)
def test_a_token_is_kept_until_a_minute_before_it_expires(
    said: dict[str, Any], kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("auditctl.http.credentials.time", SimpleNamespace(monotonic=lambda: now[0]))
    token = json.dumps({"access_token": "t", **said}).encode()
    service = site(token, token)
    client = service.client(office(account(TOKEN_URL)))
    for moment, tokens in ((0, 1), (kept - 1, 1), (kept + 1, 2 if kept < 10**6 else 1)):
        now[0] = moment
        client.get("/audits", again=True)
        assert asked_for_tokens(service) == tokens


# Refusals of the token


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize(
    "word", ["invalid_client", "unauthorized_client", "invalid_grant", "invalid_scope"]
)
def test_refused_credentials_are_told_in_the_vendors_words(word: str, status: int) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assertion = parse_qs(request.content.decode())["assertion"][0]
        said = {"error": word, "error_description": f"No such delegation: {assertion}"}
        return httpx.Response(status, json=said)

    service = Service(answer)
    with pytest.raises(AccessError, match=f"{word}, No such delegation") as refused:
        service.export(office(account(TOKEN_URL)))
    sent = parse_qs(service.asked[0].content.decode())["assertion"][0]
    assert sent not in str(refused.value)
    assert sent.split(".")[2] not in str(refused.value)
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    ("response", "failure", "said"),
    [
        (httpx.Response(404, json={}), RefusedError, "by https://tokens.example/token"),
        (httpx.Response(400, json={"error": "invalid_request"}), RefusedError, "invalid_request"),
        (httpx.Response(429, json={}), ThrottledError, "429"),
        (httpx.Response(503), UnreachableError, "503"),
        (httpx.Response(200, content=b"<html>"), UnreachableError, "not JSON"),
        (httpx.Response(200, json={"access_token": ""}), AnswerError, "access_token"),
        (
            httpx.Response(307, headers={"Location": "https://evil.example/"}),
            AnswerError,
            "another origin",
        ),
    ],
)
def test_other_failures_of_the_token_are_those_of_any_request(
    response: httpx.Response, failure: type[Exception], said: str
) -> None:
    service = Service.saying(response)
    with pytest.raises(failure, match=said):
        service.export(office(account(TOKEN_URL)))
    assert [request.url.host for request in service.asked] == ["tokens.example"]


def test_a_token_is_waited_for_as_any_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("auditctl.http.retry.sleep", lambda seconds, _over: slept.append(seconds))
    left = iter([httpx.Response(503), httpx.Response(200, content=b"cut"), {"access_token": "t"}])
    service = Service(lambda r: next(left) if r.url.host == "tokens.example" else {"value": []})
    transport = httpx.MockTransport(service)
    client = Client(office(account(TOKEN_URL)), transport=transport)
    assert client.get("/audits").tree == {"value": []}
    assert len(slept) >= 2
    assert asked_for_tokens(service) == 3


def test_the_key_is_read_again_once_when_it_is_refused() -> None:
    refused = httpx.Response(400, json={"error": "invalid_grant"})
    new = account(TOKEN_URL, private_key_id="key-2")

    def answer(request: httpx.Request) -> Any:
        if request.url.host != "tokens.example":
            return {"value": []}
        assertion = parse_qs(request.content.decode())["assertion"][0]
        return {"access_token": "t"} if head(assertion)["kid"] == "key-2" else refused

    for keys, requests in (([new], 3), ([account(TOKEN_URL)] * 5, 1)):
        service = Service(answer)
        client = service.client(office(account(TOKEN_URL)))
        left = iter(keys)
        client._credentials._again = lambda left=left: office(next(left))
        try:
            client.get("/audits")
        except AccessError:
            assert len(keys) == 5
        assert len(service.asked) == requests
