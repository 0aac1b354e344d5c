"""The options of each command, as typed and as the one value that they become."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest
import typer

from auditctl import registry
from auditctl.cli.app import app
from auditctl.config.tables import Defaults
from auditctl.options import (
    CheckSourcesOptions,
    FetchOptions,
    GetOptions,
    InitOptions,
    ListOptions,
    ListSourcesOptions,
    LogOptions,
    ReadOptions,
    ReportOptions,
)
from auditctl.sync.options import (
    ConfigurationOptions,
    StatusOptions,
    SyncOptions,
    SyncSourcesOptions,
    VerifyOptions,
)

BECOME: dict[tuple[str, ...], type[LogOptions]] = {
    ("persona", "list"): ListOptions,
    ("persona", "get"): GetOptions,
    ("persona", "sync"): SyncOptions,
    ("persona", "check"): FetchOptions,
    ("init",): InitOptions,
    ("sync",): SyncSourcesOptions,
    ("list",): ListSourcesOptions,
    ("check",): CheckSourcesOptions,
    ("verify",): VerifyOptions,
    ("status",): StatusOptions,
    ("read",): ReadOptions,
    ("sources",): ConfigurationOptions,
    ("providers",): ReportOptions,
    ("schema",): LogOptions,
}
SHORTER_PATIENCE = {"retry_for": "30s"}
"""Somebody waits for `check`, and has perhaps only mistyped the address."""


def made(words: tuple[str, ...]) -> Any:
    command: Any = typer.main.get_command(app)
    for word in words:
        context = command.make_context("auditctl", [], resilient_parsing=True)
        _, command, _ = command.resolve_command(context, [word])
    return command


@pytest.mark.parametrize(("words", "of"), BECOME.items(), ids=str)
def test_what_is_not_typed_is_what_the_value_has(
    words: tuple[str, ...], of: type[LogOptions]
) -> None:
    there = {name: getattr(of, name) for name in get_type_hints(of) if hasattr(of, name)}
    typed = {one.name: one for one in made(words).params if one.expose_value}
    expected = there | (SHORTER_PATIENCE if words[-1] == "check" else {})
    for name, parameter in typed.items():
        if parameter.required:
            assert name in of.__annotations__
            assert name not in expected
        else:
            default = parameter.default
            assert (tuple(default) if type(default) is list else default) == expected[name], name


def test_every_command_is_compared() -> None:
    group = made(())
    context = group.make_context("auditctl", [], resilient_parsing=True)
    ours = {(name,) for name in group.list_commands(context) if name not in registry.installed()}
    of_a_provider = {("persona", name) for name in made(("persona",)).list_commands(context)}
    assert ours | of_a_provider == set(BECOME)


def test_the_configuration_has_the_bounds_of_the_command_line() -> None:
    keys = Defaults.model_json_schema()["properties"]
    options = {one.name: one for one in made(("persona", "sync")).params}
    bounded = {name for name, key in keys.items() if "minimum" in key}
    assert bounded == {name for name in keys if hasattr(options[name].type, "min")}
    for name in bounded:
        kind = options[name].type
        assert (keys[name]["minimum"], keys[name]["maximum"]) == (kind.min, kind.max)
    assert keys["format"]["enum"] == [*options["format"].type.choices]
