"""Slack's Audit Logs API: https://docs.slack.dev/admins/audit-logs-api/."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.vendors import KEY, Refusal, Vendor, expect


def refusal(word: str, ends: int, status: int = 200, **more: Any) -> Refusal:
    return Refusal(word, status, {"ok": False, "error": word, **more}, ends, word)


class Service(Vendor):
    name = "slack"
    environment = {"SLACK_TOKEN": KEY}
    page_size = 1000
    refusals = (
        refusal("invalid_auth", 4),
        refusal("missing_scope", 4, needed="auditlogs:read", provided="users:read"),
        refusal("not_allowed_token_type", 4),
        refusal("feature_not_enabled", 4),
        refusal("ratelimited", 5),
        refusal("ratelimited", 5, 429),
        refusal("fatal_error", 3),
        refusal("invalid_cursor", 6),
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
