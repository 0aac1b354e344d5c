"""The destinations that verify and status are asked for: by PATH, by source, or all of them."""

import os
from collections.abc import Sequence
from functools import partial

from auditctl import registry
from auditctl.config import sources as config
from auditctl.config.location import find
from auditctl.config.tables import is_source_name
from auditctl.context import Context
from auditctl.errors import UsageError
from auditctl.options import is_url
from auditctl.paths import OF_RECORD, OF_RUN, find_templates
from auditctl.sync.delta.path import TablePath, entries_in, find_tables, parse_table
from auditctl.sync.kinds import Place, prepare

Destination = tuple[Place, str | None]
"""A destination, and the name of its source if it was found by that."""


def find_destinations(
    words: Sequence[str], named: str | None, context: Context
) -> tuple[list[Destination], list[str]]:
    """Find the destinations of PATHs and of sources, ready to read; without words, of all sources.

    Return the words that name none, too. A PATH that a sync has written to goes before a source
    of that name.

    Raises:
        UsageError: a word can be no PATH, or the configuration that is needed has a mistake.

    """
    found: list[Destination] = []
    unknown = []
    if not words:
        sources = config.sources(named, context, "name a destination by its PATH").values()
        found = [(one.place, one.name) for one in sources]
    for word in words:
        mistake: UsageError | None = None
        places: list[Place] = []
        try:
            places = _places(word, named, context)
        except UsageError as error:  # such as a folder, and a source may have its name
            mistake = error
        begun = any(
            one.exists if isinstance(one, TablePath) else os.path.exists(one.journal)  # noqa: PTH110
            for one in places
        )
        source = None if begun else _source(word, named, context)
        if source is not None:
            found.append((source.place, source.name))
        elif mistake is not None:
            raise mistake
        elif places:
            found += [(one, None) for one in places]
        else:
            unknown.append(word)
    prepare([place for place, _ in found], context)
    return found, unknown


def _places(path: str, named: str | None, context: Context) -> list[Place]:
    """Find what was written to a PATH; with ``{source}`` or ``{provider}`` it may be several.

    A store cannot be searched, so the tables of a URL with placeholders are those that
    auditctl.toml has sources for.
    """
    several = any(f"{{{name}}}" in path for name in OF_RUN)
    if is_url(path) and several:
        sources = config.sources(named, context).values()
        meant = (
            (one, parse_table(path, provider=one.provider.name, source=one.name)) for one in sources
        )
        return list(dict.fromkeys(one.place for one, table in meant if one.place == table))
    if several and not any(f"{{{name}}}" in path for name in OF_RECORD):
        return [*find_tables(path), *find_templates(path)]
    is_table = is_url(path) or TablePath(path).exists or _is_empty(path)
    return [parse_table(path)] if is_table else [*find_templates(path)]


def _is_empty(path: str) -> bool:
    """Return whether a path is a folder without any names, or whose names nobody may see.

    The first may be all that is left of a table; of the second, reading it says what is wrong.
    """
    return os.path.isdir(path) and not entries_in(path)  # noqa: PTH112


def _source(word: str, named: str | None, context: Context) -> config.Source | None:
    """Return the source of a name; None if there is none, or no configuration."""
    if not is_source_name(word):
        return None
    try:
        path = find(named, context.environ)
    except UsageError:
        return None
    load = partial(registry.load, complain=context.console.warning)
    return config.read(path, load).get(word)
