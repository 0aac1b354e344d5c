"""Persona's user audit logs as its API would answer, newest first behind a cursor."""

from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import urlencode
from zlib import crc32

import httpx

from auditctl.demo.cast import CAST, MALLORY, Person, act
from auditctl.demo.clock import DAY, KEPT, Pace, instants, iso, reply, to_instant

PATH = "/api/v1/user-audit-logs"
ID_PREFIX, ID_DIGITS = "ual_demo", 11
PACE = Pace(weekday=34, weekend=8)
LIMITS = {"RateLimit-Limit": "300", "RateLimit-Remaining": "299", "RateLimit-Reset": "60"}

INTERNAL = "/api/internal/dashboard/v1"
# method, path, get-params, post-params, usual status
SCENES: tuple[tuple[str, str, dict[str, Any], dict[str, Any] | str, int], ...] = (
    ("GET", "/api/v1/inquiries", {"page": {"size": "25"}}, {}, 200),
    ("GET", INTERNAL + "/inquiries/inq_demo{n}", {}, {}, 200),
    ("GET", INTERNAL + "/cases/case_demo{n}", {"include": "inquiries"}, {}, 200),
    ("GET", INTERNAL + "/accounts/act_demo{n}", {}, {}, 200),
    ("GET", INTERNAL + "/accounts", {"search": "applicant@example.com"}, {}, 200),
    ("POST", INTERNAL + "/inquiries", {}, {"data": {"type": "inquiry"}}, 201),
    ("POST", INTERNAL + "/inquiries/inq_demo{n}/approve", {}, {"comment": "Looks right"}, 200),
    ("POST", INTERNAL + "/reports", {}, "[FILTERED]", 201),
    ("PATCH", INTERNAL + "/cases/case_demo{n}", {}, {"data": {"status": "Resolved"}}, 200),
    ("PATCH", INTERNAL + "/templates/itmpl_demo{n}", {}, "[FILTERED]", 200),
    ("DELETE", INTERNAL + "/user-sessions/uses_demo{n}/expire", {}, {}, 204),
    ("GET", "/reset-password", {"reset_token": "demo-reset-token"}, {}, 200),
    ("POST", "/login", {}, {"email": "a@example.com", "password": "demo-password"}, 201),
    ("GET", INTERNAL + "/exports/exp_demo{n}?api_key=demo-key-not-real", {}, {}, 200),
)
FAILURES = (403, 404, 422, 500)
FAILED, IMPERSONATED = 0.08, 0.01  # shares of all events


def answer(request: httpx.Request, now: datetime) -> httpx.Response:
    """Answer the list and the single record."""
    path, params, clock = request.url.path, request.url.params, to_instant(now)
    if path.startswith(f"{PATH}/"):
        instant = _instant_of(path.removeprefix(f"{PATH}/"), clock)
        if instant is None:
            return reply(now, {"errors": [{"title": "Record not found"}]}, 404, LIMITS)
        row, person = _row(instant)
        wanted = "user" in params.get("include", "").split(",")
        beside = {"included": [_user(person)]} if wanted else {}
        return reply(now, {"data": row, **beside}, more=LIMITS)
    cursor = params.get("page[after]")
    before = None if cursor is None else _instant_of(cursor, clock)
    size = int(params["page[size]"])
    page = list(islice(instants(PACE, clock, before), size + 1))
    made = [_row(instant) for instant in page[:size]]
    rows = [row for row, _ in made]
    people = {person for _, person in made}
    links = {
        "next": _link("after", rows[-1]["id"]) if len(page) > size else None,
        "prev": _link("before", rows[0]["id"]) if cursor and rows else None,
    }
    included = [_user(person) for person in CAST if person in people]
    return reply(now, {"data": rows, "links": links, "included": included}, more=LIMITS)


def _link(side: str, cursor: str) -> str:
    """Return a link as documented: without its origin, and without `page[size]`."""
    return f"{PATH}?{urlencode({f'page[{side}]': cursor})}"


def _id_of(instant: int) -> str:
    digits = f"{instant:0{ID_DIGITS}x}"
    return f"{ID_PREFIX}{digits}{crc32(digits.encode()):08x}"


def _instant_of(cursor: str, now: int) -> int | None:
    """Return the instant of an id, if it is one that was given out."""
    try:
        instant = int(cursor.removeprefix(ID_PREFIX)[:ID_DIGITS], 16)
    except ValueError:
        return None
    # Not "is it listed now": an id from a minute ago may belong to a pulse that has moved on.
    return instant if cursor == _id_of(instant) and now - KEPT < instant <= now else None


def _user(person: Person) -> dict[str, Any]:
    return {
        "type": "user",
        "id": f"user_demo{person.key}",
        "attributes": {
            "email-address": person.email,
            "name-first": person.first,
            "name-last": person.last,
        },
    }


def _row(instant: int) -> tuple[dict[str, Any], Person]:
    dice, person = act(instant)
    method, path, sent, posted, status = dice.choice(SCENES)
    if person is MALLORY:
        method, path, sent, posted = "GET", f"{INTERNAL}/tags/{person.last}", {}, {}
    path = path.format(n=dice.randrange(100, 1000))
    failed, impersonated = dice.random() < FAILED, dice.random() < IMPERSONATED
    attributes: dict[str, Any] = {
        "path": path,
        "method": method,
        "get-params": sent,
        "post-params": posted,
        "ip-address": person.ip,
        "user-agent": person.agent,
        "response-status": dice.choice(FAILURES) if failed else status,
        "created-at": iso(instant),
        "impersonator-email-address": "support@example.com" if impersonated else None,
    }
    if method == "POST" and path == f"{INTERNAL}/inquiries" and not failed:
        attributes["context"] = {"inquiry-id": f"inq_demo{dice.randrange(100, 1000)}"}
    session = f"uses_demo{instant // DAY}{person.key}"
    row = {
        "type": "user-audit-log",
        "id": _id_of(instant),
        "attributes": attributes,
        "relationships": {
            "user": {"data": {"type": "user", "id": f"user_demo{person.key}"}},
            "user-session": {"data": {"type": "user-session", "id": session}},
        },
    }
    return row, person
