"""Plays cassettes to the command line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import vcr  # type: ignore[import-untyped]
from vcr.serializers import yamlserializer  # type: ignore[import-untyped]

from auditctl import registry
from auditctl.declared import account_keys, variables
from auditctl.http.client import Client
from auditctl.provider import Provider
from tests import program
from tests.account import TOKEN_URL, account

FOLDER = Path(__file__).parent.parent / "cassettes"
MATCHED = ("method", "scheme", "host", "port", "path", "query", "body")


@dataclass(frozen=True)
class Cassette:
    """What a service said once, which words were typed, and how the run must end."""

    path: Path
    arguments: list[str]
    status: int = 0
    says: str = ""
    """All that stands on standard error."""
    environment: Mapping[str, str] = field(default_factory=dict)
    now: str = ""
    """The moment of the run, where it makes a difference."""

    @property
    def provider(self) -> str:
        return self.path.stem.partition("-")[0]

    @property
    def expected(self) -> Path:
        return self.path.with_suffix(".jsonl")


def load(path: Path) -> Any:
    return yamlserializer.deserialize(path.read_text())


def cassette(path: Path) -> Cassette:
    return Cassette(path, **load(path)["metadata"])


def provider_class(name: str) -> type[Provider]:
    provider = registry.load(name, pytest.fail)
    assert provider is not None
    return provider


def play(tape: Cassette, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run the command line with the cassette for a network; every answer in it is asked for."""
    provider = provider_class(tape.provider)
    required = {
        names[0]: "example" for names, default in variables(provider).values() if default is None
    }
    for name in list(os.environ):
        if name.startswith(f"{tape.provider.upper()}_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in {**required, **tape.environment}.items():
        monkeypatch.setenv(name, value)
    if tape.now:
        now = datetime.fromisoformat(tape.now)
        monkeypatch.setattr(Client, "now", lambda _: now)
    for setting in account_keys(provider):
        monkeypatch.setenv(variables(provider)[setting][0][0], account(TOKEN_URL))
    player = vcr.VCR(
        record_mode="none",
        match_on=MATCHED,
        # It is another one each time, and signed with a key that is.
        filter_post_data_parameters=[("assertion", "example")],
    )
    with player.use_cassette(str(tape.path)) as played:
        status = program.run(tape.provider, *tape.arguments, **os.environ)
    assert played.all_played
    return status
