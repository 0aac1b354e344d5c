"""Upstash's account audit log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditctl.provider import Basic, Order, Page, Provider, Secret, secret, setting
from auditctl.reading import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from auditctl.provider import Client, Fields, Window


NOTHING = (None, "", "NA")
"""Values that mean that there is no value: Upstash has a word of its own for it."""


@dataclass(frozen=True, kw_only=True)
class Upstash(Provider):
    """One array with everything, in no documented order; neither pages nor parameters."""

    name = "upstash"
    title = "Upstash"
    order = Order.NONE_DOCUMENTED
    permission = "a Developer API key of a native Upstash account"
    retention = "7 days (free), 30 days (pay as you go), 1 year (Pro)"
    rate_limit = "not documented"
    docs = "https://upstash.com/docs/devops/developer-api/account/list_audit_logs"
    sample = "auditctl.demo.upstash:answer"
    hints = {
        401: "Check {email} and {api_key}: the account's e-mail address and a key made "
        "in the console under Account > Management API.",
        403: "The account must be a native Upstash account (not one made through Vercel or Fly.io) "
        "and the key one for the Developer API.",
        404: "The audit log lives at https://api.upstash.com/auditlogs, without /v2: check "
        "{base_url}.",
    }

    email: str = setting()
    api_key: Secret = secret()
    base_url: str = setting("https://api.upstash.com")

    def auth(self) -> Basic:
        """Send the account's address and key as HTTP Basic authentication."""
        return Basic(self.email, self.api_key)

    def pages(self, client: Client, window: Window) -> Iterator[Page]:  # noqa: ARG002 - no filter
        """Read the array as it comes."""
        for number, answer in enumerate(client.stream("/auditlogs")):
            yield Page(answer.tree, None, [answer], continues=number > 0)

    def normalize(self, event: Mapping[str, Any], context: object) -> Fields:  # noqa: ARG002
        """Read one event."""
        actor = event.get("actor")
        is_email = type(actor) is str and "@" in actor
        fields: Fields = {
            "time": event.get("timestamp"),
            "account": event.get("customer_id"),
            "id": event.get("log_id"),
            "actor_id": None if is_email else actor,
            "actor_email": actor if is_email else None,
            "action": event.get("action_string"),
            "target": _target(event),
            "source_ip": event.get("ip"),
        }
        if "NA" in fields.values():
            fields |= {name: None for name, value in fields.items() if value == "NA"}  # type: ignore[typeddict-item]
        return fields


def _target(event: Mapping[str, Any]) -> object:
    first = event.get("entity")
    second = event.get("secondary_entity")
    third = event.get("third_entity")
    if second in NOTHING and third in NOTHING:
        return first
    parts = [part for part in (first, second, third) if part not in NOTHING]
    return " / ".join(parts) if all(type(part) is str for part in parts) else UNREADABLE
