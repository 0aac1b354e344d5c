"""OpenAI's audit logs: https://platform.openai.com/docs/api-reference/audit-logs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.vendors import KEY, Refusal, Vendor, expect


def refusal(name: str, status: int, ends: int, words: str, shown: str = "") -> Refusal:
    error = {"message": words, "type": "invalid_request_error", "param": None, "code": None}
    return Refusal(name, status, {"error": error}, ends, shown or words)


class Service(Vendor):
    name = "openai"
    environment = {"OPENAI_ADMIN_KEY": KEY}
    page_size = 100
    refusals = (
        refusal("key", 401, 4, f"Incorrect API key: {KEY}", "Incorrect API key: [REDACTED]"),
        refusal("scope", 403, 4, "Missing scopes: api.audit_logs.read"),
        refusal("logging", 404, 6, "Audit logging is not enabled"),
        refusal("throttled", 429, 5, "Rate limit reached"),
        refusal("failed", 503, 3, "The server is overloaded"),
    )

    def event(self, n: int, moment: datetime) -> Any:
        user = {"id": "user-1", "email": "ann@example.com"}
        return {
            "id": f"audit_log-{n}",
            "type": "api_key.created",
            "effective_at": int(moment.timestamp()),
            "actor": {"type": "session", "session": {"user": user, "ip_address": "192.0.2.1"}},
            "api_key.created": {"id": f"key_{n}"},
        }

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = "/v1/organization/audit_logs"
        params = expect(request, path, authorization=f"Bearer {KEY}")
        after = params.pop("after", None)
        assert params.keys() == {"effective_at[gte]", "effective_at[lt]", "limit"}
        assert params["limit"] == f"{self.page_size}"
        since, until = (
            datetime.fromtimestamp(int(params[f"effective_at[{end}]"]), UTC)
            for end in ("gte", "lt")
        )
        found = self.found(
            since, until - timedelta(microseconds=1), newest_first=True, counts_ends=True
        )
        rows, more = self.page(found, after, self.page_size)
        ends = {"first_id": rows[0]["id"], "last_id": rows[-1]["id"]} if rows else {}
        return httpx.Response(200, json={"data": rows, **ends, "has_more": bool(more)})
