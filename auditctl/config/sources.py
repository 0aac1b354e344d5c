"""auditctl.toml: many sources, each with a provider, its settings and a destination."""

import os
import tomllib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

from pydantic import ValidationError

from auditctl import registry
from auditctl.config.location import find
from auditctl.config.tables import Config, Defaults, Key, Load, Toml, describe, key_of, keys_of
from auditctl.context import Context
from auditctl.declared import own_options, variables
from auditctl.errors import UsageError
from auditctl.formats import check_schema
from auditctl.provider import Provider
from auditctl.settings import source_keys
from auditctl.sync.delta.path import TablePath
from auditctl.sync.kinds import Place, place_of
from auditctl.sync.options import SyncOptions

LARGEST_FILE = 16 * 1024 * 1024
"""Bytes of a configuration; a device such as /dev/zero has no end."""


@dataclass(frozen=True)
class Source:
    """One account's log, and its destination."""

    name: str
    provider: type[Provider]
    options: SyncOptions
    output: Place | None
    """The destination; None where it is only listed and checked."""

    @property
    def place(self) -> Place:
        """The destination, for a command that needs one."""
        if self.output is None:
            raise UsageError(
                f"The source {self.name} has no output, the PATH of its destination. Write one "
                'into its table of auditctl.toml, as in output = "audit/{source}/{date}.jsonl.gz", '
                "or into [defaults]."
            )
        return self.output


def sources(named: str | None, context: Context, instead: str = "") -> dict[str, Source]:
    """Read the sources of the configuration that is named, or found; see `find`."""
    path = find(named, context.environ, instead)
    return read(path, partial(registry.load, complain=context.console.warning))


def read(path: str, load: Load) -> dict[str, Source]:
    """Read all sources of a configuration; one mistake anywhere refuses all of it.

    Paths in it are relative to the file's folder, wherever the command is run.

    Raises:
        UsageError: it cannot be read, or has a mistake, whose line is in the message.

    """
    return check(read_bytes(path), path, load)


def read_bytes(path: str) -> bytes:
    """Read a configuration as it is."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            content = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    if len(content) > LARGEST_FILE:
        raise _unreadable(path, ValueError("it is too large to be one"))
    return content


def parse(content: bytes, path: str) -> tuple[str, Toml]:
    """Return the text of a configuration, and its tables, whatever is in them."""
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
        return text, tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number or a nesting too large too
        raise _unreadable(path, error) from None


def _unreadable(path: str, error: Exception) -> UsageError:
    reason = getattr(error, "strerror", None) or str(error)
    return UsageError(f"The configuration {path} cannot be read: {reason}.")


def check(content: bytes, path: str, load: Load) -> dict[str, Source]:
    """Return the sources in the content of a configuration.

    Raises:
        UsageError: it has a mistake, whose line is in the message.

    """
    text, tree = parse(content, path)
    sources: dict[str, Source] = {}
    try:
        config = Config.model_validate(tree, context=(os.path.dirname(path), load))  # noqa: PTH120
    except ValidationError as error:
        mistakes = [describe(one, tree, load) for one in error.errors(include_input=False)]
    else:
        common = config.defaults.model_dump(exclude_unset=True, by_alias=True)
        mistakes = []
        for name, (provider, table) in config.sources.items():
            try:
                sources[name] = _source(name, provider, common, table)
            except UsageError as error:
                own = "output" in table.model_fields_set
                key: Key = ("sources", name, "output") if own else ("defaults", "output")
                mistakes.append((key, str(error)))
        mistakes += [*_wrong_schemas(sources.values())]
        mistakes += _shared_outputs(sources.values())
    if not mistakes:
        return sources
    line, number = _first(text, tree, [key for key, _ in mistakes])
    key, message = mistakes[number]
    end = "" if message.endswith((".", "?")) else "."
    raise UsageError(f"{path}, line {line}: {'.'.join(map(str, key))}: {message}{end}")


def _source(name: str, provider: type[Provider], common: dict[str, Any], table: Defaults) -> Source:
    values = table.model_dump(exclude_unset=True, by_alias=True)
    options = common | {key: values[key] for key in keys_of(Defaults) if key in values}
    options["own"] = {one.name: tuple(values.get(key_of(one), ())) for one in own_options(provider)}
    if "log" in values:
        options["own"]["log_name"] = values["log"]
    keys = chain.from_iterable(map(source_keys, variables(provider)))
    options["settings"] = {key: values[key] for key in keys if key in values}
    whole = SyncOptions(**options)
    place = place_of(whole, provider=provider.name, source=name) if whole.output else None
    return Source(name, provider, whole, place)


def _wrong_schemas(sources: Iterable[Source]) -> Iterator[tuple[Key, str]]:
    """Find schemas that are against the format or other options."""
    for source in sources:
        options = source.options
        try:
            check_schema(
                options.format_name(), options.schema, options.typed, fields=options.fields
            )
        except UsageError as error:
            yield ("sources", source.name, "schema"), str(error)


def _shared_outputs(sources: Iterable[Source]) -> Iterator[tuple[Key, str]]:
    """Find sources that would write the same journal, by whichever path."""
    first: dict[str, str] = {}
    for name, place in ((source.name, source.output) for source in sources):
        if place is None or isinstance(place, TablePath):  # many sources may share a table
            continue
        other = first.setdefault(os.path.realpath(place.journal), name)
        if other != name:
            message = f"The sources {other} and {name} have one output; write {{source}} into it"
            yield ("sources", name), message


def _first(text: str, tree: Toml, keys: Sequence[Key]) -> tuple[int, int]:
    """Return the line where the first of some values begins, and which of them that is.

    tomllib does not tell lines: a value begins after the last line without which it is not there.
    If a value is missing, the line is that of the table which should have it.
    """
    wanted = [next(key[:n] for n in range(len(key), -1, -1) if _has(tree, key[:n])) for key in keys]
    lines = text.split("\n")

    def parse(number: int) -> tuple[int, list[int]]:
        """Parse the longest valid beginning of so many lines: return its length and its values."""
        while True:
            for end in ("", "]"):  # a list that goes on may have its first values
                with suppress(tomllib.TOMLDecodeError):
                    part = tomllib.loads("\n".join(lines[:number]) + end)
                    return number, [n for n, key in enumerate(wanted) if _has(part, key)]
            number -= 1

    last = 1 + bisect_left(range(1, len(lines) + 1), 1, key=lambda number: len(parse(number)[1]))
    return parse(last - 1)[0] + 1, parse(last)[1][0]


def _has(tree: Toml, key: Key) -> bool:
    with suppress(LookupError, TypeError):
        for part in key:
            tree = tree[part]
        return True
    return False
