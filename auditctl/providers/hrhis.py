"""HRHIS, Tanzania's health-workforce system: the requests its users made."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from auditctl.provider import (
    Basic,
    NumberedPage,
    Order,
    Page,
    Provider,
    Secret,
    option,
    read_numbered,
    read_once,
    secret,
    setting,
)
from auditctl.reading import joined, mapping, non_empty, reach, request

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from auditctl.provider import Answer, Client, Fields, Stream, Window

PAGE_SIZE = 100
MAX_TRIES = 2
"""Tries to get everything in one answer, before it is asked for page by page."""
MAX_HELD = 1024 * 1024
"""Bytes of rows that wait for the members behind them."""
_NAMES = ("id", "firstName", "surname", "email")
"""Members of a user's object about the user, before or after the rows."""
_REFUSED = 400
_HIDING = (200, 201, 400, 404)
"""Statuses that do not tell what became of a question."""
_MOST_DIGITS = 9
"""Of a status or a count; what is longer is neither."""


@dataclass(frozen=True, kw_only=True)
class Hrhis(Provider):
    """Everything in one answer, else numbered pages; each request becomes a row of the log."""

    name = "hrhis"
    title = "HRHIS"
    order = Order.NONE_DOCUMENTED
    forbids_wrong_credentials = True
    permission = "a user who may read the user logs"
    retention = "not documented"
    rate_limit = "not documented"
    docs = "https://udsm-dhis2-project.github.io/hris-api-docs"
    sample = "auditctl.demo.hrhis:answer"
    hints = {
        401: "Check {username} and {password}.",
        403: "HRHIS says this of a wrong user name or password too: check {username} and "
        "{password}, then whether that user may read the user logs.",
        404: "Check {base_url}, with its context path if there is one (…/demo), and the id "
        "given with --user.",
    }

    base_url: str = setting()
    username: str = setting()
    password: Secret = secret()
    users: tuple[str, ...] = option(
        "--user", "ID|me|all", "Logs of this user, of oneself (me) or of every user (all)."
    )

    def auth(self) -> Basic:
        """Send user name and password as HTTP Basic authentication."""
        return Basic(self.username, self.password)

    def true_status(self, answer: Answer) -> int:
        """Read the status in the body: the server answers 404, or even 200, to every failure."""
        body = mapping(answer.tree)
        for name in ("statusCode", "httpStatusCode"):
            hidden = _number(body.get(name))
            if type(hidden) is int and hidden >= _REFUSED and answer.status in _HIDING:
                return hidden
        return answer.status

    def pages(self, client: Client, window: Window) -> Iterator[Page]:  # noqa: ARG002 - no filter
        """Read the log of everybody, or those of the users asked for."""
        if not self.users:
            yield from _List(client, "/api/userLogs", "userLogs").pages()
            return
        users = dict.fromkeys(self.users)
        if "all" in users:
            del users["all"]  # and whoever else is asked for, if the server does not list them
            listed = _List(client, "/api/users", "users", {"fields": "id"}).pages()
            ids = (_user_id(client, row) for page in listed for row in page.events)
            users = dict.fromkeys(ids) | users
        logs = (_logs_of(client, user) for user in users)
        begun = client.ahead(lambda log: (log, log.stream().begin(defer_failure=True)), logs)
        lists = (log.pages(stream) for log, stream in begun)
        # Two names may mean the same person ("me"); whom the server lists, it lists once.
        may_repeat = self.users != ("all",) and len(users) > 1
        yield from read_once(lists) if may_repeat else chain.from_iterable(lists)

    def normalize(self, event: Mapping[str, Any], context: object) -> Fields:
        """Read one event; ``context`` is the user whose log it is in, where one was asked for.

        ``referer`` holds the headers of the logged request, whatever its name says.
        """
        user = mapping(context)
        real_ip = non_empty(reach(event, "referer", "x-real-ip"))
        forwarded = reach(event, "referer", "x-forwarded-for")
        if type(forwarded) is str:
            forwarded = forwarded.partition(",")[0].strip()
        return {
            "time": event.get("time"),
            "id": event.get("id"),
            "actor_id": user.get("id"),
            "actor_name": joined(user.get("firstName"), user.get("surname")),
            "actor_email": user.get("email"),
            "action": request(event.get("method"), event.get("resource")),
            "status_code": _number(event.get("statuscode")),
            "source_ip": forwarded if real_ip is None else real_ip,
            "user_agent": reach(event, "referer", "user-agent"),
        }


def _logs_of(client: Client, user: str) -> _List:
    known = {} if user == "me" else {"id": user}  # what is answered may not say whose they are
    escaped = quote(user, safe="", errors="surrogatepass")
    return _List(client, f"/api/users/{escaped}/logs", "logs", about=known, needs=_NAMES)


def _user_id(client: Client, row: object) -> str:
    id_ = mapping(row).get("id")
    if type(id_) not in (str, int) or id_ == "":
        raise client.unexpected("it lists a user without an id")
    return str(id_)


@dataclass(frozen=True)
class _List:
    """A list that the server gives whole, or in numbered pages."""

    client: Client
    path: str
    rows: str
    """The name of the member that holds the rows."""
    params: dict[str, str | int] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    """Facts about all rows that are known beforehand."""
    needs: tuple[str, ...] = ()
    """The names of members beside the rows that each row is read with."""

    def pages(self, stream: Stream | None = None) -> Iterator[Page]:
        return read_numbered(self.client, self.page, self.parts(stream or self.stream()))

    def stream(self, *, again: bool = False) -> Stream:
        params: dict[str, str | int] = {"paging": "false", "pageSize": PAGE_SIZE, **self.params}
        return self.client.stream(self.path, params, rows=self.rows, again=again, tries=MAX_TRIES)

    def parts(self, stream: Stream) -> Iterator[NumberedPage]:
        """Read everything in one answer; if that has a pager all the same, it is the first page."""
        part = None
        for answer, members in self.with_members(stream):
            part = self.numbered(answer, answer.tree, members, continues=part is not None)
            yield part
        if part is None:
            raise self.client.unexpected(f"it lacks the list {self.rows}")

    def with_members(self, stream: Stream) -> Iterator[tuple[Answer, Mapping[str, Any]]]:
        """Yield the parts of an answer, each with the members that its rows are read with.

        If these come after too many rows to be held, read the answer to its end for them, and ask
        for it again.
        """
        held: list[Answer] = []
        for answer in stream:
            held.append(answer)
            if all(name in stream.members for name in self.needs):
                yield from ((one, stream.members) for one in held)
                held.clear()
            elif sum(len(one.body) for one in held) > MAX_HELD:
                held.clear()
                for _ in stream:
                    pass
                members = stream.members
                yield from ((one, members) for one in self.stream(again=True))
        yield from ((one, stream.members) for one in held)

    def page(self, number: int) -> NumberedPage:
        params = {"page": number, "pageSize": PAGE_SIZE, **self.params}
        answer = self.client.get(self.path, params, again=True)
        body = mapping(answer.tree)
        rows = body.get(self.rows)
        if type(rows) is not list:
            raise self.client.unexpected(f"it lacks the list {self.rows}")
        return self.numbered(answer, rows, body)

    def numbered(
        self,
        answer: Answer,
        rows: list[Any],
        members: Mapping[str, Any],
        *,
        continues: bool = False,
    ) -> NumberedPage:
        known = {name: value for name, value in members.items() if non_empty(value) is not None}
        page = Page(rows, {**self.about, **known, self.rows: None}, [answer], continues=continues)
        pager = members.get("pager")
        if pager is None:
            return NumberedPage(page)
        total = _number(mapping(pager).get("total"))
        size = _number(mapping(pager).get("pageSize", PAGE_SIZE))
        if type(total) is not int or type(size) is not int or size < 1:
            raise self.client.unexpected("its pager cannot be read")
        return NumberedPage(page, total, min(size, PAGE_SIZE))


def _number(value: object) -> object:
    """Return a number that is written as text as the number; some servers do so."""
    if type(value) is str and value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS:
        return int(value)
    return value
