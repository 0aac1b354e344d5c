"""Tailscale's configuration audit log as its API would answer, oldest first."""

from datetime import datetime
from typing import Any

import httpx

from auditctl.demo.cast import MALLORY, act
from auditctl.demo.clock import Pace, between, instant_of, iso, reply

PACE = Pace(weekday=14, weekend=2)
FAILED = 0.05  # share of all events

# action, kind of target, property of it, value before, value after
SCENES: tuple[tuple[str, str, str, Any, Any], ...] = (
    ("CREATE", "NODE", "", None, None),
    ("UPDATE", "NODE", "KEY_EXPIRY_TIME", None, "2026-12-01T00:00:00Z"),
    ("UPDATE", "TAILNET", "ACL", '{"acls":[]}', '{"acls":[{"action":"accept"}]}'),
    ("ENABLE", "TAILNET", "HTTPS", False, True),
    ("CREATE", "API_KEY", "", None, {"capabilities": {"devices": {}}}),
    ("LOGIN", "ADMIN_CONSOLE", "", None, None),
    ("APPROVE", "USER", "", None, None),
)


def answer(request: httpx.Request, now: datetime) -> httpx.Response:
    """Answer the one call there is."""
    params = request.url.params
    found = between(PACE, now, instant_of(params["start"]), instant_of(params["end"]) + 1)
    rows = [_row(instant) for instant in reversed(found)]
    return reply(now, {"version": "1.1", "tailnet": "example.com", "logs": rows or None})


def _row(instant: int) -> dict[str, Any]:
    dice, person = act(instant)
    action, kind, changed, old, new = dice.choice(SCENES)
    name = "example.com" if kind in ("TAILNET", "ADMIN_CONSOLE") else f"demo-{dice.randrange(99)}"
    row: dict[str, Any] = {
        "eventTime": f"{iso(instant)[:-1]}{instant % 1000:03}Z",
        "type": "CONFIG",
        "eventGroupID": f"{dice.getrandbits(64):016x}",
        "origin": "ADMIN_CONSOLE",
        "actor": {
            "id": f"uDEMO{person.key}",
            "type": "USER",
            "loginName": person.email,
            "displayName": f"{person.first} {person.last}",
        },
        "target": {
            "id": f"nDEMO{dice.randrange(100, 1000)}",
            "name": person.last if person is MALLORY else name,
            "type": kind,
        },
        "action": action,
    }
    if changed:
        row["target"]["property"] = changed
        row |= {"old": old, "new": new}
    if dice.random() < FAILED:
        row["error"] = "the policy file does not allow this"
    return row
