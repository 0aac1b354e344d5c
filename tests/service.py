"""A service made of one function, asked by the real client below the provider under test."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from auditctl.batch import Batch
from auditctl.export import batches, retrieved
from auditctl.http.client import Client
from auditctl.provider import Fields, KeyHeaders, Order, Page, Provider, Window, setting
from auditctl.records.record import Record


def strays() -> list[threading.Thread]:
    """Return the threads that Python has started, but for the main one; others cannot be joined."""
    return [
        thread
        for thread in threading.enumerate()
        if thread is not threading.main_thread() and not isinstance(thread, threading._DummyThread)
    ]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Silent(Provider):
    """A provider that asks nothing, to which tests add what they need."""

    name = "acme"
    title = "Acme"
    order = Order.NONE_DOCUMENTED
    permission = "a key with the scope audit"
    retention = rate_limit = docs = ""

    base_url: str = setting("https://api.acme.example/v1")

    def auth(self) -> KeyHeaders:
        return KeyHeaders({})

    def pages(self, client: Client, window: Window) -> Iterator[Page]:  # noqa: ARG002
        yield from ()

    def normalize(self, event: Mapping[str, Any], context: Any) -> Fields:  # noqa: ARG002
        return {}


@dataclass
class Service:
    """Gives what ``answer`` does (JSON, its bytes, or a response), and keeps what was asked."""

    answer: Callable[[httpx.Request], Any]
    asked: list[httpx.Request] = field(default_factory=list)
    lock: AbstractContextManager[Any] = field(default_factory=threading.Lock)

    @classmethod
    def saying(cls, *answers: Any) -> Service:
        """Make a service that gives these answers one after another, and then no more."""
        left = iter(answers)
        return cls(lambda _: next(left))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self.lock:
            self.asked.append(request)
        said = self.answer(request)
        if isinstance(said, httpx.Response):
            return said
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        return httpx.Response(200, content=body)

    @property
    def params(self) -> list[dict[str, str]]:
        return [dict(request.url.params) for request in self.asked]

    @property
    def paths(self) -> list[str]:
        """The paths as they went over the wire."""
        return [request.url.raw_path.decode().partition("?")[0] for request in self.asked]

    def client(self, provider: Provider, concurrency: int = 1) -> Client:
        """Make a client that waits for nothing."""
        transport = httpx.MockTransport(self)
        return Client(provider, transport=transport, retry_for=timedelta(), concurrency=concurrency)

    def batches(
        self, provider: Provider, since: str, until: str, concurrency: int, *, redacted: bool
    ) -> Iterator[Batch]:
        client = self.client(provider, concurrency)
        window = Window(moment(since), moment(until))
        return batches(provider, client, window, redacted=redacted)

    def export(
        self,
        provider: Provider,
        since: str = "2025-12-01",
        until: str = "2026-01-01",
        *,
        concurrency: int = 1,
        redacted: bool = True,
    ) -> list[Record]:
        """Export the window as ``list`` does."""
        found = self.batches(provider, since, until, concurrency, redacted=redacted)
        return [record for batch in found for record in batch.records]

    def get(self, provider: Any, id_: str) -> Record:
        """Ask for one record as ``get`` does."""
        page = provider.retrieve(self.client(provider), id_)
        (record,) = retrieved(provider, page).records
        return record
