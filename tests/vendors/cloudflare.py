"""Cloudflare's account audit logs, version 2: the parameters of its SDK for Python."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import httpx

from tests.vendors import KEY, Refusal, Vendor, expect, iso, moment


def refusal(meaning: int, ends: int, code: int, status: int = 200) -> Refusal:
    errors = [{"code": 1, "message": "First"}, {"code": code, "message": f"Not with {KEY}"}]
    body = {"success": False, "errors": errors, "messages": [], "result": None}
    return Refusal(f"{status}-{code}", status, body, ends, f"{meaning}: First, Not with [REDACTED]")


class Service(Vendor):
    name = "cloudflare"
    environment = {"CLOUDFLARE_API_TOKEN": KEY, "CLOUDFLARE_ACCOUNT_ID": "account1"}
    page_size = 1000
    refusals = (
        *(refusal(401, 4, code, status) for code in (10000, 10001) for status in (200, 400)),
        *(refusal(403, 4, 9109, status) for status in (200, 400)),
        *(refusal(429, 5, 971, status) for status in (200, 400)),
        *(refusal(400, 6, 7003, status) for status in (200, 400)),
        refusal(403, 4, 10000, 403),  # a status of its own counts more
        refusal(502, 3, 10000, 502),
    )

    def event(self, n: int, moment: datetime) -> Any:
        return {
            "id": f"event{n}",
            "account": {"id": "account1"},
            "action": {"description": "Log in", "result": "success", "time": iso(moment)},
            "actor": {"id": "user1", "email": "ann@example.com", "ip_address": "192.0.2.1"},
            "raw": {"status_code": 200, "user_agent": "curl/8"},
            "resource": {"type": "session", "id": f"session{n}"},
        }

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = "/client/v4/accounts/account1/logs/audit"
        params = expect(request, path, authorization=f"Bearer {KEY}")
        after = params.pop("cursor", None)
        assert params.keys() == {"since", "before", "direction", "limit"}
        assert params["limit"] == f"{self.page_size}"
        since, before = moment(params["since"]), moment(params["before"])
        newest_first = {"desc": True, "asc": False}[params["direction"]]
        found = self.found(since, before, newest_first=newest_first)
        rows, cursor = self.page(found, after, self.page_size)
        info = {"count": f"{len(rows)}", "cursors": {"after": cursor}}
        envelope: dict[str, Any] = {"success": True, "errors": [], "messages": []}
        return httpx.Response(200, json={**envelope, "result": rows, "result_info": info})
