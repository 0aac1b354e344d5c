"""The OCSF classes that events are put into, and the ECS words that mean the same."""

from collections.abc import Mapping
from typing import NamedTuple

UNKNOWN, OTHER = 0, 99
"""Activities of every class: the event does not tell which, or it is one without an id."""


class Class(NamedTuple):
    """A class of OCSF, without profiles."""

    uid: int
    title: str
    activities: Mapping[str, int]
    """Without unknown and other."""
    has: frozenset[str]
    """Those of `SHARED` that it has, in all versions."""
    has_later: frozenset[str] = frozenset()
    """Those that it has after 1.3.0."""
    ecs: tuple[str, ...] = ()
    """The category of ECS, and the types that all events have."""
    types: Mapping[str, str] = {}
    """The further type of ECS by activity; "" for all others."""

    @property
    def category(self) -> int:
        """The id of its category."""
        return self.uid // 1000


SHARED = ("actor", "src_endpoint", "http_request", "http_response")
"""Attributes that mean the same in each class that has them."""
CATEGORIES = {
    0: "Uncategorized",
    3: "Identity & Access Management",
    4: "Network Activity",
    6: "Application Activity",
}
LATER = {("account_change", "unlock"), ("http_activity", "patch")}
"""Activities that came after 1.3.0."""


def _numbered(names: str, first: int = 1) -> dict[str, int]:
    return {name: number for number, name in enumerate(names.split(), first)}


_CHANGED = {"create": "creation", "delete": "deletion", "": "change"}
_USED = {**_CHANGED, "read": "access"}
_REQUEST = frozenset(("src_endpoint", "http_request"))
_ACTOR = _REQUEST | {"actor"}
_RESPONSE = frozenset(("http_response",))
_ALL_LATER = frozenset(("actor", "http_response"))

CLASSES: Mapping[str, Class] = {
    "base_event": Class(0, "Base Event", {}, frozenset()),
    "account_change": Class(
        3001,
        "Account Change",
        _numbered(
            "create enable password_change password_reset disable delete attach_policy "
            "detach_policy lock mfa_factor_enable mfa_factor_disable unlock"
        ),
        _ACTOR,
        _RESPONSE,
        ("iam", "user"),
        _CHANGED,
    ),
    "authentication": Class(
        3002,
        "Authentication",
        _numbered("logon logoff"),
        _ACTOR,
        _RESPONSE,
        ("authentication",),
        {"logon": "start", "logoff": "end", "": "info"},
    ),
    "entity_management": Class(
        3004,
        "Entity Management",
        _numbered(
            "create read update delete move enroll unenroll enable disable activate deactivate "
            "suspend resume"
        ),
        _REQUEST,
        _ALL_LATER,
        ("configuration",),
        _USED,
    ),
    "user_access": Class(
        3005,
        "User Access Management",
        _numbered("assign_privileges revoke_privileges"),
        _REQUEST,
        _ALL_LATER,
        ("iam", "user"),
        {"": "change"},
    ),
    "group_management": Class(
        3006,
        "Group Management",
        _numbered("assign_privileges revoke_privileges add_user remove_user delete create"),
        _REQUEST,
        _ALL_LATER,
        ("iam", "group"),
        _CHANGED,
    ),
    "http_activity": Class(
        4002,
        "HTTP Activity",
        _numbered("connect delete get head options post put trace patch"),
        _REQUEST | _RESPONSE,
        ecs=("web",),
        types={"": "access"},
    ),
    "web_resources_activity": Class(
        6001,
        "Web Resources Activity",
        _numbered("create read update delete search import export share"),
        _REQUEST | _RESPONSE,
        ecs=("web",),
        types={"": "access"},
    ),
    "api_activity": Class(
        6003,
        "API Activity",
        _numbered("create read update delete"),
        _ACTOR,
        _RESPONSE,
        ("api",),
        {**_USED, "update": "change", "": "info"},
    ),
}


def caption(activity: str) -> str:
    """Return the name of an activity as OCSF writes it."""
    return activity.replace("_", " ").title().replace("Mfa", "MFA")
