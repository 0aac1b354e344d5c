"""Settings of which there are alternatives, and values that become a part of an address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl import settings
from auditctl.cli.help import facts
from auditctl.commands.show import overview
from auditctl.config import sources as config
from auditctl.declared import is_segment, needed
from auditctl.errors import AccessError, UsageError
from auditctl.provider import Provider, Secret, secret, setting
from auditctl.settings import sample
from tests.service import Silent


@dataclass(frozen=True, kw_only=True)
class Tail(Silent):
    name = "tail"
    title = "Tail"
    one_of: ClassVar[Sequence[tuple[str, ...]]] = (("api_key",), ("client_id", "client_secret"))

    tailnet: str = setting("-", in_path=True)
    client_id: str = setting("")
    client_secret: Secret | None = secret(optional=True)
    api_key: Secret | None = secret("TAIL_KEY", optional=True)


@dataclass(frozen=True, kw_only=True)
class Forge(Tail):
    name = "forge"
    title = "Forge"
    one_of = (("org",), ("enterprise",))
    only_one = True

    org: str = setting("", in_path=True)
    enterprise: str = setting("", in_path=True)
    token: Secret = secret("FT")
    tenant: str = setting(also=("OTHER_TENANT",))


FORGE = {"FORGE_ORG": "acme", "FT": "t", "OTHER_TENANT": "x"}


def load(
    provider: type[Provider], environ: Mapping[str, str], of_source: Mapping[str, str] | None = None
) -> Any:
    return settings.load(provider, settings.find(provider, environ, of_source or {}))


def test_each_of_the_alternatives_is_enough() -> None:
    with_key = load(Tail, {"TAIL_KEY": "k"})
    assert with_key.api_key.reveal() == "k"
    assert (with_key.client_id, with_key.client_secret) == ("", None)
    assert with_key.wording.settings == {"TAIL_KEY": "k"}
    with_client = load(Tail, {"TAIL_CLIENT_ID": "c", "TAIL_CLIENT_SECRET": "s"})
    assert with_client.api_key is None
    assert with_client.wording.secrets == ["s"]
    both = load(Tail, {"TAIL_KEY": "k", "TAIL_CLIENT_ID": "c"})
    assert (both.api_key.reveal(), both.client_id) == ("k", "c")


@pytest.mark.parametrize(
    ("provider", "environ", "words"),
    [
        (Tail, {}, "needs TAIL_API_KEY or TAIL_KEY or TAIL_CLIENT_ID with TAIL_CLIENT_SECRET, not"),
        (Tail, {"TAIL_CLIENT_ID": "c"}, "Tail needs TAIL_CLIENT_SECRET, not set here"),
        (Tail, {"TAIL_CLIENT_SECRET": "c"}, "Tail needs TAIL_CLIENT_ID, not set here"),
        (
            Forge,
            {},
            "FORGE_ORG or FORGE_ENTERPRISE, FORGE_TOKEN or FT and FORGE_TENANT or OTHER_TENANT",
        ),
        (
            Forge,
            {**FORGE, "FORGE_ENTERPRISE": "inc"},
            "^FORGE_ORG and FORGE_ENTERPRISE are both set. Unset one of them.$",
        ),
    ],
)
def test_what_is_missing_or_too_much_is_named(
    provider: type[Provider], environ: dict[str, str], words: str
) -> None:
    with pytest.raises(AccessError, match=words):
        load(provider, environ)


def test_a_source_that_names_one_passes_over_what_the_environment_says_of_another() -> None:
    environ = {**FORGE, "FORGE_ENTERPRISE": "inc"}
    forge = load(Forge, environ, {"enterprise": "here"})
    assert (forge.org, forge.enterprise) == ("", "here")
    tail = load(Tail, {"TAIL_CLIENT_SECRET": "s", "TAIL_KEY": "k"}, {"client_id": "c"})
    assert (tail.api_key, tail.client_secret.reveal()) == (None, "s")


def test_help_and_the_table_show_the_alternatives() -> None:
    words = "TAIL_API_KEY or TAIL_KEY or TAIL_CLIENT_ID with TAIL_CLIENT_SECRET"
    assert needed(Tail) == [words]
    assert facts(Tail)["settings"].startswith(f"Settings: {words}.\n")
    table = overview([Tail], width=100, terminal=False).decode()
    assert f"{words}, TAIL_BASE_URL (optional), TAIL_TAILNET (optional)" in table


def test_sample_data_needs_none_of_them() -> None:
    assert (sample(Forge).org, sample(Forge).tenant) == ("demo", "demo")


@pytest.mark.parametrize("value", ["-", "acme", "acme.org", "a@b.example", "A_b~c+d-1"])
def test_a_name_is_a_segment_of_a_path(value: str) -> None:
    assert load(Tail, {"TAIL_KEY": "k", "TAIL_TAILNET": value}).tailnet == value


@pytest.mark.parametrize(
    "value", ["a/b", "..", ".", "a?b", "a#b", "a b", "a%2fb", "a\\b", "a:b", "http://x", "é", "a;b"]
)
def test_a_value_that_would_lead_elsewhere_is_a_usage_error(value: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="TAIL_TAILNET may not be used"):
        load(Tail, {"TAIL_KEY": "k", "TAIL_TAILNET": value})
    file = tmp_path / "auditctl.toml"
    table = f"provider = 'tail'\noutput = 'x'\ntailnet = '{value}'\n"
    file.write_text(f"[sources.one]\n{table}")
    with pytest.raises(
        UsageError, match=r"line 4: sources\.one\.tailnet: This value may not be used"
    ):
        config.read(str(file), lambda _: Tail)


@given(st.text(max_size=8))
def test_a_segment_is_written_in_a_path_as_it_is(text: str) -> None:
    if is_segment(text):
        assert text.isascii()
        assert text not in (".", "..")
        assert not set(text) & set("/\\?#%:;, \t\r\n[]")
