"""A provider's settings, looked up where the user wrote them: auditctl.toml, variables, files."""

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from auditctl.declared import (
    account_keys,
    in_paths,
    is_name,
    is_segment,
    needed,
    own_options,
    required,
    secrets,
    urls,
    variables,
)
from auditctl.errors import AccessError, UsageError
from auditctl.http.origin import checked_base_url
from auditctl.phrases import with_and
from auditctl.provider import Bearer, Provider, Secret, fact_of_logs

DOCUMENT = "https://github.com/auditctl/auditctl/blob/main/docs/providers.md"
LARGEST_FILE = 64 * 1024
"""Bytes of a file that holds a setting; a larger file was named by mistake."""
PLACEHOLDER = "no-secret-is-needed-here"
"""The secret of sample data. No sample event may contain it, because secrets are hidden."""

P = TypeVar("P", bound=Provider)

_VARIABLE = r"[A-Z_][A-Z0-9_]*"  # not compiled: few runs read auditctl.toml
"""Do not repeat any other name of a variable: it may be a secret pasted by mistake."""


class Given(NamedTuple):
    """A setting as the user gave it: the value itself, or the path of a file that holds it."""

    name: str
    """The user's name for it, used in messages: ACME_API_KEY_FILE, or api_key_file in TOML."""
    text: str
    is_file: bool = False

    def __repr__(self) -> str:
        """Hide the text, which may be a secret."""
        return f"Given({self.name})"

    def read(self, *, lines: bool = False) -> str:
        """Return the value, which may have several ``lines`` or not.

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
                raise AccessError(f"{what} cannot be read: {reason}. Check {self.name}.") from None
            if len(content) > LARGEST_FILE:
                raise AccessError(f"{what} is too large to be a secret.")
        if not value:
            raise AccessError(f"{what} is empty.")
        if not lines and not value.isprintable():
            raise AccessError(
                f"{self.name} holds a line break or a control character. Check how it was written."
            )
        return value


def find(
    provider: type[Provider], environ: Mapping[str, str], of_source: Mapping[str, str]
) -> dict[str, Given]:
    """Find each setting: among the keys of a source of auditctl.toml, else in the environment.

    Raises:
        AccessError: a variable and its ``_FILE`` are both set, or auditctl.toml names a variable
            that is not set.

    """
    places: dict[str, Given] = {}
    groups = provider.one_of
    written = {name for name in variables(provider) if any(map(of_source.get, source_keys(name)))}
    chosen = [group for group in groups if written & set(group)]
    passed_over = {name for group in groups if chosen and group not in chosen for name in group}
    for setting, (names, _) in variables(provider).items():
        if setting in passed_over:  # whatever the environment holds for another account
            continue
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


def _place(name: str, file: str, texts: Mapping[str, str]) -> Given | None:
    value, path = _trim(texts.get(name, "")), texts.get(file)
    if value and path:
        raise AccessError(f"{name} and {file} are both set. Unset one of them.")
    if path:
        return Given(file, path, is_file=True)
    return Given(name, value) if value else None


def _variable(name: str, key: str, environ: Mapping[str, str]) -> Given:
    """Find the variable that a key of auditctl.toml names."""
    is_shown = re.fullmatch(_VARIABLE, name)
    value = _trim(environ.get(name, ""))
    if not value:
        named = name if is_shown else "The variable"
        raise AccessError(f"{named}, which {key} names, is not set. Export it.")
    return Given(name if is_shown else key, value)


def load(provider: type[P], places: Mapping[str, Given], **options: Any) -> P:  # noqa: ANN401
    """Make a provider of its settings; ``options`` are its fields that are not settings.

    Raises:
        AccessError: a required setting is missing, or cannot be read.
        UsageError: a URL, the name of an account, or the value of an option may not be used.

    """
    _check_options(provider, options)
    missing = _missing_of_one(provider, places)
    missing += [names for field, names in required(provider).items() if field not in places]
    hidden, keys = secrets(provider), account_keys(provider)
    values: dict[str, Any] = {}
    for setting, (_, default) in variables(provider).items():
        place = places.get(setting)
        value = default if place is None else place.read(lines=setting in keys)
        is_hidden = setting in hidden
        values[setting] = (Secret(value) if value else None) if is_hidden else value
    if missing:
        them = "it" if len(missing) == 1 else "them"
        file = f"{missing[-1].split(' ')[0]}_FILE"  # secrets are declared last
        permission = fact_of_logs(provider, "permission")
        demo = "" if provider.sample is None else "; --demo needs no account"
        raise AccessError(
            f"{provider.title} needs {with_and(missing)}, not set here: {permission}. Export "
            f"{them}, or name a file that holds the value, as in {file}{demo}. See {DOCUMENT}."
        )
    values["setting_names"] = {setting: place.name for setting, place in places.items()}
    ready = provider(**values, **options)
    names = ready.names()
    for setting in variables(provider):
        if values[setting]:
            check_value(provider, setting, values[setting], names[setting])
    return ready


def _missing_of_one(provider: type[Provider], places: Mapping[str, Given]) -> list[str]:
    """Return the variables to set of the groups of which one must be: see `Provider.one_of`.

    Raises:
        AccessError: two groups are set where there must be one.

    """
    groups = provider.one_of
    whole = [group for group in groups if places.keys() >= set(group)]
    if whole and not (provider.only_one and len(whole) > 1):
        return []
    if whole:
        names = " and ".join(places[setting].name for group in whole for setting in group)
        raise AccessError(f"{names} are both set. Unset one of them.")
    read = variables(provider)
    for group in groups:
        lacking = [setting for setting in group if setting not in places]
        if len(lacking) < len(group):
            return [" or ".join(read[setting][0]) for setting in lacking]
    return needed(provider)[-1:] if groups else []


def check_value(
    provider: type[Provider], setting: str, value: str, named: str | None = None
) -> None:
    """Check a value that becomes an address or a part of one; messages call it ``named``.

    Raises:
        UsageError: it would lead elsewhere.

    """
    if setting in urls(provider):
        checked_base_url(value, named or "This address")
    elif setting in in_paths(provider) and not is_segment(value):
        raise UsageError(
            f"{named or 'This value'} may not be used: it becomes a part of an address, and holds "
            "more than letters, digits and . _ ~ @ + - . Write the name or id alone, not a URL."
        )


def sample(provider: type[P], **options: Any) -> P:  # noqa: ANN401
    """Make a provider for sample data, which needs no settings."""
    _check_options(provider, options)
    hidden = secrets(provider)
    values: dict[str, Any] = {
        setting: Secret(PLACEHOLDER) if setting in hidden else default or "demo"
        for setting, (_, default) in variables(provider).items()
    }
    for setting in urls(provider):
        if values[setting] == "demo":
            values[setting] = f"https://{provider.name}.example"
    ready = provider(**values, **options)
    # No placeholder could sign, and nobody gives a token for one.
    object.__setattr__(ready, "auth", lambda: Bearer(Secret(PLACEHOLDER)))
    return ready


def _check_options(provider: type[Provider], options: Mapping[str, Iterable[str]]) -> None:
    for option in own_options(provider):
        if not all(map(is_name, options.get(option.name, ()))):
            flag = option.metadata["flag"]
            raise UsageError(f"{flag} is empty, or contains characters that no name may have.")


def may_change(places: Mapping[str, Given]) -> bool:
    """Return whether to read the settings again: there are files, and no pipes."""
    paths = [place.text for place in places.values() if place.is_file]
    return bool(paths) and all(map(os.path.isfile, paths))


def _trim(value: str) -> str:
    """Drop the invisible characters that a shell, an editor or a web page leaves around a value."""
    return value.strip().strip("\ufeff\u200b").strip()
