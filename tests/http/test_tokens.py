"""Tokens that are fetched first: by a client's secret, or for a service account (RFC 7523)."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from auditctl.commands.show import described
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
from auditctl.http.connection import Connection
from auditctl.http.service_account import ServiceAccount
from auditctl.provider import ClientCredentials, Provider, Secret
from auditctl.providers.entra import Entra
from auditctl.providers.google import Google
from auditctl.settings import find, load
from tests.account import account, claims
from tests.service import Service

TOKEN_URL = "https://tokens.example/token"
SCOPE = "https://scopes.example/audit.readonly"
ENTRA = Entra(
    tenant_id="acme",
    client_id="app",
    client_secret=Secret("s3cr3t/of+the&realm"),
    login_url="https://tokens.example",
    base_url="https://graph.example/v1.0",
)


def head(assertion: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(assertion.split(".", maxsplit=1)[0] + "=="))


def google(key: str) -> Google:
    return Google(
        service_account=Secret(key), subject="it@example.com", base_url="https://a.example"
    )


GOOGLE = google(account(TOKEN_URL))
each_kind = pytest.mark.parametrize("provider", [ENTRA, GOOGLE], ids=["client", "account"])


def site(*tokens: Any, good: Callable[[str], int] = lambda _: 200) -> Service:
    """Make a service that gives these tokens; `good` tells the status that a token gets."""
    left = iter(tokens)

    def answer(request: httpx.Request) -> Any:
        if request.url.host == "tokens.example":
            return next(left)
        status = good(request.headers["Authorization"])
        body: Any = {"value": [], "items": []} if status == 200 else {"error": {"message": "no"}}
        return httpx.Response(status, json=body)

    return Service(answer)


def asked_for_tokens(service: Service) -> int:
    return sum(request.url.host == "tokens.example" for request in service.asked)


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


CLIENT = {"grant_type", "client_id", "client_secret", "scope"}


@pytest.mark.parametrize(
    ("provider", "url", "names"),
    [
        (ENTRA, "https://tokens.example/acme/oauth2/v2.0/token", CLIENT),
        (GOOGLE, TOKEN_URL, {"grant_type", "assertion"}),
    ],
)
def test_a_token_comes_from_its_own_origin_and_goes_to_the_base_url_only(
    provider: Provider, url: str, names: set[str]
) -> None:
    service = site({"access_token": "t1", "expires_in": 3600, "token_type": "Bearer"})
    service.export(provider)
    token, question = service.asked
    assert (token.method, str(token.url)) == ("POST", url)
    assert token.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert token.headers["User-Agent"] == question.headers["User-Agent"]
    assert "Authorization" not in token.headers
    assert parse_qs(token.content.decode()).keys() == names
    assert question.headers["Authorization"] == "Bearer t1"
    assert question.content == b""


def test_no_token_is_asked_for_at_an_origin_that_is_not_declared() -> None:
    class Stray(Entra):
        def auth(self) -> ClientCredentials:
            return ClientCredentials("https://evil.example/token", "app", self.client_secret)

    service = site()
    with pytest.raises(UsageError, match=r"https://evil\.example/token"):
        service.export(Stray(**vars(ENTRA)))
    assert service.asked == []


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
        service.export(google(key))
    assert service.asked == []
    assert "BEGIN" not in str(failure.value)


CURVE = ec.generate_private_key(ec.SECP256R1()).private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
)
NONSENSE = "-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize("private_key", [CURVE.decode(), NONSENSE], ids=["curve", "nonsense"])
def test_only_rsa_keys_sign(private_key: str) -> None:
    with pytest.raises(AccessError, match="private_key is no RSA key"):
        site().export(google(account(TOKEN_URL, private_key=private_key)))


def test_without_the_package_that_signs_a_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    service = site()
    with pytest.raises(AccessError, match=r"pip install 'auditctl\[google\]'"):
        service.export(GOOGLE)
    assert service.asked == []


@pytest.mark.parametrize(
    "url", ["http://tokens.example/token", "ftp://tokens.example", "", "https://a:b@c.example/"]
)
def test_a_token_uri_that_may_not_be_used_is_a_usage_error(url: str) -> None:
    service = site()
    with pytest.raises(UsageError, match="The key's token_uri may not be used"):
        service.export(google(account(url)))
    assert service.asked == []


def test_plain_http_to_this_machine_may_be_used() -> None:
    service = Service(lambda r: {"access_token": "t"} if r.url.port == 7 else {"items": []})
    service.export(google(account("http://127.0.0.1:7/token")))
    assert len(service.asked) == 2


def test_the_origin_of_a_token_is_shown_and_may_be_set() -> None:
    told = described(Entra)["environment"]
    assert "ENTRA_LOGIN_URL (optional; tokens from https://login.microsoftonline.com)" in told
    settings = {f"ENTRA_{name}": "x" for name in ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET")}
    with pytest.raises(UsageError, match="ENTRA_LOGIN_URL may not be used: plain http"):
        load(Entra, find(Entra, {**settings, "ENTRA_LOGIN_URL": "http://tokens.example"}, {}))


# A token that is refused


@each_kind
def test_a_token_that_is_refused_is_renewed_once_until_one_is_accepted(provider: Provider) -> None:
    tokens = [{"access_token": f"t0ken-{n}"} for n in range(6)]
    used: list[str] = []

    def lasting(token: str) -> int:
        used.append(token)  # each is good for one question, and the first for none
        return 200 if used.count(token) == 1 and token != "Bearer t0ken-0" else 401

    service = site(*tokens, good=lasting)
    client = service.client(provider)
    for number in range(3):
        client.get(f"/{number}")
    assert asked_for_tokens(service) == 4
    service = site(*tokens, good=lambda _: 401)
    with pytest.raises(AccessError, match="401") as refused:
        service.export(provider)
    assert asked_for_tokens(service) == 2
    assert f"Check {provider.name.upper()}_" in str(refused.value)
    assert "t0ken" not in str(refused.value)


def test_a_token_is_not_renewed_on_a_403() -> None:
    service = site({"access_token": "t0"}, {"access_token": "t1"}, good=lambda _: 403)
    with pytest.raises(ForbiddenError):
        service.export(GOOGLE)
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
    client = service.client(ENTRA)
    for moment, tokens in ((0, 1), (kept - 1, 1), (kept + 1, 2 if kept < 10**6 else 1)):
        now[0] = moment
        client.get("/x", again=True)
        assert asked_for_tokens(service) == tokens


# Refusals of the token


@each_kind
@pytest.mark.parametrize("status", [200, 400, 401, 403])
@pytest.mark.parametrize(
    "word", ["invalid_client", "unauthorized_client", "invalid_grant", "invalid_scope"]
)
def test_refused_credentials_are_told_in_the_vendors_words(
    word: str, status: int, provider: Provider
) -> None:
    secrets = []

    def answer(request: httpx.Request) -> httpx.Response:
        form = parse_qs(request.content.decode())
        (secret,) = form.get("assertion") or form["client_secret"]
        secrets.extend([secret, secret.rpartition(".")[2]])
        said = {"error": word, "error_description": f"No such delegation: {secret}"}
        return httpx.Response(status, json=said)

    with pytest.raises(AccessError, match=rf"{word}, No such delegation: \[REDACTED\]") as refused:
        Service(answer).export(provider)
    assert len(secrets) == 2
    assert not any(secret in str(refused.value) for secret in secrets)


@pytest.mark.parametrize(
    ("response", "failure", "said"),
    [
        (httpx.Response(404, json={}), RefusedError, "by https://tokens.example/token"),
        (httpx.Response(400, json={"error": "invalid_request"}), RefusedError, "invalid_request"),
        (httpx.Response(429, json={}), ThrottledError, "429"),
        (httpx.Response(503), UnreachableError, "503"),
        (httpx.Response(200, content=b"<html>"), UnreachableError, "not JSON"),
        *(
            (httpx.Response(200, json=tree), AnswerError, "access_token")
            for tree in ({}, [], *({"access_token": token} for token in ("", 1, "a\nb")))
        ),
    ],
)
def test_other_failures_of_the_token_are_those_of_any_request(
    response: httpx.Response, failure: type[Exception], said: str
) -> None:
    service = Service.saying(response)
    with pytest.raises(failure, match=said):
        service.export(GOOGLE)
    assert [request.url.host for request in service.asked] == ["tokens.example"]


@pytest.mark.parametrize(
    ("status", "headers", "advice"),
    [
        (307, {"Location": "https://evil.example"}, "another origin.* set {}"),
        (307, {"Location": "/acme/oauth2/v2.0/token"}, "Check {}"),
        (303, {"Location": "/login"}, "Check that {} is"),
        (200, {"Content-Type": "text/html"}, "Check that {} is"),
        (0, {}, "Check {}, the network"),
    ],
)
@pytest.mark.parametrize(
    ("provider", "setting"), [(ENTRA, "ENTRA_LOGIN_URL"), (GOOGLE, "the key's token_uri")]
)
def test_a_wrong_answer_at_the_origin_of_the_token_names_its_setting(
    provider: Provider, setting: str, status: int, headers: dict[str, str], advice: str
) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        if not status:
            raise httpx.ConnectError("Connection refused")
        return httpx.Response(status, headers=headers, text="<html>")

    with pytest.raises((AnswerError, UnreachableError), match=advice.format(setting)):
        Service(answer).export(provider)


def test_a_token_is_waited_for_as_any_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("auditctl.http.retry.sleep", lambda seconds, _over: slept.append(seconds))
    cut = httpx.Response(200, content=b"cut")
    service = site(httpx.Response(503), cut, {"access_token": "t"})
    client = Client(GOOGLE, transport=httpx.MockTransport(service))
    assert client.get("/x").tree["items"] == []
    assert len(slept) >= 2
    assert asked_for_tokens(service) == 3


def test_a_token_is_not_asked_for_again_before_its_service_allows_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    moments: list[float] = []

    def sleep(seconds: float, _over: object) -> None:
        now[0] += seconds

    def answer(_: httpx.Request) -> httpx.Response:
        moments.append(now[0])
        is_first = len(moments) == 1
        body = {"access_token": "t", "items": []}
        return httpx.Response(
            429 if is_first else 200, json=body, headers={"Retry-After": "7"} if is_first else {}
        )

    monkeypatch.setattr("auditctl.http.retry.time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr("auditctl.http.retry.sleep", sleep)
    Client(GOOGLE, transport=httpx.MockTransport(answer)).get("/x")
    assert moments == [0, 7, 7]


def test_the_connection_for_a_token_is_closed_when_it_has_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed: list[Connection] = []

    def close(self: Connection) -> None:
        closed.append(self)

    monkeypatch.setattr(Connection, "close", close)
    client = site({"access_token": "t"}).client(GOOGLE)
    client.get("/x")
    assert len(closed) == 1
    assert client._connection not in closed


@pytest.mark.parametrize("token", ["", "t\u00f6ken", "to\x07ken", 5, None])
def test_a_token_that_no_header_can_carry_is_none(token: object) -> None:
    with pytest.raises(RefusedError, match="its answer lacks access_token"):
        site({"access_token": token}).export(ENTRA)


def test_the_key_is_read_again_once_when_it_is_refused() -> None:
    refused = httpx.Response(400, json={"error": "invalid_grant"})
    new = account(TOKEN_URL, private_key_id="key-2")

    def answer(request: httpx.Request) -> Any:
        if request.url.host != "tokens.example":
            return {"items": []}
        assertion = parse_qs(request.content.decode())["assertion"][0]
        return {"access_token": "t"} if head(assertion)["kid"] == "key-2" else refused

    for keys, requests in (([new], 3), ([account(TOKEN_URL)] * 5, 1)):
        service = Service(answer)
        client = service.client(GOOGLE)
        left = iter(keys)
        client._credentials._again = lambda left=left: google(next(left))
        try:
            client.get("/x")
        except AccessError:
            assert len(keys) == 5
        assert len(service.asked) == requests
