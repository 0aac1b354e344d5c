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
from auditctl.paths import Template, find_templates

Destination = tuple[Template, str | None]
"""A destination, and the name of its source if it was found by that."""


def find_destinations(
    words: Sequence[str], named: str | None, context: Context
) -> tuple[list[Destination], list[str]]:
    """Find the destinations of PATHs and of sources; without any words, of all sources.

    Return the words that name none, too. A PATH that a sync has written to goes before a source
    of that name.

    Raises:
        UsageError: a word can be no PATH, or the configuration that is needed has a mistake.

    """
    if not words:
        sources = config.sources(named, context, "name a destination by its PATH").values()
        return [(one.template, one.name) for one in sources], []
    found: list[Destination] = []
    unknown = []
    for word in words:
        mistake: UsageError | None = None
        templates: list[Template] = []
        try:
            templates = find_templates(word)
        except UsageError as error:  # such as a folder, and a source may have its name
            mistake = error
        begun = any(os.path.exists(one.journal) for one in templates)  # noqa: PTH110
        source = None if begun else _source(word, named, context)
        if source is not None:
            found.append((source.template, source.name))
        elif mistake is not None:
            raise mistake
        elif templates:
            found += [(one, None) for one in templates]
        else:
            unknown.append(word)
    return found, unknown


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
