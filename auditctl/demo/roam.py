"""Roam's user audit log as its API would answer, one UTC day at a time."""

from datetime import date, datetime
from typing import Any

import httpx

from auditctl.demo.cast import MALLORY, act
from auditctl.demo.clock import Pace, instants_of, iso, reply, to_instant

PACE = Pace(weekday=45, weekend=4)
EPOCH = date(1970, 1, 1)
# All but the last two are documented; the most common is here twice.
EVENTS = ("ENTER_ROOM", "ENTER_ROOM", "LEAVE_ROOM", "ENTER_ROAM", "LEAVE_ROAM", "KNOCK")
PLATFORMS = ("web", "electron", "electron", "ios", "android")


def answer(request: httpx.Request, now: datetime) -> httpx.Response:
    """Answer a day's list."""
    day = (date.fromisoformat(request.url.params["date"]) - EPOCH).days
    rows = [_row(instant) for instant in instants_of(day, PACE, to_instant(now))]
    return reply(now, {"ok": True, "auditLogs": rows})


def _row(instant: int) -> dict[str, Any]:
    dice, person = act(instant)
    event = dice.choice(EVENTS)
    row: dict[str, Any] = {
        "timestamp": iso(instant),
        "eventType": event,
        "name": f"{person.first} {person.last}",
        "email": person.email,
        "data": {"location": _location(dice.randrange(8))},
        "platform": dice.choice(PLATFORMS),
    }
    if person is MALLORY:
        del row["email"]  # a guest: her name is then shown as the actor
        row["data"]["knockMessage"] = person.agent
    elif event.endswith("_ROAM"):
        row["data"] = {}
    return row


def _location(seat: int) -> dict[str, Any]:
    if seat == 0:
        place = {"roomId": 215, "sectionNumber": 0, "positionNumber": 46}
        return {"kind": "AudienceLocation", **place}
    return {"kind": "RoomLocation", "roomId": 260 + seat, "positionNumber": seat * 3 % 7}
