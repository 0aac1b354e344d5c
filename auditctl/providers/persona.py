"""Persona's user audit logs: who did what in the dashboard and through the API."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from auditctl.provider import Order, Provider, Secret, secret, setting
from auditctl.reading import NOTHING, UNREADABLE, joined, listed, mapping, reach, request

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from auditctl.provider import Answer, Client, Fields, Page, Window

PAGE_SIZE = 100
"""The most that the API gives; its default is 10."""

# A digit or a capital tells an id from a word such as sign_in, whose prefix is no id's prefix.
_PREFIXES = "inq|itmpl|itmplv|act|acct|ver|rep|txn|evt|ual|uses|wbh"
_OBJECT_ID = rf"(?:(?:{_PREFIXES})_[A-Za-z0-9]+|[a-z]{{2,16}}_[a-z]*[A-Z0-9][A-Za-z0-9]*)"
_is_object_id = re.compile(_OBJECT_ID).fullmatch
_last_segment_that_is_one = re.compile(rf"(?:[^?]*/)?({_OBJECT_ID})(?:[/?#]|\Z)").match
_ATTRIBUTES = (
    "created-at", "method", "path", "response-status", "ip-address", "user-agent", "context",
)  # fmt: skip
_read = itemgetter(*_ATTRIBUTES)
_NOBODY = (None, None)
"""Name and e-mail address of a user of whom ``included`` says nothing."""
# inquiry-id, inquiry_id, inquiryId; not paid, valid or grid. The last three characters tell,
# and unlike whole names they are few to remember, and short whatever a stranger sends.
_ends_id = lru_cache(1000)(re.compile(r"[-_]?(?:id|Id|ID)|[a-z0-9]I[dD]").fullmatch)


@dataclass(frozen=True, kw_only=True)
class Persona(Provider):
    """Cursor pages, newest first; each page has its users once, beside the events."""

    name = "persona"
    title = "Persona"
    order = Order.NEWEST_FIRST
    # Without it the casing is a property of the API key, and names may come as createdAt.
    headers = {"Key-Inflection": "kebab"}
    permission = "a production API key with the permission user_audit_log.read"
    retention = "6 months"
    keeps = timedelta(days=184)
    rate_limit = "300 requests a minute"
    docs = "https://docs.withpersona.com/api-reference/user-audit-logs"
    sample = "auditctl.demo.persona:answer"
    hints = {
        401: "Check {api_key}: it must be a production key (persona_production_…).",
        403: "The key in {api_key} needs the permission user_audit_log.read, must be a "
        "production key, and the key's IP allow-list must contain this machine.",
        404: "Check {base_url}, and the id (ual_…) if you gave one; records older than 6 "
        "months are gone, and sandbox keys see no user audit logs.",
    }

    api_key: Secret = secret()
    base_url: str = setting("https://api.withpersona.com/api/v1")

    def pages_from(
        self,
        client: Client,
        window: Window,  # noqa: ARG002 - no filter
        position: str | None,
    ) -> Iterator[Page]:
        """Follow ``links.next`` until it is null."""

        def ask(cursor: str | None) -> Answer:
            return client.get("/user-audit-logs", {"page[size]": PAGE_SIZE, "page[after]": cursor})

        def cursor(answer: Answer) -> str | None:
            links = mapping(mapping(answer.tree).get("links"))
            if "next" not in links:
                raise client.unexpected("it lacks links.next")
            return client.cursor(links["next"], "page[after]")

        return client.pages(ask, "data", cursor, position=position, context=_users)

    def retrieve(self, client: Client, id: str) -> Page:  # noqa: A002 - the API's word
        """Ask for the one event of this id, and for its user, whom only ``include`` brings."""
        from auditctl.provider import Page

        path = f"/user-audit-logs/{quote(id, safe='')}"
        answer = client.get(path, optional={"include": "user"})
        page = mapping(answer.tree)
        if type(page.get("data")) is not dict:
            raise client.unexpected("it lacks the object data")
        return Page([page["data"]], _users(page), [answer])

    def normalize(self, event: Mapping[str, Any], context: Any) -> Fields:  # noqa: ANN401
        """Read one event; ``context`` maps user ids to what ``included`` says of them."""
        try:  # nearly always all are there, and to look whether they are takes longer
            time, method, path, status, address, agent, about = _read(event["attributes"])
            related = event["relationships"]
            user = related["user"]["data"]["id"]
            session = related["user-session"]["data"]["id"]
            name, email = context.get(user, _NOBODY)
        except (AttributeError, KeyError, TypeError):
            read = mapping(event.get("attributes")).get
            time, method, path, status, address, agent, about = map(read, _ATTRIBUTES)
            user = reach(event, "relationships", "user", "data", "id")
            session = reach(event, "relationships", "user-session", "data", "id")
            name, email = mapping(context).get(user, _NOBODY) if type(user) is str else _NOBODY
        return {
            "time": time,
            "id": event.get("id"),
            "actor_id": user,
            "actor_name": name,
            "actor_email": email,
            "action": request(method, path),
            "target": _target(about, path),
            "status_code": status,
            "source_ip": address,
            "user_agent": agent,
            "session_id": session,
        }


def _users(page: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Read the users beside a page's events: id -> (name, e-mail address)."""
    users = {}
    for item in map(mapping, listed(page.get("included"))):
        if item.get("type") == "user" and type(item.get("id")) is str:
            attributes = mapping(item.get("attributes"))
            name = joined(attributes.get("name-first"), attributes.get("name-last"))
            users[item["id"]] = (name, attributes.get("email-address"))
    return users


def _target(context: object, path: object) -> object:
    """Find the object acted upon: an id in the context, else the path's last that is one."""
    found = _id_in(context) if context else None
    if found is None and type(path) is str and "_" in path:
        match = _last_segment_that_is_one(path)
        return match and match[1]
    return found


def _id_in(context: object) -> object:
    if type(context) is not dict:
        return None if type(context) is str else UNREADABLE
    for name, value in context.items():
        # What was filtered, by Persona or by us, begins with a bracket.
        if type(value) is str and _ends_id(name[-3:]) and value not in NOTHING and value[0] != "[":
            return value
    texts = (value for value in context.values() if type(value) is str)
    return next(filter(_is_object_id, texts), None)
