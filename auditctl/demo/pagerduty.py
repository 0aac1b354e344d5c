"""PagerDuty's audit records as its API would answer: pages behind cursors, newest first."""

from datetime import datetime
from typing import Any

import httpx

from auditctl.demo.cast import MALLORY, act
from auditctl.demo.clock import Pace, between, instant_of, iso, page, reply

PACE = Pace(weekday=9, weekend=4)

# action, type of the resource, its name, a field that was changed
SCENES = (
    ("create", "user_reference", "New Colleague {n}", None),
    ("update", "user_reference", "Demo User {n}", "role"),
    ("delete", "user_reference", "Former Colleague {n}", None),
    ("create", "service_reference", "Demo Service {n}", None),
    ("update", "service_reference", "Demo Service {n}", "escalation_policy"),
    ("update", "schedule_reference", "Demo Rotation {n}", "time_zone"),
    ("create", "team_reference", "Demo Team {n}", None),
    ("update", "escalation_policy_reference", "Demo Escalation {n}", "num_loops"),
)
METHODS = ("browser", "browser", "api_token", "oauth")


def answer(request: httpx.Request, now: datetime) -> httpx.Response:
    """Answer the one call there is."""
    params = request.url.params
    found = between(PACE, now, instant_of(params["since"]), instant_of(params["until"]) + 1)
    size = int(params["limit"])
    rows, cursor = page(found, params.get("cursor"), size)
    records = [_row(instant) for instant in rows]
    return reply(now, {"records": records, "next_cursor": cursor, "limit": size})


def _row(instant: int) -> dict[str, Any]:
    dice, person = act(instant)
    action, kind, name, changed = dice.choice(SCENES)
    method = dice.choice(METHODS)
    name = person.last if person is MALLORY else name.format(n=dice.randrange(10, 100))
    change = {"name": changed, "before_value": "demo before", "value": "demo after"}
    resource = {"id": f"PDEMO{dice.randrange(100, 1000)}", "type": kind, "summary": name}
    return {
        "id": f"PDRECORDDEMO{instant:x}",
        "execution_time": iso(instant),
        "execution_context": {"request_id": f"demo-{instant:x}", "remote_address": person.ip},
        "actors": [
            {
                "id": f"PDEMO{person.key}",
                "type": "user_reference",
                "summary": f"{person.first} {person.last}",
            }
        ],
        "method": {
            "type": method,
            **({"truncated_token": "demo"} if method == "api_token" else {}),
        },
        "root_resource": resource,
        "action": action,
        "details": {"resource": resource, "fields": [change] if changed else []},
    }
