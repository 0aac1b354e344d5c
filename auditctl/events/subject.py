"""What a record says, as objects of OCSF: who, from where, what was done to whom and to what."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from auditctl.events import Table
from auditctl.records.address import address
from auditctl.records.record import Record

Attributes = dict[str, Any]

METHODS = ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT", "TRACE")
LATER_METHODS = ("PATCH",)
"""Methods that OCSF knows after 1.3.0."""
LONGEST_ADDRESS = 40
"""Characters of an IP address in OCSF."""
LARGEST_CODE = 2**31 - 1

# Narrower than OCSF's own patterns: these let through what is no address, and differ by version.
_EMAIL = r"[A-Za-z0-9_!#$%&'*+/=?^`{|}~.-]+@[A-Za-z0-9-]+\.[A-Za-z0-9.-]+"
_is_email = re.compile(_EMAIL).fullmatch
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_is_hostname = re.compile(rf"{_LABEL}(?:\.{_LABEL})*").fullmatch


class Subject:
    """A record's objects; one method per class returns the attributes that the class alone has.

    Such a method returns None if the record lacks what the class requires.
    """

    def __init__(
        self,
        record: Record,
        known: Table,
        *,
        base_url: str = "",
        longest: int | None = None,
        is_first: bool = False,
    ) -> None:
        """Read what the event names; no text is longer than ``longest``.

        ``is_first`` is for OCSF 1.3.0, which requires more.
        """
        self._record = record
        self._known = known
        self._base_url = base_url
        self._longest = longest
        self._is_first = is_first
        target = record["target"]
        what = {**({known.target: target} if target else {}), **self.place("entity")}
        self.what = what if what.keys() & {"name", "uid"} else {}
        """What was acted upon."""
        self.by = _user(
            there(
                uid=record["actor_id"],
                name=record["actor_name"] or record["actor_email"],
                email_addr=record["actor_email"],
            )
        )
        """Who acted."""
        self.event_name: str = record["action"] or "unknown"

    def place(self, name: str) -> dict[str, str]:
        """Return what the event says of an object of its own."""
        found = self._known.place(name, self._record)
        return {attribute: text[: self._longest] for attribute, text in found.items()}

    # What several classes have

    def actor(self) -> Attributes:
        """Return who acted, and in which session."""
        session = self._record["session_id"]
        return {"user": self.by, **there(session=session and {"uid": session})} if self.by else {}

    def src_endpoint(self) -> Attributes:
        """Return where the request came from."""
        return endpoint(self._record["source_ip"])

    def http_request(self) -> Attributes:
        """Return the request, as far as it is known."""
        asked = self.place("request")
        method = asked.get("method", "").upper()
        path, _, query = asked.get("url", "").partition("?")
        allowed = METHODS if self._is_first else METHODS + LATER_METHODS
        return there(
            http_method=method in allowed and method,
            url=path and {"path": path, **there(query_string=query)},
            user_agent=self._record["user_agent"],
        )

    def http_response(self) -> Attributes:
        """Return the response, if its status is known."""
        code = self._record["status_code"]
        return {} if code is None or not 0 <= code <= LARGEST_CODE else {"code": code}

    def affected(self) -> Attributes:
        """Return the user that the event names, other than who acted."""
        return _user(self.place("user"))

    def group(self) -> Attributes:
        """Return the group: the one that the event names, else what was acted upon."""
        return self.place("group") or self._named

    @property
    def _named(self) -> Attributes:
        return {name: self.what[name] for name in ("name", "uid") if name in self.what}

    # Each class

    def base_event(self) -> Attributes | None:
        """Require nothing."""
        return {}

    def account_change(self) -> Attributes | None:
        """Require a user: the one named, else what was acted upon, else who acted."""
        user = self.affected() or self._named or self.by
        return {"user": user} if user else None

    def authentication(self) -> Attributes | None:
        """Require a user: who acted, else the one named."""
        user = self.by or self.affected() or self._named
        service = self.place("service") or {"name": self._known.product}
        return {"user": user, "service": service} if user else None

    def entity_management(self) -> Attributes | None:
        """Require an entity."""
        return {"entity": self.what} if self.what else None

    def user_access(self) -> Attributes | None:
        """Require a user, and privileges: those named, else the name of the event."""
        user = self.account_change()
        granted = list(self.place("privilege").values())
        return user and {**user, "privileges": granted or [self.event_name]}

    def group_management(self) -> Attributes | None:
        """Require a group; in 1.3.0 a user or privileges too."""
        group, user = self.group(), self.affected()
        granted = list(self.place("privilege").values())
        if self._is_first and not user:
            granted = granted or [self.event_name]
        return {"group": group, "user": user, "privileges": granted} if group else None

    def http_activity(self) -> Attributes | None:
        """Require a request; in 1.3.0 a response and the server too."""
        host = endpoint(_host(self._base_url))
        needed = [self.http_request()]
        needed += [self.http_response(), host] if self._is_first else []
        return {"dst_endpoint": host} if all(needed) else None

    def web_resources_activity(self) -> Attributes | None:
        """Require a resource."""
        return {"web_resources": [self.what]} if self.what else None

    def api_activity(self) -> Attributes | None:
        """Require who acted, and from where."""
        asked = self.place("request")
        name = f"{asked['method']} {asked['url']}" if len(asked) > 1 else self.event_name
        operation = {"operation": name[: self._longest]}
        is_whole = self.by and self.src_endpoint()
        return {"api": operation, "resources": self.what and [self.what]} if is_whole else None


def there(**attributes: Any) -> Attributes:  # noqa: ANN401 - JSON is any value
    """Return the attributes that have a value."""
    return {name: value for name, value in attributes.items() if value}


@lru_cache(1000)
def endpoint(text: str | None) -> Attributes:
    """Return a machine by its address or name."""
    if not text:
        return {}
    if address(text) == text and len(text) <= LONGEST_ADDRESS:
        return {"ip": text}
    return {"hostname" if _is_hostname(text) else "name": text}


@lru_cache(1000)
def _host(base_url: str) -> str | None:
    return urlsplit(base_url).hostname


def _user(user: Mapping[str, str]) -> Attributes:
    """Leave out an e-mail address that is not valid; return nothing for a user without a name."""
    kept = {name: text for name, text in user.items() if name != "email_addr" or _is_email(text)}
    return kept if kept.keys() & {"name", "uid"} else {}
