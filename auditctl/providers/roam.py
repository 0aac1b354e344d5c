"""Roam's user audit log: who was where in the virtual office."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from auditctl.provider import (
    Order,
    Page,
    Provider,
    Secret,
    Window,
    read_days,
    secret,
    setting,
)
from auditctl.reading import UNREADABLE, mapping, non_empty, reach

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from auditctl.provider import Answer, Client, Fields, Stream

_CODES = {"invalid_token": 401, "missing_scope": 403, "ratelimited": 429}
_REFUSED = 400


@dataclass(frozen=True, kw_only=True)
class Roam(Provider):
    """One request per UTC day, and no ids."""

    name = "roam"
    title = "Roam"
    order = Order.NEWEST_DAY_FIRST
    has_ids = False
    permission = "an organization's API key with the scope userauditlog:read"
    retention = "not documented"
    keeps = timedelta(days=30)  # a first sync begins so far back; the retention is not documented
    rate_limit = "a burst of 10, then 1 a second (third parties say)"
    docs = "https://developer.ro.am/docs/chat-api/userauditlog-list"
    sample = "auditctl.demo.roam:answer"
    hints = {
        401: "Check {api_key}: an API key made under Roam Administration > "
        "Developer; personal access tokens cannot read this log.",
        403: "The key in {api_key} needs organization access and the scope "
        "userauditlog:read, given under Roam Administration > Developer.",
    }

    api_key: Secret = secret("ROAM_TOKEN")
    base_url: str = setting("https://api.ro.am/v1")

    def true_status(self, answer: Answer) -> int:
        """Read the error code where the envelope says that it is not ok."""
        envelope = mapping(answer.tree)
        if answer.status <= _REFUSED and envelope.get("ok") is False:
            code = envelope.get("error")
            return _CODES.get(code, _REFUSED) if type(code) is str else _REFUSED
        return answer.status

    def pages(self, client: Client, window: Window) -> Iterator[Page]:
        """Ask for each day of the window that has begun, several at once."""
        for day, rows in read_days(client, window, partial(_ask, client)):
            yield from _pages(client, day, rows)

    def pages_from(self, client: Client, window: Window, position: str) -> Iterator[Page]:
        """Ask for a day and those before it."""
        behind = datetime.fromisoformat(position).replace(tzinfo=UTC) + timedelta(days=1)
        return self.pages(client, Window(window.since, min(window.until or behind, behind)))

    def normalize(self, event: Mapping[str, Any], context: object) -> Fields:  # noqa: ARG002
        """Read one event."""
        room = non_empty(reach(event, "data", "location", "roomId"))
        return {
            "time": event.get("timestamp"),
            "actor_name": event.get("name"),
            "actor_email": event.get("email"),
            "action": event.get("eventType"),
            "target": f"room {room}" if type(room) in (int, str) else room and UNREADABLE,
        }


def _ask(client: Client, day: date, **more: str) -> Stream:
    return client.stream("/userauditlog.list", {"date": day.isoformat(), **more}, rows="auditLogs")


def _pages(client: Client, day: date, rows: Stream) -> Iterator[Page]:
    """Read a day as it comes, with all its pages if there are several."""
    page = Page([], day=day.isoformat(), position=day.isoformat(), complete=False)
    is_first = True
    while True:
        ends: list[Any] = []
        count = 0
        has_list = False
        for answer in rows:
            if not is_first:
                yield page
                page = replace(page, continues=True)
            is_first = False
            events = answer.tree
            page = replace(page, events=events, answers=[answer])
            ends = [*(ends or events)[:1], *events[-1:]] if events else ends
            count += len(events)
            has_list = True
        following = rows.members.get("nextCursor")
        if not has_list and rows.members.get("ok") is not True:
            if rows.members.keys() - {"nextCursor"}:
                raise client.unexpected("it lacks the list auditLogs")
            page = replace(page, unconfirmed=True)  # v0 does not say "ok"
        if not following:
            if ends:
                client.brought(ends)
            yield replace(page, complete=True)
            return
        # Not documented for this call, but other lists of v1 have it: to pass over it would
        # lose events.
        if type(following) is not str or not following.isprintable():
            raise client.unexpected("its nextCursor cannot be read")
        client.once_rows(ends, day, count)
        rows = _ask(client, day, cursor=following)
