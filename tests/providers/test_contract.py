"""What holds for every provider that declares or does the same thing."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from auditctl.cli.provider_app import commands_of
from auditctl.commands.show import described
from auditctl.declared import in_paths, variables
from auditctl.errors import UsageError
from auditctl.provider import Provider
from auditctl.settings import find, load
from tests import tape
from tests.test_export import Unordered
from tests.vendors import VENDORS, ask, spread

if TYPE_CHECKING:
    from pathlib import Path

IN_PATHS = {
    "ATLASSIAN_ORG_ID",
    "CLOUDFLARE_ACCOUNT_ID",
    "ENTRA_TENANT_ID",
    "GITHUB_ENTERPRISE",
    "GITHUB_ORG",
    "TAILSCALE_TAILNET",
}


@pytest.mark.parametrize("value", ["a/b", "..", "a?b", "a b", "https://x.example"])
def test_a_name_in_a_path_cannot_lead_elsewhere(value: str) -> None:
    refused = set()
    for name, vendor in VENDORS.items():
        kind = tape.provider_class(name)
        for setting in in_paths(kind):
            variable = variables(kind)[setting][0][0]
            own = dict(vendor.environment)
            if name == "github":
                del own["GITHUB_ORG"]  # only one of the two may be set
            with pytest.raises(UsageError, match=f"{variable} may not be used"):
                load(kind, find(kind, {**own, variable: value}, {}))
            refused.add(variable)
    assert refused == IN_PATHS


@pytest.mark.parametrize(
    ("name", "log"),
    [(n, log) for n, kind in VENDORS.items() if n != "tailscale" for log in kind.logs],
)
def test_a_page_that_comes_round_ends_the_run(
    name: str, log: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = VENDORS[name](spread(VENDORS[name].page_size * 2 + 1, days=6), log)
    answer, said = vendor.answer, list[httpx.Response]()

    def again(request: httpx.Request) -> httpx.Response:
        if len(said) < 2:
            said.append(answer(request))
        return httpx.Response(200, content=said[-1].content, headers=said[-1].headers)

    vendor.answer = again  # type: ignore[method-assign]
    found = ask(vendor, monkeypatch, "list", "--since", "7d")
    assert (found.status, "would never end" in found.said) == (6, True)
    assert len(vendor.asked) <= 3


def test_an_option_is_there_where_it_means_something() -> None:
    def options(provider: type[Provider], command: str) -> set[str | None]:
        return {param.name for param in commands_of(provider).made(None, command).params}

    several, one = map(tape.provider_class, ("onepassword", "persona"))
    assert all("log_name" in options(several, command) for command in ("list", "sync", "check"))
    assert all("log_name" not in options(one, command) for command in ("list", "sync", "check"))
    assert "demo" in options(one, "list")
    assert "demo" not in options(Unordered, "list")


def test_a_destination_belongs_to_the_log_that_it_was_begun_with(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for log, status, words in (
        ("audit", 0, ""),
        ("signins", 2, "was begun with --log audit"),
        ("other", 2, "has no log 'other'. There are audit, signins, usages"),
    ):
        vendor = VENDORS["onepassword"](spread(3, days=1), log)
        found = ask(vendor, monkeypatch, "sync", "-q", "-o", str(tmp_path / "log.jsonl"))
        assert (found.status, words in found.said) == (status, True)


@pytest.mark.parametrize(
    ("minutes", "written"), [(0, "0h"), (10, "10m"), (60, "1h"), (90, "90m"), (1440, "24h")]
)
def test_an_overlap_is_shown_as_the_option_takes_it(minutes: int, written: str) -> None:
    late: Any = type("Late", (Unordered,), {"overlap": timedelta(minutes=minutes)})
    assert described(late)["overlap"] == written
