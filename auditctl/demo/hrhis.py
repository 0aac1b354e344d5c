"""HRHIS's user logs as an installation would answer, each list whole."""

from datetime import datetime
from http import HTTPStatus
from typing import Any

import httpx

from auditctl import __version__
from auditctl.demo.cast import CAST, MALLORY, Person, act
from auditctl.demo.clock import DAY, HOUR, KEPT, Pace, instants, iso, reply, to_instant

PACE = Pace(weekday=17, weekend=4)
NIGHTLY = 2 * HOUR  # after midnight, when a run of auditctl reads the log, which adds a row to it

# method, resource, usual status
SCENES = (
    ("GET", "/api/records?paging=false&fields=id,firstName", "200"),
    ("GET", "/api/records/demo{n}", "200"),
    ("GET", "/api/userRoles?paging=false", "200"),
    ("GET", "/api/dashboards?page=1&pageSize=20", "200"),
    ("POST", "/api/records", "201"),
    ("PUT", "/api/records/demo{n}", "200"),
    ("DELETE", "/api/records/demo{n}", "200"),
    ("POST", "/api/login", "201"),
    ("GET", "/api/users/resetPassword?reset_token=demo-reset-token", "200"),
)
FAILURES = ("403", "404", "422", "500")
FAILED = 0.08  # share of all events


def answer(request: httpx.Request, now: datetime) -> httpx.Response:
    """Answer the logs and the users they are of, each list whole."""
    clock = to_instant(now)
    path = request.url.path.removeprefix("/api/")
    if path == "userLogs":
        # Rows come as a database without ORDER BY mostly gives them: as they were written.
        return reply(now, {"userLogs": [_row(instant) for instant in _logged(clock)]})
    if path == "users":
        return reply(now, {"users": [{"id": _uid(person)} for person in CAST]})
    uid = path.removeprefix("users/").removesuffix("/logs")
    wanted = _uid(CAST[0]) if uid == "me" else uid
    person = next((each for each in CAST if _uid(each) == wanted), None)
    if person is None:
        return reply(now, {"message": f"Object with id {uid} could not be found."}, 404)
    own = (at for at in _logged(clock)[::-1] if _actor(at) is person)
    return reply(now, {**_user(person, clock), "logs": [_row(instant) for instant in own]})


def _logged(clock: int) -> list[int]:
    """Return the instants of all rows, oldest first."""
    nights = range((clock - KEPT) // DAY * DAY + NIGHTLY, clock + 1, DAY)
    return sorted([*instants(PACE, clock), *(night for night in nights if night > clock - KEPT)])


def _actor(instant: int) -> Person:
    return CAST[0] if instant % DAY == NIGHTLY else act(instant)[1]


def _uid(person: Person) -> str:
    return f"demo0000000{person.key}"


def _user(person: Person, now: int) -> dict[str, Any]:
    today = iso(now - now % DAY)
    return {
        "id": _uid(person),
        "lastUpdated": today,
        "firstName": person.first,
        "surname": person.last,
        "email": person.email,
        "lastLogin": today,
        "enabled": True,
    }


def _row(instant: int) -> dict[str, Any]:
    dice, person = act(instant)
    method, resource, status = dice.choice(SCENES)
    if person is MALLORY:
        method, resource = "GET", f"/api/tags/{person.last}"
    if dice.random() < FAILED:
        status = dice.choice(FAILURES)
    agent = person.agent
    if instant % DAY == NIGHTLY:
        person, agent = CAST[0], f"auditctl/{__version__}"
        method, resource, status = "GET", "/api/userLogs?paging=false&pageSize=100", "200"
    sent = {
        "host": "hrhis.example",
        "x-real-ip": person.ip,
        "x-forwarded-for": f"{person.ip}, 192.0.2.1",
        "user-agent": agent,
        "accept": "application/json",
        "cookie": f"sess=s%3Ademo-session-{person.key}-{instant // DAY}.example%2Fsignature",
    }
    if resource == "/api/login":
        sent["authorization"] = "Basic demo-credentials-not-real"
    return {
        "id": f"de{instant:011x}",
        "time": iso(instant),
        "resource": resource.replace("{n}", str(dice.randrange(100, 1000))),
        "method": method,
        "statuscode": status,
        "statusname": HTTPStatus(int(status)).phrase,
        "referer": sent,  # despite the name: all headers of the request that was logged
    }
