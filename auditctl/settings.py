"""A provider's settings, looked up where the user wrote them: auditctl.toml, variables, files."""

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

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

DOCUMENT = "https://github.com/auditctl/auditctl/blob/main/docs/providers.md"
LARGEST_FILE = 64 * 1024
"""Bytes of a file that holds a setting; a larger file was named by mistake."""
PLACEHOLDER = "no-secret-is-needed-here"
"""The secret of sample data. No sample event may contain it, because secrets are hidden."""

P = TypeVar("P", bound=Provider)

_is_variable = re.compile(r"[A-Z_][A-Z0-9_]*").fullmatch
"""Do not repeat any other name of a variable: it may be a secret pasted by mistake."""


class Place(NamedTuple):
    """Where the user wrote a setting: the value itself, or the path of a file that holds it."""

    name: str
    """The user's name for it, used in messages: ACME_API_KEY_FILE, or api_key_file in TOML."""
    text: str
    is_file: bool = False

    def __repr__(self) -> str:
        """Hide the text, which may be a secret."""
        return f"Place({self.name})"

    def read(self) -> str:
        """Return the value.

        Raises:
            AccessError: it is missing, cannot be read, or cannot be sent in a request.

        """
        what, value = self.name, self.text
        if self.is_file:
            # Do not repeat the path: it may be the secret itself, pasted by mistake.
            what = f"The file that {self.name} names"
            try:
                with open(self.text, "rb") as file:  # noqa: PTH123 - the user's own path
                    content = file.read(LARGEST_FILE + 1)
                value = _trim(content.decode())
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
                message = f"{what} cannot be read: {reason}. Check {self.name}."
                raise AccessError(message) from None
            if len(content) > LARGEST_FILE:
                raise AccessError(f"{what} is too large to be a secret.")
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
        value, file, variable = source_keys(setting)
        place = _place(value, file, of_source)
        if variable in of_source:
            place = _variable(of_source[variable], variable, environ)
        if place is None:
            found = [_place(name, f"{name}_FILE", environ) for name in names]
            place = next(filter(None, found), None)
        if place is not None:
            places[setting] = place
    return places


def source_keys(setting: str) -> tuple[str, str, str]:
    """Return the keys of auditctl.toml for a setting: its value, its file, its variable."""
    return setting, f"{setting}_file", f"{setting}_env"


def _place(name: str, file: str, texts: Mapping[str, str]) -> Place | None:
    value, path = _trim(texts.get(name, "")), texts.get(file)
    if value and path:
        raise AccessError(f"{name} and {file} are both set. Unset one of them.")
    if path:
        return Place(file, path, is_file=True)
    return Place(name, value) if value else None


def _variable(name: str, key: str, environ: Mapping[str, str]) -> Place:
    """Find the variable that a key of auditctl.toml names."""
    is_shown = _is_variable(name)
    value = _trim(environ.get(name, ""))
    if not value:
        named = name if is_shown else "The variable"
        raise AccessError(f"{named}, which {key} names, is not set. Export it.")
    return Place(name if is_shown else key, value)


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
        permission = said_of_logs(provider, "permission")
        demo = "" if provider.sample is None else "; --demo needs no account"
        message = (
            f"{provider.title} needs {wanted}, not set here: {permission}. Export {them}, "
            f"or name a file that holds the value, as in {file}{demo}. See {DOCUMENT}."
        )
        raise AccessError(message)
    values["setting_names"] = {setting: place.name for setting, place in places.items()}
    ready = provider(**values, **options)
    for setting in ("base_url", *origins(provider)):
        checked_base_url(values[setting], ready.names()[setting])
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
    for setting in ("base_url", *origins(provider)):
        if values[setting] == "demo":
            values[setting] = f"https://{provider.name}.example"
    return provider(**values, **options)


def _check_options(provider: type[Provider], options: Mapping[str, Iterable[str]]) -> None:
    for option in own_options(provider):
        if not all(map(is_name, options.get(option.name, ()))):
            flag = option.metadata["flag"]
            message = f"{flag} is empty, or contains characters that no name may have."
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
