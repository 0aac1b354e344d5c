"""Google Workspace's activity reports as its API would answer, newest first behind a token."""

import random
from datetime import datetime
from typing import Any

import httpx

from auditctl.demo.cast import MALLORY, Person, act
from auditctl.demo.clock import Pace, between, instant_of, iso, page, reply

PACE = Pace(weekday=27, weekend=4)

# application: the names of events, each with the name of the parameter that is its target
SCENES: dict[str, tuple[tuple[str, str], ...]] = {
    "admin": (
        ("CREATE_USER", "USER_EMAIL"),
        ("CHANGE_PASSWORD", "USER_EMAIL"),
        ("ADD_GROUP_MEMBER", "GROUP_EMAIL"),
        ("CHANGE_APPLICATION_SETTING", "APPLICATION_NAME"),
    ),
    "login": (
        ("login_success", "login_type"),
        ("login_success", "login_type"),
        ("login_failure", "login_failure_type"),
        ("2sv_enroll", "login_type"),
    ),
    "token": (("authorize", "app_name"), ("revoke", "app_name"), ("activity", "app_name")),
    "drive": (("view", "doc_title"), ("edit", "doc_title"), ("download", "doc_title")),
}
PAIRED = {"ADD_GROUP_MEMBER": ("USER_EMAIL", "UPDATE_GROUP_MEMBER"), "edit": ("doc_title", "view")}
"""Events that come with a second one in the same row: the parameter and the name of that."""


def answer(request: httpx.Request, now: datetime) -> httpx.Response:
    """Answer the list of an application."""
    params = request.url.params
    since, until = instant_of(params["startTime"]), instant_of(params["endTime"])
    found = between(PACE, now, since, until + 1)
    rows, following = page(found, params.get("pageToken"), int(params["maxResults"]))
    application = request.url.path.rpartition("/")[2]
    body: dict[str, Any] = {"kind": "admin#reports#activities", "etag": "demo"}
    if rows:
        body["items"] = [_row(application, instant) for instant in rows]
    if following is not None:
        body["nextPageToken"] = following
    return reply(now, body)


def _row(application: str, instant: int) -> dict[str, Any]:
    dice, person = act(instant)
    name, parameter = dice.choice(SCENES.get(application, (("demo_event", "doc_title"),)))
    events = [_event(application, name, parameter, person, dice)]
    if name in PAIRED:
        parameter, name = PAIRED[name]
        events.append(_event(application, name, parameter, person, dice))
    return {
        "kind": "admin#reports#activity",
        "id": {
            "time": iso(instant),
            "uniqueQualifier": f"-{instant}",
            "applicationName": application,
            "customerId": "C0demo000",
        },
        "etag": f"demo{instant:x}",
        "actor": {"callerType": "USER", "email": person.email, "profileId": f"1000{person.key}"},
        "ownerDomain": "example.com",
        "ipAddress": person.ip,
        "events": events,
    }


def _event(
    application: str, name: str, parameter: str, person: Person, dice: random.Random
) -> dict[str, Any]:
    value = {
        "USER_EMAIL": "new.colleague@example.com",
        "GROUP_EMAIL": "all@example.com",
        "APPLICATION_NAME": "Gmail",
        "login_type": "google_password",
        "login_failure_type": "login_failure_invalid_password",
        "app_name": f"Demo app {dice.randrange(1, 9)}",
    }.get(parameter, f"Plan {dice.randrange(100, 1000)}")
    if person is MALLORY:
        value = person.last
    return {
        "type": f"{application.upper()}_DEMO",
        "name": name,
        "parameters": [{"name": parameter, "value": value}],
    }
