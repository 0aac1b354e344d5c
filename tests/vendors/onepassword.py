"""1Password's Events API: https://developer.1password.com/docs/events-api/reference/."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import httpx

from tests.vendors import KEY, Refusal, Vendor, expect, iso, moment

FEATURES = {"audit": "auditevents", "signins": "signinattempts", "usages": "itemusages"}
WHO = {"uuid": "USER1", "name": "Ann", "email": "ann@example.com"}
CLIENT = {"app_name": "1Password for Mac", "app_version": "8", "ip_address": "192.0.2.1"}


def refusal(name: str, status: int, ends: int, words: str, shown: str = "") -> Refusal:
    return Refusal(name, status, {"Error": {"Message": words}}, ends, shown or words)


class Service(Vendor):
    name = "onepassword"
    environment = {"ONEPASSWORD_TOKEN": KEY}
    logs = tuple(FEATURES)
    page_size = 1000
    id_name = "uuid"
    refusals = (
        refusal("token", 401, 4, f"Wrong token {KEY}", "Wrong token [REDACTED]"),
        refusal("feature", 403, 4, "Missing feature"),
        refusal("body", 400, 6, "Bad cursor"),
        refusal("throttled", 429, 5, "Too many requests"),
        refusal("failed", 500, 3, "Internal server error"),
    )

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.windows: dict[str, tuple[datetime, datetime]] = {}
        """The window that each cursor was made with."""

    def event(self, n: int, moment: datetime) -> Any:
        row = {"uuid": f"EVENT{n}", "timestamp": iso(moment)}
        if self.log == "audit":
            session = {"uuid": "SESSION1", "ip": "192.0.2.1"}
            actor = {"actor_uuid": WHO["uuid"], "actor_details": WHO}
            return {**row, **actor, "action": "join", "object_type": "gm", "session": session}
        if self.log == "signins":
            kind = {"category": "success", "type": "credentials_ok"}
            return {**row, **kind, "target_user": WHO, "client": CLIENT}
        return {**row, "action": "fill", "item_uuid": "ITEM1", "user": WHO, "client": CLIENT}

    def answer(self, request: httpx.Request) -> httpx.Response:
        credentials = f"Bearer {KEY}"
        if request.method == "GET":
            assert expect(request, "/api/v2/auth/introspect", authorization=credentials) == {}
            assert not request.content
            return httpx.Response(200, json={"uuid": "TOKEN1", "features": [*FEATURES.values()]})
        path = f"/api/v2/{FEATURES[self.log]}"
        assert request.method == "POST"
        assert (
            expect(request, path, authorization=credentials, content_type="application/json") == {}
        )
        body = json.loads(request.content)
        after = body.pop("cursor", None)
        if after is None:
            assert body.keys() == {"limit", "start_time", "end_time"}
            assert body["limit"] == self.page_size
            window = moment(body["start_time"]), moment(body["end_time"])
        else:
            assert body == {}, "a cursor goes alone"
            window = self.windows[after]
        found = self.found(*window, newest_first=False)
        items, cursor = self.page(found, after, self.page_size)
        has_more = bool(cursor)
        cursor = cursor or "to go on with later"
        self.windows[cursor] = window
        return httpx.Response(200, json={"cursor": cursor, "has_more": has_more, "items": items})
