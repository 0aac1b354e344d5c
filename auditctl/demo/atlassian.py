"""Atlassian's organization audit log as its API would answer, in either order behind a cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from auditctl.demo.cast import MALLORY, actor
from auditctl.demo.clock import Pace, chance, instants, iso, page, reply, to_instant

if TYPE_CHECKING:
    from datetime import datetime

    import httpx

PATH = "/admin/v1/orgs/demo/events-stream"
PACE = Pace(weekday=16, weekend=3)
DEFAULT_SIZE, LARGEST_SIZE = 100, 500

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
    """Answer the stream of events; anything else is not found."""
    params, clock = request.url.params, to_instant(now)
    if request.url.path != PATH:
        return reply(now, {"errors": [{"title": "Not found", "code": "ADMIN-404"}]}, 404)
    size = min(int(params.get("limit", DEFAULT_SIZE)), LARGEST_SIZE)
    since, until = int(params.get("from", 0)), int(params.get("to", clock))
    found = [each for each in instants(PACE, clock, min(until, clock) + 1) if each >= since]
    if params.get("sortOrder") == "asc":
        found.reverse()
    rows, following = page(found, params.get("cursor"), size)
    # Behind the last row too there is a cursor, with which one could wait for the next.
    meta = {"next": following or (str(rows[-1]) if rows else "0"), "page_size": size}
    data = [_row(instant) for instant in rows]
    return reply(now, {"data": data, "meta": meta, "links": {"self": PATH}})


def _row(instant: int) -> dict[str, Any]:
    dice = chance(instant)
    person = actor(instant, dice)
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
