"""Atlassian's organization audit log as its API would answer, in either order behind a cursor."""

from datetime import datetime
from typing import Any

import httpx

from auditctl.demo.cast import MALLORY, act
from auditctl.demo.clock import Pace, between, iso, page, reply

PACE = Pace(weekday=16, weekend=3)

# action, type of what it was done to
SCENES = (
    ("user_login", "users"),
    ("user_login", "users"),
    ("user_login_failed", "users"),
    ("user_added_to_group", "groups"),
    ("api_token_created", "api-tokens"),
    ("jira_issue_viewed", "issues"),
    ("group_created", "groups"),
)


def answer(request: httpx.Request, now: datetime) -> httpx.Response:
    """Answer the one call there is."""
    params = request.url.params
    found = between(PACE, now, int(params["from"]), int(params["to"]) + 1)
    if params["sortOrder"] == "asc":
        found.reverse()
    size = int(params["limit"])
    rows, following = page(found, params.get("cursor"), size)
    # Behind the last row too there is a cursor, with which one could wait for the next.
    meta = {"next": following or (str(rows[-1]) if rows else "0"), "page_size": size}
    data = [_row(instant) for instant in rows]
    return reply(now, {"data": data, "meta": meta, "links": {"self": request.url.path}})


def _row(instant: int) -> dict[str, Any]:
    dice, person = act(instant)
    action, kind = dice.choice(SCENES)
    name = f"{person.first} {person.last}"
    return {
        "type": "events",
        "id": f"{dice.getrandbits(32):08x}-demo-4000-8000-{instant:012x}",
        "attributes": {
            "time": iso(instant),
            "processedAt": iso(instant + 900),
            "action": action,
            "actor": {"id": f"demo:{person.key}", "name": name, "email": person.email},
            "context": [
                {"type": kind, "id": f"demo-{dice.randrange(100, 1000)}", "attributes": {}}
            ],
            "container": [{"type": "sites", "id": "demo-site", "attributes": {}}],
            "location": {"ip": person.ip, "countryName": "Tanzania"},
        },
        "message": {
            "content": person.last if person is MALLORY else f"{name}: {action}",
            "format": "simple",
        },
    }
