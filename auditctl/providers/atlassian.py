"""Atlassian's organization audit log: what admins and users did in all its products."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from auditctl.provider import Order, Provider, Secret, secret, setting
from auditctl.reading import joined, listed, mapping, non_empty, outcome_in, reach

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from auditctl.provider import Answer, Client, Fields, Page, Window

PAGE_SIZE = 500
"""The most that the stream of events gives."""
UNIT = timedelta(milliseconds=1)
"""The unit of ``from`` and ``to``: whether one at ``from`` counts is not documented."""


@dataclass(frozen=True, kw_only=True)
class Atlassian(Provider):
    """Cursor pages in either order; only an empty page is the last."""

    name = "atlassian"
    title = "Atlassian"
    order = Order.AS_ASKED
    permission = "an organization's API key with the scope read:events:admin"
    retention = "180 days"
    keeps = timedelta(days=180)
    overlap = timedelta(hours=3)
    filters_by_time = True
    rate_limit = "10 requests a minute (third parties say)"
    docs = "https://developer.atlassian.com/cloud/admin/organization/rest/api-group-events/"
    sample = "auditctl.demo.atlassian:answer"
    hints = {
        401: "Check {api_key}: an API key of the organization, made at admin.atlassian.com under "
        "Settings > API keys, that has not expired; a user's API token cannot read this log.",
        403: "The key in {api_key} needs the scope read:events:admin, and the organization "
        "Atlassian Guard.",
        404: "Check {org_id}: the id in the address of admin.atlassian.com/o/…, of the "
        "organization that the key belongs to.",
    }

    org_id: str = setting(in_path=True)
    api_key: Secret = secret()
    base_url: str = setting("https://api.atlassian.com")

    def pages_from(self, client: Client, window: Window, position: str | None) -> Iterator[Page]:
        """Ask again with each cursor, until a page is empty."""
        path = f"/admin/v1/orgs/{self.org_id}/events-stream"
        since, until = window.widened(UNIT).milliseconds()
        way = "asc" if window.oldest_first else "desc"
        question = {"from": since, "to": until, "sortOrder": way}

        def ask(cursor: str | None) -> Answer:
            if cursor is None:
                return client.get(path, {**question, "limit": PAGE_SIZE})
            # Known clients leave the question out behind a cursor, but no document says so.
            return client.get(path, {"cursor": cursor, "limit": PAGE_SIZE}, optional=question)

        def following(answer: Answer) -> object:
            # Behind the last event too there is a cursor, with which one could wait for the next.
            if not answer.tree.get("data"):
                return None
            following = non_empty(reach(answer.tree, "meta", "next"))
            link = non_empty(reach(answer.tree, "links", "next"))
            return client.cursor(link, "cursor") if following is None else following

        return client.pages(ask, "data", following, position=position)

    def normalize(self, event: Mapping[str, Any], context: object) -> Fields:  # noqa: ARG002
        """Read one event."""
        what = mapping(event.get("attributes"))
        who = mapping(what.get("actor"))
        action = what.get("action")
        return {
            "time": what.get("time"),
            "id": event.get("id"),
            "actor_id": who.get("id"),
            "actor_name": who.get("name"),
            "actor_email": who.get("email"),
            "action": action,
            "target": _first(what.get("context")) or _first(what.get("container")),
            "outcome": outcome_in(action, ("_failed",)),
            "source_ip": reach(what, "location", "ip"),
        }


def _first(things: object) -> object:
    """Name the first of a list of objects: its type and its id, those there are."""
    thing = next(map(mapping, listed(things)), {})
    return joined(thing.get("type"), thing.get("id"))
