"""Cloudflare's account audit log, version 2: what was done in an account, and by which request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from auditctl.provider import Order, Provider, Secret, secret, setting
from auditctl.reading import first_in, first_of, joined, listed, mapping, outcome_of, reach

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from auditctl.provider import Answer, Client, Fields, Page, Window

PAGE_SIZE = 1000
UNIT = timedelta(milliseconds=1)
"""The unit of its times: whether an event at ``since`` counts is not documented."""
_REFUSED = 400
_CODES = {10000: 401, 10001: 401, 9109: 403, 971: 429}
"""Cloudflare's codes for a refusal: the status that says the same."""


@dataclass(frozen=True, kw_only=True)
class Cloudflare(Provider):
    """Cursor pages in either order; failures may come with status 200."""

    name = "cloudflare"
    title = "Cloudflare"
    order = Order.AS_ASKED
    filters_by_time = True
    permission = "an API token with the permission Account Settings Read on the account"
    retention = "18 months"
    keeps = timedelta(days=548)
    rate_limit = "not documented for this log"
    docs = "https://developers.cloudflare.com/fundamentals/account/account-security/audit-logs/"
    sample = "auditctl.demo.cloudflare:answer"
    forbids_wrong_credentials = True
    hints = {
        401: "Check {api_token}: an API token (not a global API key) that is active.",
        403: "The token in {api_token} needs the permission Account Settings Read on the account "
        "in {account_id}.",
        404: "Check {account_id}: the account's 32 digits and letters, shown in the dashboard's "
        "address; and {base_url}.",
    }

    api_token: Secret = secret()
    account_id: str = setting(in_path=True)
    base_url: str = setting("https://api.cloudflare.com/client/v4")

    def true_status(self, answer: Answer) -> int:
        """Read the error codes where the envelope says that there was no success."""
        envelope = mapping(answer.tree)
        if answer.status > _REFUSED or envelope.get("success") is not False:
            return answer.status
        codes = [reach(error, "code") for error in listed(envelope.get("errors"))]
        known = (_CODES[code] for code in codes if type(code) is int and code in _CODES)
        return next(known, _REFUSED)

    def pages_from(self, client: Client, window: Window, position: str | None) -> Iterator[Page]:
        """Ask again with each cursor, until there is none."""
        since, before = window.widened(UNIT).iso()
        asked = {
            "since": since,
            "before": before,
            "direction": "asc" if window.oldest_first else "desc",
            "limit": PAGE_SIZE,
        }

        def ask(cursor: str | None) -> Answer:
            path = f"/accounts/{self.account_id}/logs/audit"
            return client.get(path, {**asked, "cursor": cursor})

        def cursor(answer: Answer) -> object:
            return reach(answer.tree, "result_info", "cursors", "after")

        return client.pages(ask, "result", cursor, position=position)

    def normalize(self, event: Mapping[str, Any], context: object) -> Fields:  # noqa: ARG002
        """Read one event."""
        action = mapping(event.get("action"))
        actor = mapping(event.get("actor"))
        resource = mapping(event.get("resource"))
        request = mapping(event.get("raw"))
        result = action.get("result")
        return {
            "time": action.get("time"),
            "account": reach(event, "account", "id"),
            "id": event.get("id"),
            "actor_id": actor.get("id"),
            "actor_name": actor.get("token_name"),
            "actor_email": actor.get("email"),
            "action": first_in(action, "description", "type"),
            "target": first_of(
                joined(resource.get("type"), resource.get("id")), reach(event, "zone", "name")
            ),
            "outcome": outcome_of(result, ("failure", "failed", "error"), ("success",)),
            "status_code": request.get("status_code"),
            "source_ip": actor.get("ip_address"),
            "user_agent": request.get("user_agent"),
        }
