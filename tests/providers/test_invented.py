"""Three services that auditctl does not have, written with what any plugin has."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import httpx
import pytest

from auditctl import registry
from auditctl.commands.show import overview
from auditctl.export import batches
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
from auditctl.reading import mapping
from tests import program
from tests.service import Service, moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

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
