"""Slack's audit logs as its API would answer, newest first behind a cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from auditctl.demo.cast import MALLORY, Person, actor
from auditctl.demo.clock import Pace, chance, instants, page, reply, to_instant

if TYPE_CHECKING:
    from datetime import datetime

    import httpx

PATH = "/audit/v1/logs"
PACE = Pace(weekday=41, weekend=7)
DEFAULT_SIZE, LARGEST_SIZE = 200, 9999
WORKSPACE = {
    "type": "workspace",
    "id": "T0DEMO",
    "name": "Example (demo)",
    "domain": "example-demo",
}

# action, the kind of its object
SCENES = (
    ("user_login", "user"),
    ("user_login", "user"),
    ("user_login_failed", "user"),
    ("user_logout", "user"),
    ("file_downloaded", "file"),
    ("file_uploaded", "file"),
    ("public_channel_created", "channel"),
    ("private_channel_archive", "channel"),
    ("app_installed", "app"),
    ("role_change_to_admin", "user"),
)


def answer(request: httpx.Request, now: datetime) -> httpx.Response:
    """Answer the list; anything else is an unknown method."""
    params, clock = request.url.params, to_instant(now)
    if request.url.path != PATH:
        return reply(now, {"ok": False, "error": "unknown_method"})
    since = int(params.get("oldest", "0")) * 1000
    before = (int(params.get("latest", clock)) + 1) * 1000  # that second counts too
    size = min(int(params.get("limit", DEFAULT_SIZE)), LARGEST_SIZE)
    found = [each for each in instants(PACE, clock, min(before, clock + 1)) if each >= since]
    shown, following = page(found, params.get("cursor"), size)
    entries = [_row(instant) for instant in shown]
    metadata = {"next_cursor": following or ""}
    return reply(now, {"ok": True, "entries": entries, "response_metadata": metadata})


def _row(instant: int) -> dict[str, Any]:
    dice = chance(instant)
    person = actor(instant, dice)
    action, kind = dice.choice(SCENES)
    number = dice.randrange(100, 1000)
    things: dict[str, dict[str, Any]] = {
        "user": _user(person),
        "file": {"id": f"F0DEMO{number}", "name": f"demo-{number}.pdf", "filetype": "pdf"},
        "channel": {"id": f"C0DEMO{number}", "name": f"demo-{number}", "privacy": "public"},
        "app": {"id": f"A0DEMO{number}", "name": "Demo app", "scopes": ["chat:write"]},
    }
    if person is MALLORY:
        action, kind = "public_channel_created", "channel"
        things["channel"]["name"] = person.last
    return {
        "id": f"{dice.getrandbits(32):08x}-demo-4000-8000-{instant:012x}",
        "date_create": instant // 1000,
        "action": action,
        "actor": {"type": "user", "user": _user(person)},
        "entity": {"type": kind, kind: things[kind]},
        "context": {
            "location": WORKSPACE,
            "ua": person.agent,
            "session_id": f"demo{instant // 10**8}{person.key}",
            "ip_address": person.ip,
        },
        "details": {"type": "demo"},
    }


def _user(person: Person) -> dict[str, Any]:
    name = f"{person.first} {person.last}"
    return {"id": f"W0DEMO{person.key}", "name": name, "email": person.email, "team": "T0DEMO"}
