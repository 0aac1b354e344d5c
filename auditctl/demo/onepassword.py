"""1Password's events as its API would answer, oldest first, by POST, behind a cursor."""

import json
from datetime import datetime
from typing import Any

import httpx

from auditctl.demo.cast import MALLORY, Person, act
from auditctl.demo.clock import Pace, between, instant_of, iso, page, reply

PATH = "/api/v2/"
FEATURES = ("auditevents", "itemusages", "signinattempts")
PACE = Pace(weekday=23, weekend=6)
PLACE = {"country": "TZ", "region": "Dodoma", "city": "Dodoma"}

# action, object_type
ACTIONS = (
    ("join", "gm"),
    ("create", "vault"),
    ("grant", "uva"),
    ("revoke", "uva"),
    ("update", "item"),
    ("suspend", "user"),
    ("export", "vault"),
)
ATTEMPTS = (
    ("success", "credentials_ok"),
    ("success", "mfa_ok"),
    ("success", "credentials_ok"),
    ("credentials_failed", "password_secret_bad"),
    ("mfa_failed", "totp_bad"),
    ("firewall_reported_success", "credentials_ok"),
)
USES = ("fill", "fill", "reveal", "secure-copy", "export")


def answer(request: httpx.Request, now: datetime) -> httpx.Response:
    """Answer the three lists and the token's facts."""
    asked = request.url.path.removeprefix(PATH)
    if asked == "auth/introspect":
        return reply(now, {"uuid": "DEMO", "features": list(FEATURES)})
    body = json.loads(request.content)
    last = None
    if "cursor" in body:
        last, *window = body["cursor"].split(".")
        since, before, size = map(int, window)
    else:
        since, before = instant_of(body["start_time"]), instant_of(body["end_time"])
        size = body["limit"]
    found = between(PACE, now, since, before)
    found.reverse()
    rows, following = page(found, last, size)
    cursor = f"{rows[-1] if rows else since}.{since}.{before}.{size}"
    items = [_row(asked, instant) for instant in rows]
    return reply(now, {"cursor": cursor, "has_more": following is not None, "items": items})


def _row(feature: str, instant: int) -> dict[str, Any]:
    dice, person = act(instant)
    number = dice.randrange(100, 1000)
    row: dict[str, Any] = {"uuid": f"DEMO{instant:011X}", "timestamp": iso(instant)}
    session = f"DEMOSESSION{instant // 10**8}{person.key}"
    if feature == "auditevents":
        action, kind = dice.choice(ACTIONS)
        return {
            **row,
            "actor_uuid": f"DEMOUSER{person.key}",
            "actor_details": _user(person),
            "action": action,
            "object_type": kind,
            "object_uuid": f"DEMO{kind.upper()}{number}",
            "aux_info": person.last if person is MALLORY else "",
            "session": {"uuid": session, "login_time": iso(instant), "ip": person.ip},
            "location": PLACE,
        }
    row |= {"client": _client(person), "location": PLACE}
    if feature == "signinattempts":
        category, kind = dice.choice(ATTEMPTS)
        attempt = {"session_uuid": session, "category": category, "type": kind, "country": "TZ"}
        return {**row, **attempt, "target_user": _user(person)}
    return {
        **row,
        "action": dice.choice(USES),
        "item_uuid": f"DEMOITEM{number}",
        "vault_uuid": "DEMOVAULT",
        "used_version": 1,
        "user": _user(person),
    }


def _user(person: Person) -> dict[str, str]:
    name = f"{person.first} {person.last}"
    return {"uuid": f"DEMOUSER{person.key}", "name": name, "email": person.email}


def _client(person: Person) -> dict[str, str]:
    app = "1Password Browser Extension" if person is not MALLORY else person.agent
    return {
        "app_name": app,
        "app_version": "81000",
        "platform_name": "Chrome",
        "ip_address": person.ip,
    }
