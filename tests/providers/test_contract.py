"""Three services that auditctl does not have, written with what any plugin has."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import httpx
import pytest

from auditctl import registry
from auditctl.cli.provider_app import commands_of
from auditctl.commands.check import check
from auditctl.commands.show import described, overview
from auditctl.config import sources as config
from auditctl.errors import (
    AccessError,
    AnswerError,
    ForbiddenError,
    ProviderError,
    ThrottledError,
    UnreachableError,
    UsageError,
)
from auditctl.export import batches, most_recent
from auditctl.formats.jsonl import Jsonl
from auditctl.provider import (
    Bearer,
    ClientCredentials,
    Log,
    Order,
    Page,
    Provider,
    Secret,
    Window,
    origin,
    secret,
    setting,
)
from auditctl.providers.persona import Persona
from auditctl.reading import mapping
from auditctl.settings import find, load
from tests import program
from tests.service import Service, moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from auditctl.http.connection import Exchange
    from auditctl.provider import Answer, Client, Fields
    from auditctl.records.record import Record


def at(day: int) -> str:
    return f"2026-01-{day:02}T12:00:00.000Z"


def ids(found: list[Record]) -> list[str]:
    return [record["id"] for record in found]


# Cursors in a JSON body, and several logs


@dataclass(frozen=True, kw_only=True)
class Vault(Provider):
    name = "vault"
    title = "Vault for Business"
    logs = {
        "audit": Log(
            order=Order.OLDEST_FIRST,
            permission="a token with the feature auditevents",
            retention="1 year",
            title="what was changed",
        ),
        "signins": Log(
            order=Order.NONE_DOCUMENTED,
            permission="a token with the feature signinattempts",
            retention="1 year",
            title="who signed in",
            overlap=timedelta(hours=6),
        ),
    }
    rate_limit = "600 requests a minute"
    docs = "https://vault.example/docs"

    token: Secret = secret()
    base_url: str = setting("https://events.vault.example")

    def auth(self) -> Bearer:
        return Bearer(self.token)

    def pages(self, client: Client, window: Window) -> Iterator[Page]:
        return self.pages_from(client, window, None)

    def pages_from(self, client: Client, window: Window, position: str | None) -> Iterator[Page]:
        since, until = window.iso()
        ends = {"start_time": since, "end_time": until}
        first = {"limit": 1000, **{name: end for name, end in ends.items() if end}}

        def ask(cursor: str | None) -> Answer:
            body = first if cursor is None else {"cursor": cursor}
            return client.ask("POST", f"/api/v2/{self.log_name}", json=body)

        def following(answer: Answer) -> object:
            tree = mapping(answer.tree)
            return tree.get("cursor") if tree.get("has_more") is True else None

        return client.pages(ask, "items", following, position=position, id_name="uuid")

    def normalize(self, event: Mapping[str, Any], context: object) -> Fields:  # noqa: ARG002
        category = event.get("category")
        failed = None if category is None else "failure"
        return {
            "time": event.get("timestamp"),
            "id": event.get("uuid"),
            "action": event.get("action"),
            "outcome": "success" if category == "success" else failed,
        }


VAULT = Vault(token=Secret("token-of-the-vault"), base_url="https://events.vault.example")


def vault_page(number: int, *, more: bool = True, days: tuple[int, ...] = ()) -> dict[str, Any]:
    rows = [{"uuid": f"E{day}", "timestamp": at(day), "action": "join"} for day in days]
    return {"cursor": f"c{number}", "has_more": more, "items": rows}


def bodies(service: Service) -> list[Any]:
    return [json.loads(request.content) for request in service.asked]


def test_a_question_with_a_body_is_posted_and_the_walk_stops_where_the_window_ends() -> None:
    service = Service.saying(
        vault_page(1, days=(2, 3)), vault_page(2), vault_page(3, days=(8, 9)), vault_page(4)
    )
    found = service.export(VAULT, "2026-01-03", "2026-01-05")
    assert ids(found) == ["E3"]
    ends = {"start_time": "2026-01-03T00:00:00.000Z", "end_time": "2026-01-05T00:00:00.000Z"}
    assert bodies(service) == [{"limit": 1000, **ends}, {"cursor": "c1"}, {"cursor": "c2"}]
    assert {request.method for request in service.asked} == {"POST"}
    assert {request.headers["Content-Type"] for request in service.asked} == {"application/json"}
    assert service.paths == ["/api/v2/audit"] * 3


def test_a_window_without_a_beginning_asks_for_none() -> None:
    service = Service.saying(vault_page(1, more=False))
    list(VAULT.pages(service.client(VAULT), Window(None, None)))
    assert bodies(service) == [{"limit": 1000}]


def test_a_limit_on_a_log_with_the_oldest_first_gives_the_newest() -> None:
    service = Service.saying(vault_page(1, days=(2, 3)), vault_page(2, more=False, days=(4, 5)))
    window = Window(None, None)
    found = batches(VAULT, service.client(VAULT), window)
    limited = most_recent(found, 3, ordered=VAULT.log.order.is_newest_first)
    assert [ids(batch.records) for batch in limited] == [["E5", "E4", "E3"]]


def test_the_same_body_twice_is_a_circle_and_another_body_is_none() -> None:
    service = Service(lambda _: vault_page(1, days=(len(service.asked),)))
    with pytest.raises(AnswerError, match="would never end"):
        service.export(VAULT, "2026-01-01", "2026-02-01")
    assert bodies(service)[1:] == [{"cursor": "c1"}]


def test_a_body_is_not_logged() -> None:
    told: list[Exchange] = []
    service = Service.saying(vault_page(1), vault_page(2, more=False))
    client = service.client(VAULT)
    client._connection._on_exchange = told.append
    list(VAULT.pages(client, Window(moment("2026-01-03"), None)))
    assert [exchange.method for exchange in told] == ["POST", "POST"]
    assert "start_time" not in repr(told)
    assert "c1" not in repr(told)


def test_each_log_is_read_by_its_own_facts() -> None:
    signins = replace(VAULT, log_name="signins")
    rows = [
        {"uuid": "s1", "timestamp": at(9), "category": "success"},
        {"uuid": "s2", "timestamp": at(2), "category": "mfa_failed"},
    ]
    service = Service.saying({"has_more": False, "items": rows})
    found = service.export(signins, "2026-01-01", "2026-02-01")
    assert [record["outcome"] for record in found] == ["success", "failure"]
    assert service.paths == ["/api/v2/signins"]
    assert VAULT.log_name == "audit"
    assert signins.log.overlap == timedelta(hours=6)
    said = overview([Vault], width=100, terminal=False).decode()
    assert "audit: oldest first; signins: none documented" in said


def test_only_a_provider_with_several_logs_has_the_option() -> None:
    def options(provider: type[Provider], command: str) -> set[str | None]:
        return {param.name for param in commands_of(provider).made(None, command).params}

    assert all("log_name" in options(Vault, command) for command in ("list", "sync", "check"))
    assert all("log_name" not in options(Persona, command) for command in ("list", "sync", "check"))
    assert "demo" not in options(Vault, "list")
    assert "--demo" not in str(commands_of(Vault).made(None, "list").epilog)
    assert "--demo" in str(commands_of(Persona).made(None, "list").epilog)


def test_a_source_names_its_log(tmp_path: Path) -> None:
    def read_with(log: str) -> Any:
        table = f'provider = "vault"\noutput = "x.jsonl"\nlog = "{log}"\n'
        file = tmp_path / "auditctl.toml"
        file.write_text(f"[sources.one]\n{table}")
        return config.read(str(file), lambda _: Vault)["one"].options.own

    assert read_with("signins") == {"log_name": "signins"}
    with pytest.raises(UsageError, match="has no log 'other'; it has audit, signins"):
        read_with("other")


class VaultSite:
    """Gives 120 days, ten a page, the oldest first; fails once at a page."""

    def __init__(self, fails_at: int) -> None:
        self.fails_at = fails_at
        self.asked: list[Any] = []

    def __call__(self, request: httpx.Request, now: datetime) -> httpx.Response:
        self.asked.append(json.loads(request.content))
        page = int(self.asked[-1].get("cursor", "c0")[1:])
        if page == self.fails_at:
            self.fails_at = -1
            return httpx.Response(418, json={"Error": {"Message": "not now"}})
        days = [now - timedelta(days=120 - n) for n in range(page * 10, page * 10 + 10)]
        rows = [{"uuid": f"{day:%m%d}", "timestamp": day.isoformat()} for day in days]
        return httpx.Response(
            200, json={"cursor": f"c{page + 1}", "has_more": page < 11, "items": rows}
        )


def test_a_sync_of_the_oldest_first_goes_on_where_it_ended_and_keeps_the_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    site = VaultSite(fails_at=9)
    monkeypatch.setattr(registry, "installed", cache(lambda: {"vault": f"{__name__}:Vault"}))
    monkeypatch.setattr(Vault, "sample", f"{__name__}:SITE")
    monkeypatch.setitem(globals(), "SITE", site)
    path = tmp_path / "vault.jsonl"
    words = ["vault", "sync", "--demo", "-o", str(path)]
    assert program.run(*words) == 6
    assert 0 < path.read_bytes().count(b"\n") <= 90
    del site.asked[:]
    assert program.run(*words, "--log", "audit") == 0
    assert site.asked[0] in [{"cursor": f"c{n}"} for n in range(1, 9)]
    times = [json.loads(line)["time"] for line in path.read_bytes().splitlines()]
    assert len(times) == 120
    assert times == sorted(set(times))
    assert program.run(*words, "--log", "signins") == 2
    assert "was begun with --log audit" in capfd.readouterr().err
    assert program.run(*words, "--log", "other") == 2
    assert "has no log 'other'; it has audit, signins" in capfd.readouterr().err
    assert program.run("verify", str(path)) == 0


# Links in a header, both orders, and a 403 that means "too many requests"


@dataclass(frozen=True, kw_only=True)
class Hub(Provider):
    name = "hub"
    title = "Hub"
    order = Order.AS_ASKED
    permission = "a token with read:audit_log"
    retention = "180 days"
    rate_limit = "1,750 requests an hour"
    docs = "https://hub.example/docs"

    token: Secret = secret()
    base_url: str = setting("https://api.hub.example/v3")

    def auth(self) -> Bearer:
        return Bearer(self.token, scheme="token")

    def pages(self, client: Client, window: Window) -> Iterator[Page]:
        return self.pages_from(client, window, None)

    def pages_from(self, client: Client, window: Window, position: str | None) -> Iterator[Page]:
        first = {"order": "asc" if window.oldest_first else "desc", "per_page": 100}

        def ask(link: str | None) -> Answer:
            return client.get("/orgs/acme/log", first) if link is None else client.follow(link)

        return client.pages(ask, None, lambda answer: answer.link("next"), position=position)

    def normalize(self, event: Mapping[str, Any], context: object) -> Fields:  # noqa: ARG002
        return {"time": event.get("@timestamp"), "id": event.get("id")}

    def true_status(self, answer: Answer) -> int:
        is_throttled = answer.status == 403 and answer.header("X-RateLimit-Remaining") == "0"
        return 429 if is_throttled else answer.status


HUB = Hub(token=Secret("token-of-the-hub"), base_url="https://api.hub.example/v3")
NEXT = "https://api.hub.example/v3/orgs/acme/log?after=%3D%2Bx&order=desc"


def hub_page(*days: int, link: str | None = None) -> httpx.Response:
    rows = [{"id": day, "@timestamp": moment(at(day)).timestamp() * 1000} for day in days]
    return httpx.Response(200, json=rows, headers={"Link": link} if link else {})


def hub_days(*days: int, oldest_first: bool) -> tuple[list[str], list[Any]]:
    pages = [
        hub_page(day, link=f'<{NEXT}{day}>; rel="next", </v3/orgs/acme/log>; rel=first')
        for day in days
    ]
    service = Service.saying(*pages)
    window = Window(moment("2026-01-10"), moment("2026-01-20"), oldest_first=oldest_first)
    found = batches(HUB, service.client(HUB), window)
    return [record["id"] for batch in found for record in batch.records], service.asked


def test_the_newest_first_stop_where_the_window_begins() -> None:
    found, asked = hub_days(25, 15, 5, 1, oldest_first=False)
    assert (found, len(asked)) == (["15"], 3)
    assert asked[0].url.query == b"order=desc&per_page=100"
    # As it was written, not taken apart and put together.
    assert asked[1].url.raw_path == b"/v3/orgs/acme/log?after=%3D%2Bx&order=desc25"
    assert asked[1].headers["Authorization"] == "token token-of-the-hub"


def test_the_oldest_first_stop_where_it_ends() -> None:
    found, asked = hub_days(5, 15, 25, 30, oldest_first=True)
    assert (found, len(asked)) == (["15"], 3)
    assert asked[0].url.query == b"order=asc&per_page=100"


def test_list_asks_for_the_newest_first_and_sync_for_the_oldest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    asked: list[bytes] = []

    def answer(request: httpx.Request, now: datetime) -> httpx.Response:
        asked.append(request.url.query)
        return httpx.Response(200, json=[{"id": 1, "@timestamp": now.timestamp() - 60}])

    monkeypatch.setattr(registry, "installed", cache(lambda: {"hub": f"{__name__}:Hub"}))
    monkeypatch.setattr(Hub, "sample", f"{__name__}:SITE")
    monkeypatch.setitem(globals(), "SITE", answer)
    assert program.run("hub", "list", "--demo") == 0
    assert program.run("hub", "sync", "--demo", "-o", str(tmp_path / "hub.jsonl")) == 0
    assert asked == [b"order=desc&per_page=100", b"order=asc&per_page=100"]
    assert '"id":"1"' in capfd.readouterr().out


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v3/orgs/acme/log?after=x",
        "https://api.hub.example/v3/orgs/other/log?after=x",
        "https://api.hub.example/elsewhere?after=x",
        "//evil.example/v3/orgs/acme/log",
        "http://api.hub.example/v3/orgs/acme/log",
        "https://api.hub.example:0/v3/orgs/acme/log",
        "https://api.hub.example:8443/v3/orgs/acme/log",
        "https://api.hub.example.evil.example/v3/orgs/acme/log",
        "https://api.hub.example@evil.example/v3/orgs/acme/log",
        "https://api.hub.example/v3/orgs/acme/log/../../other/log",
        "https://api.hub.example/v3/orgs/acme/log%2f..%2fother",
        "https://api.hub.example/v3/ORGS/acme/log",
        "\\\\evil.example/v3/orgs/acme/log",
        "/\\evil.example/v3/orgs/acme/log",
        "https:\\\\evil.example/v3/orgs/acme/log",
        "https://evil.example\t/v3/orgs/acme/log",
    ],
)
def test_a_link_that_leads_elsewhere_is_not_followed(link: str) -> None:
    service = Service.saying(hub_page(15, link=f'<{link}>; rel="next"'))
    with pytest.raises(AnswerError):
        service.export(HUB, "2026-01-01", "2026-02-01")
    assert len(service.asked) == 1


def test_a_walk_goes_on_from_a_link() -> None:
    service = Service.saying(hub_page(15))
    window = Window(moment("2026-01-10"), moment("2026-01-20"))
    (page,) = HUB.pages_from(service.client(HUB), window, NEXT)
    assert (page.position, service.asked[0].url.raw_path[-10:]) == (NEXT, b"order=desc")


@pytest.mark.parametrize(
    "headers",
    [
        [("Link", '<a>; rel="self"'), ("Link", '<b>; rel="next"')],
        [("Link", '<a>; title="x, <c>; rel=next"; rel="self", <b>; REL="start NEXT"')],
        [("link", "<b>;rel=next;type=json")],
    ],
)
def test_a_relation_is_found_in_any_form_of_the_header(headers: list[tuple[str, str]]) -> None:
    service = Service.saying(httpx.Response(200, json=[], headers=headers))
    answer = service.client(HUB).get("/")
    assert answer.link("next") == "b"
    assert answer.link("prev") is None


@pytest.mark.parametrize(
    ("provider", "body"),
    [(HUB, {"items": []}), (HUB, None), (VAULT, []), (VAULT, {"items": {}}), (VAULT, "x")],
)
def test_a_page_of_another_shape_is_an_error(provider: Provider, body: Any) -> None:
    with pytest.raises(AnswerError, match="cannot be understood"):
        Service.saying(json.dumps(body).encode()).export(provider)


def test_a_403_may_mean_too_many_requests() -> None:
    limited = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "60"}
    said = {"message": "API rate limit exceeded"}
    for headers, failure in (limited, ThrottledError), ({}, ForbiddenError):
        service = Service.saying(httpx.Response(403, json=said, headers=headers))
        with pytest.raises(failure, match="rate limit exceeded"):
            service.export(HUB)


# A token of another origin, numbers as ids, several events in a row


@dataclass(frozen=True, kw_only=True)
class Realm(Provider):
    name = "realm"
    title = "Realm Entrance ID"
    order = Order.NEWEST_FIRST
    permission = "an application with AuditLog.Read.All"
    retention = "30 days"
    rate_limit = "not documented"
    docs = "https://realm.example/docs"
    hints = {401: "Check REALM_CLIENT_SECRET."}

    tenant: str = setting()
    client_id: str = setting()
    client_secret: Secret = secret()
    login_url: str = origin("https://login.realm.example")
    base_url: str = setting("https://graph.realm.example/v1.0")

    def auth(self) -> ClientCredentials:
        url = f"{self.login_url}/{self.tenant}/oauth2/v2.0/token"
        return ClientCredentials(url, self.client_id, self.client_secret, "graph/.default")

    def pages(self, client: Client, window: Window) -> Iterator[Page]:  # noqa: ARG002
        def ask(link: str | None) -> Answer:
            return client.get("/audits") if link is None else client.follow(link)

        def following(answer: Answer) -> object:
            return mapping(answer.tree).get("@odata.nextLink")

        return client.pages(ask, "value", following, split=self.events)

    @staticmethod
    def events(row: Any) -> list[Any]:
        return [{**row, "number": n, "event": one} for n, one in enumerate(row["events"])]

    def normalize(self, event: Mapping[str, Any], context: object) -> Fields:  # noqa: ARG002
        return {
            "time": event.get("time"),
            "id": f"{event.get('id')}/{event.get('number')}",
            "actor_id": event.get("user"),
            "session_id": event.get("session"),
            "action": mapping(event.get("event")).get("name"),
            "outcome": mapping(event.get("event")).get("result"),
        }


REALM = Realm(
    tenant="acme",
    client_id="app",
    client_secret=Secret("s3cr3t/of+the&realm"),
    login_url="https://login.realm.example",
    base_url="https://graph.realm.example/v1.0",
)
ROW = (
    b'{"id":%d,"time":"2026-01-03T12:00:00Z","user":18446744073709551617,"session":7,"sum":10.50,'
    b'"events":[{"name":"a","result":"success","n":1.10},{"name":"b","result":"odd","n":-0}]}'
)


class RealmSite:
    """Answers at two origins; a token is good for so many questions."""

    def __init__(self, good_for: int = 100, lasts: Any = 3600) -> None:
        self.good_for = good_for
        self.lasts = lasts
        self.tokens = 0
        self.used = 0
        self.service = Service(self.answer)

    def answer(self, request: httpx.Request) -> Any:
        if request.url.host == "login.realm.example":
            self.tokens += 1
            self.used = 0
            return {"access_token": f"t0ken-{self.tokens}", "expires_in": self.lasts}
        self.used += 1
        token = f"Bearer t0ken-{self.tokens}"
        if request.headers["Authorization"] != token or self.used > self.good_for:
            return httpx.Response(401, json={"error": {"message": f"{token} has expired"}})
        page = int(request.url.params.get("page", "1"))
        link = b"null" if page == 3 else b'"/v1.0/audits?page=%d"' % (page + 1)
        return b'{"value":[' + ROW % page + b'],"@odata.nextLink":' + link + b"}"


def test_a_token_is_fetched_at_its_declared_origin_and_used() -> None:
    site = RealmSite()
    found = site.service.export(REALM, "2026-01-01", "2026-02-01")
    assert len(found) == 6
    token, *questions = site.service.asked
    assert str(token.url) == "https://login.realm.example/acme/oauth2/v2.0/token"
    assert token.method == "POST"
    assert token.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "Authorization" not in token.headers
    assert parse_qs(token.content.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["app"],
        "client_secret": ["s3cr3t/of+the&realm"],
        "scope": ["graph/.default"],
    }
    assert {request.url.host for request in questions} == {"graph.realm.example"}
    assert {request.headers["Authorization"] for request in questions} == {"Bearer t0ken-1"}


def test_a_row_with_several_events_keeps_its_numbers_and_ids_become_text() -> None:
    found = RealmSite().service.export(REALM, "2026-01-01", "2026-02-01")[:2]
    assert ids(found) == ["1/0", "1/1"]
    assert [record["actor_id"] for record in found] == ["18446744073709551617"] * 2
    assert [record["session_id"] for record in found] == ["7", "7"]
    assert [record["outcome"] for record in found] == ["success", "unknown"]

    first, second = Jsonl(None).rows(found).splitlines()
    assert b'"sum":10.50' in first
    assert b'"n":1.10' in first
    assert b'"n":-0' in second


def test_a_token_that_is_refused_after_a_while_is_fetched_again() -> None:
    site = RealmSite(good_for=2)
    assert len(site.service.export(REALM, "2026-01-01", "2026-02-01")) == 6
    assert site.tokens == 2


def test_a_token_that_is_refused_at_once_is_fetched_again_once() -> None:
    site = RealmSite(good_for=0)
    with pytest.raises(AccessError, match="Check REALM_CLIENT_SECRET") as refused:
        site.service.export(REALM)
    assert site.tokens == 2
    assert "t0ken" not in str(refused.value)


def test_a_token_is_fetched_again_before_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("auditctl.http.credentials.time", SimpleNamespace(monotonic=lambda: now[0]))
    site = RealmSite(lasts="600")
    client = site.service.client(REALM)
    for pause, tokens in ((0, 1), (539, 1), (2, 2), (100, 2)):
        now[0] += pause
        client.get("/audits", again=True)
        assert site.tokens == tokens


@pytest.mark.parametrize("status", [200, 400, 401, 403])
def test_a_refused_client_is_told_so_and_its_secret_hidden(status: int) -> None:
    said = {"error": "invalid_client", "error_description": "s3cr3t/of+the&realm is wrong"}
    service = Service.saying(httpx.Response(status, json=said))
    with pytest.raises(AccessError, match="invalid_client") as refused:
        service.export(REALM)
    assert "s3cr3t" not in str(refused.value)
    assert len(service.asked) == 1


@pytest.mark.parametrize("said", [{}, [], {"access_token": 1}, {"access_token": "a\nb"}])
def test_an_answer_without_a_token_is_an_error(said: Any) -> None:
    with pytest.raises(AnswerError, match="access_token"):
        Service.saying(said).export(REALM)


@pytest.mark.parametrize("part", ["login", "base"])
def test_an_origin_that_cannot_be_reached_is_named_by_its_setting(part: str) -> None:
    site = RealmSite()
    away = {"login": REALM.login_url, "base": "https://graph.realm.example"}[part]

    def answer(request: httpx.Request) -> Any:
        if str(request.url).startswith(away):
            raise httpx.ConnectError("Connection refused")
        return site.answer(request)

    with pytest.raises(UnreachableError, match=f"Check REALM_{part.upper()}_URL, the network"):
        Service(answer).export(REALM)


@pytest.mark.parametrize(
    ("status", "headers", "advice"),
    [
        (307, {"Location": "https://evil.example"}, "set REALM_LOGIN_URL"),
        (307, {"Location": "/acme/oauth2/v2.0/token"}, "Check REALM_LOGIN_URL"),
        (303, {"Location": "/login"}, "Check that REALM_LOGIN_URL is"),
        (200, {"Content-Type": "text/html"}, "Check that REALM_LOGIN_URL is"),
    ],
)
def test_a_wrong_answer_at_the_origin_of_the_token_names_its_setting(
    status: int, headers: dict[str, str], advice: str
) -> None:
    service = Service(lambda _: httpx.Response(status, headers=headers, text="<html>"))
    with pytest.raises((AnswerError, UnreachableError), match=advice):
        service.export(REALM)


def test_no_token_is_asked_for_at_an_origin_that_is_not_declared() -> None:
    class Stray(Realm):
        def auth(self) -> ClientCredentials:
            return ClientCredentials("https://evil.example/token", "app", self.client_secret)

    stray = Stray(**vars(REALM))
    service = Service.saying()
    with pytest.raises(UsageError, match=r"https://evil\.example/token"):
        service.export(stray)
    assert service.asked == []


def test_the_origin_of_the_token_is_shown_and_may_be_set() -> None:
    said = overview([Realm], width=100, terminal=False).decode()
    assert "REALM_LOGIN_URL (optional; tokens from https://login.realm.example)" in said
    lines = list(check(REALM, RealmSite().service.client(REALM), datetime(2026, 2, 1, tzinfo=UTC)))
    assert (
        "ok      credentials: a token of https://login.realm.example/acme/oauth2/v2.0/token"
        in lines
    )
    settings = {
        "REALM_TENANT": "acme",
        "REALM_CLIENT_ID": "app",
        "REALM_CLIENT_SECRET": "x",
        "REALM_LOGIN_URL": "http://login.realm.example",
    }
    with pytest.raises(UsageError, match="REALM_LOGIN_URL may not be used: plain http"):
        load(Realm, find(Realm, settings, {}))


# Facts that cannot be


@pytest.mark.parametrize(
    ("fact", "value", "expected"),
    [
        ("order", "newest frist", r"its fact order is 'newest frist', .* Order\.OLDEST_FIRST"),
        ("order", 7, "its fact order is 7"),
        ("title", None, "its fact title is None, and must be a text"),
        ("retention", timedelta(days=1), "its fact retention is .*, and must be a text"),
        ("logs", {}, "its fact logs is {}"),
        ("logs", {"a": 1}, "its fact logs is .*, and must be a mapping of names to Logs"),
    ],
)
def test_a_fact_is_checked_when_the_class_is_made(fact: str, value: Any, expected: str) -> None:
    with pytest.raises(TypeError, match=expected):
        type("Wrong", (Hub,), {fact: value})


@pytest.mark.parametrize(
    ("minutes", "written"), [(0, "0h"), (10, "10m"), (60, "1h"), (90, "90m"), (1440, "24h")]
)
def test_an_overlap_is_shown_as_the_option_takes_it(minutes: int, written: str) -> None:
    late: Any = type("Late", (Hub,), {"overlap": timedelta(minutes=minutes)})
    assert described(late)["overlap"] == written


def test_a_field_that_no_record_has_is_an_error() -> None:
    class Odd(Hub):
        def normalize(self, event: Mapping[str, Any], context: object) -> Fields:
            return {**super().normalize(event, context), "colour": "red"}  # type: ignore[typeddict-unknown-key]

    fault = "of the provider hub, not of auditctl: normalize gives colour, which no record has"
    with pytest.raises(ProviderError, match=fault):
        Service.saying(hub_page(15)).export(Odd(**vars(HUB)))


# A service that is asked for a window


@dataclass(frozen=True, kw_only=True)
class Feed(Hub):
    name = "feed"
    filters_by_time = True

    def pages_from(self, client: Client, window: Window, position: str | None) -> Iterator[Page]:
        since, until = window.milliseconds()

        def ask(cursor: str | None) -> Answer:
            return client.get("/feed", {"since": since, "until": until, "after": cursor})

        return client.pages(ask, None, lambda answer: answer.header("Next"), position=position)


FEED = Feed(token=Secret("t"), base_url="https://api.feed.example")


def feed(service: Service, position: str | None, days: int) -> list[str | None]:
    since = moment("2026-01-10")
    asked = Window(since, since + timedelta(days=days))
    found = batches(FEED, service.client(FEED), Window(since, None), position, asked=asked)
    return [batch.position for batch in found]


def test_a_later_run_asks_with_a_cursor_for_the_window_that_the_cursor_is_of() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        page = int(request.url.params.get("after", 0))
        rows = [{"id": page, "@timestamp": 1768305600 + page}]
        return httpx.Response(200, json=rows, headers={"Next": f"{page + 1}"} if page < 3 else {})

    first, later, older = Service(answer), Service(answer), Service(answer)
    positions = feed(first, None, days=5)
    assert positions == [None, *(f"2026-01-15T00:00:00+00:00 {n}" for n in (1, 2, 3))]
    assert feed(later, positions[2], days=6) == positions[2:]
    assert later.params == first.params[2:]
    assert feed(older, "2", days=5) == positions, "of a version that noted no end"
