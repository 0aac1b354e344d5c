"""The table of providers: the settings, permissions and limits of each."""

from collections.abc import Sequence
from operator import itemgetter

from auditctl.fields import Field
from auditctl.formats.table import Table
from auditctl.provider import Provider, origins, required, said_of_logs, variables

FACTS = ("permission", "order", "retention", "rate limit", "docs")
HEIGHT = 25
"""Rows of no consequence: without them rich takes a TERM=dumb for one of 80 columns."""
COLUMNS = ("provider", "environment", *FACTS)


def overview(providers: Sequence[type[Provider]], *, width: int, terminal: bool) -> bytes:
    """Return one row per provider: on a terminal a rich table that wraps, else plain lines."""
    rows = [_facts(provider) for provider in providers]
    if not terminal:
        return Table([Field(name, itemgetter(name)) for name in COLUMNS]).rows(rows)

    from io import StringIO

    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table as Wrapped
    from rich.text import Text

    table = Wrapped(box=SIMPLE_HEAD, pad_edge=False, show_lines=True)
    table.add_column("provider", no_wrap=True)
    table.add_column("environment", no_wrap=True)
    table.add_column("needs and documents", overflow="fold")
    for row in rows:
        facts = "\n".join(f"{name}: {row[name]}" for name in FACTS)
        reads = row["environment"].replace(", ", "\n").replace(" or ", "\n or ")
        table.add_row(row["provider"], Text(reads), Text(facts))
    page = StringIO()
    console = Console(file=page, width=width, height=HEIGHT, force_terminal=True, color_system=None)
    console.print(table)
    return page.getvalue().encode()


def _facts(provider: type[Provider]) -> dict[str, str]:
    reads = list(required(provider).values())
    for field, (names, default) in variables(provider).items():
        if default is not None:
            token = f"; tokens from {default}" if field in origins(provider) else ""
            reads.append(f"{names[0]} (optional{token})")
    return {
        "provider": provider.name,
        "environment": ", ".join(reads),
        "permission": said_of_logs(provider, "permission"),
        "order": said_of_logs(provider, "order"),
        "retention": said_of_logs(provider, "retention"),
        "rate limit": provider.rate_limit,
        "docs": provider.docs,
    }
