"""OpenAI's audit log of an organization: who changed what in the platform's settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditctl.provider import Order, Provider, Secret, secret, setting
from auditctl.reading import first_of, mapping, outcome_in, reach

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from auditctl.provider import Answer, Client, Fields, Page, Window

PAGE_SIZE = 100
"""The most that the API gives; its default is 20."""


@dataclass(frozen=True, kw_only=True)
class OpenAI(Provider):
    """Cursor pages, newest first; an event's details are under the name of its type."""

    name = "openai"
    title = "OpenAI"
    order = Order.NEWEST_FIRST
    filters_by_time = True
    permission = "an admin key of the organization, with audit logging switched on"
    retention = "not documented"
    rate_limit = "not documented"
    docs = "https://platform.openai.com/docs/api-reference/audit-logs"
    sample = "auditctl.demo.openai:answer"
    hints = {
        401: "Check {admin_key}: an admin key (sk-admin-…); a project's key cannot read this log.",
        403: "The key in {admin_key} must be an admin key of an organization owner.",
        404: "Check {base_url}, and that audit logging is switched on in the "
        "organization's settings.",
    }

    admin_key: Secret = secret()
    base_url: str = setting("https://api.openai.com/v1")

    def is_harmless(self, name: str, parent: Mapping[str, Any]) -> bool:
        """Recognize the details of an event, as in api_key.created, and a key's owner."""
        # Only an event has this time: deeper down, a type is any word that somebody chose.
        return name == "api_key" or ("effective_at" in parent and name == parent.get("type"))

    def pages_from(self, client: Client, window: Window, position: str | None) -> Iterator[Page]:
        """Ask for what is after the last id, until ``has_more`` is false."""
        since, until = window.seconds()
        asked = {"effective_at[gte]": since, "effective_at[lt]": until, "limit": PAGE_SIZE}

        def ask(cursor: str | None) -> Answer:
            return client.get("/organization/audit_logs", {**asked, "after": cursor})

        return client.pages(
            ask, "data", lambda answer: client.more(answer, "last_id"), position=position
        )

    def normalize(self, event: Mapping[str, Any], context: object) -> Fields:  # noqa: ARG002
        """Read one event."""
        actor = mapping(event.get("actor"))
        session = mapping(actor.get("session"))
        key = mapping(actor.get("api_key"))
        user = mapping(session.get("user") or key.get("user"))
        action = event.get("type")
        return {
            "time": event.get("effective_at"),
            "id": event.get("id"),
            "actor_id": first_of(user.get("id"), reach(key, "service_account", "id")),
            "actor_email": user.get("email"),
            "action": action,
            "target": reach(event, action, "id") if type(action) is str else None,
            "outcome": outcome_in(action, (".failed",), (".succeeded",)),
            "source_ip": session.get("ip_address"),
            "user_agent": session.get("user_agent"),
        }
