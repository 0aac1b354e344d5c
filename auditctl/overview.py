"""The table of providers: the settings, permissions and limits of each."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import chain
from operator import itemgetter

from auditctl.declared import account_keys, needed, origins, required, variables
from auditctl.fields import Field
from auditctl.formats.table import HEIGHT, PlainTable
from auditctl.provider import Provider, said_of_logs

FACTS = ("permission", "order", "retention", "keeps", "overlap", "rate limit", "docs")
COLUMNS = ("provider", "environment", *FACTS)


def overview(providers: Sequence[type[Provider]], *, width: int, terminal: bool) -> bytes:
    """Return one row per provider: on a terminal a rich table that wraps, else plain lines."""
    rows = [described(provider) for provider in providers]
    if not terminal:
        return PlainTable([Field(name, itemgetter(name)) for name in COLUMNS]).rows(rows)

    from io import StringIO

    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_lines=True)
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


def described(provider: type[Provider]) -> dict[str, str]:
    """Return the row of a provider: column -> text."""
    keys = [required(provider)[field] for field in account_keys(provider)]
    reads = [
        f"{one} (tokens from its token_uri)" if one in keys else one for one in needed(provider)
    ]
    alternatives = set(chain.from_iterable(provider.one_of))
    for field, (names, default) in variables(provider).items():
        if default is not None and field not in alternatives:
            token = f"; tokens from {default}" if field in origins(provider) else ""
            reads.append(f"{names[0]} (optional{token})")
    return {
        "provider": provider.name,
        "environment": ", ".join(reads),
        "permission": said_of_logs(provider, "permission"),
        "order": said_of_logs(provider, "order"),
        "retention": said_of_logs(provider, "retention"),
        "keeps": said_of_logs(provider, "keeps", _in_days),
        "overlap": said_of_logs(provider, "overlap", _in_hours),
        "rate limit": provider.rate_limit,
        "docs": provider.docs,
    }


def _in_days(keeps: timedelta | None) -> str:
    return "not known" if keeps is None else f"{keeps.days} days"


def _in_hours(overlap: timedelta) -> str:
    return f"{overlap // timedelta(hours=1)}h"
