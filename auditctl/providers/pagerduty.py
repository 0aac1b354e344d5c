"""PagerDuty's audit records: changes of users, teams, services and the like."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from auditctl.provider import (
    KeyHeaders,
    Order,
    Page,
    Provider,
    Secret,
    secret,
    setting,
    walk_slices,
)
from auditctl.reading import first_in, joined, listed, mapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from auditctl.provider import Answer, Client, Fields, Window

PAGE_SIZE = 100
LONGEST = timedelta(days=31)
"""The longest window that the API accepts."""
UNIT = timedelta(milliseconds=1)


@dataclass(frozen=True, kw_only=True)
class PagerDuty(Provider):
    """Pages behind cursors, newest first, in windows of a month at most."""

    name = "pagerduty"
    title = "PagerDuty"
    order = Order.NEWEST_FIRST
    filters_by_time = True
    permission = "a general access REST API key, made by an administrator or the account's owner"
    retention = "not documented"
    rate_limit = "not documented"
    docs = "https://developer.pagerduty.com/api-reference/list-audit-records"
    headers = {
        "Accept": "application/vnd.pagerduty+json;version=2",
        "Content-Type": "application/json",
    }
    sample = "auditctl.demo.pagerduty:answer"
    hints = {
        401: "Check {api_key}: it must be a REST API key of this account, in this region "
        "({base_url} is https://api.eu.pagerduty.com for Europe).",
        402: "The account's plan has no audit trail: ask PagerDuty for a plan that has it.",
        403: "The key in {api_key} must be a general access key of an administrator or the "
        "account's owner; a personal key has the rights of its user.",
        404: "Check {base_url}: https://api.pagerduty.com, or https://api.eu.pagerduty.com.",
    }

    api_key: Secret = secret()
    base_url: str = setting("https://api.pagerduty.com")

    def auth(self) -> KeyHeaders:
        """Send the key as PagerDuty wants it: as a parameter of the header."""
        return KeyHeaders({"Authorization": Secret(f"Token token={self.api_key.reveal()}")})

    def pages_from(self, client: Client, window: Window, position: str | None) -> Iterator[Page]:
        """Walk the months of the window, newest first."""

        def month(part: Window, cursor: str | None) -> Iterator[Page]:
            since, until = part.iso()

            def ask(cursor: str | None) -> Answer:
                ends = {"since": since, "until": until}
                return client.get("/audit/records", {**ends, "limit": PAGE_SIZE, "cursor": cursor})

            return client.pages(ask, "records", _following, position=cursor, part=until)

        return walk_slices(window, LONGEST, UNIT, month, position)

    def normalize(self, event: Mapping[str, Any], context: object) -> Fields:  # noqa: ARG002
        """Read one record; its actors may be none."""
        actor = next(map(mapping, listed(event.get("actors"))), {})
        resource = mapping(event.get("root_resource"))
        return {
            "time": event.get("execution_time"),
            "id": event.get("id"),
            "actor_id": actor.get("id"),
            "actor_name": actor.get("summary"),
            "action": joined(event.get("action"), resource.get("type")),
            "target": first_in(resource, "summary", "id"),
            "source_ip": mapping(event.get("execution_context")).get("remote_address"),
        }


def _following(answer: Answer) -> object:
    return mapping(answer.tree).get("next_cursor")
