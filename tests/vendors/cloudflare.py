"""Cloudflare's account audit logs, version 2: the parameters of its SDK for Python."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import httpx

from tests.vendors import KEY, Refusal, Vendor, expect, iso, moment


def refusal(code: int, ends: int, words: str, status: int = 200, shown: str = "") -> Refusal:
    errors = [{"code": code, "message": words}]
    body = {"success": False, "errors": errors, "messages": [], "result": None}
    return Refusal(f"{status}-{code}", status, body, ends, shown or words)


class Service(Vendor):
    name = "cloudflare"
    environment = {"CLOUDFLARE_API_TOKEN": KEY, "CLOUDFLARE_ACCOUNT_ID": "account1"}
    page_size = 1000
    refusals = (
        refusal(10000, 4, f"Bad token {KEY}", shown="Bad token [REDACTED]"),
        refusal(10001, 4, "Unable to authenticate request"),
        refusal(9109, 4, "Unauthorized to access requested resource"),
        refusal(971, 5, "Please wait"),
        refusal(7003, 6, "Could not route"),
        refusal(10000, 4, "Authentication error", 403),
        refusal(1, 3, "Internal error", 500),
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
