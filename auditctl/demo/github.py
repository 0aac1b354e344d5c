"""GitHub's audit log as its API would answer: pages behind cursors, in either order."""

import re
from datetime import datetime
from typing import Any

import httpx

from auditctl.demo.cast import MALLORY, act
from auditctl.demo.clock import Pace, between, instant_of, page, reply

ORG = "demo-org"
PACE = Pace(weekday=29, weekend=6)
LIMITS = {"X-RateLimit-Limit": "1750", "X-RateLimit-Remaining": "1749"}
_ends = re.compile(r"(?<==)\S+").findall

# action, operation, what it is about besides the organization
SCENES: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("repo.create", "create", {"repo": "demo-org/demo-{n}", "visibility": "private"}),
    ("repo.access", "modify", {"repo": "demo-org/demo-{n}", "visibility": "internal"}),
    ("team.add_member", "modify", {"team": "demo-org/demo-team", "user": "demo-user-{n}"}),
    ("org.invite_member", "create", {"user": "demo-user-{n}", "email": "new@example.com"}),
    ("org.update_member", "modify", {"user": "demo-user-{n}", "permission": "admin"}),
    ("protected_branch.policy_override", "modify", {"repo": "demo-org/demo-{n}"}),
    ("hook.create", "create", {"hook_url": "https://demo:not-real@hooks.example/?token=no"}),
    ("personal_access_token.create", "create", {"hashed_token": "demo-hash-not-real"}),
)
GIT = (
    ("git.clone", "access", {"repo": "demo-org/demo-{n}", "transport_protocol_name": "ssh"}),
    ("git.push", "modify", {"repo": "demo-org/demo-{n}", "transport_protocol_name": "http"}),
)


def answer(request: httpx.Request, now: datetime) -> httpx.Response:
    """Answer the one call there is, of whichever organization or enterprise."""
    params = request.url.params
    since, until = map(instant_of, _ends(params["phrase"]))
    found = between(PACE, now, since, until + 1)
    if params["order"] == "asc":
        found.reverse()
    scenes = {"web": SCENES, "git": GIT, "all": SCENES + GIT}[params["include"]]
    rows, cursor = page(found, params.get("after"), int(params["per_page"]))
    following = request.url.copy_set_param("after", cursor)
    links = {"Link": f'<{following}>; rel="next"'} if cursor else {}
    return reply(now, [_row(instant, scenes) for instant in rows], more={**LIMITS, **links})


def _row(instant: int, scenes: tuple[tuple[str, str, dict[str, str]], ...]) -> dict[str, Any]:
    dice, person = act(instant)
    action, operation, about = dice.choice(scenes)
    number = str(dice.randrange(100, 1000))
    about = {name: value.replace("{n}", number) for name, value in about.items()}
    if person is MALLORY:
        about["user"] = person.last
    return {
        "@timestamp": instant,
        "_document_id": f"demo{instant:x}",
        "action": action,
        "operation_type": operation,
        "actor": person.first if person is MALLORY else f"{person.first}-{person.last}".lower(),
        "actor_id": 1000 + int(person.key),
        "actor_ip": person.ip,
        "actor_location": {"country_code": "TZ"},
        "created_at": instant,
        "external_identity_nameid": person.email,
        "org": ORG,
        "org_id": 4242,
        "user_agent": person.agent,
        **about,
    }
