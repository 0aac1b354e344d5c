"""HRHIS, Tanzania's health-workforce system: the requests its users made.

Source: https://udsm-dhis2-project.github.io/hris-api-docs (developers, settings, user logs)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from auditctl import Page, Provider, Secret, basic, mapping, option, secret, setting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from auditctl import Client, Fields, Window

PAGE_SIZE = 100
MOST_GROWTH = 2
"""How many times the pages that the first answer promised a walk may take: the log grows by a row
with each of our own requests, so a log that outgrows this is not to be caught up with."""
_REFUSED = 400
_NO_PARAMS: dict[str, str] = {}


@dataclass(frozen=True, kw_only=True)
class Hrhis(Provider):
    """Numbered pages in no documented order, over a log that grows while it is read."""

    name = "hrhis"
    title = "HRHIS"
    order = "none documented"
    shifts = True
    permission = "a user who may read the user logs"
    retention = "not documented"
    rate_limit = "not documented"
    docs = "https://udsm-dhis2-project.github.io/hris-api-docs"
    hints = {
        401: "Check HRHIS_USERNAME and HRHIS_PASSWORD.",
        403: "HRHIS says this of a wrong user name or password too: check HRHIS_USERNAME and "
        "HRHIS_PASSWORD, then whether that user may read the user logs.",
        404: "Check HRHIS_BASE_URL, with its context path if there is one (…/demo), and the id "
        "given with --user.",
    }

    base_url: str = setting()
    username: str = setting()
    password: Secret = secret()
    users: tuple[str, ...] = option(
        "--user", "ID|me|all", "Logs of this user, of oneself (me) or of every user (all)."
    )

    def credentials(self) -> Mapping[str, str]:
        """Give user name and password as HTTP Basic authentication."""
        return basic(self.username, self.password.reveal())

    def status(self, status: int, answer: object) -> int:
        """Read the status in the body: the server answers 404, or even 200, to every failure."""
        body = mapping(answer)
        for name in ("statusCode", "httpStatusCode"):
            hidden = body.get(name)
            if type(hidden) is int and hidden >= _REFUSED:
                return hidden
        return status

    def pages(self, client: Client, window: Window) -> Iterator[Page]:  # noqa: ARG002 - no filter
        """Walk the log of all, or those of the users asked for."""
        if not self.users:
            return _walk(client, _numbered(client, "/api/userLogs", "userLogs", 1))
        return self._users_logs(client)

    def _users_logs(self, client: Client) -> Iterator[Page]:
        users: Iterator[str] = iter(dict.fromkeys(self.users))
        if "all" in self.users:
            first = _numbered(client, "/api/users", "users", 1, {"fields": "id"})
            listed = _walk(client, first)
            ids = (mapping(user).get("id") for page in listed for user in page.events)
            users = iter(dict.fromkeys(id_ for id_ in ids if type(id_) is str))
        paths = (f"/api/users/{quote(user, safe='')}/logs" for user in users)
        # Several users at once, but one user's further pages only when it is their turn: a
        # list of all that was read ahead would be as long as the log.
        for first in client.ahead(lambda path: _numbered(client, path, "logs", 1), paths):
            yield from _walk(client, first)

    def normalize(self, event: Mapping[str, Any], context: object) -> Fields:
        """Read one event; ``context`` is the user whose log it stands in, where one was asked for.

        ``referer`` holds the headers of the logged request, whatever its name says.
        """
        user = mapping(context)
        headers = mapping(event.get("referer"))
        method = event.get("method")
        path = event.get("resource")
        if type(path) is str:
            path = path.partition("?")[0]
        names = (user.get("firstName"), user.get("surname"))
        return {
            "time": event.get("time"),
            "id": event.get("id"),
            "actor_id": user.get("id"),
            "actor_name": " ".join(part for part in names if type(part) is str and part) or None,
            "actor_email": user.get("email"),
            "action": f"{method} {path}" if type(method) is type(path) is str else None,
            "status_code": _number(event.get("statuscode")),
            "source_ip": headers.get("x-real-ip") or _first(headers.get("x-forwarded-for")),
            "user_agent": headers.get("user-agent"),
        }


@dataclass(frozen=True)
class _Numbered:
    """One numbered page, and what its pager said."""

    page: Page
    total: int
    size: int
    ask: Callable[[int], _Numbered]
    """Asks for another page of the same list."""


def _numbered(
    client: Client, path: str, rows_name: str, number: int, params: Mapping[str, str] = _NO_PARAMS
) -> _Numbered:
    answer = client.get(path, {"page": number, "pageSize": PAGE_SIZE, **params})
    body = mapping(answer.tree)
    rows = body.get(rows_name)
    if type(rows) is not list:
        raise client.strange(f"it lacks the list {rows_name}")
    pager = body.get("pager")
    total: object = len(rows)  # a server that does not page sends all there is
    size: object = max(1, len(rows))
    if pager is not None or number > 1:
        total = _number(mapping(pager).get("total"))
        size = _number(mapping(pager).get("pageSize", PAGE_SIZE))
    if type(total) is not int or type(size) is not int or size < 1:
        raise client.strange("its pager cannot be read")
    around = {name: value for name, value in body.items() if name != rows_name}
    return _Numbered(
        Page(rows, around, [answer]),
        total,
        size,
        lambda number: _numbered(client, path, rows_name, number, params),
    )


def _walk(client: Client, first: _Numbered) -> Iterator[Page]:
    """Read every numbered page, counting rows against ``total``, which may grow on the way.

    ``nextPage`` is there even on the last page and ``pageCount`` counts rows, so neither tells
    where the end is.
    """
    yield first.page
    total = first.total
    most = MOST_GROWTH * -(-total // first.size) + 1
    read = 1

    def numbers() -> Iterator[int]:
        nonlocal read
        while read * first.size < total:
            if read > most:
                raise client.strange("its log grows faster than it can be read")
            read += 1
            yield read

    # Asked again when the numbers ran out: the last answers may have told of a larger total.
    while read * first.size < total:
        for further in client.ahead(first.ask, numbers()):
            total = max(total, further.total)
            yield further.page


def _first(forwarded: object) -> object:
    return forwarded.partition(",")[0].strip() if type(forwarded) is str else forwarded


def _number(value: object) -> object:
    """Give a number that is written as text as the number; some servers do so."""
    if type(value) is str and value.isascii() and value.isdigit():
        return int(value[:18])
    return value
