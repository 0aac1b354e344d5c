"""PagerDuty's audit records API: https://developer.pagerduty.com/api-reference/."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx

from tests.vendors import KEY, Refusal, Vendor, expect, iso, moment


def error(code: int, message: str, *errors: str) -> Any:
    return {"error": {"code": code, "message": message, "errors": list(errors)}}


class Service(Vendor):
    name = "pagerduty"
    environment = {"PAGERDUTY_API_KEY": KEY}
    page_size = 100
    refusals = (
        Refusal("key", 401, error(2006, f"Unknown key {KEY}"), 4, "Unknown key [REDACTED]"),
        Refusal(
            "plan",
            402,
            error(2012, "Not able", "no trail"),
            6,
            "Not able, no trail). The account's",
        ),
        Refusal("rights", 403, error(2010, "Access Denied"), 4, "Access Denied"),
        Refusal("rate", 429, error(2020, "Slow down"), 5, "Slow down", {"ratelimit-reset": "3600"}),
    )

    def event(self, n: int, moment: datetime) -> Any:
        return {
            "id": f"PDRECORD{n}",
            "execution_time": iso(moment),
            "execution_context": {"request_id": "r", "remote_address": "192.0.2.7"},
            "actors": [{"id": "PU1", "summary": "Ann", "type": "user_reference"}] * (n % 2),
            "root_resource": {"id": "PT1", "type": "team_reference", "summary": "Team"},
            "action": "create",
        }

    def answer(self, request: httpx.Request) -> httpx.Response:
        sent = {
            "authorization": f"Token token={KEY}",
            "accept": "application/vnd.pagerduty+json;version=2",
            "content-type": "application/json",
        }
        params = expect(request, "/audit/records", **sent)
        cursor = params.pop("cursor", None)
        assert params.keys() == {"since", "until", "limit"}
        assert params["limit"] == "100"
        since, until = moment(params["since"]), moment(params["until"])
        assert timedelta() < until - since <= timedelta(days=31)
        if cursor is not None:  # it belongs to one question
            own, _, cursor = cursor.partition("|")
            assert own == params["since"] + params["until"]
        found = self.found(since, until, newest_first=True)
        rows, following = self.page(found, cursor, self.page_size)
        mark = f"{params['since']}{params['until']}|{following}" if following else None
        return httpx.Response(200, json={"records": rows, "next_cursor": mark, "limit": 100})
