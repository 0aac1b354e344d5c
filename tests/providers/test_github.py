"""GitHub's rules: whose log, which of its logs, and a 403 that means too many requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from auditctl.provider import Secret
from auditctl.providers.github import GitHub
from tests.server import KEY
from tests.service import Service
from tests.vendors import VENDORS, ask, spread

if TYPE_CHECKING:
    from pathlib import Path

GITHUB = GitHub(
    org="", enterprise="inc", token=Secret("t"), base_url="https://github.example/api/v3"
)


def vendor(environment: dict[str, str]) -> Any:
    made = VENDORS["github"](spread(3, days=1))
    made.environment = {"GITHUB_TOKEN": KEY, **environment}  # type: ignore[misc]
    return made


def test_an_enterprise_has_a_path_of_its_own() -> None:
    service = Service.saying([])
    service.export(GITHUB)
    assert service.paths == ["/api/v3/enterprises/inc/audit-log"]
    assert service.params[0]["phrase"] == (
        "created:>=2025-12-01T00:00:00Z created:<=2026-01-01T00:00:00Z"
    )


@pytest.mark.parametrize(
    ("environment", "status", "words"),
    [
        ({}, 4, "GitHub needs GITHUB_ORG or GITHUB_ENTERPRISE, not set here"),
        (
            {"GITHUB_ORG": "acme", "GITHUB_ENTERPRISE": "inc"},
            4,
            "GITHUB_ORG and GITHUB_ENTERPRISE are both set",
        ),
    ],
)
def test_whose_log_it_is_must_be_clear_before_anything_is_asked(
    environment: dict[str, str], status: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = vendor(environment)
    found = ask(service, monkeypatch, "list")
    assert (found.status, service.asked) == (status, [])
    assert words in found.said


def test_the_first_token_that_is_set_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    service = vendor({"GITHUB_ORG": "acme", "GH_TOKEN": "another"})
    assert len(ask(service, monkeypatch, "list", "--since", "2d").records) == 3


def test_a_source_names_the_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "auditctl.toml"
    file.write_text(
        '[sources.git]\nprovider = "github"\norg = "acme"\ntoken_env = "T"\nlog = "git"\n'
        'output = "git.jsonl"\n'
    )
    service = VENDORS["github"](spread(3, days=1), "git")
    service.environment = {"T": KEY, "GITHUB_ENTERPRISE": "of-another-source"}  # type: ignore[misc]
    words = ("list", "--source", "git", "--config", str(file), "--since", "2d")
    assert len(ask(service, monkeypatch, *words).records) == 3
    assert {request.url.params["include"] for request in service.asked} == {"git"}


@pytest.mark.parametrize(
    ("headers", "waits"),
    [
        ({"Retry-After": "0"}, True),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}, True),
        ({"X-RateLimit-Remaining": "7"}, False),
        ({}, False),
    ],
)
def test_a_403_is_waited_out_if_it_says_that_there_were_too_many(
    headers: dict[str, str], *, waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = vendor({"GITHUB_ORG": "acme"})
    good = service.answer
    refusal = httpx.Response(403, json={"message": "no"}, headers=headers)
    service.answer = lambda request: refusal if len(service.asked) == 1 else good(request)
    found = ask(service, monkeypatch, "list", "--since", "2d")
    assert (found.status, len(service.asked)) == ((0, 2) if waits else (4, 1))
