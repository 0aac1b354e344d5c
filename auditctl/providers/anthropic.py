"""Anthropic's activity feed of the Compliance API: who did what in Claude and in the Console."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from auditctl.provider import KeyHeaders, Order, Provider, Secret, secret, setting
from auditctl.reading import first_in, first_of, mapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from auditctl.provider import Answer, Client, Fields, Page, Window

PAGE_SIZE = 1000
_ACTORS = ("user_id", "api_key_id", "admin_api_key_id", "directory_id")
_EMAILS = ("email_address", "unauthenticated_email_address")


@dataclass(frozen=True, kw_only=True)
class Anthropic(Provider):
    """Cursor pages, newest first; reading the log is itself logged."""

    name = "anthropic"
    title = "Anthropic"
    order = Order.NEWEST_FIRST
    filters_by_time = True
    headers = {"anthropic-version": "2023-06-01"}
    permission = "a Compliance Access Key or Admin API key with read:compliance_activities"
    retention = "6 years"
    keeps = timedelta(days=2192)
    rate_limit = "600 requests a minute for the parent organization (second hand)"
    docs = "https://platform.claude.com/docs/en/manage-claude/compliance-activity-feed"
    sample = "auditctl.demo.anthropic:answer"
    hints = {
        401: "Check {compliance_key}: a Compliance Access Key (sk-ant-api01-…) or an Admin API key "
        "(sk-ant-admin01-…); a key for models (sk-ant-api03-…) cannot read this log.",
        403: "The key in {compliance_key} needs the scope read:compliance_activities; an Admin API "
        "key has it only if it was made after the Compliance API was enabled.",
        404: "Check {base_url}: https://api.anthropic.com, without /v1; and that the Compliance "
        "API is enabled for the organization.",
    }

    compliance_key: Secret = secret("ANTHROPIC_ADMIN_KEY")
    base_url: str = setting("https://api.anthropic.com")

    def auth(self) -> KeyHeaders:
        """Send the key in a header of its own."""
        return KeyHeaders({"x-api-key": self.compliance_key})

    def pages_from(self, client: Client, window: Window, position: str | None) -> Iterator[Page]:
        """Ask for what is after the last id, until ``has_more`` is false."""
        # Each request adds an activity to the log: without this end, one would follow the other.
        now = datetime.now(UTC)
        began = now - timedelta(microseconds=now.microsecond % 1000)  # `iso` would round it up
        since, until = replace(window, until=min(window.until or began, began)).iso()
        asked = {"created_at.gte": since, "created_at.lt": until, "limit": PAGE_SIZE}

        def ask(cursor: str | None) -> Answer:
            return client.get("/v1/compliance/activities", {**asked, "after_id": cursor})

        return client.pages(
            ask, "data", lambda answer: client.more(answer, "last_id"), position=position
        )

    def normalize(self, event: Mapping[str, Any], context: object) -> Fields:  # noqa: ARG002
        """Read one event."""
        actor = mapping(event.get("actor"))
        return {
            "time": event.get("created_at"),
            "account": event.get("organization_id"),
            "id": event.get("id"),
            "actor_id": first_in(actor, *_ACTORS),
            "actor_email": first_in(actor, *_EMAILS),
            "action": event.get("type"),
            "target": first_of(
                *(value for name, value in event.items() if _names_a_target(name)),
                event.get("filename"),
            ),
            "source_ip": actor.get("ip_address"),
            "user_agent": actor.get("user_agent"),
        }


def _names_a_target(name: str) -> bool:
    return name.endswith("_id") and name != "organization_id"
