"""Atlassian's organization audit log as its API would answer, in either order behind a cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from auditctl.demo.cast import MALLORY, actor
from auditctl.demo.clock import Pace, chance, iso, page_of, reply, to_instant

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
    since, before = int(params.get("from", 0)), int(params.get("to", clock)) + 1
    way = params.get("sortOrder", "desc")
    if cursor := params.get("cursor"):
        way, *ends = cursor.split("-")
        since, before = (int(end, 16) for end in ends)
    page, _ = page_of(PACE, clock, since, before, size, oldest_first=way == "asc")
    if page:
        since, before = (page[-1] + 1, before) if way == "asc" else (since, page[-1])
    body: dict[str, Any] = {
        "data": [_row(instant) for instant in page],
        "meta": {"next": f"{way}-{since:x}-{before:x}", "page_size": size},
        "links": {"self": PATH},
    }
    return reply(now, body)


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
