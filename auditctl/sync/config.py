"""auditctl.toml: many sources, each with a provider, its settings and a destination.

Secrets are named in it, not written: ``api_key_file`` is a file that holds the key, and
``api_key_env`` a variable that does.
"""

import os
import re
import tomllib
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from typing import Annotated, Any, NoReturn

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic import Field as Limits
from pydantic import create_model as model

from auditctl import redact, registry
from auditctl.context import Context
from auditctl.errors import AccessError, UsageError
from auditctl.fields import parse_fields, parse_test
from auditctl.formats import FileFormatName
from auditctl.http.origin import checked_base_url
from auditctl.parameters import STDOUT, parse_account
from auditctl.paths import Template, parse_template
from auditctl.provider import Provider, checked_log, own_options, variables
from auditctl.settings import is_secret
from auditctl.sync.options import SyncOptions
from auditctl.window import parse_duration, parse_time

VARIABLE = "AUDITCTL_CONFIG"
NAME = "auditctl.toml"
LARGEST_FILE = 16 * 1024 * 1024
"""A device such as /dev/zero would be read for ever."""

_is_variable = re.compile(r"[A-Z_][A-Z0-9_]*").fullmatch
"""What is written in another way is not repeated: it may be the secret itself, put in the wrong
place."""

Load = Callable[[str], type[Provider] | None]
"""Gives a provider by its name, if there is one that works."""
Key = tuple[str, ...]
"""Where a value stands: the names of the tables around it, and its own."""


@dataclass(frozen=True)
class Source:
    """One account's log, and where it goes."""

    name: str
    provider: type[Provider]
    options: SyncOptions
    settings: Mapping[str, str]
    """The provider's settings as the file has them: ``api_key_file`` and the like."""

    @property
    def template(self) -> Template:
        """Where it goes.

        Raises:
            UsageError: nothing can be written there.

        """
        return parse_template(self.options.output, provider=self.provider.name, source=self.name)

    def environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Give the variables that its settings are read from.

        What the file says of a setting goes before what the environment does.

        Raises:
            AccessError: a variable that the file names is not set.

        """
        seen = dict(environ)
        for field, (names, _) in variables(self.provider).items():
            ways = [way for way in (field, f"{field}_file", f"{field}_env") if way in self.settings]
            if not ways:
                continue
            for name in names:
                seen.pop(name, None)
                seen.pop(f"{name}_FILE", None)
            value = self.settings[ways[0]]
            if ways[0].endswith("_env"):
                if not environ.get(value):
                    named = value if _is_variable(value) else "The variable"
                    raise AccessError(
                        f"{named}, which {ways[0]} of the source {self.name} names, is not set. "
                        "Export it."
                    )
                value = environ[value]
            seen[f"{names[0]}_FILE" if ways[0].endswith("_file") else names[0]] = value
        return seen

    def named(self, said: str) -> str:
        """Put what the file says in the place of the variables that a sentence names."""
        for field, (names, _) in variables(self.provider).items():
            for way in (f"{field}_file", f"{field}_env", field):
                if way in self.settings:
                    value = self.settings[way]
                    name = value if way.endswith("_env") and _is_variable(value) else way
                    said = said.replace(f"{names[0]}_FILE", name).replace(names[0], name)
        return said


def _checked(parse: Callable[[str], object]) -> AfterValidator:
    def check(text: str) -> str:
        try:
            parse(text)
        except UsageError as error:
            raise ValueError(str(error)) from None
        return text

    return AfterValidator(check)


def _parse_past(text: str) -> object:
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    if parse_time(text, now) > now:
        message = f"{text} is in the future: nothing has happened yet"
        raise UsageError(message)
    return text


def _as_text(value: object) -> object:
    """Give TOML's own dates as the text that the option would have."""
    return value.isoformat() if isinstance(value, date) else value


def _joined(value: object) -> object:
    return ",".join(map(str, value)) if isinstance(value, list) else value


_Duration = Annotated[str, _checked(parse_duration)]
_Time = Annotated[str, BeforeValidator(_as_text), _checked(_parse_past)]
_Test = Annotated[str, _checked(parse_test)]
_Fields = Annotated[str, BeforeValidator(_joined), _checked(parse_fields)]
_Url = Annotated[str, _checked(lambda text: checked_base_url(text, "This address"))]
_Path = Annotated[str, Limits(min_length=1)]
_Account = Annotated[str, _checked(parse_account)]


class _Defaults(BaseModel):
    """What every source may have, and ``[defaults]`` too."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    output: _Path | None = None
    format: FileFormatName | None = None
    since: _Time | None = None
    overlap: _Duration | None = None
    fields: _Fields | None = None
    where: list[_Test] | None = None
    redact: bool | None = None
    csv_guard: bool | None = None
    concurrency: Annotated[int, Limits(ge=1, le=64)] | None = None
    retry_for: _Duration | None = None
    account: _Account | None = None
    demo: bool | None = None
    external_rotation: bool | None = None


def sources(named: str | None, context: Context) -> dict[str, Source]:
    """Read the sources of the configuration that is named, or found."""
    return read(
        find(named, context.environ), partial(registry.load, complain=context.console.warning)
    )


def find(named: str | None, environ: Mapping[str, str]) -> str:
    """Find the configuration.

    Raises:
        UsageError: there is none.

    """
    if named or environ.get(VARIABLE):
        return named or environ[VARIABLE]
    if os.path.exists(NAME):  # noqa: PTH110
        return NAME
    missing = f"./{NAME} is not there"
    import platformdirs

    # A container's user often has no home folder, and no entry in passwd that could name one.
    with suppress(RuntimeError):
        own = os.path.join(platformdirs.user_config_dir("auditctl"), NAME)  # noqa: PTH118
        if os.path.exists(own):  # noqa: PTH110
            return own
        missing = f"neither ./{NAME} nor {own} is there"
    raise UsageError(
        f"There is no configuration: neither --config nor {VARIABLE} names one, and {missing}. "
        "Write one, or name a single destination by its PATH."
    )


def read(path: str, load: Load) -> dict[str, Source]:
    """Read all sources of a configuration, checked whole.

    Paths in it are relative to the file's folder, wherever the command is run.

    Raises:
        UsageError: it cannot be read, or has a mistake, whose line is said.

    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise ValueError("it is too large to be one")  # noqa: TRY301 - as unreadable as others
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
        tree = tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:  # a number or a nesting too large too
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"The configuration {path} cannot be read: {reason}.") from None
    return _Reader(path, text, tree, load).sources()


class _Reader:
    """One configuration while it is read."""

    def __init__(self, path: str, text: str, tree: dict[str, Any], load: Load) -> None:
        self._path = path
        self._text = text
        self._tree = tree
        self._load = load
        self._mistakes: list[tuple[Key, str]] = []

    def sources(self) -> dict[str, Source]:
        for key in self._tree:
            if key not in ("defaults", "sources"):
                self._note((key,), _secret(key) or "There are only [defaults] and [sources.NAME]")
        defaults = self._valid(_Defaults, ("defaults",), self._tree.get("defaults", {}))
        tables = self._tree.get("sources", {})
        if not isinstance(tables, dict) or not tables:
            self._note(("sources",), "There must be a table [sources.NAME] for each source")
            tables = {}
        found = {name: self._source(name, table, defaults) for name, table in tables.items()}
        if self._mistakes:
            self._fail()
        sources = {name: source for name, source in found.items() if source is not None}
        self._compare(sources)
        return sources

    def _source(self, name: str, table: Any, defaults: dict[str, Any]) -> Source | None:  # noqa: ANN401
        path = ("sources", name)
        if isinstance(table, list):
            self._note(path, "This must be one table, in single brackets")
            return None
        if not isinstance(table, dict) or not isinstance(table.get("provider"), str):
            self._note((*path, "provider"), "A source needs a provider: its subcommand's name")
            return None
        if not name or not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
            self._note(path, "A source's name has letters, digits, '-', '_' and '.' only")
            return None
        provider = self._load(table["provider"])
        if provider is None:
            self._note((*path, "provider"), f"There is no provider {table['provider']!r}")
            return None
        given = {key: value for key, value in table.items() if key != "provider"}
        values = self._valid(_model(provider), path, given, provider)
        words = defaults | {k: v for k, v in values.items() if k in _Defaults.model_fields}
        if "output" not in words:
            if self._holder(name, "output") is None:  # else it has a mistake, which is noted
                self._note(path, "A source needs an output: the PATH of its destination")
            return None
        if words["output"] != STDOUT:  # which is refused as it is where it is typed
            words["output"] = self._path_of(words["output"])
        for field in variables(provider):
            ways = [key for key in (field, f"{field}_file", f"{field}_env") if key in values]
            if len(ways) > 1:
                self._note((*path, ways[1]), f"There is {ways[0]} already; write one of them")
        settings = {
            key: self._path_of(value) if key.endswith("_file") else value
            for key, value in values.items()
            if key in _settings(provider)
        }
        own = {f.name: tuple(values.get(_flag(f), ())) for f in own_options(provider)}
        own |= {"log_name": values["log"]} if "log" in values else {}
        return Source(name, provider, SyncOptions(**words, own=own), settings)

    def _path_of(self, written: str) -> str:
        """Return a path that is written in the file: from the file's folder, if it is relative.

        Raises:
            UsageError: it is in the home folder, and there is none.

        """
        folder = os.path.dirname(self._path)  # noqa: PTH120
        expanded = os.path.expanduser(written)  # noqa: PTH111
        if expanded.split("/")[0] == "~":
            raise UsageError(f"{self._path}: {written} is in the home folder, but there is none.")
        return os.path.join(folder, expanded)  # noqa: PTH118

    def _holder(self, name: str, key: str) -> Key | None:
        """Give the table that decides a key of a source."""
        for table in (("sources", name), ("defaults",)):
            if _is_there(self._tree, (*table, key)):
                return table
        return None

    def _valid(
        self,
        of: type[BaseModel],
        path: Key,
        value: Any,  # noqa: ANN401
        provider: type[Provider] | None = None,
    ) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._note(path, "This must be a table")
            return {}
        try:
            return of.model_validate(value).model_dump(exclude_none=True)
        except ValidationError as error:
            for mistake in error.errors(include_url=False, include_input=False):
                said = mistake["msg"].removeprefix("Value error, ").rstrip(".")
                where = [str(part) for part in mistake["loc"]]
                if mistake["type"] == "extra_forbidden":
                    said = _unknown(where[0], of, provider)
                self._note((*path, *where), said)
            return {}

    def _compare(self, sources: Mapping[str, Source]) -> None:
        journals: dict[str, str] = {}
        for name, source in sources.items():
            try:
                # However it is written: one journal can be that of one source only.
                journal = os.path.realpath(source.template.journal)
            except UsageError as error:
                holder = self._holder(name, "output") or ()
                self._note((*holder, "output"), str(error).rstrip("."))
                self._fail()
            other = journals.setdefault(journal, name)
            if other != name:
                said = f"The sources {other} and {name} have one output; write {{source}} into it"
                self._note(("sources", name), said)
                self._fail()

    def _note(self, key: Key, said: str) -> None:
        self._mistakes.append((key, f"{'.'.join(key)}: {said}"))

    def _fail(self) -> NoReturn:
        line, number = _first(self._text, self._tree, [key for key, _ in self._mistakes])
        raise UsageError(f"{self._path}, line {line}: {self._mistakes[number][1]}.")


def _first(text: str, tree: dict[str, Any], keys: Sequence[Key]) -> tuple[int, int]:
    """Give the line where the first of some values begins, and which of them that is.

    TOML's grammar is left to its parser, which does not tell lines: a value is on the first line
    behind which it is there. For one that is missing it is the table's that should have it.
    """
    wanted = [
        next((key[:n] for n in range(len(key), 0, -1) if _is_there(tree, key[:n])), ())
        for key in keys
    ]
    lines = text.split("\n")

    def whole(number: int) -> tuple[int, list[int]]:
        """Read so many lines, less those of a value that goes on: how many, and what is there."""
        while True:
            for end in ("", "]"):  # of a list that goes on, its first values may be there
                with suppress(tomllib.TOMLDecodeError):
                    part = tomllib.loads("\n".join(lines[:number]) + end)
                    return number, [n for n, key in enumerate(wanted) if _is_there(part, key)]
            number -= 1

    # What is there stays there however many lines follow, so it need not be looked for in turn.
    last = 1 + bisect_left(range(1, len(lines) + 1), 1, key=lambda number: len(whole(number)[1]))
    return whole(last - 1)[0] + 1, whole(last)[1][0]


def _is_there(tree: Any, key: Key) -> bool:  # noqa: ANN401
    for part in key:
        if isinstance(tree, list):
            tree = {str(number): value for number, value in enumerate(tree)}
        if not isinstance(tree, dict) or part not in tree:
            return False
        tree = tree[part]
    return True


def _flag(option: Any) -> str:  # noqa: ANN401 - a dataclass's field
    return str(option.metadata["flag"]).removeprefix("--").replace("-", "_")


def _settings(provider: type[Provider]) -> dict[str, Any]:
    """Give the keys that a provider's settings may stand under."""
    keys: dict[str, Any] = {}
    for field in variables(provider):
        ways = (f"{field}_file", f"{field}_env")
        keys |= dict.fromkeys(ways if is_secret(provider, field) else (field, *ways), _Path)
    return {**keys, "base_url": _Url}


@cache
def _model(provider: type[Provider]) -> type[BaseModel]:
    own: dict[str, Any] = {
        _flag(option): (list[str] | None, None) for option in own_options(provider)
    }
    if len(provider.logs) > 1:
        own["log"] = (Annotated[str, _checked(partial(checked_log, provider))] | None, None)
    settings = {key: (kind | None, None) for key, kind in _settings(provider).items()}
    return model(provider.name, __base__=_Defaults, **own, **settings)  # type: ignore[call-overload, no-any-return]


def _secret(key: str) -> str:
    """Say what to do instead, if a key looks like a secret's; empty if it does not."""
    if key.endswith(("_file", "_env")) or not redact.is_secret(key):
        return ""
    return (
        "A secret may not stand here. A source names the file that holds it, as api_key_file does, "
        "or the variable, as api_key_env does"
    )


def _unknown(key: str, of: type[BaseModel], provider: type[Provider] | None) -> str:
    if provider is not None and key in variables(provider):
        return (
            f"A secret may not stand here. Write {key}_file with the name of a file that holds "
            f"it, or {key}_env with the name of a variable"
        )
    if said := _secret(key):
        return said
    known = ["provider", *of.model_fields] if provider else list(of.model_fields)
    return f"There is no such key. There are {', '.join(known)}"
