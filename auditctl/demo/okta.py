"""Okta's System Log as its API would answer: pages behind links, in either order."""

from datetime import datetime
from typing import Any

import httpx

from auditctl.demo.cast import MALLORY, act
from auditctl.demo.clock import Pace, between, instant_of, iso, page, reply

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
    found = between(PACE, now, instant_of(params["since"]), instant_of(params["until"]) + 1)
    if params["sortOrder"] == "ASCENDING":
        found.reverse()
    rows, cursor = page(found, params.get("after"), int(params["limit"]))
    links = [f'<{request.url}>; rel="self"']
    if cursor is not None:
        links.append(f'<{request.url.copy_set_param("after", cursor)}>; rel="next"')
    return reply(now, [_row(instant) for instant in rows], more={"Link": ", ".join(links)})


def _row(instant: int) -> dict[str, Any]:
    dice, person = act(instant)
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
