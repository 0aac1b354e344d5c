"""Cloudflare's account audit log as its API would answer, in either order behind a cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from auditctl.demo.cast import MALLORY, actor
from auditctl.demo.clock import Pace, chance, instant_of, instants, iso, page, reply, to_instant

if TYPE_CHECKING:
    from datetime import datetime

    import httpx

PATH = "/client/v4/accounts/demo/logs/audit"
PACE = Pace(weekday=19, weekend=5)
DEFAULT_SIZE, LARGEST_SIZE = 100, 1000
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
    """Answer the list; anything else is not found."""
    params, clock = request.url.params, to_instant(now)
    if request.url.path != PATH:
        return _refused(now, 404, 7003, "Could not route to this path")
    if not {"since", "before"} <= params.keys():
        return _refused(now, 400, 1001, "since and before are required")
    since = instant_of(params["since"], 0)
    before = instant_of(params["before"], clock)
    size = min(int(params.get("limit", DEFAULT_SIZE)), LARGEST_SIZE)
    found = [each for each in instants(PACE, clock, min(before, clock + 1)) if each >= since]
    if params.get("direction") == "asc":
        found.reverse()
    rows, following = page(found, params.get("cursor"), size)
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


def _refused(now: datetime, status: int, code: int, message: str) -> httpx.Response:
    errors = [{"code": code, "message": message}]
    return reply(now, {"success": False, "errors": errors, "messages": [], "result": None}, status)


def _row(instant: int) -> dict[str, Any]:
    dice = chance(instant)
    person = actor(instant, dice)
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
