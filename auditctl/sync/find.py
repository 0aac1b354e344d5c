"""The places that a PATH of verify and status means."""

from auditctl.context import Context
from auditctl.paths import OF_RECORD, OF_RUN, find_templates, is_url
from auditctl.sync.delta.path import TablePath, find_tables, parse_table
from auditctl.sync.place import Place


def find_places(path: str, context: Context) -> list[Place]:
    """Find what was written to a PATH; with ``{source}`` or ``{provider}`` it may be several.

    A store cannot be searched, so the tables of a URL with placeholders are those that
    auditctl.toml has sources for.

    Raises:
        UsageError: it is no PATH.

    """
    several = any(f"{{{name}}}" in path for name in OF_RUN)
    if is_url(path):
        return [*_of_configuration(path, context)] if several else [parse_table(path)]
    if any(f"{{{name}}}" in path for name in OF_RECORD):
        return [*find_templates(path)]
    if several:
        return [*find_tables(path), *find_templates(path)]
    return [parse_table(path)] if TablePath(path).exists else [*find_templates(path)]


def _of_configuration(path: str, context: Context) -> dict[Place, None]:
    from auditctl.sync import config

    found: dict[Place, None] = {}
    for source in config.sources(None, context).values():
        table = parse_table(path, provider=source.provider.name, source=source.name)
        if source.place == table:
            found[table] = None
    return found
