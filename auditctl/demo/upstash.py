"""Upstash's audit logs as its Developer API would answer: one bare array in no order."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import orjson

from auditctl.demo.cast import MALLORY, act
from auditctl.demo.clock import HOUR, Pace, headers, instants, to_instant

PACE = Pace(weekday=12, weekend=5)
LIFE = 182 * 24 * 3600  # seconds between `timestamp` and `ttl` in the vendor's example

# action, action_string, entity, secondary_entity; of the numbers only 13 is documented
SCENES = (
    (1, "Created DB", "demo-cache-{n}", ""),
    (2, "Deleted DB", "demo-cache-{n}", "NA"),
    (4, "Reset Password", "demo-cache-{n}", "eu-west-1"),
    (6, "Enabled Backup", "demo-cache-{n}", "daily"),
    (9, "Added Card", "card ending 4242 (demo)", "NA"),
    (12, "Create Team", "demo-team-{n}", "NA"),
    (13, "Delete Team", "demo-team-{n}", "NA"),
    (14, "Added Team Member", "demo-team-{n}", "new.colleague@example.com"),
    (21, "Created API Key", "demo-ci-{n}", "read-only"),
)
SOURCES = ("CONSOLE", "CONSOLE", "CONSOLE", "API_KEY - demo-ci", "API_KEY - demo-terraform")


def answer(_request: httpx.Request, now: datetime) -> httpx.Response:
    """Answer the one call there is, in pieces as a network would bring it."""
    return httpx.Response(200, content=_array(to_instant(now)), headers=headers(now))


def _array(now: int) -> Iterator[bytes]:
    # No order is documented, so none may be relied on: events stray by up to five hours.
    strayed = sorted(instants(PACE, now), key=lambda instant: instant + instant % 6 * HOUR)
    comma = b"["  # there is an event in any hour, so the array is never empty
    for instant in strayed:
        yield comma + orjson.dumps(_row(instant))
        comma = b","
    yield b"]"


def _row(instant: int) -> dict[str, Any]:
    dice, person = act(instant)
    action, word, entity, secondary = dice.choice(SCENES)
    source = dice.choice(SOURCES)
    if person is MALLORY:
        entity, secondary, source = person.first, person.last, f"API_KEY - {person.agent}"
    timestamp = instant // 1000
    return {
        "log_id": f"{dice.getrandbits(32):08x}-demo-4000-8000-{instant:012x}",
        "customer_id": "owner@example.com",
        "actor": person.email,
        "timestamp": timestamp,
        "action": action,
        "action_string": word,
        "source": source,
        "entity": entity.replace("{n}", str(dice.randrange(10, 100))),
        "secondary_entity": secondary,
        "third_entity": "",
        "readable_format": "",
        "ip": person.ip,
        "ttl": timestamp + LIFE,
        "reason": "",
        "notes": "",
    }
