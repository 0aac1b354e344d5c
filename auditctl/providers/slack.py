"""Slack's audit log of an Enterprise organization: what users, apps and admins did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditctl.provider import Order, Provider, Secret, secret, setting
from auditctl.reading import first_in, mapping, outcome_in, reach

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from auditctl.provider import Answer, Client, Fields, Page, Window

PAGE_SIZE = 1000
"""Up to 9999 may be asked for, and fewer may come."""
_REFUSED = 400
_CODES = {
    **dict.fromkeys(
        ("not_authed", "invalid_auth", "token_revoked", "token_expired", "account_inactive"), 401
    ),
    **dict.fromkeys(("missing_scope", "no_permission", "feature_not_enabled"), 403),
    "ratelimited": 429,
    **dict.fromkeys(("internal_error", "fatal_error"), 500),
}
"""Slack's words for a refusal: the status that says the same."""
_TARGETS = ("name", "email", "title", "domain", "id")


@dataclass(frozen=True, kw_only=True)
class Slack(Provider):
    """Cursor pages, newest first; refusals come with status 200."""

    name = "slack"
    title = "Slack"
    order = Order.NEWEST_FIRST
    filters_by_time = True
    permission = (
        "a user token (xoxp-…) with the scope auditlogs:read, installed on the organization"
    )
    retention = "not documented; nothing from before March 2018"
    rate_limit = "50 requests a minute and more (Tier 3)"
    docs = "https://docs.slack.dev/admins/audit-logs-api/"
    sample = "auditctl.demo.slack:answer"
    hints = {
        401: "Check {token}: a user token (xoxp-…) of an app that an owner of the organization has "
        "installed on the organization, not on one workspace.",
        403: "The token in {token} needs the scope auditlogs:read, and the plan must be Enterprise "
        "(Grid).",
        404: "Check {base_url}: https://api.slack.com, without a path.",
    }

    token: Secret = secret()
    base_url: str = setting("https://api.slack.com")

    def true_status(self, answer: Answer) -> int:
        """Read Slack's word where the envelope says that it is not ok."""
        envelope = mapping(answer.tree)
        if answer.status > _REFUSED or envelope.get("ok") is not False:
            return answer.status
        word = envelope.get("error")
        if type(word) is not str:
            return _REFUSED
        return 403 if word.startswith("not_allowed") else _CODES.get(word, _REFUSED)

    def pages_from(self, client: Client, window: Window, position: str | None) -> Iterator[Page]:
        """Ask again with each cursor, until there is none."""
        oldest, latest = window.seconds()  # both count, so more is asked for than is wanted
        asked = {"oldest": oldest, "latest": latest, "limit": PAGE_SIZE}

        def ask(cursor: str | None) -> Answer:
            return client.get("/audit/v1/logs", {**asked, "cursor": cursor})

        def cursor(answer: Answer) -> object:
            return reach(answer.tree, "response_metadata", "next_cursor")

        return client.pages(ask, "entries", cursor, position=position)

    def normalize(self, event: Mapping[str, Any], context: object) -> Fields:  # noqa: ARG002
        """Read one event."""
        user = reach(event, "actor", "user")
        around = mapping(event.get("context"))
        entity = mapping(event.get("entity"))
        kind = entity.get("type")
        action = event.get("action")
        return {
            "time": event.get("date_create"),
            "account": reach(around, "location", "name"),
            "id": event.get("id"),
            "actor_id": reach(user, "id"),
            "actor_name": reach(user, "name"),
            "actor_email": reach(user, "email"),
            "action": action,
            "target": first_in(entity.get(kind) if type(kind) is str else None, *_TARGETS),
            "outcome": outcome_in(action, ("_failed",)),
            "source_ip": around.get("ip_address"),
            "user_agent": around.get("ua"),
            "session_id": around.get("session_id"),
        }
