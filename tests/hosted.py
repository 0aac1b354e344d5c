"""The services of `tests.vendors` behind a port: logs that live, with pages that are short."""

from __future__ import annotations

import json
import threading
import traceback
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from auditctl.declared import variables
from tests import tape
from tests.server import Answer, Request
from tests.vendors import INTERRUPTED, KEY, VENDORS, TokenVendor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.world import Happening

ROWS = 40
"""Rows of a page; a service may give fewer than it is asked for."""


class Hosted:
    """A service in the place of a log of `tests.server`, at the address of that server."""

    paths = ("/",)

    def __init__(self, name: str, log: str = "") -> None:
        kind = VENDORS[name]
        self.name = name
        self.vendor = type(name, (_Short, kind), {})([], log)
        self.happenings: list[Happening] = []
        self.asked = 0
        self.repeats = 0
        self.lock = threading.Lock()
        base = kind.environment.get(f"{name.upper()}_BASE_URL")
        self.base: str = base or variables(tape.provider_class(name))["base_url"][1] or ""
        self.origin = "{0.scheme}://{0.netloc}".format(urlsplit(self.base))

    def event_at(self, n: int, moment: Any) -> Any:
        return self.vendor.event(n, moment)

    def settings(self, url: str) -> dict[str, str]:
        """Return the environment of a program that is to ask the server at this URL."""
        self.url = url
        base = {f"{self.name.upper()}_BASE_URL": self.base.replace(self.origin, url)}
        return {**self.vendor.environment, **base, **self.vendor.tokens_from(url)}

    def refuse(self, status: int) -> Answer:
        return Answer(json.dumps({"message": "refused"}).encode(), status)

    def admitted(self, request: Request) -> Answer:
        """Answer a request; one that is wrong gets a status that ends the run."""
        with self.lock:
            self.asked += 1
            seen = [one for one in self.happenings if one.visible <= self.asked]
            self.vendor.repeats = self.repeats
            self.vendor.events = [(one.moment, one.event) for one in seen]
            if isinstance(self.vendor, TokenVendor) and request.method == "POST":
                self.vendor.tokens += 1
                return Answer(b'{"access_token": "%b-%d"}' % (KEY.encode(), self.vendor.tokens))
            url = f"{self.origin}{request.path}?{request.query}"
            try:
                answer = self.vendor.answer(
                    httpx.Request(
                        request.method, url, headers=request.headers, content=request.body
                    )
                )
            except (AssertionError, LookupError, ValueError):
                return Answer(json.dumps(traceback.format_exc()).encode(), INTERRUPTED)
        link = {"Link": ", ".join(answer.headers.get_list("Link")).replace(self.origin, self.url)}
        body = answer.content.replace(self.origin.encode(), self.url.encode())
        return Answer(body, answer.status_code, link if link["Link"] else {})


class _Short:
    """Makes a vendor's pages short, and each so many-th row come twice."""

    repeats = 0

    def page(self: Any, found: Sequence[Any], cursor: str | None, _: int) -> tuple[list[Any], str]:
        rows, following = super().page(found, cursor, ROWS)  # type: ignore[misc]
        often = self.repeats or len(rows) + 1
        twice = [row for n, row in enumerate(rows, 1) for _ in range(1 + (n % often == 0))]
        return twice, following
