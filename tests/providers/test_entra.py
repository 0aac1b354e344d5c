"""Microsoft Entra ID: links that must be followed, tokens of a tenant, two logs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from auditctl.errors import AnswerError
from auditctl.export import batches, most_recent
from auditctl.provider import Secret, Window
from auditctl.providers.entra import Entra
from auditctl.settings import find, load
from tests.service import Service, moment

if TYPE_CHECKING:
    import httpx

    from auditctl.records.record import Record

ENTRA = Entra(
    tenant_id="acme.example",
    client_id="app",
    client_secret=Secret("s3cret-of-the-app"),
    login_url="https://login.microsoftonline.com",
    base_url="https://graph.microsoft.com/v1.0",
)
SIGNINS = replace(ENTRA, log_name="signins")
SPAN = ("2026-01-01", "2026-02-01")
PATH = "/v1.0/auditLogs/directoryAudits"
TOKEN = {"access_token": "t0ken", "expires_in": 3599}


def change(number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "id": f"Directory_{number}",
        "activityDateTime": "2026-01-03T10:00:00.1234567Z",
        "activityDisplayName": "Update user",
        "result": "success",
        "initiatedBy": {
            "user": {
                "id": "u1",
                "displayName": "Asha Example",
                "userPrincipalName": "asha@example.com",
                "ipAddress": "192.0.2.7",
            },
            "app": None,
        },
        "targetResources": [{"id": "g1", "displayName": "Payroll", "type": "Group"}],
        **more,
    }


def export(*rows: Any, provider: Entra = ENTRA) -> list[Record]:
    return Service.saying(TOKEN, {"value": list(rows)}).export(provider, *SPAN)


def test_a_change_becomes_a_record() -> None:
    (record,) = export(change())
    assert record == {
        "time": "2026-01-03T10:00:00.1234567Z",
        "provider": "entra",
        "account": None,
        "id": "Directory_1",
        "actor": "asha@example.com",
        "actor_id": "u1",
        "actor_name": "Asha Example",
        "actor_email": "asha@example.com",
        "action": "Update user",
        "target": "Payroll",
        "outcome": "success",
        "status_code": None,
        "source_ip": "192.0.2.7",
        "user_agent": None,
        "session_id": None,
        "raw": change(),
    }


def test_a_signin_becomes_a_record() -> None:
    row = {
        "id": "s1",
        "createdDateTime": "2026-01-03T10:00:00Z",
        "userId": "u1",
        "userDisplayName": "Asha Example",
        "userPrincipalName": "asha@example.com",
        "appDisplayName": "Azure Portal",
        "ipAddress": "2001:db8::7",
        "userAgent": "Mozilla/5.0",
        "status": {"errorCode": 0},
    }
    (record,) = export(row, provider=SIGNINS)
    assert record == {
        "time": "2026-01-03T10:00:00.000Z",
        "provider": "entra",
        "account": None,
        "id": "s1",
        "actor": "asha@example.com",
        "actor_id": "u1",
        "actor_name": "Asha Example",
        "actor_email": "asha@example.com",
        "action": "Sign-in",
        "target": "Azure Portal",
        "outcome": "success",
        "status_code": None,
        "source_ip": "2001:db8::7",
        "user_agent": "Mozilla/5.0",
        "session_id": None,
        "raw": row,
    }


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"errorCode": 0}, "success"),
        ({"errorCode": 50126}, "failure"),
        ({"errorCode": "0"}, "unknown"),
        ({}, "unknown"),
        (None, "unknown"),
        ([], "unknown"),
    ],
)
def test_the_outcome_of_a_signin_is_its_error_code(status: Any, expected: str) -> None:
    (record,) = export({"status": status}, provider=SIGNINS)
    assert record["outcome"] == expected


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ("success", "success"),
        ("failure", "failure"),
        ("timeout", "failure"),
        ("unknownFutureValue", "unknown"),
        (None, "unknown"),
        ({}, "unknown"),
    ],
)
def test_the_outcome_of_a_change_is_its_result(result: Any, expected: str) -> None:
    (record,) = export(change(result=result))
    assert record["outcome"] == expected


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ({"user": {"id": "u1"}, "app": {"displayName": "An app"}}, ("u1", "u1", None)),
        (
            {"user": None, "app": {"displayName": "An app", "servicePrincipalId": "p1"}},
            ("An app", "p1", "An app"),
        ),
        (
            {"user": {"id": None, "displayName": ""}, "app": {"servicePrincipalId": "p1"}},
            ("p1", "p1", None),
        ),
        ({}, (None, None, None)),
        (None, (None, None, None)),
        ("x", (None, None, None)),
    ],
)
def test_the_actor_is_the_user_else_the_app(by: Any, expected: tuple[Any, ...]) -> None:
    (record,) = export(change(initiatedBy=by))
    assert (record["actor"], record["actor_id"], record["actor_name"]) == expected


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (
            [{"displayName": "A", "id": "1"}, {"userPrincipalName": "b@example.com"}],
            "A / b@example.com",
        ),
        ([{"displayName": "", "userPrincipalName": None, "id": "1"}], "1"),
        ([{"displayName": None}, {}], None),
        ([], None),
        (None, None),
        ([{"displayName": 7}], "7"),
        ([{"displayName": "A"}, {"displayName": 7.5}], None),
        ("x", None),
    ],
)
def test_the_target_joins_the_best_names(targets: Any, expected: str | None) -> None:
    (record,) = export(change(targetResources=targets))
    assert record["target"] == expected


# Questions


def question(provider: Entra, *, oldest_first: bool) -> httpx.URL:
    service = Service.saying(TOKEN, {"value": []})
    window = Window(moment("2026-01-01"), moment("2026-02-01"), oldest_first=oldest_first)
    list(provider.pages(service.client(provider), window))
    return service.asked[1].url


def test_changes_come_in_the_order_that_is_wanted() -> None:
    ends = "2026-01-01T00:00:00.000Z and activityDateTime le 2026-02-01T00:00:00.000Z"
    for oldest_first, way in (True, "asc"), (False, "desc"):
        asked = question(ENTRA, oldest_first=oldest_first)
        assert asked.path == PATH
        assert dict(asked.params) == {
            "$filter": f"activityDateTime ge {ends}",
            "$orderby": f"activityDateTime {way}",
            "$top": "999",
        }


def test_no_order_of_signins_is_relied_on() -> None:
    asked = question(SIGNINS, oldest_first=True)
    assert asked.path == "/v1.0/auditLogs/signIns"
    assert asked.params.keys() == {"$filter", "$top"}
    assert asked.params["$filter"].startswith("createdDateTime ge 2026-01-01")
    days = [5, 1, 9, 3, 7]
    rows = [{"id": f"s{n}", "createdDateTime": f"2026-01-0{n}T00:00:00Z"} for n in days]
    link = "https://graph.microsoft.com/v1.0/auditLogs/signIns?$skiptoken=x"
    pages: list[Any] = [{"value": rows[:3], "@odata.nextLink": link}, {"value": rows[3:]}]
    client = Service.saying(TOKEN, *pages).client(SIGNINS)
    read = batches(SIGNINS, client, Window(moment("2025-01-01"), None))
    found = most_recent(read, 2, ordered=SIGNINS.log.order.is_newest_first)
    assert [record["id"] for batch in found for record in batch.records] == ["s9", "s7"]


NEXT = f"https://graph.microsoft.com{PATH}?$filter=x%20ge%201&$skiptoken=a%2Bb%3D"


def test_the_link_is_followed_as_it_is_written_and_is_a_position() -> None:
    service = Service.saying(TOKEN, {"value": [change(1)], "@odata.nextLink": NEXT}, {"value": []})
    window = Window(moment("2026-01-01"), moment("2026-02-01"))
    pages = list(ENTRA.pages(service.client(ENTRA), window))
    assert str(service.asked[2].url) == NEXT
    assert [page.position for page in pages] == [None, NEXT]
    later = Service.saying(TOKEN, {"value": []})
    list(ENTRA.pages_from(later.client(ENTRA), window, NEXT))
    assert str(later.asked[1].url) == NEXT


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v1.0/auditLogs/directoryAudits?$skiptoken=x",
        "https://graph.microsoft.com/v1.0/users?$skiptoken=x",
        "https://graph.microsoft.com/beta/auditLogs/directoryAudits?$skiptoken=x",
        7,
    ],
)
def test_a_link_elsewhere_is_not_followed(link: Any) -> None:
    service = Service.saying(TOKEN, {"value": [change()], "@odata.nextLink": link})
    with pytest.raises(AnswerError):
        service.export(ENTRA, *SPAN)
    assert len(service.asked) == 2


# Tokens and settings


def test_a_national_cloud_has_a_token_of_its_own() -> None:
    provider = replace(
        ENTRA,
        base_url="https://graph.microsoft.us/v1.0",
        login_url="https://login.microsoftonline.us/",
    )
    service = Service.saying(TOKEN, {"value": []})
    service.export(provider, *SPAN)
    token, asked = service.asked
    assert str(token.url) == "https://login.microsoftonline.us/acme.example/oauth2/v2.0/token"
    form = parse_qs(token.content.decode())
    assert form["scope"] == ["https://graph.microsoft.us/.default"]
    assert form["grant_type"] == ["client_credentials"]
    assert asked.url.host == "graph.microsoft.us"
    assert asked.headers["Authorization"] == "Bearer t0ken"


def test_the_names_of_azure_do_too() -> None:
    names = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
    environ = dict(zip(names, ("acme", "app", "s"), strict=True))
    found = load(Entra, find(Entra, environ, {}))
    assert (found.tenant_id, found.client_id, found.client_secret.reveal()) == ("acme", "app", "s")
    mixed = {**environ, "ENTRA_TENANT_ID": "other"}
    assert load(Entra, find(Entra, mixed, {})).tenant_id == "other"


def test_what_is_known_of_the_logs() -> None:
    assert ENTRA.log_name == "directory"
    assert {log.keeps for log in Entra.logs.values()} == {timedelta(days=30)}
    assert {log.overlap for log in Entra.logs.values()} == {timedelta(hours=6)}
