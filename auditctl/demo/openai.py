"""OpenAI's audit logs as its API would answer, newest first behind the last id."""

from datetime import datetime
from typing import Any

import httpx

from auditctl.demo.cast import MALLORY, Person, act
from auditctl.demo.clock import Pace, between, page, reply

ID_PREFIX = "audit_log-demo"
PACE = Pace(weekday=11, weekend=3)
BY_KEY = 0.2  # share of the events that an API key caused

# type, details
SCENES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("login.succeeded", {}),
    ("login.succeeded", {}),
    ("login.failed", {"error_code": "invalid_credentials", "error_message": "Wrong password"}),
    ("logout.succeeded", {}),
    ("api_key.created", {"id": "key_demo{n}", "data": {"scopes": ["api.model.request"]}}),
    ("api_key.deleted", {"id": "key_demo{n}"}),
    ("project.created", {"id": "proj_demo{n}", "data": {"name": "demo", "title": "Demo"}}),
    ("project.archived", {"id": "proj_demo{n}"}),
    ("invite.sent", {"id": "invite_demo{n}", "data": {"email": "new@example.com"}}),
    ("rate_limit.updated", {"id": "rl_demo{n}", "changes_requested": {"batch_1_day_max": 100}}),
    ("user.updated", {"id": "user-demo{n}", "changes_requested": {"role": "owner"}}),
)


def answer(request: httpx.Request, now: datetime) -> httpx.Response:
    """Answer the one call there is."""
    params = request.url.params
    ends = (int(params[f"effective_at[{end}]"]) * 1000 for end in ("gte", "lt"))
    after = params.get("after", "").removeprefix(ID_PREFIX)
    cursor = str(int(after, 16)) if after else None
    shown, following = page(between(PACE, now, *ends), cursor, int(params["limit"]))
    rows = [_row(instant) for instant in shown]
    first, last = (rows[0]["id"], rows[-1]["id"]) if rows else (None, None)
    envelope = {"first_id": first, "last_id": last, "has_more": following is not None}
    return reply(now, {"object": "list", "data": rows, **envelope})


def _row(instant: int) -> dict[str, Any]:
    dice, person = act(instant)
    kind, details = dice.choice(SCENES)
    if person is MALLORY:
        kind, details = "project.created", {"id": "proj_demo666", "data": {"title": person.last}}
    if "id" in details:
        details = {**details, "id": details["id"].format(n=dice.randrange(100, 1000))}
    return {
        "id": f"{ID_PREFIX}{instant:011x}",
        "type": kind,
        "effective_at": instant // 1000,
        "project": {"id": "proj_demo100", "name": "demo"},
        "actor": _actor(person, by_key=person is not MALLORY and dice.random() < BY_KEY),
        kind: details,
    }


def _actor(person: Person, *, by_key: bool) -> dict[str, Any]:
    user = {"id": f"user-demo{person.key}", "email": person.email}
    if by_key:
        return {"type": "api_key", "api_key": {"id": "key_demo", "type": "user", "user": user}}
    session = {"user": user, "ip_address": person.ip, "user_agent": person.agent}
    return {"type": "session", "session": session}
