"""Okta's rules: how far back it may be asked, and links that are followed as they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from auditctl.errors import AnswerError
from auditctl.export import batches
from auditctl.provider import Secret, Window
from auditctl.providers.okta import Okta
from tests.service import Service
from tests.vendors import VENDORS, ask, spread

if TYPE_CHECKING:
    from pathlib import Path

OKTA = Okta(api_token=Secret("t"), base_url="https://acme.okta.com")
NOW = datetime.now(UTC)


def row(n: int) -> Any:
    return {"uuid": f"u{n}", "published": NOW.isoformat()}


def linked(link: str, *rows: Any) -> httpx.Response:
    return httpx.Response(200, json=list(rows), headers={"Link": f'<{link}>; rel="next"'})


def walk(service: Service, *, oldest_first: bool = False) -> list[list[Any]]:
    window = Window(NOW - timedelta(days=1), NOW, oldest_first=oldest_first)
    return [page.events for page in OKTA.pages(service.client(OKTA), window)]


@pytest.mark.parametrize("words", [("list", "--since", "400d"), ("sync", "--since", "400d")])
def test_it_is_never_asked_for_more_than_179_days(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    vendor = VENDORS["okta"](spread(10, days=100))
    out = ("-o", str(tmp_path / "log.jsonl"))
    assert ask(vendor, monkeypatch, *words, *out).status == 0
    since = datetime.fromisoformat(vendor.asked[0].url.params["since"])
    assert timedelta(days=178, hours=23) < datetime.now(UTC) - since <= timedelta(days=179)


def test_what_is_older_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    vendor = VENDORS["okta"]([])
    found = ask(vendor, monkeypatch, "list", "--since", "400d", "--until", "200d")
    assert (found.ended, found.out, vendor.asked) == ((0, ""), b"", [])


def test_an_empty_page_ends_the_walk_only_where_the_oldest_come_first() -> None:
    pages = [
        linked(f"https://acme.okta.com/api/v1/logs?after={n}", *rows)
        for n, rows in enumerate(([row(1)], [], [row(2)]))
    ]
    assert walk(Service.saying(*pages), oldest_first=True) == [[row(1)], []]
    last = httpx.Response(200, json=[row(3)])
    assert walk(Service.saying(*pages, last)) == [[row(1)], [], [row(2)], [row(3)]]


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/api/v1/logs?after=x",
        "https://acme.okta.com/api/v1/users?after=x",
        "https://acme.okta.com/elsewhere?after=x",
        "//evil.example/api/v1/logs",
        "http://acme.okta.com/api/v1/logs",
        "https://acme.okta.com:0/api/v1/logs",
        "https://acme.okta.com:8443/api/v1/logs",
        "https://acme.okta.com.evil.example/api/v1/logs",
        "https://acme.okta.com@evil.example/api/v1/logs",
        "https://acme.okta.com/api/v1/logs/../users",
        "/api/v1/logs/../users?after=x",
        "https://acme.okta.com/api/v1/logs%2f..%2fusers",
        "https://acme.okta.com/API/v1/logs",
        "\\\\evil.example/api/v1/logs",
        "/\\evil.example/api/v1/logs",
        "https:\\\\evil.example/api/v1/logs",
        "https://evil.example\t/api/v1/logs",
    ],
)
def test_a_link_is_followed_to_the_same_origin_and_path_only(link: str) -> None:
    service = Service(lambda _: linked(link, row(1)))
    with pytest.raises(AnswerError):
        walk(service)
    assert len(service.asked) == 1


def test_a_link_is_sent_as_it_is_written_and_goes_on_from_a_position_of_today() -> None:
    link = "https://acme.okta.com/api/v1/logs?until=x&after=a%2Fb=+%20c&limit=1000"
    answers = linked(link, row(1)), httpx.Response(200, json=[row(2)])
    window = Window(NOW - timedelta(days=1), NOW)

    def read(position: str | None) -> tuple[list[str | None], list[str]]:
        service = Service(lambda asked: answers["after" in asked.url.params])
        found = [one.position for one in batches(OKTA, service.client(OKTA), window, position)]
        return found, [str(asked.url) for asked in service.asked]

    (first, second), (begin, then) = read(None)
    assert (first, then) == (None, link)
    assert read(second) == ([second], [link])
    assert read(link) == ([None, second], [begin, link]), "of a version that noted no end"
