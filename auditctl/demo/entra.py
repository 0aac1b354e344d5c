"""Microsoft Entra ID's logs as Graph would answer, behind links to each next page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from auditctl.demo.cast import MALLORY, actor
from auditctl.demo.clock import Pace, chance, instant_of, instants, iso, page, reply, to_instant

if TYPE_CHECKING:
    from datetime import datetime

    import httpx

PATHS = ("/v1.0/auditLogs/directoryAudits", "/v1.0/auditLogs/signIns")
PACE = Pace(weekday=29, weekend=7)
LARGEST_SIZE = 999
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
_END = re.compile(r"(ge|le) (\S+)")


def answer(request: httpx.Request, now: datetime) -> httpx.Response:
    """Answer the two lists; anything else is not found."""
    path, params, clock = request.url.path, request.url.params, to_instant(now)
    if path not in PATHS:
        return reply(now, {"error": {"code": "ResourceNotFound", "message": "Not found"}}, 404)
    ends = dict(_END.findall(params.get("$filter", "")))
    since = instant_of(ends.get("ge"), 0)
    until = instant_of(ends.get("le"), clock)
    found = [each for each in instants(PACE, clock, min(until, clock) + 1) if each >= since]
    if params.get("$orderby", "").endswith(" asc"):
        found.reverse()
    size = min(int(params.get("$top", LARGEST_SIZE)), LARGEST_SIZE)
    rows, following = page(found, params.get("$skiptoken"), size)
    row = _signin if path == PATHS[1] else _change
    body: dict[str, Any] = {"value": [row(instant) for instant in rows]}
    if following is not None:
        link = {**params, "$skiptoken": following}
        body["@odata.nextLink"] = f"https://graph.microsoft.com{path}?{urlencode(link)}"
    return reply(now, body)


def _change(instant: int) -> dict[str, Any]:
    dice = chance(instant)
    person = actor(instant, dice)
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
    dice = chance(instant)
    person = actor(instant, dice)
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
