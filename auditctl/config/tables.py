"""The tables of auditctl.toml as pydantic models, and messages about their mistakes."""

import os
from collections.abc import Callable
from dataclasses import Field
from datetime import UTC, date, datetime
from functools import cache, partial
from typing import Annotated, Any, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    PlainValidator,
    ValidationInfo,
    create_model,
)
from pydantic import Field as Limits
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from auditctl import registry
from auditctl.declared import in_paths, own_options, secrets, urls, variables
from auditctl.errors import UsageError
from auditctl.formats import OcsfVersion, SchemaName, SyncFormatName
from auditctl.options import is_url, parse_account
from auditctl.phrases import known_names
from auditctl.provider import Provider, checked_log
from auditctl.records import redact
from auditctl.records.fields import parse_fields, parse_test
from auditctl.settings import check_value, source_keys
from auditctl.window import parse_duration, parse_time

Load = Callable[[str], type[Provider] | None]
"""Returns the provider with a name, if there is one that works."""
FileContext = tuple[str, Load]
"""The context of validation: the configuration's folder, and the providers."""
Toml = Any
"""A value that tomllib returns."""
Key = tuple[str | int, ...]
"""The path to a value: the names of the tables around it, and its own."""


def _check(parse: Callable[[str], object]) -> AfterValidator:
    def check(text: str) -> str:
        try:
            parse(text)
        except UsageError as error:
            raise ValueError(str(error)) from None
        return text

    return AfterValidator(check)


def _parse_past(text: str) -> None:
    now = datetime.now(UTC)
    if parse_time(text, now) > now:
        raise UsageError(f"{text} is in the future: nothing has happened yet.")


def _as_typed(value: Toml) -> Toml:
    """Write a date or a number of TOML as it would be typed."""
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if type(value) is int else value


def _parse_test(text: str) -> None:
    parse_test(text, values={"provider": registry.installed()})


def _resolve(written: str, info: ValidationInfo) -> str:
    """Return a path that is relative to the configuration's folder, or absolute."""
    folder, _ = cast("FileContext", info.context)
    expanded = os.path.expanduser(written)  # noqa: PTH111
    if expanded.split("/")[0] == "~":
        raise ValueError(f"{written} is in the home folder, but there is none")
    return os.path.join(folder, expanded)  # noqa: PTH118


def _resolve_output(written: str, info: ValidationInfo) -> str:
    """Return an output as `_resolve` does; the URL of a table stays as it is."""
    return written if is_url(written) else _resolve(written, info)


def _only(setting: str, text: str, info: ValidationInfo) -> str:
    """Refuse a second way to write one setting."""
    for other in source_keys(setting):
        if info.data.get(other):
            raise ValueError(f"There is {other} already; write one of them")
    return text


_Text = Annotated[str, Limits(pattern=r"\S")]
_Path = Annotated[_Text, AfterValidator(_resolve)]
_Output = Annotated[_Text, AfterValidator(_resolve_output)]
_Duration = Annotated[str, _check(parse_duration)]
_Time = Annotated[str, BeforeValidator(_as_typed), _check(_parse_past)]
_Fields = Annotated[
    str,
    BeforeValidator(lambda value: ",".join(map(str, value)) if isinstance(value, list) else value),
    _check(parse_fields),
]


def _key(example: str, alias: str | None = None) -> Any:  # noqa: ANN401 - of any type
    """Declare a key that may be left out; messages show the example."""
    return Limits(None, description=example, alias=alias)


class Defaults(BaseModel, extra="forbid", strict=True, hide_input_in_errors=True):
    """The keys that every source may have, and ``[defaults]`` too."""

    output: _Output = _key('"audit/{date}.jsonl"')
    format: SyncFormatName = _key('"jsonl", "csv" or "delta"')
    # pydantic has a method of that name.
    schema_: SchemaName = _key('"record", "ocsf" or "ecs"', alias="schema")
    ocsf_version: OcsfVersion = _key('"1.3.0" or "1.8.0"')
    since: _Time = _key('"30d" or 2026-01-31')
    overlap: _Duration = _key('"1h"')
    fields: _Fields = _key('["time", "actor"]')
    where: list[Annotated[str, _check(_parse_test)]] = _key('["outcome=failure"]')
    redact: bool = _key("true or false, without quotes")
    csv_guard: bool = _key("true or false, without quotes")
    concurrency: Annotated[int, Limits(ge=1, le=64)] = _key("4, a whole number from 1 to 64")
    retry_for: _Duration = _key('"5m"')
    account: Annotated[str, _check(parse_account)] = _key('"acme-prod"')
    demo: bool = _key("true or false, without quotes")
    external_rotation: bool = _key("true or false, without quotes")


def keys_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the keys of a table as they are written."""
    return {one.alias or name: one for name, one in model.model_fields.items()}


@cache
def _model(provider: type[Provider]) -> type[Defaults]:
    """Return the model of a source: with the provider's own options and settings."""
    keys: dict[str, Any] = {}
    for option in own_options(provider):
        name = option.metadata["metavar"].split("|")[0]
        keys[key_of(option)] = (list[str], _key(f'["{name}"]'))
    if len(provider.logs) > 1:
        name = Annotated[str, _check(partial(checked_log, provider))]
        keys["log"] = (name, _key(f'"{next(iter(provider.logs))}"'))
    for setting in variables(provider):
        once = AfterValidator(partial(_only, setting))
        value, file, variable = source_keys(setting)
        if setting not in secrets(provider):
            is_address, is_segment = setting in urls(provider), setting in in_paths(provider)
            example = "https://api.example.com/v1" if is_address else "acme" if is_segment else "…"
            check = _check(partial(check_value, provider, setting))
            keys[value] = (Annotated[_Text, check, once], _key(f'"{example}"'))
        keys[file] = (Annotated[_Path, once], _key('"/run/secrets/…"'))
        example = f'"{provider.name}_{setting}"'.upper()
        keys[variable] = (Annotated[_Text, once], _key(example))
    return create_model(provider.name, __base__=Defaults, **keys)


def key_of(option: Field[Any]) -> str:
    """Return the key of a provider's own option."""
    return str(option.metadata["flag"]).removeprefix("--").replace("-", "_")


def _load(name: str, info: ValidationInfo) -> type[Provider]:
    _, load = cast("FileContext", info.context)
    provider = load(name)
    if provider is None:
        raise ValueError(
            f"There is no provider {name!r}. {known_names(name, registry.installed())}"
        )
    return provider


class _Named(BaseModel):
    """The key that decides which others a source may have."""

    provider: Annotated[str, AfterValidator(_load)] = Limits(
        description='"NAME", as `auditctl providers` shows it'
    )


def _table(table: Toml, info: ValidationInfo) -> tuple[type[Provider], Defaults]:
    named: Any = _Named.model_validate(table, context=info.context)
    provider = named.provider
    keys = {key: value for key, value in table.items() if key != "provider"}
    found = _model(provider).model_validate(keys, context=info.context)
    return provider, found


def is_source_name(name: str) -> bool:
    """Return whether a source may have this name."""
    return name.replace("-", "").replace("_", "").replace(".", "").isalnum()


def check_source_name(name: str) -> None:
    """Check that a source may have this name."""
    if not is_source_name(name):
        raise UsageError("A source's name has letters, digits, '-', '_' and '.' only.")


class Config(BaseModel, extra="forbid", hide_input_in_errors=True):
    """The whole file."""

    defaults: Defaults = Defaults()
    sources: dict[
        Annotated[str, _check(check_source_name)],
        Annotated[tuple[type[Provider], Defaults], PlainValidator(_table)],
    ] = Limits(min_length=1)


def describe(error: ErrorDetails, tree: Toml, load: Load) -> tuple[Key, str]:
    """Return the key of a mistake, and a message; pydantic's own are for programmers."""
    key = tuple(part for part in error["loc"] if part != "[key]")
    if error["type"] == "value_error":
        return key, str(error["ctx"]["error"])
    provider: type[Provider] | None = None
    model: type[BaseModel] = Config
    match key:
        case ("defaults", _, *_):
            model = Defaults
        case ("sources", _, "provider"):
            model = _Named
        case ("sources", name, _, *_):
            provider = load(tree["sources"][name]["provider"])
            model = _model(provider) if provider else Defaults
    last = next(part for part in reversed(key) if isinstance(part, str))
    if error["type"] == "extra_forbidden":
        return key, _unknown(last, model, provider)
    if model is Config:
        table = "[defaults]" if last == "defaults" else "[sources.NAME] for each source"
        return key, f"Write a table {table}, in single brackets"
    return key, f"Write it like {last} = {keys_of(model)[last].description}"


def _unknown(key: str, model: type[BaseModel], provider: type[Provider] | None) -> str:
    settings = variables(provider) if provider else {}
    if key in settings or (redact.is_secret(key) and not key.endswith(("_file", "_env"))):
        own = secrets(provider) if provider else []
        name = key if key in settings else (own or ["api_key"])[0]
        return (
            f"Do not write a secret here. Write {name}_file in the source, with the path of a file "
            f"that holds it, or {name}_env, with the name of a variable"
        )
    if model is Config:
        return "There are only [defaults] and [sources.NAME]"
    known = [*(_Named.model_fields if provider else ()), *keys_of(model)]
    return f"There is no such key. {known_names(key, known)}"
