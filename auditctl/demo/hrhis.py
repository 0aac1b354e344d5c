"""HRHIS's user logs as an installation would answer, with the traps of its pager."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from auditctl import __version__
from auditctl.demo.cast import CAST, MALLORY, Person, actor
from auditctl.demo.clock import DAY, HOUR, KEPT, Pace, chance, instants, iso, reply, to_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    import httpx

PACE = Pace(weekday=17, weekend=4)
DEFAULT_SIZE = 100
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
NAMES = {
    "200": "OK",
    "201": "Created",
    "403": "Forbidden",
    "404": "Not Found",
    "422": "Unprocessable Entity",
    "500": "Internal Server Error",
}


def answer(request: httpx.Request, now: datetime) -> httpx.Response:
    """Answer the logs and the users they are of; anything else is not found."""
    clock = to_instant(now)
    match request.url.path.strip("/").split("/"):
        case ["api", "userLogs"]:
            # Rows come as a database without ORDER BY mostly gives them: as they were written.
            return reply(now, _listing(request, "userLogs", _logged(clock), _row))
        case ["api", "users"]:
            return reply(now, _listing(request, "users", CAST, lambda who: _user(who, clock)))
        case ["api", "me"]:
            return reply(now, _user(CAST[0], clock))
        case ["api", "users", uid, *rest] if rest in ([], ["logs"]):
            wanted = _uid(CAST[0]) if uid == "me" else uid
            person = next((each for each in CAST if _uid(each) == wanted), None)
            if person is None:
                message = f"Object with id {uid} could not be found."
                return reply(now, {"message": message}, 404)
            user = _user(person, clock)
            if rest:
                own = (at for at in _logged(clock)[::-1] if _actor(at) is person)
                user["logs"] = [_row(instant) for instant in own]
            return reply(now, user)
    method, path = request.method, request.url.path
    message = f"Cannot {method} {path}"
    body = {"statusCode": 404, "message": message, "method": method, "path": path}
    return reply(now, body, 404)


def _listing(
    request: httpx.Request,
    name: str,
    items: Sequence[Any],
    tell: Callable[[Any], dict[str, Any]],
) -> dict[str, Any]:
    params = request.url.params
    fields = params.get("fields")
    page, size = int(params.get("page", 1)), int(params.get("pageSize", DEFAULT_SIZE))
    whole = params.get("paging") == "false"
    rows = [tell(item) for item in (items if whole else items[(page - 1) * size : page * size])]
    if fields is not None:
        names = {"id", *fields.split(",")}
        rows = [{key: row[key] for key in row if key in names} for row in rows]
    if whole:
        return {name: rows}
    pager = {
        "page": page,
        "pageSize": size,
        "pageCount": len(rows),  # not the number of pages, as a reader of the name would think
        "total": len(items),
        "nextPage": f"/api/{name}?page={page + 1}",  # also after the last page
    }
    return {"pager": pager, name: rows}


def _logged(clock: int) -> list[int]:
    """Return the instants of all rows, oldest first."""
    nights = range((clock - KEPT) // DAY * DAY + NIGHTLY, clock + 1, DAY)
    return sorted([*instants(PACE, clock), *(night for night in nights if night > clock - KEPT)])


def _actor(instant: int) -> Person:
    return CAST[0] if instant % DAY == NIGHTLY else actor(instant, chance(instant))


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
    dice = chance(instant)
    person = actor(instant, dice)
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
        "statusname": NAMES[status],
        "referer": sent,  # despite the name: all headers of the request that was logged
    }
