"""Microsoft Entra ID's logs as Graph would answer, behind links to each next page."""

import re
from datetime import datetime
from typing import Any

import httpx

from auditctl.demo.cast import MALLORY, act
from auditctl.demo.clock import Pace, between, instant_of, iso, page, reply

PACE = Pace(weekday=29, weekend=7)
FAILED = 0.08  # share of all events

# activityDisplayName, category, operationType, the type of its target
SCENES = (
    ("Add member to group", "GroupManagement", "Assign", "User"),
    ("Update user", "UserManagement", "Update", "User"),
    ("Reset user password", "UserManagement", "Update", "User"),
    ("Add app role assignment to service principal", "ApplicationManagement", "Assign", "App"),
    ("Update conditional access policy", "Policy", "Update", "Policy"),
    ("Add owner to application", "ApplicationManagement", "Assign", "App"),
)
APPS = ("Azure Portal", "Microsoft Teams", "Office 365 Exchange Online", "Example app (demo)")
_ends = re.compile(r"(?<=[gl]e )\S+").findall


def answer(request: httpx.Request, now: datetime) -> httpx.Response:
    """Answer the two lists."""
    params = request.url.params
    since, until = map(instant_of, _ends(params["$filter"]))
    found = between(PACE, now, since, until + 1)
    if params.get("$orderby", "").endswith(" asc"):
        found.reverse()
    rows, following = page(found, params.get("$skiptoken"), int(params["$top"]))
    row = _signin if request.url.path.endswith("/signIns") else _change
    body: dict[str, Any] = {"value": [row(instant) for instant in rows]}
    if following is not None:
        body["@odata.nextLink"] = str(request.url.copy_set_param("$skiptoken", following))
    return reply(now, body)


def _change(instant: int) -> dict[str, Any]:
    dice, person = act(instant)
    name, category, operation, kind = dice.choice(SCENES)
    failed = dice.random() < FAILED
    title = person.last if person is MALLORY else f"{kind} {dice.randrange(100, 1000)} (demo)"
    return {
        "id": f"Directory_demo_{instant}",
        "category": category,
        "correlationId": f"{dice.getrandbits(32):08x}-demo-4000-8000-{instant:012x}",
        "result": "failure" if failed else "success",
        "resultReason": "Insufficient privileges" if failed else "",
        "activityDisplayName": name,
        "activityDateTime": iso(instant),
        "loggedByService": "Core Directory",
        "operationType": operation,
        "initiatedBy": {
            "app": None,
            "user": {
                "id": f"demo{person.key}",
                "displayName": f"{person.first} {person.last}",
                "userPrincipalName": person.email,
                "ipAddress": person.ip,
            },
        },
        "targetResources": [
            {
                "id": f"demo-{dice.randrange(100, 1000)}",
                "displayName": title,
                "type": kind,
                "userPrincipalName": None,
                "modifiedProperties": [],
            }
        ],
        "additionalDetails": [{"key": "User-Agent", "value": person.agent}],
    }


def _signin(instant: int) -> dict[str, Any]:
    dice, person = act(instant)
    failed = dice.random() < FAILED
    return {
        "id": f"{dice.getrandbits(32):08x}-demo-4000-8000-{instant:012x}",
        "createdDateTime": iso(instant),
        "userDisplayName": f"{person.first} {person.last}",
        "userPrincipalName": person.email,
        "userId": f"demo{person.key}",
        "appDisplayName": dice.choice(APPS),
        "ipAddress": person.ip,
        "userAgent": person.agent,
        "clientAppUsed": "Browser",
        "isInteractive": True,
        "conditionalAccessStatus": "notApplied",
        "status": {
            "errorCode": 50126 if failed else 0,
            "failureReason": "Invalid username or password." if failed else "Other.",
        },
    }
