"""A loopback server that answers as Persona, Upstash, Roam and HRHIS do, and badly on demand."""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import random
import re
import socket
import socketserver
import sys
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from functools import partial
from http.client import responses
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl, unquote

USER = "auditor@example.com"
KEY = "sandbox_key_0123456789"
BEARER = f"Bearer {KEY}"
BASIC = "Basic " + base64.b64encode(f"{USER}:{KEY}".encode()).decode()
FIRST_ID = 2 * 10**12  # thirteen digits, also below it
VARIETY = 100  # kinds of synthetic events, repeated over and over
BLOCK = 500  # events of a stream rendered at once: some 180 kB


@dataclass(frozen=True)
class Request:
    """One request as it arrived; `number` counts from 1, `time` is `time.monotonic()`."""

    number: int
    time: float
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: str = ""

    @property
    def params(self) -> dict[str, str]:
        return dict(parse_qsl(self.query, keep_blank_values=True))


@dataclass(frozen=True)
class Answer:
    """A status and a body: whole, or in pieces that make up `length` (None: sent chunked)."""

    body: bytes | Iterable[bytes]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one answer."""

    status: int | None = None  # without a body: the vendor's own words for it
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    edit: Callable[[bytes], bytes] | None = None  # made of the sound body
    delay: float = 0  # seconds before anything is sent
    drip: float = 0  # seconds after each sixteenth of the body
    cut: int | None = None  # bytes of the body after which the connection closes
    drop: bool = False  # closes without a word


DROP = Fault(drop=True)
CUT = Fault(cut=300)
DRIP = Fault(drip=0.01)
TRUNCATED = Fault(edit=lambda body: body[: len(body) * 2 // 3])
NOT_JSON = Fault(headers={"Content-Type": "text/html"}, body=b"<html>load balancer</html>")
WRONG_SHAPE = Fault(body=b'{"unexpected":{"rows":1}}')
BAD_GZIP = Fault(headers={"Content-Encoding": "gzip"})
UNAVAILABLE = Fault(503)

Choice = Callable[[Request], Fault | None]


def too_many(seconds: float, header: str = "Retry-After") -> Fault:
    """Say "too many requests", with the wait in `Retry-After` or, say, `RateLimit-Reset`."""
    return Fault(429, {header: f"{seconds:g}"})


def redirect(location: str) -> Fault:
    return Fault(302, {"Location": location})


def every(count: int, fault: Fault) -> Choice:
    return lambda request: None if request.number % count else fault


TOO_OFTEN = 30
"""Requests after which the server ends what would never end: a test is to fail, not to hang."""


def again_and_again(fault: Fault) -> Choice:
    return lambda request: fault if request.number < TOO_OFTEN else Fault(410)


def linked(link: object) -> Fault:
    """Answer as Persona does, with another link to the next page."""

    def edit(body: bytes) -> bytes:
        page = json.loads(body)
        page["links"]["next"] = link
        return json.dumps(page).encode()

    return Fault(edit=edit)


def _dump(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _phrase(status: int) -> str:
    return responses.get(status, "Unknown")


def stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")[:23] + "Z"


def _merged(under: Any, over: Any) -> Any:
    """Merge two JSON objects, and the objects in them."""
    if isinstance(under, dict) and isinstance(over, dict):
        return {**under, **{name: _merged(under.get(name), over[name]) for name in over}}
    return over


def _address(n: int) -> str:
    return ("192.0.2.%d", "198.51.100.%d", "2001:db8::%x")[n % 3] % (n % 250 + 1)


@dataclass
class Log:
    """A vendor's log, index 0 the newest: so many synthetic events, or those given.

    Events given as bytes are sent as they are. Synthetic ones are spread evenly over `span` before
    `now`. With `growth`, each request for the list then adds so many newer ones, below index 0.
    """

    rows: int | Sequence[object] = 250
    _: KW_ONLY
    span: timedelta = timedelta(days=60)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    growth: int = 0

    name: ClassVar[str]
    authorization: ClassVar[str]
    paths: ClassVar[tuple[str, ...]]
    path: ClassVar[str]
    """Where the list is."""
    key: ClassVar[str | None]
    """The member that makes events different; without one, all of them together do."""
    secret: ClassVar[str]
    """The variable that holds the key."""
    needs: ClassVar[tuple[str, str]]
    """What a refusal says of the kind of key, and of the permission, that the log needs."""
    templates: ClassVar[list[bytes]]

    def __init_subclass__(cls) -> None:
        texts = [_dump(cls.sample(n)).replace(b"%", b"%%") for n in range(VARIETY)]
        texts = [text.replace(b"@ID@", b"%(id)d").replace(b"@TIME@", b"%(time)s") for text in texts]
        # Rendered once: a page must cost far less than whoever reads it.
        cls.templates = [
            text.replace(b"-1001", b"%(seconds)d").replace(b"-1002", b"%(ttl)d") for text in texts
        ]

    def __post_init__(self) -> None:
        self.given: list[bytes] = []
        if not isinstance(self.rows, int):
            self.given = [row if isinstance(row, bytes) else _dump(row) for row in self.rows]
        self.total = self.rows if isinstance(self.rows, int) else len(self.rows)
        self.step = self.span / max(self.total, 1)
        self.now = self.now.astimezone(UTC)
        self.newest = self.now - self.step / 2
        self.grown = 0
        self.lock = threading.Lock()

    @staticmethod
    def sample(n: int) -> object:
        """Make one kind of event; `@ID@`, `@TIME@`, -1001 and -1002 (Unix times) are filled in."""
        raise NotImplementedError

    @staticmethod
    def least(n: int, moment: datetime) -> dict[str, object]:
        """Make an event that has a number and a moment, and nothing else."""
        raise NotImplementedError

    @classmethod
    def event_at(cls, n: int, moment: datetime) -> Any:
        """Make an event of the kind `sample` makes, with a number and a moment of its own."""
        return _merged(cls.sample(n), cls.least(n, moment))

    @staticmethod
    def settings(url: str) -> dict[str, str]:
        """Return the environment of a program that is to ask the server at this URL."""
        raise NotImplementedError

    @property
    def answers(self) -> int:
        """How many answers the whole log takes."""
        return 1

    def moment(self, index: int) -> datetime:
        """Tell when a synthetic event happened."""
        if index < 0:
            return self.now - timedelta(milliseconds=index)
        return self.newest - self.step * index

    def event(self, index: int) -> bytes:
        if self.given and index >= 0:
            return self.given[index]
        holes = {b"id": FIRST_ID + index, b"time": stamp(self.moment(index)).encode()}
        return self.templates[index % VARIETY] % holes

    def events(self, indices: Iterable[int]) -> bytes:
        return b"[" + b",".join(map(self.event, indices)) + b"]"

    def grow(self) -> int:
        """Return the index of the newest event, then let the log grow."""
        with self.lock:
            newest = -self.grown
            self.grown += self.growth
        return newest

    def admitted(self, request: Request) -> Answer:
        """Answer who may ask."""
        if request.method != "GET":
            return self.refuse(405)
        if request.headers.get("authorization") != self.authorization:
            return self.refuse(401)
        return self.answer(request)

    def answer(self, request: Request) -> Answer:
        raise NotImplementedError

    @staticmethod
    def error(status: int) -> object:
        """Make the body of a refusal."""
        raise NotImplementedError

    def refuse(self, status: int) -> Answer:
        return Answer(_dump(self.error(status)), status)


@dataclass
class Persona(Log):
    """Cursor pages, newest first; the users stand in `included`, but for `actors` made up."""

    actors: int = 0

    included: Sequence[object] = tuple(
        {
            "type": "user",
            "id": f"user_{n:012d}",
            "attributes": {
                "email-address": f"{name.lower()}@example.com",
                "name-first": name,
                "name-last": "Example",
            },
        }
        for n, name in enumerate(("Asha", "Bilal", "Chiara", "Dunstan", "Eszter"))
    )

    name = "persona"
    authorization = BEARER
    paths = ("/api/v1/user-audit-logs",)
    path = paths[0]
    key = "id"
    secret = "PERSONA_API_KEY"
    needs = ("production", "user_audit_log.read")

    @staticmethod
    def settings(url: str) -> dict[str, str]:
        return {"PERSONA_API_KEY": KEY, "PERSONA_BASE_URL": f"{url}/api/v1"}

    @staticmethod
    def least(n: int, moment: datetime) -> dict[str, object]:
        return {"id": f"ual_{n:020d}", "attributes": {"created-at": stamp(moment)}}

    @property
    def answers(self) -> int:
        return -(-self.total // 100)

    @staticmethod
    def sample(n: int) -> object:
        # One kind in a hundred holds a credential, as real logs do now and then.
        inquiry = f"inq_{n:020d}"
        return {
            "type": "user-audit-log",
            "id": "ual_@ID@",
            "attributes": {
                "path": "/api/internal/dashboard/v1/inquiries" + f"/{inquiry}" * (n % 4 > 0),
                "method": ("POST", "GET", "GET", "PATCH")[n % 4],
                "get-params": {"access_token": "example"} if n == VARIETY // 2 else {},
                "post-params": {} if n % 5 else "[FILTERED]",
                "ip-address": _address(n),
                "user-agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36",
                "response-status": (200, 200, 201, 404, 200, 500)[n % 6],
                "created-at": "@TIME@",
                "impersonator-email-address": None if n % 25 else "support@example.com",
                "context": {} if n % 4 else {"inquiry-id": inquiry},
            },
            "relationships": {
                "user": {"data": {"type": "user", "id": f"user_{n % 5:012d}"}},
                "user-session": {"data": {"type": "user-session", "id": f"uses_{n:020d}"}},
            },
        }

    def event(self, index: int) -> bytes:
        row = super().event(index)
        if not self.actors:
            return row
        return re.sub(rb"user_\d+", b"user_%d" % (index % self.actors), row)

    def find(self, ident: str) -> int:
        for index, row in enumerate(self.given):
            if json.loads(row).get("id") == ident:
                return index
        index = int(ident.removeprefix("ual_")) - FIRST_ID
        if not -self.grown <= index < (0 if self.given else self.total):
            raise LookupError(ident)
        return index

    def answer(self, request: Request) -> Answer:
        ident = request.path[len(self.paths[0]) + 1 :]
        try:
            if not ident:
                return self.page(request.params)
            event = self.event(self.find(ident))
            included = b""
            if "user" in request.params.get("include", "").split(","):
                included = b',"included":' + _dump(self.included)
            return Answer(b'{"data":%b%b}' % (event, included))
        except (LookupError, ValueError):
            return self.refuse(404 if ident else 400)

    def page(self, params: Mapping[str, str]) -> Answer:
        """Answer with the events after a cursor; the link to the next ones forgets the size."""
        size = range(101)[int(params.get("page[size]", "10"))]
        newest = self.grow()
        start = self.find(params["page[after]"]) + 1 if "page[after]" in params else newest
        stop = min(start + size, self.total)
        links: dict[str, str | None] = {"prev": None, "next": None}
        if stop < self.total:
            cursor = json.loads(self.event(stop - 1))["id"]
            links["next"] = f"{self.paths[0]}?page%5Bafter%5D={cursor}"
        parts = (self.events(range(start, stop)), _dump(links), _dump(self.included))
        body = b'{"data":%b,"links":%b,"included":%b}' % parts
        return Answer(body, headers={"RateLimit-Limit": "300", "RateLimit-Remaining": "299"})

    @staticmethod
    def error(status: int) -> object:
        return {"errors": [{"title": _phrase(status)}]}


@dataclass
class Upstash(Log):
    """One bare array, oldest first (no order is documented), streamed however long it is."""

    chunked: bool = False

    name = "upstash"
    authorization = BASIC
    paths = ("/auditlogs",)
    path = paths[0]
    key = "log_id"
    secret = "UPSTASH_API_KEY"
    needs = ("Developer API", "native Upstash account")

    @staticmethod
    def settings(url: str) -> dict[str, str]:
        return {"UPSTASH_EMAIL": USER, "UPSTASH_API_KEY": KEY, "UPSTASH_BASE_URL": url}

    @staticmethod
    def least(n: int, moment: datetime) -> dict[str, object]:
        return {"log_id": f"log-{n}", "timestamp": int(moment.timestamp())}

    @staticmethod
    def sample(n: int) -> object:
        return {
            "log_id": f"0b9f3f7e-{n:04x}-4c1d-8a57-@ID@",
            "customer_id": "team@example.com",
            "actor": "asha@example.com" if n % 7 else "4f2c0d1e-0000-4000-8000-000000000001",
            "timestamp": -1001,
            "action": 13,
            "action_string": ("Delete Team", "Created DB", "Reset Password")[n % 3],
            "source": "CONSOLE" if n % 4 else "API_KEY - nightly",
            "entity": f"db-{n}",
            "secondary_entity": ("", "NA", "eu-west-1")[n % 3],
            "third_entity": "NA",
            "readable_format": "",
            "ip": _address(n),
            "ttl": -1002,
            "reason": "",
            "notes": "",
        }

    def synthetic(self, number: int, seconds: int) -> bytes:
        """Render one event; how long it gets depends on the template alone."""
        holes = {b"id": FIRST_ID + number, b"seconds": seconds, b"ttl": seconds + 15_724_800}
        return self.templates[number % VARIETY] % holes

    def stream(self) -> Iterator[bytes]:
        oldest = self.moment(self.total - 1).timestamp()
        step = self.step.total_seconds()
        yield b"["
        for start in range(0, self.total, BLOCK):
            block = range(start, min(start + BLOCK, self.total))
            rows = b",".join([self.synthetic(n, int(oldest + n * step)) for n in block])
            yield b"," + rows if start else rows
        yield b"]"

    def answer(self, request: Request) -> Answer:
        if request.path not in self.paths:
            return self.refuse(404)
        if self.given:
            return Answer(self.events(range(self.total)))
        sizes = [len(self.synthetic(n, FIRST_ID // 1000)) + 1 for n in range(VARIETY)]
        whole, left = divmod(self.total, VARIETY)
        length = sum(sizes) * whole + sum(sizes[:left]) + (1 if self.total else 2)
        return Answer(self.stream(), length=None if self.chunked else length)

    @staticmethod
    def error(status: int) -> object:
        return {"error": _phrase(status)}


@dataclass
class Roam(Log):
    """One UTC day per request, newest first; `/v1` says `ok` with it, `/v0` does not."""

    scopes: Sequence[str] = ("userauditlog:read",)

    name = "roam"
    authorization = BEARER
    paths = ("/v1/", "/v0/")
    path = "/v1/userauditlog.list"
    key = None
    secret = "ROAM_API_KEY"
    needs = ("API key", "userauditlog:read")

    @staticmethod
    def settings(url: str) -> dict[str, str]:
        return {"ROAM_API_KEY": KEY, "ROAM_BASE_URL": f"{url}/v1"}

    @staticmethod
    def least(n: int, moment: datetime) -> dict[str, object]:  # noqa: ARG004 - it has no ids
        return {"timestamp": stamp(moment)}

    @property
    def answers(self) -> int:
        return self.span.days

    @staticmethod
    def sample(n: int) -> object:
        return {
            "timestamp": "@TIME@",
            "eventType": ("ENTER_ROOM", "LEAVE_ROOM", "ENTER_ROAM")[n % 3],
            "name": ("Asha Example", "Bilal Example")[n % 2],
            "email": ("asha@example.com", "bilal@example.com")[n % 2],
            "data": {"location": {"kind": "RoomLocation", "roomId": n, "positionNumber": n % 7}},
            "platform": ("web", "electron", "ios")[n % 3],
        }

    def day(self, date: str) -> Iterable[int]:
        if self.given:
            stamps = (str(json.loads(row).get("timestamp")) for row in self.given)
            return [index for index, stamp in enumerate(stamps) if stamp.startswith(date)]
        start = datetime.fromisoformat(date).replace(tzinfo=UTC)
        ages = (self.now - start - timedelta(days=1), self.now - start)
        indices = range(self.total)
        return range(
            *(bisect_right(indices, a, key=lambda n: self.now - self.moment(n)) for a in ages)
        )

    def answer(self, request: Request) -> Answer:
        opening = b'{"ok":true,' if request.path.startswith("/v1/") else b"{"
        method = request.path[len("/v1/") :]
        if method == "token.info":
            told = {"scopes": self.scopes, "roam": {"id": "roam-1", "name": "Example"}}
            return Answer(opening + _dump(told)[1:])
        if method != "userauditlog.list":
            return self.refuse(404)
        try:
            return Answer(
                b'%b"auditLogs":%b}' % (opening, self.events(self.day(request.params["date"])))
            )
        except (KeyError, ValueError):
            return self.refuse(400)

    @staticmethod
    def error(status: int) -> object:
        codes = {400: "invalid_arguments", 401: "invalid_token", 403: "missing_scope"}
        return {"ok": False, "error": codes.get(status, _phrase(status))}


@dataclass
class Hrhis(Log):
    """Everything in one answer for `paging=false`, else pages with all the traps of the pager.

    With `paged`, `paging=false` is paged all the same; with `refused`, it is refused with that
    status. With `shuffled`, the rows stand in another order for each request. With `logged`, each
    request for a list adds a row of its own behind the others.
    """

    users: int = 5
    paged: bool = False
    refused: int | None = None
    shuffled: bool = False
    logged: bool = False

    name = "hrhis"
    authorization = BASIC
    paths = ("/api/userLogs", "/api/users", "/api/me")
    path = paths[0]
    key = "id"
    secret = "HRHIS_PASSWORD"
    needs = ("HRHIS_USERNAME", "user logs")

    @staticmethod
    def settings(url: str) -> dict[str, str]:
        return {"HRHIS_BASE_URL": url, "HRHIS_USERNAME": USER, "HRHIS_PASSWORD": KEY}

    @staticmethod
    def least(n: int, moment: datetime) -> dict[str, object]:
        return {"id": str(10**12 + n), "time": stamp(moment)}

    @staticmethod
    def sample(n: int) -> object:
        return {
            "id": "@ID@",
            "time": "@TIME@",
            "resource": f"/api/records?page={n}",
            "method": ("GET", "POST", "PUT")[n % 3],
            "statuscode": ("200", "201", "404", "500")[n % 4],
            "statusname": ("OK", "Created", "Not Found", "Internal Server Error")[n % 4],
            "referer": {
                "host": "hrhis.example.com",
                "x-real-ip": _address(n),
                "x-forwarded-for": f"{_address(n)}, 203.0.113.9",
                "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:102.0) Gecko/20100101",
                "cookie": f"sess=s%3Alive-session-{n}.signature",
            },
        }

    def __post_init__(self) -> None:
        super().__post_init__()
        self.own: list[bytes] = []

    def event(self, index: int) -> bytes:
        return self.own[index - self.total] if index >= self.total else super().event(index)

    def log(self, request: Request) -> None:
        """Add the row of a request."""
        row = {"id": f"own{len(self.own):010d}", "time": stamp(datetime.now(UTC))}
        row |= {"method": request.method}
        row |= {"resource": f"{request.path}?{request.query}", "statuscode": "200"}
        with self.lock:
            self.own.append(_dump({**row, "statusname": "OK", "referer": dict(request.headers)}))

    def places(self, number: int) -> Sequence[int]:
        """Tell in which order the rows stand for the request of this number."""
        places = range(self.grow(), self.total + len(self.own))
        if not self.shuffled:
            return places
        return random.Random(number).sample(places, len(places))

    def user(self, n: int) -> dict[str, object]:
        name = {"firstName": ("Neema", "Juma")[n % 2], "surname": "Example"}
        return {"id": f"user{n:09d}", **name, "email": f"user{n}@example.com", "enabled": True}

    def answer(self, request: Request) -> Answer:
        if self.refused and request.params.get("paging") == "false":
            return self.refuse(self.refused)
        answer = self.found(request)
        if self.logged:
            self.log(request)
        return answer

    def found(self, request: Request) -> Answer:
        match unquote(request.path).split("/")[2:]:
            case ["me"]:
                return Answer(_dump(self.user(0)))
            case ["userLogs"]:
                places = self.places(request.number)
                shown = lambda r: self.events(places[r.start : r.stop])  # noqa: E731
                return self.page(request, len(places), shown)
            case ["users"]:
                return self.page(request, self.users, lambda r: _dump([*map(self.user, r)]))
            case ["users", ident, "logs"]:
                for n in range(self.users):
                    if ident in (self.user(n)["id"], "me"):
                        user = _dump(self.user(n))[1:-1]
                        logs = b'"logs":%b' % self.events(range(n, self.total, self.users))
                        return Answer(b"{%b,%b}" % (user, logs))
        return self.refuse(404)

    def page(self, request: Request, total: int, render: Callable[[range], bytes]) -> Answer:
        """Answer with a page and its pager, where `pageCount` and `nextPage` mislead."""
        params, key = request.params, request.path.rpartition("/")[2].encode()
        if params.get("paging") == "false" and not self.paged:
            if total <= BLOCK:
                return Answer(b'{"%b":%b}' % (key, render(range(total))))
            return Answer(self.everything(key, total, render))
        page, size = params.get("page", "1"), params.get("pageSize", "100")
        start = min((int(page) - 1) * int(size), total)
        rows = range(start, min(start + int(size), total))
        pager = {"page": page, "pageSize": size, "pageCount": len(rows), "total": total}
        pager["nextPage"] = f"http://{request.headers.get('host')}{request.path}?page={page}1"
        return Answer(b'{"pager":%b,"%b":%b}' % (_dump(pager), key, render(rows)))

    @staticmethod
    def everything(key: bytes, total: int, render: Callable[[range], bytes]) -> Iterator[bytes]:
        """Answer without a pager, however long that gets."""
        yield b'{"%b":[' % key
        for start in range(0, total, BLOCK):
            rows = render(range(start, min(start + BLOCK, total)))[1:-1]
            yield b"," + rows if start else rows
        yield b"]}"

    @staticmethod
    def error(status: int) -> object:
        phrase = _phrase(status)
        said = {"httpStatus": phrase, "httpStatusCode": status, "status": "ERROR"}
        return {**said, "message": phrase}


LOGS: dict[str, type[Log]] = {log.name: log for log in Log.__subclasses__()}
"""One for each provider that is installed: a test sees to it."""


def settings(url: str) -> dict[str, str]:
    """Return the environment of a program that is to ask the server at this URL, for any log."""
    return {name: value for log in LOGS.values() for name, value in log.settings(url).items()}


class Server:
    """Serves logs on a free port of 127.0.0.1 until the `with` block ends.

    `requests` holds what was asked, `connections` counts those that asked something, and `peak`
    is how many requests were under way at once. Faults go by the request's number, from 1.
    """

    def __init__(
        self,
        *logs: Any,
        faults: Choice | Mapping[int, Fault] | Sequence[Fault | None] = (),
        latency: float = 0,
    ) -> None:
        self.logs = logs
        self.faults = dict(enumerate(faults, 1)) if isinstance(faults, Sequence) else faults
        self.latency = latency
        self.requests: list[Request] = []
        self.connections = self.peak = self.busy = 0
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.open: set[socket.socket] = set()

    def __enter__(self) -> Self:
        self.listener = _Listener(("127.0.0.1", 0), partial(_Connection, self))
        self.url = f"http://127.0.0.1:{self.listener.server_address[1]}"
        self.thread = threading.Thread(target=self.listener.serve_forever, args=(0.02,))
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up on everyone and wait until all threads are gone."""
        self.closing.set()
        self.listener.shutdown()
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.listener.server_close()
        self.thread.join()

    @property
    def environment(self) -> dict[str, str]:
        """The settings that lead a program here."""
        return settings(self.url)

    def stats(self) -> dict[str, object]:
        counts = {"connections": self.connections, "peak": self.peak, "cpu": time.process_time()}
        return {**counts, "requests": [asdict(request) for request in self.requests]}

    def fault(self, request: Request) -> Fault:
        faults = self.faults
        fault = faults.get(request.number) if isinstance(faults, Mapping) else faults(request)
        return fault or Fault()

    def answer(self, request: Request, fault: Fault) -> Answer:
        """Ask the log that the path belongs to, unless something goes wrong before."""
        log = next((log for log in self.logs if request.path.startswith(log.paths)), None)
        if fault.body is not None:
            return Answer(fault.body, fault.status or 200)
        if log is None:
            return Answer(b"Not Found", 404)
        if fault.status is not None:
            refusal: Answer = log.refuse(fault.status)
            return refusal
        answer: Answer = log.admitted(request)
        return answer


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = False  # so that closing joins them
    request_queue_size = 128


class _Connection(socketserver.StreamRequestHandler):
    """A connection read and written by hand: `http.server` takes several times the CPU."""

    disable_nagle_algorithm = True

    def __init__(self, owner: Server, *args: Any) -> None:
        self.owner = owner
        self.asked = False
        super().__init__(*args)

    def handle(self) -> None:
        self.owner.open.add(self.request)
        with contextlib.suppress(ConnectionError):
            while not self.owner.closing.is_set() and self.exchange():
                pass
        self.owner.open.discard(self.request)

    def exchange(self) -> bool:
        """Read a request and answer it; false when the connection is to close."""
        opening = self.rfile.readline().decode("latin-1").split()
        if not opening:
            return False
        headers = {}
        while line := self.rfile.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = self.rfile.read(int(headers.get("content-length", 0))).decode()
        path, _, query = opening[1].partition("?")
        owner = self.owner
        if path == "/__stats":
            self.send(Answer(_dump(owner.stats())), Fault())
            return True
        with owner.lock:
            number = len(owner.requests) + 1
            request = Request(number, time.monotonic(), opening[0], path, query, headers, body)
            owner.requests.append(request)
            owner.connections += not self.asked
            owner.busy += 1
            owner.peak = max(owner.peak, owner.busy)
        self.asked = True
        try:
            return self.respond(request) and headers.get("connection") != "close"
        finally:
            with owner.lock:
                owner.busy -= 1

    def respond(self, request: Request) -> bool:
        fault = self.owner.fault(request)
        answer = self.owner.answer(request, fault)
        if pause := self.owner.latency + fault.delay:
            # Rendering is part of the wait, so that latency is what was asked for and no more.
            self.owner.closing.wait(request.time + pause - time.monotonic())
        if fault.drop:
            return False
        self.send(answer, fault)
        return fault.cut is None and request.method == "GET"

    def send(self, answer: Answer, fault: Fault) -> None:
        """Write head and body, with what goes wrong in them."""
        pieces, length = answer.body, answer.length
        if fault.edit or fault.drip or isinstance(pieces, bytes):
            body = pieces if isinstance(pieces, bytes) else b"".join(pieces)
            body = fault.edit(body) if fault.edit else body
            length = len(body)
            size = length // 16 + 1 if fault.drip else length or 1
            pieces = [body[start : start + size] for start in range(0, length, size)]
        chunked = length is None
        framing = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(length)}
        head = {"Date": formatdate(usegmt=True), "Content-Type": "application/json", **framing}
        head |= {**answer.headers, **fault.headers}
        lines = [f"HTTP/1.1 {answer.status} {_phrase(answer.status)}"]
        lines += [f"{name}: {value}" for name, value in head.items()]
        # The head goes out with the first piece: two writes would wake the reader twice.
        waiting = "\r\n".join([*lines, "", ""]).encode("latin-1")
        left = sys.maxsize if fault.cut is None else fault.cut
        for whole in pieces:
            piece = whole[:left]
            left -= len(piece)
            framed = b"%x\r\n%b\r\n" % (len(whole), piece) if chunked else piece
            self.wfile.write(waiting + framed)
            waiting = b""
            if not left:
                return
            if fault.drip:
                self.owner.closing.wait(fault.drip)
        self.wfile.write(waiting + b"0\r\n\r\n" * chunked)


def main() -> None:
    """Serve the four logs as a process of its own; the first line it prints is the base URL."""
    parser = argparse.ArgumentParser(prog="python -m tests.server", description=main.__doc__)
    parser.add_argument("--rows", type=int, default=1000, help="events in each log")
    parser.add_argument("--days", type=float, default=150, help="how far back they reach")
    parser.add_argument("--growth", type=int, default=0, help="events added with each list request")
    parser.add_argument("--actors", type=int, default=0, help="Persona: so many different ones")
    parser.add_argument("--chunked", action="store_true", help="Upstash: without a length")
    parser.add_argument("--paged", action="store_true", help="HRHIS: pages, whatever is asked")
    parser.add_argument("--latency-ms", type=float, default=0, help="wait before each answer")
    parser.add_argument("--every", type=int, help="let each N-th request go wrong")
    parser.add_argument("--status", type=int, help="... with this status")
    parser.add_argument("--retry-after", help="... and this header")
    parser.add_argument("--cut", type=int, help="... after so many bytes of the body")
    args = parser.parse_args()
    span = timedelta(days=args.days)
    hrhis = partial(Hrhis, paged=args.paged)
    persona = partial(Persona, actors=args.actors)
    plain = [log(args.rows, span=span, growth=args.growth) for log in (persona, Roam, hrhis)]
    headers = {"Retry-After": args.retry_after} if args.retry_after else {}
    faults = every(args.every, Fault(args.status, headers, cut=args.cut)) if args.every else ()
    upstash = Upstash(args.rows, span=span, chunked=args.chunked)
    with Server(*plain, upstash, faults=faults, latency=args.latency_ms / 1000) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            server.thread.join()


if __name__ == "__main__":
    main()
