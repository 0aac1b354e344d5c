"""A provider's settings, looked up where the user wrote them: auditctl.toml, variables, files."""

import ipaddress
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from auditctl.errors import AccessError, UsageError
from auditctl.provider import Provider, Secret, is_name, own_options, variables

LARGEST_FILE = 64 * 1024
"""Bytes of a file that holds a setting; a larger file was named by mistake."""
PLACEHOLDER = "no-secret-is-needed-here"
"""The secret of sample data. No sample event may contain it, because secrets are hidden."""

P = TypeVar("P", bound=Provider)

_is_variable = re.compile(r"[A-Z_][A-Z0-9_]*").fullmatch
"""Do not repeat any other name of a variable: it may be a secret pasted by mistake."""


@dataclass(frozen=True)
class Place:
    """Where the user wrote a setting: the value itself, or the path of a file that holds it."""

    name: str
    """The user's name for it, used in messages: ACME_API_KEY_FILE, or api_key_file in TOML."""
    text: str = field(repr=False)
    is_file: bool = False

    def read(self) -> str:
        """Return the value.

        Raises:
            AccessError: there is none, it cannot be read, or no request can carry it.

        """
        what, value = self.name, self.text
        if self.is_file:
            # Do not repeat the path: it may be the secret itself, pasted by mistake.
            what = f"The file that {self.name} names"
            try:
                with open(self.text, "rb") as file:  # noqa: PTH123 - the user's own path
                    content = file.read(LARGEST_FILE + 1)
                value = content.decode()
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
                message = f"{what} cannot be read: {reason}. Check {self.name}."
                raise AccessError(message) from None
            if len(content) > LARGEST_FILE:
                raise AccessError(f"{what} is too large to be a secret.")
        value = _trim(value)
        if not value:
            raise AccessError(f"{what} is empty.")
        if not value.isprintable():
            message = (
                f"{self.name} holds a line break or a control character. Check how it was written."
            )
            raise AccessError(message)
        return value


def find(
    provider: type[Provider], environ: Mapping[str, str], of_source: Mapping[str, str]
) -> dict[str, Place]:
    """Find each setting: among the keys of a source of auditctl.toml, else in the environment.

    Raises:
        AccessError: a variable and its ``_FILE`` are both set, or auditctl.toml names a variable
            that is not set.

    """
    places: dict[str, Place] = {}
    for setting, (names, _) in variables(provider).items():
        found = _in_source(setting, of_source, environ) or _in_environment(names, environ)
        places.update((setting, place) for place in found[:1])
    return places


def _in_source(setting: str, keys: Mapping[str, str], environ: Mapping[str, str]) -> list[Place]:
    if setting in keys:
        return [Place(setting, keys[setting])]
    if (key := f"{setting}_file") in keys:
        return [Place(key, keys[key], is_file=True)]
    if (key := f"{setting}_env") not in keys:
        return []
    variable = keys[key]
    shown = variable if _is_variable(variable) else None
    if not _trim(environ.get(variable, "")):
        message = f"{shown or 'The variable'}, which {key} names, is not set. Export it."
        raise AccessError(message)
    return [Place(shown or key, environ[variable])]


def _in_environment(names: Iterable[str], environ: Mapping[str, str]) -> list[Place]:
    found = []
    for name in names:
        file = f"{name}_FILE"
        is_set, path = _trim(environ.get(name, "")), environ.get(file)
        if is_set and path:
            raise AccessError(f"{name} and {file} are both set. Unset one of them.")
        if is_set:
            found.append(Place(name, environ[name]))
        elif path:
            found.append(Place(file, path, is_file=True))
    return found


def load(provider: type[P], places: Mapping[str, Place], **options: Any) -> P:  # noqa: ANN401
    """Make a provider of its settings; ``options`` are its fields that are not settings.

    Raises:
        AccessError: a required setting is missing, or cannot be read.
        UsageError: the base URL, or the value of an option, may not be used.

    """
    _check_options(provider, options)
    values: dict[str, Any] = {}
    missing: list[str] = []
    for setting, (names, default) in variables(provider).items():
        value = places[setting].read() if setting in places else default
        if value is None:
            missing.append(" or ".join(names))
        else:
            values[setting] = Secret(value) if is_secret(provider, setting) else value
    if missing:
        *others, last = missing
        wanted = f"{', '.join(others)} and {last}" if others else last
        them = "them" if others else "it"
        file = f"{last.split(' ')[0]}_FILE"  # secrets are declared last
        message = (
            f"{provider.title} needs {wanted}, not set here: {provider.permission}. Export {them}, "
            f"or name a file that holds the value, as in {file}."
        )
        raise AccessError(message)
    values["setting_names"] = {setting: place.name for setting, place in places.items()}
    ready = provider(**values, **options)
    checked_base_url(ready.base_url, ready.names()["base_url"])
    return ready


def sample(provider: type[P], **options: Any) -> P:  # noqa: ANN401
    """Make a provider for sample data, which needs no settings.

    Raises:
        UsageError: the value of an option may not be used.

    """
    _check_options(provider, options)
    values: dict[str, Any] = {
        setting: Secret(PLACEHOLDER) if is_secret(provider, setting) else default or "demo"
        for setting, (_, default) in variables(provider).items()
    }
    if values["base_url"] == "demo":
        values["base_url"] = f"https://{provider.name}.example"
    return provider(**values, **options)


def _check_options(provider: type[Provider], options: Mapping[str, Iterable[str]]) -> None:
    for option in own_options(provider):
        if not all(map(is_name, options.get(option.name, ()))):
            message = f"{option.metadata['flag']} is empty, or holds what no name can."
            raise UsageError(message)


def is_secret(provider: type[Provider], setting: str) -> bool:
    """Return whether a setting is a `Secret`."""
    return bool(provider.__dataclass_fields__[setting].metadata["secret"])


def may_change(places: Mapping[str, Place]) -> bool:
    """Return whether to read the settings again: there are files, and no pipes."""
    paths = [place.text for place in places.values() if place.is_file]
    return bool(paths) and all(map(os.path.isfile, paths))


def _trim(value: str) -> str:
    """Drop the invisible characters that a shell, an editor or a web page leaves around a value."""
    return value.strip().strip("\ufeff\u200b").strip()


def checked_base_url(base_url: str, named: str) -> str:
    """Accept https, and plain http to this machine itself only.

    Raises:
        UsageError: it is none of them; ``named`` is what the sentence calls it.

    """
    from urllib.parse import urlsplit

    message = f"{named} may not be used: "
    try:
        parts = urlsplit(base_url)
        host = parts.hostname or ""
        host.encode("idna")
        if parts.port == 0 or not base_url.isprintable() or " " in base_url:
            raise UsageError(f"{message}no request can be sent there.")
    except ValueError:  # whose words may hold a part of what should have been a password
        raise UsageError(f"{message}it is no URL.") from None
    if parts.scheme not in ("https", "http") or not host:
        quotes = ", without quotes" if base_url[:1] in ("'", '"') else ""
        raise UsageError(f"{message}write it like https://api.example.com/v1{quotes}.")
    if parts.username is not None or "?" in base_url or "#" in base_url:
        raise UsageError(f"{message}it may hold no user, query or fragment.")
    if parts.scheme == "http" and not is_loopback(host):
        raise UsageError(
            f"{message}plain http would send the credentials in the clear. Use https:// "
            "(http is for 127.0.0.1, ::1 and localhost only)."
        )
    return base_url


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
