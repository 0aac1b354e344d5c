"""Tailscale: a request for each day, either order of days, no ids, two kinds of credentials."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from auditctl.errors import AccessError, AnswerError
from auditctl.export import batches, most_recent
from auditctl.provider import Bearer, ClientCredentials, Secret, Window
from auditctl.providers.tailscale import MAX_HELD, Tailscale
from auditctl.settings import find, load
from tests.service import Service, moment

if TYPE_CHECKING:
    import httpx

    from auditctl.records.record import Record

TAILSCALE = Tailscale(
    api_key=Secret("tskey-api-x"),
    client_id="",
    client_secret=None,
    tailnet="-",
    base_url="https://api.tailscale.com/api/v2",
)
PATH = "/api/v2/tailnet/-/logging/configuration"


def event(at: str = "2026-01-03T10:00:00.123456Z", **more: Any) -> dict[str, Any]:
    return {
        "eventTime": at,
        "type": "CONFIG",
        "eventGroupID": "g1",
        "actor": {
            "id": "u1",
            "type": "USER",
            "loginName": "asha@example.com",
            "displayName": "Asha Example",
        },
        "target": {"id": "n1", "name": "node.example.com", "type": "NODE"},
        "action": "CREATE",
        **more,
    }


def day(*rows: Any, **more: Any) -> dict[str, Any]:
    return {"version": "1.1", "tailnet": "example.com", "logs": list(rows), **more}


def export(*rows: Any) -> list[Record]:
    return Service.saying(day(*rows)).export(TAILSCALE, "2026-01-03", "2026-01-04")


@pytest.mark.parametrize(
    ("action", "target", "expected"),
    [
        ("UPDATE", {"type": "TAILNET", "property": "HTTPS"}, "UPDATE TAILNET.HTTPS"),
        ("UPDATE", {"type": "TAILNET"}, "UPDATE TAILNET"),
        ("UPDATE", {"property": "HTTPS"}, "UPDATE HTTPS"),
        (None, {"type": "TAILNET", "property": "HTTPS"}, "TAILNET.HTTPS"),
        ("LOGIN", {}, "LOGIN"),
        (None, None, None),
    ],
)
def test_the_action_names_what_was_done_to_what(action: Any, target: Any, expected: Any) -> None:
    (record,) = export(event(action=action, target=target))
    assert record["action"] == expected


@pytest.mark.parametrize(
    ("more", "expected"),
    [({"error": "no"}, "failure"), ({"error": ""}, "success"), ({"error": None}, "success")],
)
def test_an_error_is_a_failure(more: Any, expected: str) -> None:
    (record,) = export(event(**more))
    assert record["outcome"] == expected


def test_a_login_without_an_at_sign_is_no_address() -> None:
    actor = {"id": "o1", "loginName": "asha@github", "displayName": ""}
    (record,) = export(event(actor=actor, target={"id": "n1", "name": ""}))
    assert (record["actor"], record["target"]) == ("asha@github", "n1")
    (record,) = export(event(actor={**actor, "loginName": "tagged-devices"}))
    assert (record["actor"], record["actor_email"]) == ("o1", None)


# Days


class Site:
    """Answers with the events of a window, oldest first, and both ends if they `count`."""

    def __init__(self, *times: str, counts: bool = True) -> None:
        self.rows = [event(time) for time in sorted(times, key=datetime.fromisoformat)]
        self.counts = counts
        self.service = Service(self.answer)

    def answer(self, request: httpx.Request) -> Any:
        assert request.url.path == PATH
        assert request.headers["Authorization"] == "Bearer tskey-api-x"
        ends = [datetime.fromisoformat(request.url.params[name]) for name in ("start", "end")]
        found = []
        for row in self.rows:
            time = datetime.fromisoformat(row["eventTime"])
            if ends[0] < time < ends[1] or (self.counts and time in ends):
                found.append(row)
        return day(*found)

    @property
    def days(self) -> list[tuple[str, str]]:
        params = self.service.params
        return [(one["start"][8:10], one["end"][8:10]) for one in params]

    def read(self, since: str, until: str, *, oldest_first: bool, limit: int = 0) -> list[str]:
        window = Window(moment(since), moment(until), oldest_first=oldest_first)
        found = batches(TAILSCALE, self.service.client(TAILSCALE), window)
        if limit:
            found = most_recent(found, limit, ordered=True)
        return [str(record["time"]) for batch in found for record in batch.records]


TIMES = (
    "2026-01-01T23:59:59.999999Z",
    "2026-01-02T00:00:00Z",
    "2026-01-02T12:00:00Z",
    "2026-01-02T23:59:59.9999Z",
    "2026-01-03T00:00:00Z",
    "2026-01-03T00:00:00.0005Z",
    "2026-01-04T06:00:00Z",
    "2026-01-05T00:00:00Z",
)


@pytest.mark.parametrize("counts", [True, False])
def test_every_event_comes_once_in_either_order_whatever_the_ends_mean(*, counts: bool) -> None:
    wanted = [time for time in TIMES if "2026-01-02" <= time < "2026-01-05"]
    for oldest_first in (True, False):
        site = Site(*TIMES, counts=counts)
        found = site.read("2026-01-02", "2026-01-05", oldest_first=oldest_first)
        found = found if oldest_first else found[::-1]
        assert list(map(datetime.fromisoformat, found)) == list(map(datetime.fromisoformat, wanted))
        days = [("01", "03"), ("02", "04"), ("03", "05")]
        assert site.days == (days if oldest_first else days[::-1])


def test_the_newest_are_found_in_the_newest_days_alone() -> None:
    site = Site(*TIMES)
    found = site.read("2025-12-01", "2026-01-06", oldest_first=False, limit=3)
    assert [time[:10] for time in found] == ["2026-01-05", "2026-01-04", "2026-01-03"]
    assert site.days == [("04", "06"), ("03", "05"), ("02", "04")]


def test_the_id_of_an_event_is_the_same_in_either_order_and_twins_keep_theirs() -> None:
    rows = [event(), event(), event("2026-01-03T11:00:00Z"), event("2026-01-03T11:00:00Z")]
    ids = []
    for oldest_first in (True, False):
        window = Window(moment("2026-01-03"), moment("2026-01-04"), oldest_first=oldest_first)
        client = Service.saying(day(*rows)).client(TAILSCALE)
        read = batches(TAILSCALE, client, window)
        ids.append({record["id"] for batch in read for record in batch.records})
    assert ids[0] == ids[1]
    assert len(ids[0]) == 4


@pytest.mark.parametrize(
    ("until", "oldest_first", "next_day"),
    [
        ("2026-01-05", True, "2026-01-04"),
        ("2026-01-05", False, "2026-01-02"),
        (None, False, "2026-01-02"),
    ],
)
def test_a_walk_goes_on_from_a_day(
    until: str | None,
    oldest_first: bool,  # noqa: FBT001 - a value of the parameters above
    next_day: str,
) -> None:
    site = Site(*TIMES)
    end = None if until is None else moment(until)
    window = Window(moment("2026-01-02"), end, oldest_first=oldest_first)
    pages = TAILSCALE.pages_from(site.service.client(TAILSCALE), window, "2026-01-03")
    days = [page.day for page in pages if not page.continues]
    assert days == ["2026-01-03", next_day]


# Answers


@pytest.mark.parametrize("body", [day(logs=None), {"version": "1.1"}, {"tailnet": "x", "logs": []}])
def test_an_empty_day(body: Any) -> None:
    assert Service.saying(body).export(TAILSCALE, "2026-01-03", "2026-01-04") == []


@pytest.mark.parametrize("body", [{}, {"message": "hello"}, {"tailnet": "x", "logs": {}}, []])
def test_an_answer_of_another_shape_is_an_error(body: Any) -> None:
    with pytest.raises(AnswerError):
        Service.saying(body).export(TAILSCALE, "2026-01-03", "2026-01-04")


def test_the_tailnet_may_come_behind_the_events() -> None:
    body = {"logs": [event(), event("2026-01-03T11:00:00Z")], "tailnet": "example.com"}
    found = Service.saying(body).export(TAILSCALE, "2026-01-03", "2026-01-04")
    assert [record["account"] for record in found] == ["example.com"] * 2


def test_a_long_day_does_not_wait_for_it() -> None:
    long = event(actionDetails="x" * 1000)
    count = 3 * MAX_HELD // 1000
    body = {"logs": [long] * count, "tailnet": "example.com"}
    found = Service.saying(body).export(TAILSCALE, "2026-01-03", "2026-01-04")
    assert len({record["id"] for record in found}) == len(found) == count
    assert found[0]["account"] is None


# Credentials


def loaded(**environ: str) -> Tailscale:
    return load(Tailscale, find(Tailscale, {f"TAILSCALE_{n}": v for n, v in environ.items()}, {}))


def test_the_access_token_goes_before_the_client() -> None:
    client = {"CLIENT_ID": "app", "CLIENT_SECRET": "s"}
    assert loaded(API_KEY="k", **client).auth() == Bearer(Secret("k"))
    url = "https://api.tailscale.com/api/v2/oauth/token"
    assert loaded(**client).auth() == ClientCredentials(url, "app", Secret("s"))


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        ({}, "TAILSCALE_API_KEY or TAILSCALE_CLIENT_ID with TAILSCALE_CLIENT_SECRET"),
        ({"CLIENT_ID": "app"}, "TAILSCALE_CLIENT_SECRET"),
        ({"CLIENT_SECRET": "s"}, "TAILSCALE_CLIENT_ID"),
    ],
)
def test_half_a_client_is_an_error_that_names_the_rest(
    environ: dict[str, str], missing: str
) -> None:
    with pytest.raises(AccessError, match=f"needs {missing}, not set"):
        loaded(**environ)


def test_a_token_for_the_client_comes_from_the_base_url() -> None:
    provider = replace(loaded(CLIENT_ID="app", CLIENT_SECRET="s", TAILNET="me@example.com"))
    service = Service.saying({"access_token": "t0ken", "expires_in": 3600}, day())
    service.export(provider, "2026-01-03", "2026-01-04")
    token, asked = service.asked
    assert str(token.url) == "https://api.tailscale.com/api/v2/oauth/token"
    assert parse_qs(token.content.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["app"],
        "client_secret": ["s"],
    }
    assert asked.url.path == "/api/v2/tailnet/me@example.com/logging/configuration"
    assert asked.headers["Authorization"] == "Bearer t0ken"
