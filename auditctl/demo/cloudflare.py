"""Cloudflare's account audit log as its API would answer, in either order behind a cursor."""

from datetime import datetime
from typing import Any

import httpx

from auditctl.demo.cast import MALLORY, act
from auditctl.demo.clock import Pace, between, instant_of, iso, page, reply

PACE = Pace(weekday=19, weekend=5)
FAILED = 0.08  # share of all events
ZONE = {"id": "demo-zone", "name": "example.com"}

# description, type, method, path, product, kind of resource
SCENES = (
    ("Add DNS record", "create", "POST", "/zones/demo-zone/dns_records", "dns", "record"),
    ("Delete DNS record", "delete", "DELETE", "/zones/demo-zone/dns_records/{n}", "dns", "record"),
    ("Purge cache", "create", "POST", "/zones/demo-zone/purge_cache", "cache", "purge_cache"),
    ("Update settings", "update", "PATCH", "/zones/demo-zone/settings/ssl", "zone", "settings"),
    ("Roll API token", "update", "PUT", "/user/tokens/{n}/value", "iam", "api_token"),
    ("Add member", "create", "POST", "/accounts/demo/members", "members", "member"),
)


def answer(request: httpx.Request, now: datetime) -> httpx.Response:
    """Answer the one call there is."""
    params = request.url.params
    found = between(PACE, now, instant_of(params["since"]), instant_of(params["before"]))
    if params["direction"] == "asc":
        found.reverse()
    rows, following = page(found, params.get("cursor"), int(params["limit"]))
    return reply(
        now,
        {
            "success": True,
            "errors": [],
            "messages": [],
            "result": [_row(instant) for instant in rows],
            "result_info": {"count": str(len(rows)), "cursors": {"after": following or ""}},
        },
    )


def _row(instant: int) -> dict[str, Any]:
    dice, person = act(instant)
    description, kind, method, path, product, thing = dice.choice(SCENES)
    if person is MALLORY:
        description = person.last
    failed = dice.random() < FAILED
    number = f"demo{dice.randrange(100, 1000)}"
    resource: dict[str, Any] = {"id": number, "product": product, "type": thing, "scope": "zones"}
    if thing == "api_token":
        resource["response"] = {"result": {"token": "demo-token-not-real"}}
    return {
        "id": f"{dice.getrandbits(32):08x}-demo-4000-8000-{instant:012x}",
        "account": {"id": "demo", "name": "Example (demo)"},
        "action": {
            "description": description,
            "result": "failure" if failed else "success",
            "time": iso(instant),
            "type": kind,
        },
        "actor": {
            "id": f"demo{person.key}",
            "context": "dash",
            "email": person.email,
            "ip_address": person.ip,
            "type": "user",
        },
        "raw": {
            "cf_ray_id": f"{instant:016x}",
            "method": method,
            "status_code": 403 if failed else 200,
            "uri": f"/client/v4{path.format(n=number)}",
            "user_agent": person.agent,
        },
        "resource": resource,
        "zone": ZONE if "/zones/" in path else {},
    }
