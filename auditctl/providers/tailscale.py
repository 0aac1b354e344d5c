"""Tailscale's configuration audit log: what was changed in a tailnet, and by whom."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from auditctl.provider import (
    Bearer,
    ClientCredentials,
    Order,
    Page,
    Provider,
    Secret,
    Window,
    read_days,
    secret,
    setting,
)
from auditctl.reading import email_in, first_in, joined, mapping, non_empty

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from auditctl.provider import Answer, Client, Fields, Stream

DAY = timedelta(days=1)
UNIT = timedelta(milliseconds=1)
"""Neighbouring days overlap by it: whether an event at an end counts is not documented."""
MAX_HELD = 1024 * 1024
"""Bytes of events that wait for the name of the tailnet, if it comes after them."""


@dataclass(frozen=True, kw_only=True)
class Tailscale(Provider):
    """One request per UTC day, the oldest events first, and no ids."""

    name = "tailscale"
    title = "Tailscale"
    order = Order.OLDEST_DAY_FIRST
    has_ids = False
    permission = (
        "an access token of an admin, or an OAuth client with the scope logs:configuration:read"
    )
    retention = "90 days"
    keeps = timedelta(days=90)
    filters_by_time = True
    rate_limit = "not documented"
    docs = "https://tailscale.com/kb/1203/audit-logging"
    sample = "auditctl.demo.tailscale:answer"
    hints = {
        401: "Check {api_key}, or {client_id} and {client_secret}: access tokens expire after at "
        "most 90 days, OAuth clients do not.",
        403: "The access token must be an admin's, and an OAuth client needs the scope "
        "logs:configuration:read.",
        404: "Check {tailnet}: the name shown in the admin console under Settings, or - for that "
        "of the credentials.",
    }
    one_of = (("api_key",), ("client_id", "client_secret"))

    api_key: Secret | None = secret(optional=True)
    client_id: str = setting("")
    client_secret: Secret | None = secret(optional=True)
    tailnet: str = setting("-", in_path=True)
    base_url: str = setting("https://api.tailscale.com/api/v2")

    def auth(self) -> Bearer | ClientCredentials:
        """Send the access token; without one, ask for a token with the OAuth client."""
        if self.api_key is not None or self.client_secret is None:
            return Bearer(self.api_key or Secret(""))
        url = f"{self.base_url.rstrip('/')}/oauth/token"
        return ClientCredentials(url, self.client_id, self.client_secret)

    def pages(self, client: Client, window: Window) -> Iterator[Page]:
        """Ask for each day of the window that has begun, several at once."""

        def ask(day: date) -> Stream:
            midnight = datetime.combine(day, time(), UTC)
            start, end = Window(midnight - UNIT, midnight + DAY + UNIT).iso()
            path = f"/tailnet/{self.tailnet}/logging/configuration"
            return client.stream(path, {"start": start, "end": end}, rows="logs")

        for day, rows in read_days(client, window, ask, oldest_first=window.oldest_first):
            yield from _pages(client, day, rows)

    def pages_from(self, client: Client, window: Window, position: str) -> Iterator[Page]:
        """Ask for a day and those behind it."""
        day = datetime.fromisoformat(position).replace(tzinfo=UTC)
        if window.oldest_first:
            return self.pages(client, replace(window, since=max(window.since or day, day)))
        behind = day + DAY
        return self.pages(client, replace(window, until=min(window.until or behind, behind)))

    def normalize(self, event: Mapping[str, Any], context: object) -> Fields:
        """Read one event; ``context`` is the name of the tailnet."""
        who, target = mapping(event.get("actor")), mapping(event.get("target"))
        what = joined(target.get("type"), target.get("property"), by=".")
        return {
            "time": event.get("eventTime"),
            "account": context,
            "actor_id": who.get("id"),
            "actor_name": who.get("displayName"),
            "actor_email": email_in(who.get("loginName")),
            "action": joined(event.get("action"), what),
            "target": first_in(target, "name", "id"),
            "outcome": "success" if non_empty(event.get("error")) is None else "failure",
        }


def _pages(client: Client, day: date, rows: Stream) -> Iterator[Page]:
    """Read a day as it comes; its events wait, if need be, for the tailnet's name behind them."""
    page = Page([], day=day.isoformat(), position=day.isoformat(), complete=False)
    for held in _held(rows):
        for answer in held:
            page = replace(page, events=answer.tree, answers=[answer])
            yield replace(page, context=rows.members.get("tailnet"))
            page = replace(page, continues=True)
    # Without events, Go's encoder writes null in place of the list.
    if not page.continues and not rows.members.keys() & {"version", "tailnet"}:
        raise client.unexpected("it lacks the list logs")
    yield replace(page, events=[], answers=(), complete=True)


def _held(rows: Stream) -> Iterator[list[Answer]]:
    held: list[Answer] = []
    for answer in rows:
        held.append(answer)
        if "tailnet" in rows.members or sum(len(one.body) for one in held) > MAX_HELD:
            yield held
            held = []
    yield held
