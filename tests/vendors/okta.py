"""Okta's System Log API: https://developer.okta.com/docs/reference/system-log-query."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.vendors import KEY, Refusal, Vendor, expect, iso, moment

URL = "https://acme.okta.com"


def error(code: int, summary: str, *causes: str) -> Any:
    named = [{"errorSummary": cause} for cause in causes]
    return {"errorCode": f"E{code:07}", "errorSummary": summary, "errorCauses": named}


class Service(Vendor):
    name = "okta"
    environment = {"OKTA_BASE_URL": URL, "OKTA_API_TOKEN": KEY}
    page_size = 1000
    id_name = "uuid"
    refusals = (
        Refusal("token", 401, error(11, f"Invalid token {KEY}"), 4, "Invalid token [REDACTED]"),
        Refusal("permission", 403, error(6, "Not allowed", "No logs"), 4, "Not allowed, No logs"),
        Refusal(
            "limit", 429, error(47, "Too many"), 5, "Too many", {"X-Rate-Limit-Reset": "4102444800"}
        ),
        Refusal("timeout", 500, error(9, "Internal Server Error"), 3, "Internal Server Error"),
    )

    def event(self, n: int, moment: datetime) -> Any:
        return {
            "uuid": f"0000-{n}",
            "published": iso(moment),
            "eventType": "user.session.start",
            "actor": {"id": f"00u{n % 7}", "alternateId": "ann@example.com", "displayName": "Ann"},
            "outcome": {"result": "SUCCESS", "reason": None},
            "target": [{"id": "0oa1", "alternateId": "unknown", "displayName": "Dashboard"}],
        }

    def answer(self, request: httpx.Request) -> httpx.Response:
        params = expect(request, "/api/v1/logs", authorization=f"SSWS {KEY}")
        after = params.pop("after", None)
        assert params.keys() == {"since", "until", "sortOrder", "limit"}
        assert params["limit"] == "1000"
        since, until = moment(params["since"]), moment(params["until"])
        if since < datetime.now(UTC) - timedelta(days=180):
            return httpx.Response(400, json=error(53, "Too old"))
        newest_first = {"DESCENDING": True, "ASCENDING": False}[params["sortOrder"]]
        found = self.found(since, until, newest_first=newest_first)
        rows, cursor = self.page(found, after, self.page_size)
        own = httpx.URL(f"{URL}/api/v1/logs", params=params)
        links = [("Link", f'<{own}>; rel="self"')]
        if not newest_first and rows:  # it goes on for ever, to ask for what is new
            cursor = cursor or f"=/+ {rows[-1]['uuid']}"
        if cursor:
            links.append(("Link", f'<{own.copy_set_param("after", cursor)}>; rel="next"'))
        return httpx.Response(200, json=rows, headers=links)
