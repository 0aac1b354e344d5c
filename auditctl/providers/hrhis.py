"""HRHIS, Tanzania's health-workforce system: the requests its users made.

Source: https://udsm-dhis2-project.github.io/hris-api-docs (developers, settings, user logs)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from auditctl import (
    Page,
    Provider,
    Secret,
    basic,
    full_name,
    mapping,
    option,
    reach,
    request,
    said,
    secret,
    setting,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from auditctl import Client, Fields, Window

PAGE_SIZE = 100
MOST_GROWTH, MORE_GROWTH = 2, 10
"""How many times the pages promised at first, and how many more, are read of a growing log."""
_REFUSED = 400
_HIDING = (200, 201, 400, 404)
"""Statuses that do not tell what became of a question."""
_MOST_DIGITS = 9
"""Of a status or a count; what is longer is neither."""


@dataclass(frozen=True, kw_only=True)
class Hrhis(Provider):
    """Numbered pages in no documented order, over a log that grows while it is read."""

    name = "hrhis"
    title = "HRHIS"
    order = "none documented"
    shifts = True
    tells_strangers_apart = False
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
            hidden = _number(body.get(name))
            if type(hidden) is int and hidden >= _REFUSED and status in _HIDING:
                return hidden
        return status

    def pages(self, client: Client, window: Window) -> Iterator[Page]:  # noqa: ARG002 - no filter
        """Walk the log of all, or those of the users asked for."""
        if not self.users:
            log = _List(client, "/api/userLogs", "userLogs")
            yield from _walk(log, log.ask(1))
            return
        users = dict.fromkeys(self.users)
        if "all" in users:
            del users["all"]  # and whoever else is asked for, if the server does not list them
            listed = _List(client, "/api/users", "users", "id")
            rows = (row for page in _walk(listed, listed.ask(1)) for row in page.events)
            users = dict.fromkeys(_user_id(client, row) for row in rows) | users
        logs = (_logs_of(client, user) for user in users)
        # Several users at once, but one user's further pages only when it is their turn: all
        # that is read ahead is held.
        for log, first in client.ahead(lambda log: (log, log.ask(1)), logs):
            yield from _walk(log, first)

    def normalize(self, event: Mapping[str, Any], context: object) -> Fields:
        """Read one event; ``context`` is the user whose log it stands in, where one was asked for.

        ``referer`` holds the headers of the logged request, whatever its name says.
        """
        user = mapping(context)
        real_ip = said(reach(event, "referer", "x-real-ip"))
        forwarded = reach(event, "referer", "x-forwarded-for")
        if type(forwarded) is str:
            forwarded = forwarded.partition(",")[0].strip()
        return {
            "time": event.get("time"),
            "id": event.get("id"),
            "actor_id": user.get("id"),
            "actor_name": full_name(user.get("firstName"), user.get("surname")),
            "actor_email": user.get("email"),
            "action": request(event.get("method"), event.get("resource")),
            "status_code": _number(event.get("statuscode")),
            "source_ip": forwarded if real_ip is None else real_ip,
            "user_agent": reach(event, "referer", "user-agent"),
        }


def _logs_of(client: Client, user: str) -> _List:
    known = {} if user == "me" else {"id": user}  # what is answered may not say whose they are
    escaped = quote(user, safe="", errors="surrogatepass")
    return _List(client, f"/api/users/{escaped}/logs", "logs", about=known)


def _user_id(client: Client, row: object) -> str:
    id_ = mapping(row).get("id")
    if type(id_) not in (str, int) or id_ == "":
        raise client.strange("it lists a user without an id")
    return str(id_)


class _Numbered(NamedTuple):
    """One numbered page, and what its pager said."""

    page: Page
    total: int
    size: int
    """As the pager states it."""


@dataclass(frozen=True)
class _List:
    """A list that the server gives in numbered pages."""

    client: Client
    path: str
    rows_name: str
    fields: str | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    """What is known of all rows beforehand."""

    def ask(self, number: int, *, again: bool = False) -> _Numbered:
        params: dict[str, str | int] = {"page": number, "pageSize": PAGE_SIZE}
        if self.fields is not None:
            params["fields"] = self.fields
        answer = self.client.get(self.path, params, again=again)
        body = mapping(answer.tree)
        rows = body.get(self.rows_name)
        if type(rows) is not list:
            raise self.client.strange(f"it lacks the list {self.rows_name}")
        pager = body.get("pager")
        total: object = len(rows)  # a server that does not page sends all there is
        size: object = max(1, len(rows))
        if pager is not None or number > 1:
            total = _number(mapping(pager).get("total"))
            size = _number(mapping(pager).get("pageSize", PAGE_SIZE))
        if type(total) is not int or type(size) is not int or size < 1:
            raise self.client.strange("its pager cannot be read")
        told = {name: value for name, value in body.items() if said(value) is not None}
        around = {**self.about, **told, self.rows_name: None}
        return _Numbered(Page(rows, around, [answer]), total, size)


def _walk(list_: _List, first: _Numbered) -> Iterator[Page]:  # noqa: C901 - in one piece
    """Read every numbered page, counting rows against ``total``, which may grow on the way.

    ``nextPage`` stands even on the last page, and ``pageCount`` counts rows: no end signals.
    """
    shown = _ids(first.page)
    yield first.page
    marks = {_mark(shown): (1, first.total)}
    totals = [first.total]
    largest = first.total
    # What a page holds, whatever size the server states: it may cap its pages, or not page at all.
    size = len(shown) or first.size
    most = MOST_GROWTH * -(-first.total // size) + MORE_GROWTH

    def is_last(number: int) -> bool:
        # Rows may also be missing because the server hides some that it counts. So pages beyond
        # those that the stated size promises are asked for only as long as they hold something.
        return number * size >= largest or (not shown and number * first.size >= largest)

    def numbers() -> Iterator[int]:
        number = len(totals)
        while not is_last(number):
            number += 1
            yield number

    def ask(number: int, *, again: bool = False) -> _Numbered:
        if number > most:
            raise list_.client.strange("its log grows faster than it can be read")
        return list_.ask(number, again=again)

    # Asked again when the numbers ran out: the last answers may have told of a larger total.
    while not is_last(len(totals)):
        for further in list_.client.ahead(ask, numbers()):
            before, shown = shown, _ids(further.page)
            totals.append(further.total)
            number, total = marks.setdefault(_mark(shown), (len(totals), further.total))
            again = shown == before or len(shown) > 1  # a single row may come twice by chance
            # What was on one page is on a later one when as many rows were added in between.
            moved = (further.total - total) // size
            if any(shown) and again and moved < len(totals) - number:
                raise list_.client.strange("the same page came round again under another number")
            largest = max(largest, further.total)
            yield further.page
    # If the first page is short, the server caps its pages or hides rows: nobody knows which.
    for held in dict.fromkeys((size, max(size, first.size))):
        for oldest, newest in _gaps(totals, held):
            number, reached = (largest - newest) // held, newest
            while reached > oldest:
                number += 1
                further = ask(number, again=True)
                largest = max(largest, further.total)
                reached = further.total - number * held
                yield further.page


def _ids(page: Page) -> list[object]:
    """Give the ids that the events have; None for what is none, however deep it may be."""
    found = (mapping(row).get("id") for row in page.events)
    return [id_ if type(id_) in (str, int) else None for id_ in found]


def _mark(ids: list[object]) -> int:
    return hash(tuple(map(str, ids)))


def _gaps(totals: list[int], size: int) -> Iterator[tuple[int, int]]:
    """Give the spans that no page showed, counted from the log's older end, which stays put.

    Of two pages under way at once, the later may be answered first. If rows are added before
    the earlier is answered, as many move from its end to the later one's beginning, unseen.
    """
    for number, (total, following) in enumerate(pairwise(totals), start=1):
        if total > max(following, number * size):
            yield max(0, following - number * size), total - number * size


def _number(value: object) -> object:
    """Give a number that is written as text as the number; some servers do so."""
    if type(value) is str and value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS:
        return int(value)
    return value
