"""Slack's audit logs as its API would answer, newest first behind a cursor."""

from datetime import datetime
from typing import Any

import httpx

from auditctl.demo.cast import MALLORY, Person, act
from auditctl.demo.clock import Pace, between, page, reply

PACE = Pace(weekday=41, weekend=7)
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
    """Answer the one call there is."""
    params = request.url.params
    ends = int(params["oldest"]) * 1000, (int(params["latest"]) + 1) * 1000  # both seconds count
    found = between(PACE, now, *ends)
    shown, following = page(found, params.get("cursor"), int(params["limit"]))
    entries = [_row(instant) for instant in shown]
    metadata = {"next_cursor": following or ""}
    return reply(now, {"ok": True, "entries": entries, "response_metadata": metadata})


def _row(instant: int) -> dict[str, Any]:
    dice, person = act(instant)
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
