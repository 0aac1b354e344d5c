"""Slack's Audit Logs API: https://docs.slack.dev/admins/audit-logs-api/."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.vendors import KEY, Refusal, Vendor, expect

REFUSALS = {
    401: "not_authed invalid_auth token_revoked token_expired account_inactive",
    403: "missing_scope not_allowed not_allowed_token_type no_permission feature_not_enabled",
    429: "ratelimited",
    500: "internal_error fatal_error",
    400: "invalid_cursor a_new_word",
}
"""Words for a refusal, which comes with 200 or 400, by the status that says the same."""
ENDS = {400: 6, 401: 4, 403: 4, 429: 5, 500: 3}


def refusal(word: str, meaning: int, status: int) -> Refusal:
    body = {"ok": False, "error": word, "needed": "auditlogs:read", "provided": "users:read"}
    words = f"{meaning}: {word}, needed: auditlogs:read"
    return Refusal(f"{status}-{word}", status, body, ENDS[meaning], words)


class Service(Vendor):
    name = "slack"
    environment = {"SLACK_TOKEN": KEY}
    page_size = 1000
    refusals = tuple(
        refusal(word, meaning, status)
        for meaning, words in REFUSALS.items()
        for word in words.split()
        for status in (200, 400)
    )

    def event(self, n: int, moment: datetime) -> Any:
        user = {"id": "W1", "name": "Ann", "email": "ann@example.com"}
        return {
            "id": f"event-{n}",
            "date_create": int(moment.timestamp()),
            "action": "user_login",
            "actor": {"type": "user", "user": user},
            "entity": {"type": "user", "user": user},
            "context": {"ua": "curl/8", "ip_address": "192.0.2.1", "session_id": n},
        }

    def answer(self, request: httpx.Request) -> httpx.Response:
        params = expect(request, "/audit/v1/logs", authorization=f"Bearer {KEY}")
        after = params.pop("cursor", None)
        assert params.keys() == {"oldest", "latest", "limit"}
        assert params["limit"] == f"{self.page_size}"
        oldest, latest = (datetime.fromtimestamp(int(params[e]), UTC) for e in ("oldest", "latest"))
        end = latest + timedelta(seconds=1, microseconds=-1)  # that second counts too
        found = self.found(oldest, end, newest_first=True, counts_ends=True)
        entries, cursor = self.page(found, after, self.page_size)
        metadata = {"next_cursor": cursor}
        return httpx.Response(
            200, json={"ok": True, "entries": entries, "response_metadata": metadata}
        )
