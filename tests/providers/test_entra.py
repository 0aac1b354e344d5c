"""Microsoft Entra ID: links that must be followed, tokens of a tenant, two logs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from auditctl.errors import AnswerError
from auditctl.provider import Secret
from auditctl.providers.entra import Entra
from auditctl.settings import find, load
from tests.service import Service

if TYPE_CHECKING:
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


@pytest.mark.parametrize(
    "link", [7, "https://graph.microsoft.com/beta/auditLogs/directoryAudits?$skiptoken=x"]
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
