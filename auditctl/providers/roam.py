"""Roam's user audit log: who was where in the virtual office.

Source: https://developer.ro.am/docs/chat-api/userauditlog-list
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from auditctl import (
    UNREADABLE,
    Page,
    Provider,
    Secret,
    Window,
    mapping,
    reach,
    said,
    secret,
    setting,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from auditctl import Answer, Client, Fields

_CODES = {"invalid_token": 401, "missing_scope": 403, "ratelimited": 429}
_REFUSED = 400


@dataclass(frozen=True, kw_only=True)
class Roam(Provider):
    """One request per UTC day, and no ids."""

    name = "roam"
    title = "Roam"
    order = "newest day first"
    has_ids = False
    permission = "an organization's API key with the scope userauditlog:read"
    retention = "not documented"
    keeps = timedelta(days=30)  # so far a first sync reaches: nobody says more
    rate_limit = "a burst of 10, then 1 a second (third parties say)"
    docs = "https://developer.ro.am/docs/chat-api/userauditlog-list"
    hints = {
        401: "Check ROAM_API_KEY (or ROAM_TOKEN): an API key made under Roam Administration > "
        "Developer; personal access tokens cannot read this log.",
        403: "The key in ROAM_API_KEY (or ROAM_TOKEN) needs organization access and the scope "
        "userauditlog:read, given under Roam Administration > Developer.",
    }

    api_key: Secret = secret("ROAM_TOKEN")
    base_url: str = setting("https://api.ro.am/v1")

    def credentials(self) -> Mapping[str, str]:
        """Give the API key as a bearer token."""
        return {"Authorization": f"Bearer {self.api_key.reveal()}"}

    def status(self, status: int, answer: object) -> int:
        """Read the error code where the envelope says that it is not ok."""
        envelope = mapping(answer)
        if status <= _REFUSED and envelope.get("ok") is False:
            code = envelope.get("error")
            return _CODES.get(code, _REFUSED) if type(code) is str else _REFUSED
        return status

    def pages(self, client: Client, window: Window) -> Iterator[Page]:
        """Ask for each day of the window; days that have not begun have nothing to tell."""
        today = datetime.now(UTC).date()
        days = (day for day in window.days() if day <= today)
        return client.ahead(lambda day: _day(client, day), days)

    def pages_from(self, client: Client, window: Window, position: str) -> Iterator[Page]:
        """Ask for a day and those before it."""
        behind = datetime.fromisoformat(position).replace(tzinfo=UTC) + timedelta(days=1)
        return self.pages(client, Window(window.since, min(window.until, behind)))

    def normalize(self, event: Mapping[str, Any], context: object) -> Fields:  # noqa: ARG002
        """Read one event."""
        room = said(reach(event, "data", "location", "roomId"))
        return {
            "time": event.get("timestamp"),
            "actor_name": event.get("name"),
            "actor_email": event.get("email"),
            "action": event.get("eventType"),
            "target": f"room {room}" if type(room) in (int, str) else room and UNREADABLE,
        }


def _day(client: Client, day: date) -> Page:
    events: list[Any] = []
    answers: list[Answer] = []
    cursor: dict[str, str] = {}
    while True:
        answer = client.get("/userauditlog.list", {"date": day.isoformat(), **cursor})
        envelope = mapping(answer.tree)
        rows = envelope.get("auditLogs")
        if rows is None and envelope.get("ok") is True:
            rows = []
        if type(rows) is not list:
            raise client.strange("it lacks the list auditLogs")
        if not {dict}.issuperset(map(type, rows)):
            # An answer's bare numbers are restored in its own list, not in a copy of it.
            answer.restore()
        events = events + rows if events else rows
        answers.append(answer)
        # Not documented for this call, but other lists of v1 have it: to pass over it would
        # lose events.
        following = envelope.get("nextCursor")
        if following:
            client.once_rows(rows, day)
        if not following:
            asked = day.isoformat()
            return Page(events, None, answers, day=asked, position=asked)
        if type(following) is not str or not following.isprintable():
            raise client.strange("its nextCursor cannot be read")
        cursor = {"cursor": following}
