"""Okta's System Log as its API would answer: pages behind links, in either order."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from auditctl.demo.cast import MALLORY, actor
from auditctl.demo.clock import Pace, chance, instants, iso, page, reply, to_instant

if TYPE_CHECKING:
    import httpx

PATH = "/api/v1/logs"
PACE = Pace(weekday=31, weekend=7)

# event type, message, target's type, its name, usual result
SCENES = (
    ("user.session.start", "User login to Okta", None, None, "SUCCESS"),
    ("user.authentication.sso", "User single sign on to app", "AppInstance", "Demo CRM", "SUCCESS"),
    ("user.mfa.factor.activate", "Activate factor for user", "User", "demo{n}", "SUCCESS"),
    ("group.user_membership.add", "Add user to group membership", "UserGroup", "Demo", "SUCCESS"),
    ("application.lifecycle.update", "Update application", "AppInstance", "Demo {n}", "SUCCESS"),
    ("policy.evaluate_sign_on", "Evaluation of sign-on policy", "PolicyEntity", "Default", "ALLOW"),
    ("system.api_token.create", "Create API token", "Token", "demo-{n}", "SUCCESS"),
    ("user.account.reset_password", "User reset password", "User", "demo{n}", "SUCCESS"),
)
FAILED = 0.09  # share of all events


def answer(request: httpx.Request, now: datetime) -> httpx.Response:
    """Answer the one call there is."""
    params = request.url.params
    if request.url.path != PATH:
        said = "Not found: Resource not found"
        return reply(now, {"errorCode": "E0000007", "errorSummary": said}, 404)
    since, until = (to_instant(datetime.fromisoformat(params[end])) for end in ("since", "until"))
    clock = to_instant(now)
    found = [each for each in instants(PACE, clock, min(until, clock) + 1) if each >= since]
    if params["sortOrder"] == "ASCENDING":
        found.reverse()
    rows, cursor = page(found, params.get("after"), int(params["limit"]))
    links = [f'<{request.url}>; rel="self"']
    if cursor is not None:
        links.append(f'<{request.url.copy_set_param("after", cursor)}>; rel="next"')
    return reply(now, [_row(instant) for instant in rows], more={"Link": ", ".join(links)})


def _row(instant: int) -> dict[str, Any]:
    dice = chance(instant)
    person = actor(instant, dice)
    kind, message, type_, name, result = dice.choice(SCENES)
    if person is MALLORY:
        type_, name = "User", person.last
    failed = dice.random() < FAILED
    name = name and name.format(n=dice.randrange(100, 1000))
    target = {"id": f"00demo{dice.randrange(1000)}", "type": type_, "alternateId": "unknown"}
    return {
        "uuid": f"{dice.getrandbits(32):08x}-demo-11ef-8000-{instant:012x}",
        "published": iso(instant),
        "eventType": kind,
        "version": "0",
        "severity": "WARN" if failed else "INFO",
        "displayMessage": message,
        "actor": {
            "id": f"00udemo{person.key}",
            "type": "User",
            "alternateId": person.email,
            "displayName": f"{person.first} {person.last}",
        },
        "client": {"ipAddress": person.ip, "userAgent": {"rawUserAgent": person.agent}},
        "outcome": {
            "result": "FAILURE" if failed else result,
            "reason": "INVALID_CREDENTIALS" if failed else None,
        },
        "target": [{**target, "displayName": name}] if name else None,
        "transaction": {"type": "WEB", "id": f"demo{instant:x}", "detail": {}},
        "debugContext": {"debugData": {"requestUri": "/api/v1/authn?token=demo-not-real"}},
        "authenticationContext": {"externalSessionId": f"demo{instant // 3_600_000}{person.key}"},
    }
