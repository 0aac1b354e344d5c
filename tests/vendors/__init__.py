"""Services in the shapes that their vendors document: a wrong request fails the test."""

from __future__ import annotations

import importlib
import pkgutil
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, ClassVar

import httpx

from auditctl.http.connection import Connection
from tests import program
from tests.server import KEY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pytest

INTERRUPTED = 418
"""A status that no vendor sends and nobody waits out: it ends a run between two pages."""


@dataclass(frozen=True)
class Refusal:
    """An answer that refuses: the run ends with ``ends``, and says ``words``."""

    name: str
    status: int
    body: Any
    ends: int
    words: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Vendor:
    """One service; a module of this folder has a subclass of this name.

    A subclass has the settings, the events, the answers and the refusals as documented. It checks
    each request by `expect` and assertions of its own, so that a wrong request fails the test.
    """

    name: ClassVar[str]
    environment: ClassVar[Mapping[str, str]]
    """The settings, with `KEY` for each secret."""
    refusals: ClassVar[Sequence[Refusal]]
    logs: ClassVar[Sequence[str]] = ("",)
    page_size: ClassVar[int]
    id_name: ClassVar[str] = "id"

    def __init__(
        self, moments: Sequence[datetime], log: str = "", *, counts_ends: bool = True
    ) -> None:
        """Hold an event of each moment; ``counts_ends`` is for services that do not say."""
        self.log = log or self.logs[0]
        self.counts_ends = counts_ends
        self.events = [(moment, self.event(n, moment)) for n, moment in enumerate(moments)]
        self.asked: list[httpx.Request] = []
        self.lock = threading.Lock()
        self.interrupted_at = 0
        """The number of the request that is not answered."""
        self.refusal: Refusal | None = None
        self.served = 0
        """The number of rows sent."""
        self._question: tuple[object, ...] = ()
        self._found: list[Any] = []
        self._places: dict[str, int] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer, or refuse."""
        self.asked.append(request)
        if len(self.asked) == self.interrupted_at:
            response = httpx.Response(INTERRUPTED, json={"message": "not now"})
        elif refusal := self.refusal:
            response = httpx.Response(refusal.status, json=refusal.body, headers=refusal.headers)
        else:
            with self.lock:  # what was found last is kept
                response = self.answer(request)
        response.headers["Date"] = format_datetime(datetime.now(UTC), usegmt=True)
        return response

    # What each service says for itself

    def event(self, n: int, moment: datetime) -> Any:
        """Make one event; ``n`` makes it different from all others."""
        raise NotImplementedError

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Check a request, and answer it as documented."""
        raise NotImplementedError

    def fewest(self, since: datetime, until: datetime) -> int:  # noqa: ARG002
        """Return the fewest requests in which everything of a window can be had."""
        return max(1, -(-len(self.events) // self.page_size))

    def tokens_from(self, url: str) -> Mapping[str, str]:  # noqa: ARG002 - most need no token
        """Return the settings that send a request for a token to a server at this URL."""
        return {}

    # What they share

    def add(self, moment: datetime) -> None:
        """Let an event appear."""
        self.events.append((moment, self.event(len(self.events), moment)))

    def found(
        self,
        since: datetime,
        until: datetime,
        *,
        newest_first: bool,
        counts_ends: bool | None = None,
    ) -> list[Any]:
        """Select events by time and sort them."""
        # No service is asked for more than a day that is to come, rounded to seconds.
        assert until < datetime.now(UTC) + timedelta(days=1, seconds=3)
        counts = self.counts_ends if counts_ends is None else counts_ends
        question = (since, until, newest_first, counts, len(self.events))
        if question != self._question:
            edges = () if counts else (since, until)
            chosen = [
                one for one in self.events if since <= one[0] <= until and one[0] not in edges
            ]
            chosen.sort(key=lambda one: one[0], reverse=newest_first)
            self._question, self._found = question, [event for _, event in chosen]
            self._places = {str(event.get(self.id_name)): n for n, event in enumerate(self._found)}
        return self._found

    def page(self, found: Sequence[Any], cursor: str | None, size: int) -> tuple[list[Any], str]:
        """Return the rows behind a cursor, and the next cursor; "" at the end.

        A cursor is the id of the last row before, so that new events move nothing.
        """
        begin = 0 if cursor is None else self._places[cursor.removeprefix("=/+ ")] + 1
        rows = list(found[begin : begin + size])
        self.served += len(rows)
        more = begin + size < len(found)
        return rows, f"=/+ {rows[-1][self.id_name]}" if more else ""


class TokenVendor(Vendor):
    """A service that gives a token first; `asked` and `refusal` are about all other requests."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.tokens = 0

    @property
    def bearer(self) -> str:
        return f"Bearer {KEY}-{self.tokens}"

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if not self.is_of_token(request):
            return super().__call__(request)
        assert request.method == "POST"
        assert "Authorization" not in request.headers
        self.tokens += 1
        return self.token(request, f"{KEY}-{self.tokens}")

    def is_of_token(self, request: httpx.Request) -> bool:
        raise NotImplementedError

    def token(self, request: httpx.Request, value: str) -> httpx.Response:
        """Check a request for a token, and give this one."""
        raise NotImplementedError


def expect(request: httpx.Request, path: str, **headers: str) -> dict[str, str]:
    """Check where a request goes and what it is sent with; return its parameters, each once."""
    assert request.url.path == path
    for name, value in headers.items():
        assert request.headers[name.replace("_", "-")] == value
    params = request.url.params.multi_items()
    assert len(params) == len(dict(params))
    return dict(params)


def moment(text: str) -> datetime:
    """Read a time of a request, which has an offset."""
    read = datetime.fromisoformat(text)
    assert read.tzinfo is not None
    return read


def iso(when: datetime) -> str:
    """Write a time as most services do."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def spread(count: int, *, days: float, until: datetime | None = None) -> list[datetime]:
    """Return so many different moments, evenly over the days before ``until``, oldest first."""
    end = (until or datetime.now(UTC)).replace(microsecond=0)
    step = timedelta(days=days) / count
    return [end - step * (count - n) for n in range(count)]


def ask(vendor: Vendor, monkeypatch: pytest.MonkeyPatch, *words: str) -> program.Run:
    """Run the command line in this process, with a vendor in the place of the network."""
    monkeypatch.setattr(Connection, "_network", lambda _self, _most: httpx.MockTransport(vendor))
    log = ("--log", vendor.log) if vendor.log else ()
    return program.result(vendor.name, *words, *log, **vendor.environment)


VENDORS: dict[str, type[Vendor]] = {
    found.name: importlib.import_module(f"{__name__}.{found.name}").Service
    for found in pkgutil.iter_modules(__path__)
}
"""The subclasses, by the names of their providers."""

__all__ = [
    "KEY",
    "VENDORS",
    "Refusal",
    "TokenVendor",
    "Vendor",
    "ask",
    "expect",
    "iso",
    "moment",
    "spread",
]
