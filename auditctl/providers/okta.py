"""Okta's System Log: sign-ins, and what users and administrators did."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from auditctl.provider import Bearer, Order, Page, Provider, Secret, secret, setting
from auditctl.reading import email_in, mapping, names_in, outcome_of, reach

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from auditctl.provider import Answer, Client, Fields, Window

PATH = "/api/v1/logs"
PAGE_SIZE = 1000
FARTHEST = timedelta(days=179) - timedelta(seconds=30)
"""How far back may be asked for, until the request arrives: from 180 days on, the API refuses."""
UNIT = timedelta(milliseconds=1)


@dataclass(frozen=True, kw_only=True)
class Okta(Provider):
    """Pages behind links, in either order."""

    name = "okta"
    title = "Okta"
    order = Order.AS_ASKED
    filters_by_time = True
    permission = "an API token of an administrator who may view the System Log"
    retention = "90 days"
    keeps = timedelta(days=90)
    rate_limit = "not documented; it is shared by the whole organization"
    docs = "https://developer.okta.com/docs/reference/system-log-query"
    sample = "auditctl.demo.okta:answer"
    hints = {
        401: "Check {api_token}: tokens expire when they are not used for 30 days, and end with "
        "the user who made them.",
        403: "The administrator who made the token in {api_token} must be allowed to view the "
        "System Log: a role such as Read-only Administrator.",
        404: "Check {base_url}: it must be your Okta domain, such as https://acme.okta.com, "
        "without -admin and without a path.",
    }

    base_url: str = setting()
    api_token: Secret = secret()

    def auth(self) -> Bearer:
        """Send the token with Okta's own word in front."""
        return Bearer(self.api_token, scheme="SSWS")

    def pages_from(self, client: Client, window: Window, position: str | None) -> Iterator[Page]:
        """Follow the links: they must not be made of cursors, the vendor says."""
        earliest = client.now() - FARTHEST
        if window.until is not None and window.until <= earliest:
            return iter(())  # nothing is kept for so long
        if window.since is None or window.since < earliest:
            window = replace(window, since=earliest)
        since, until = window.widened(UNIT).iso()
        order = "ASCENDING" if window.oldest_first else "DESCENDING"
        first = {"since": since, "until": until, "sortOrder": order, "limit": PAGE_SIZE}

        def ask(link: str | None) -> Answer:
            return client.get(PATH, first) if link is None else client.follow(link)

        def following(answer: Answer) -> str | None:
            if window.oldest_first and not answer.tree:
                return None  # there is always a link then: to what has not happened yet
            return answer.link("next")

        return client.pages(ask, None, following, position=position, id_name="uuid")

    def normalize(self, event: Mapping[str, Any], context: object) -> Fields:  # noqa: ARG002
        """Read one event."""
        actor = mapping(event.get("actor"))
        client = mapping(event.get("client"))
        result = reach(event, "outcome", "result")
        return {
            "time": event.get("published"),
            "id": event.get("uuid"),
            "actor_id": actor.get("id"),
            "actor_name": actor.get("displayName"),
            "actor_email": email_in(actor.get("alternateId")),
            "action": event.get("eventType"),
            "target": names_in(event.get("target"), "displayName", "alternateId", "id"),
            "outcome": outcome_of(result, ("FAILURE", "DENY"), ("SUCCESS", "ALLOW")),
            "source_ip": client.get("ipAddress"),
            "user_agent": reach(client, "userAgent", "rawUserAgent"),
            "session_id": reach(event, "authenticationContext", "externalSessionId"),
        }
