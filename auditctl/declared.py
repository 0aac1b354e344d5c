"""The settings and options that a provider declares as its fields."""

from __future__ import annotations

import re
from dataclasses import Field, field, fields
from functools import partial
from typing import Any

_SEGMENT = r"(?!\.{1,2}\Z)[A-Za-z0-9._~@+-]+"  # not compiled: few settings are in a path


def setting(
    default: str | None = None, *, also: tuple[str, ...] = (), in_path: bool = False
) -> Any:  # noqa: ANN401 - a field of any type
    """Declare a field that is read from ``<NAME>_<FIELD>``, else from a variable in ``also``.

    Without a default it is required; with the default "" it may be left out. The value of one that
    is ``in_path`` is checked before it becomes a part of a path or a host.
    """
    return _declared(also, default, in_path=in_path)


def origin(default: str | None = None) -> Any:  # noqa: ANN401
    """Declare a setting that is a URL of another origin, where a token may be asked for."""
    return _declared((), default, origin=True)


def secret(*also: str, optional: bool = False) -> Any:  # noqa: ANN401
    """Declare a `Secret` that is read from ``<NAME>_<FIELD>``, else from a variable in ``also``.

    One that is ``optional`` is None if it is not set.
    """
    return _declared(also, "" if optional else None, secret=True)


def service_account_key() -> Any:  # noqa: ANN401
    """Declare a `Secret` that is the JSON of a service account's key, mostly in a file.

    It may have several lines, and names the origin where tokens are asked for.
    """
    return _declared((), None, secret=True, account_key=True)


def option(flag: str, metavar: str, help: str) -> Any:  # noqa: A002, ANN401 - the CLI's word
    """Declare a field filled by a repeatable option of ``list``: a tuple of texts."""
    return field(default=(), metadata={"flag": flag, "metavar": metavar, "help": help})


def _declared(also: tuple[str, ...], default: str | None, **kind: bool) -> Any:  # noqa: ANN401
    return field(metadata={"variables": also, "default": default, **kind})


def variables(provider: type[Any]) -> dict[str, tuple[tuple[str, ...], str | None]]:
    """Return what a provider reads: field -> (the variables that may hold it, its default)."""
    return {
        field.name: (
            (f"{provider.name}_{field.name}".upper(), *field.metadata["variables"]),
            field.metadata["default"],
        )
        for field in fields(provider)
        if "variables" in field.metadata
    }


def _of_kind(kind: str, provider: type[Any]) -> list[str]:
    return [field.name for field in fields(provider) if field.metadata.get(kind)]


origins = partial(_of_kind, "origin")
"""Return the settings of a provider that are URLs of other origins."""
secrets = partial(_of_kind, "secret")
"""Return the settings that are a `Secret`."""
account_keys = partial(_of_kind, "account_key")
"""Return the settings that are the key of a service account."""
in_paths = partial(_of_kind, "in_path")
"""Return the settings that become a part of a path or a host."""


def urls(provider: type[Any]) -> list[str]:
    """Return the settings that are URLs: of the service itself, and of other origins."""
    return ["base_url", *origins(provider)]


def required(provider: type[Any]) -> dict[str, str]:
    """Return what must be set: field -> its variable, or several of which one will do."""
    read = variables(provider).items()
    return {field: " or ".join(names) for field, (names, default) in read if default is None}


def needed(provider: type[Any]) -> list[str]:
    """Return in words what must be set, with the alternatives of which one must be."""
    names = {field: " or ".join(names) for field, (names, _) in variables(provider).items()}
    groups = [" with ".join(names[field] for field in group) for group in provider.one_of]
    return [*required(provider).values(), *([" or ".join(groups)] if groups else [])]


def own_options(provider: type[Any]) -> list[Field[Any]]:
    """Return the fields of a provider that are options of its own."""
    return [field for field in fields(provider) if "flag" in field.metadata]


def is_segment(value: str) -> bool:
    """Return whether a value is one segment of a path, or a part of a host, as it is written."""
    return re.fullmatch(_SEGMENT, value) is not None


def is_name(value: str) -> bool:
    """Return whether a value may be put into a path: it is not empty, and leads nowhere else."""
    return value.strip(".") != "" and value.isprintable()
