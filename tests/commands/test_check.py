"""A check asks little, looks back a week at most, and names the permissions that are missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from auditctl.commands.check import check
from auditctl.errors import ForbiddenError
from auditctl.provider import Bearer, Order, Page, Provider, Secret, secret, setting
from tests.service import Service

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
