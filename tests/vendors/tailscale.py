"""Tailscale's configuration audit log: everything of a window in one answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.vendors import KEY, Refusal, Vendor, expect, iso, moment

PATH = "/api/v2/tailnet/example.com/logging/configuration"


class Service(Vendor):
    name = "tailscale"
    environment = {"TAILSCALE_API_KEY": KEY, "TAILSCALE_TAILNET": "example.com"}
    page_size = 10**6
    refusals = (
        Refusal("key", 401, {"message": f"API token {KEY} invalid"}, 4, "token [REDACTED] invalid"),
        Refusal("role", 403, {"message": "calling actor lacks access"}, 4, "actor lacks access"),
        Refusal("tailnet", 404, {"message": "tailnet not found"}, 6, "tailnet not found"),
        Refusal("rate", 429, {"message": "slow down"}, 5, "slow down"),
        Refusal("down", 500, {"message": "oops"}, 3, "oops"),
    )

    def event(self, n: int, moment: datetime) -> Any:
        return {
            "eventTime": iso(moment)[:-1] + "000Z",
            "type": "CONFIG",
            "eventGroupID": f"g{n // 2}",
            "actor": {"id": "u1", "type": "USER", "loginName": "ann@example.com"},
            "target": {"id": f"n{n}", "name": f"node-{n}", "type": "NODE"},
            "action": "CREATE",
        }

    def fewest(self, since: datetime, until: datetime) -> int:
        last = min(until - timedelta(microseconds=1), datetime.now(UTC)).date()
        return (last - since.astimezone(UTC).date()).days + 1

    def answer(self, request: httpx.Request) -> httpx.Response:
        params = expect(request, PATH, authorization=f"Bearer {KEY}")
        assert params.keys() == {"start", "end"}
        since, until = moment(params["start"]), moment(params["end"])
        assert until - since <= timedelta(days=1, seconds=1), "a day each"
        assert since < datetime.now(UTC)
        found = self.found(since, until, newest_first=False)
        self.served += len(found)
        return httpx.Response(
            200, json={"version": "1.1", "tailnet": "example.com", "logs": found or None}
        )
