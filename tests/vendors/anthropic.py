"""Anthropic's activity feed: platform.claude.com, "Compliance activity feed"."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.vendors import KEY, Refusal, Vendor, expect, iso, moment


def refusal(name: str, status: int, ends: int, words: str, shown: str = "") -> Refusal:
    body = {"type": "error", "error": {"type": f"{name}_error", "message": words}}
    return Refusal(name, status, body, ends, shown or words)


class Service(Vendor):
    name = "anthropic"
    environment = {"ANTHROPIC_COMPLIANCE_KEY": KEY}
    page_size = 1000
    refusals = (
        refusal("authentication", 401, 4, f"invalid x-api-key {KEY}", "x-api-key [REDACTED]"),
        refusal("permission", 403, 4, "Needed: [read:compliance_activities]"),
        refusal("invalid_request", 400, 6, "after_id: unknown"),
        refusal("rate_limit", 429, 5, "Rate limited"),
        refusal("overloaded", 529, 3, "Overloaded"),
    )

    def event(self, n: int, moment: datetime) -> Any:
        return {
            "id": f"activity_{n}",
            "created_at": iso(moment),
            "organization_id": "org_1",
            "actor": {"type": "user_actor", "user_id": "user_1", "email_address": "a@example.com"},
            "type": "claude_chat_created",
            "claude_chat_id": f"chat_{n}",
        }

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = "/v1/compliance/activities"
        params = expect(request, path, x_api_key=KEY, anthropic_version="2023-06-01")
        after = params.pop("after_id", None)
        assert params.keys() == {"created_at.gte", "created_at.lt", "limit"}
        assert params["limit"] == f"{self.page_size}"
        since, until = moment(params["created_at.gte"]), moment(params["created_at.lt"])
        assert until <= datetime.now(UTC) + timedelta(milliseconds=1), "what reading adds"
        found = self.found(
            since, until - timedelta(microseconds=1), newest_first=True, counts_ends=True
        )
        rows, more = self.page(found, after, self.page_size)
        first, last = (rows[0]["id"], rows[-1]["id"]) if rows else (None, None)
        answer = {"data": rows, "has_more": bool(more), "first_id": first, "last_id": last}
        return httpx.Response(200, json=answer)
