"""Atlassian's stream of an organization's events: a cursor comes with every page, the last too."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx

from tests.vendors import KEY, Refusal, Vendor, expect, iso

RESET = {"X-Ratelimit-Reset": "2999-01-01T00:00Z"}


def error(status: int, title: str) -> Any:
    return {"errors": [{"status": str(status), "code": "ADMIN", "title": title}]}


class Service(Vendor):
    name = "atlassian"
    environment = {"ATLASSIAN_API_KEY": KEY, "ATLASSIAN_ORG_ID": "a1b2-c3"}
    page_size = 500
    refusals = (
        Refusal("key", 401, error(401, f"Unauthorized: {KEY}"), 4, "Unauthorized: [REDACTED]"),
        Refusal("scope", 403, error(403, "Scope is missing"), 4, "Scope is missing"),
        Refusal("org", 404, error(404, "No such org"), 6, "No such org"),
        Refusal("rate", 429, error(429, "Too many"), 5, "Too many", RESET),
        Refusal("down", 502, {"code": 502, "message": "Bad gateway"}, 3, "Bad gateway"),
    )

    def event(self, n: int, moment: datetime) -> Any:
        time = iso(moment) if moment.microsecond else iso(moment).replace(".000", "")
        what = {
            "time": time,
            "action": "user_login",
            "actor": {"id": "557058:1", "name": "Ann", "email": "ann@example.com"},
            "context": [{"type": "users", "id": "557058:1"}],
        }
        return {"type": "events", "id": f"event-{n}", "attributes": what}

    def fewest(self, since: datetime, until: datetime) -> int:
        return super().fewest(since, until) + 1  # an empty page is the end

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = "/admin/v1/orgs/a1b2-c3/events-stream"
        params = expect(request, path, authorization=f"Bearer {KEY}")
        assert params.pop("limit") == "500"
        cursor = params.pop("cursor", None)
        assert params.keys() == {"from", "to", "sortOrder"}
        since, until = (at(int(params[name])) for name in ("from", "to"))
        assert since < until
        newest_first = {"asc": False, "desc": True}[params["sortOrder"]]
        found = self.found(since, until, newest_first=newest_first)
        rows, following = self.page(found, cursor, self.page_size)
        # Behind the last one too, where one could wait for the next.
        following = following or (f"=/+ {rows[-1]['id']}" if rows else cursor or "=/+ begin")
        meta = {"next": following, "page_size": len(rows)}
        return httpx.Response(200, json={"data": rows, "meta": meta, "links": {}})


def at(milliseconds: int) -> datetime:
    assert len(str(milliseconds)) == 13
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
