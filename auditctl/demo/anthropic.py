"""Anthropic's activity feed as its Compliance API would answer, newest first behind the last id."""

from datetime import datetime
from typing import Any

import httpx

from auditctl.demo.cast import MALLORY, Person, act
from auditctl.demo.clock import Pace, between, instant_of, iso, page, reply

ID_PREFIX = "activity_demo"
PACE = Pace(weekday=38, weekend=9)

# type, the member with what it was done to
SCENES = (
    ("claude_chat_created", "claude_chat_id"),
    ("claude_chat_created", "claude_chat_id"),
    ("claude_chat_viewed", "claude_chat_id"),
    ("claude_chat_deleted", "claude_chat_id"),
    ("claude_project_created", "claude_project_id"),
    ("claude_file_uploaded", "filename"),
    ("user_signed_in", None),
)


def answer(request: httpx.Request, now: datetime) -> httpx.Response:
    """Answer the one call there is."""
    params = request.url.params
    ends = instant_of(params["created_at.gte"]), instant_of(params["created_at.lt"])
    after = params.get("after_id", "").removeprefix(ID_PREFIX)
    cursor = str(int(after, 16)) if after else None
    shown, following = page(between(PACE, now, *ends), cursor, int(params["limit"]))
    rows = [_row(instant) for instant in shown]
    first, last = (rows[0]["id"], rows[-1]["id"]) if rows else (None, None)
    return reply(
        now, {"data": rows, "has_more": following is not None, "first_id": first, "last_id": last}
    )


def _row(instant: int) -> dict[str, Any]:
    dice, person = act(instant)
    kind, member = dice.choice(SCENES)
    row: dict[str, Any] = {
        "id": f"{ID_PREFIX}{instant:011x}",
        "created_at": iso(instant),
        "organization_id": "org_demo",
        "organization_uuid": "00000000-demo-4000-8000-000000000000",
        "actor": _actor(person),
        "type": kind,
    }
    if person is MALLORY:
        row |= {"type": "claude_file_uploaded", "filename": person.last}
    elif member == "filename":
        row["filename"] = f"demo-{dice.randrange(100, 1000)}.pdf"
    elif member:
        row[member] = f"{member.removesuffix('_id')}_demo{dice.randrange(100, 1000)}"
    return row


def _actor(person: Person) -> dict[str, Any]:
    return {
        "type": "user_actor",
        "email_address": person.email,
        "user_id": f"user_demo{person.key}",
        "ip_address": person.ip,
        "user_agent": person.agent,
    }
