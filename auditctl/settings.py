"""A provider's settings out of variables and the files they name."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from auditctl.errors import AccessError, UsageError
from auditctl.http.origin import checked_base_url
from auditctl.provider import (
    Provider,
    Secret,
    is_name,
    origins,
    own_options,
    said_of_logs,
    variables,
)

LARGEST_FILE = 64 * 1024
"""A secret is smaller; a file that is not was named by mistake."""
PLACEHOLDER = "no-secret-is-needed-here"
"""Stands nowhere in the sample data, since secrets are hidden wherever they are said back."""

P = TypeVar("P", bound=Provider)


def load(provider: type[P], environ: Mapping[str, str], **options: Any) -> P:  # noqa: ANN401
    """Make a provider out of the environment; ``options`` are its fields that are no settings.

    Raises:
        AccessError: a required setting is missing, named twice, or its file cannot be read.
        UsageError: the base URL, or the value of an option, may not be used.

    """
    _check_options(provider, options)
    values: dict[str, Any] = {}
    missing: list[str] = []
    for name, (names, default) in variables(provider).items():
        for variable in names:
            _not_both(variable, environ)
        value = next((v for v in (_value(n, environ) for n in names) if v is not None), default)
        if value is None:
            missing.append(" or ".join(names))
        elif is_secret(provider, name):
            values[name] = Secret(value)
        else:
            values[name] = value
    if missing:
        *others, last = missing
        wanted = f"{', '.join(others)} and {last}" if others else last
        them = "them" if others else "it"
        file = f"{missing[-1].split(' ')[0]}_FILE"  # secrets are declared last
        permission = said_of_logs(provider, "permission")
        message = (
            f"{provider.title} needs {wanted}, not set here: {permission}. Export {them}, "
            f"or name a file that holds the value, as in {file}."
        )
        raise AccessError(message)
    for field in ("base_url", *origins(provider)):
        values[field] = checked_base_url(values[field], f"{provider.name}_{field}".upper())
    return provider(**values, **options)


def sample(provider: type[P], **options: Any) -> P:  # noqa: ANN401
    """Make a provider that needs no settings, for sample data.

    Raises:
        UsageError: the value of an option may not be used.

    """
    _check_options(provider, options)
    values: dict[str, Any] = {
        name: Secret(PLACEHOLDER) if is_secret(provider, name) else default or "demo"
        for name, (_, default) in variables(provider).items()
    }
    for field in ("base_url", *origins(provider)):
        if values[field] == "demo":
            values[field] = f"https://{provider.name}.example"
    return provider(**values, **options)


def _check_options(provider: type[Provider], options: Mapping[str, Sequence[str]]) -> None:
    for option in own_options(provider):
        if not all(map(is_name, options.get(option.name, ()))):
            message = f"{option.metadata['flag']} is empty, or holds what no name can."
            raise UsageError(message)


def is_secret(provider: type[Provider], field: str) -> bool:
    """Return whether a setting is a `Secret`."""
    return next(bool(f.metadata["secret"]) for f in dataclasses.fields(provider) if f.name == field)


def may_change(provider: type[Provider], environ: Mapping[str, str]) -> bool:
    """Return whether reading the settings again may give others: there are files, and no pipes."""
    named = (names for names, _ in variables(provider).values())
    paths = [path for names in named for name in names if (path := environ.get(f"{name}_FILE"))]
    return bool(paths) and all(os.path.isfile(path) for path in paths)  # noqa: PTH113


def _not_both(name: str, environ: Mapping[str, str]) -> None:
    if _trimmed(environ.get(name, "")) and environ.get(f"{name}_FILE"):
        message = f"{name} and {name}_FILE are both set. Unset one of them."
        raise AccessError(message)


def _value(name: str, environ: Mapping[str, str]) -> str | None:
    """Read a variable, or the file that its ``_FILE`` names; empty is as good as not set."""
    value = _trimmed(environ.get(name, "")) or None
    path = environ.get(f"{name}_FILE") or None
    if path is None:
        source = name
    else:
        source = f"{name}_FILE"
        value = _read(source, path)
    if value is not None and not value.isprintable():
        message = f"{source} holds a line break or a control character. Check how it was written."
        raise AccessError(message)
    return value


def _trimmed(value: str) -> str:
    """Drop what a shell, an editor or a web page leaves around a value: blanks that nobody sees."""
    return value.strip().strip("\ufeff\u200b").strip()


def _read(source: str, path: str) -> str:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - the user's own path, as it stands
            content = file.read(LARGEST_FILE + 1)
        value = _trimmed(content.decode())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        # Without the name: it may be the secret itself, put in the wrong place.
        message = f"The file that {source} names cannot be read: {reason}. Check {source}."
        raise AccessError(message) from None
    if not value or len(content) > LARGEST_FILE:
        what = "is too large to be a secret" if value else "is empty"
        message = f"The file that {source} names {what}."
        raise AccessError(message)
    return value
