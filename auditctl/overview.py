"""The providers in a table: what each reads, needs and documents."""

from collections.abc import Sequence
from operator import itemgetter

from auditctl.fields import Field
from auditctl.formats.table import PlainTable
from auditctl.provider import Provider
from auditctl.settings import variables

COLUMNS = ("provider", "environment", "permission", "order", "retention", "rate limit", "docs")


def overview(providers: Sequence[type[Provider]], *, width: int, color: bool) -> bytes:
    """Give one row per provider: in colour a rich table that wraps, else plain lines."""
    rows = [dict(zip(COLUMNS, _facts(provider), strict=True)) for provider in providers]
    if not color:
        return PlainTable([Field(name, itemgetter(name)) for name in COLUMNS]).rows(rows)

    from io import StringIO

    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_lines=True)
    for name in COLUMNS:
        table.add_column(name, overflow="fold", min_width=8)
    for row in rows:
        table.add_row(*map(Text, row.values()))
    page = StringIO()
    Console(file=page, width=width, force_terminal=True, color_system="standard").print(table)
    return page.getvalue().encode()


def _facts(provider: type[Provider]) -> tuple[str, ...]:
    reads = []
    for names, default in variables(provider).values():
        name = " or ".join(names)
        reads.append(name if default is None else f"{name} (default {default})")
    return (
        provider.name,
        ", ".join(reads),
        provider.permission,
        provider.order,
        provider.retention,
        provider.rate_limit,
        provider.docs,
    )
