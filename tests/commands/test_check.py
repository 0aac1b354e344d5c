"""A check asks little, looks back a week at most, and names the permissions that are missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from auditctl import registry
from auditctl.commands.check import check
from auditctl.errors import ForbiddenError
from auditctl.provider import Bearer, Order, Page, Provider, Secret, secret, setting
from auditctl.settings import find, load
from tests import server, tape
from tests.server import KEY
from tests.service import Service
from tests.vendors import VENDORS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from auditctl.provider import Answer, Client, Fields, Window

NOW = datetime(2026, 7, 14, 15, 9, 26, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Vault(Provider):
    name = "vault"
    title = "Vault"
    order = Order.NONE_DOCUMENTED
    filters_by_time = True
    permission = "a token with the feature audit"
    retention = rate_limit = docs = ""
    hints = {403: "Make a token with the features named."}

    token: Secret = secret()
    base_url: str = setting("https://vault.example")

    def auth(self) -> Bearer:
        return Bearer(self.token)

    def lacking(self, client: Client) -> Mapping[str, str]:
        features = client.get("/introspect").tree["features"]
        lacks = [name for name in ("audit", "usage") if name not in features]
        return {self.log_name: ", ".join(lacks)} if lacks else {}

    def pages(self, client: Client, window: Window) -> Iterator[Page]:
        since, until = window.seconds()

        def ask(cursor: str | None) -> Answer:
            return client.get("/events", {"since": since, "until": until, "cursor": cursor})

        return client.pages(ask, "events", lambda answer: answer.tree["next"])

    def normalize(self, event: Mapping[str, Any], context: object) -> Fields:  # noqa: ARG002
        return {"time": event["at"], "id": event["id"]}


VAULT = Vault(token=Secret("t"), base_url="https://vault.example")


def lines(answer: Any) -> tuple[list[str], Service]:
    service = Service(answer)
    return list(check(VAULT, service.client(VAULT), NOW)), service


def test_a_week_is_read_in_ten_requests_at_most() -> None:
    def answer(request: Any) -> Any:
        if request.url.path == "/introspect":
            return {"features": ["audit", "usage"]}
        number = int(request.url.params.get("cursor", 0))
        event = {"id": number, "at": NOW.timestamp() - number}
        return {"events": [event], "next": str(number + 1)}

    said, service = lines(answer)
    assert said[-1] == (
        "ok      newest record (in 9 answers; no order is documented): 2026-07-14T15:09:26.000Z"
    )
    assert len(service.asked) == 10
    asked = service.params[1]
    assert int(asked["since"]) == (NOW - timedelta(days=7)).timestamp()
    assert int(asked["until"]) <= (NOW + timedelta(days=1)).timestamp()


def test_permissions_that_are_missing_are_named() -> None:
    service = Service.saying({"features": ["other"]})
    found: list[str] = []
    with pytest.raises(ForbiddenError) as failed:
        found.extend(check(VAULT, service.client(VAULT), NOW))
    assert str(failed.value) == (
        "Vault's credentials lack audit, usage. Make a token with the features named."
    )


def test_an_empty_week_is_said_to_be_one() -> None:
    service = Service.saying({"features": ["audit", "usage"]}, {"events": [], "next": ""})
    said, _ = lines(service.answer)
    assert said[-1] == "ok      newest record: none in the last 7 days"


def endless(n: int, next_link: str) -> dict[str, Any]:
    """Give the n-th page of each service's log: it has one event without a time, and a next."""
    row = {"id": n, "uuid": n, "_document_id": n, "log_id": str(n)}
    by_id = {"data": [row], "has_more": True, "last_id": str(n)}
    return {
        "anthropic": by_id,
        "atlassian": {"data": [row], "meta": {"next": str(n)}},
        "cloudflare": {"result": [row], "result_info": {"cursors": {"after": str(n)}}},
        "entra": {"value": [row], "@odata.nextLink": next_link},
        "github": [row],
        "google": {"items": [row], "nextPageToken": str(n)},
        "hrhis": {"pager": {"page": n, "pageCount": 50, "total": 50}, "userLogs": [row]},
        "okta": [row],
        "onepassword": {"items": [row], "has_more": True, "cursor": str(n)},
        "openai": by_id,
        "pagerduty": {"records": [], "next_cursor": str(n)},
        "persona": {"data": [row], "links": {"next": f"?page%5Bafter%5D={n}"}},
        "roam": {"ok": True, "auditLogs": []},
        "slack": {"entries": [row], "response_metadata": {"next_cursor": str(n)}},
        "tailscale": {"version": "1.1", "tailnet": "example.com", "logs": []},
        "upstash": [row],
    }


CLIENT = {"TAILSCALE_CLIENT_ID": "app", "TAILSCALE_CLIENT_SECRET": KEY}
ASKED = [
    *(
        (name, log, VENDORS[name].environment if name in VENDORS else server.settings("https://x"))
        for name in registry.installed()
        for log in (VENDORS[name].logs if name in VENDORS else ("",))
    ),
    ("tailscale", "", CLIENT),
]


@pytest.mark.parametrize(("name", "log", "environment"), ASKED)
@pytest.mark.parametrize("ahead", [0, -3, 8.5, 10, -10, -40, 400])
@pytest.mark.parametrize("redirects", [False, True])
def test_no_service_gets_more_than_ten_requests_or_is_asked_for_more_than_a_week(  # noqa: PLR0913, PLR0917
    name: str,
    log: str,
    environment: Mapping[str, str],
    ahead: float,
    redirects: bool,  # noqa: FBT001 - a value of the parameters above
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("auditctl.http.service_account._signature", lambda _key, _text: b"signed")
    kind = tape.provider_class(name)
    provider = load(kind, find(kind, environment, {}), log_name=log)
    now = datetime.now(UTC)
    theirs = now + timedelta(days=ahead)

    def answer(request: httpx.Request) -> httpx.Response:
        headers = {"Date": format_datetime(theirs, usegmt=True)}
        n = len(service.asked)
        if redirects and "again=1" not in str(request.url):
            headers["Location"] = str(request.url.copy_merge_params({"again": "1"}))
            return httpx.Response(307, headers=headers)
        if "token" in request.url.path:
            return httpx.Response(200, json={"access_token": KEY}, headers=headers)
        if "introspect" in request.url.path:
            features = ["auditevents", "signinattempts", "itemusages"]
            return httpx.Response(200, json={"features": features}, headers=headers)
        following = str(request.url.copy_merge_params({"after": str(n), "again": "0"}))
        headers["Link"] = f'<{following}>; rel="next"'
        return httpx.Response(200, json=endless(n, following)[name], headers=headers)

    service = Service(answer)
    client = service.client(provider, concurrency=4)
    *_, last = check(provider, client, now)
    client.close()
    assert "newest record" in last
    assert len(service.asked) <= 10
    if provider.log.order.is_by_day:
        begins = [
            datetime.fromisoformat(params.get("date") or params["start"]).replace(tzinfo=UTC)
            for params in service.params
            if params.keys() & {"date", "start"}
        ]
        # A clock that is nearly a week off changes nothing; by one that is more, theirs counts.
        earliest = min(now, theirs) if abs(ahead) > 9 else now
        assert min(begins) >= earliest - timedelta(days=7, milliseconds=1)
