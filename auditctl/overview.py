"""The table of providers: the settings, permissions and limits of each."""

from collections.abc import Sequence
from operator import itemgetter

from auditctl.escape import escape
from auditctl.fields import Field
from auditctl.formats.table import Table
from auditctl.provider import Provider, origins, required, said_of_logs, variables

FACTS = ("permission", "order", "retention", "rate limit", "docs")
COLUMNS = ("provider", "environment", *FACTS)
LABEL = max(map(len, COLUMNS[1:]))
INDENT = 4
"""Cells before a fact that is too long to be beside its label, if there is room for them."""
NARROWEST = 20
"""Cells of a fact on the narrowest of terminals: there the lines are wider than that."""


def overview(providers: Sequence[type[Provider]], *, width: int, terminal: bool) -> bytes:
    """Return one row per provider: on a terminal a line or more for each fact, else one line."""
    rows = [_facts(provider) for provider in providers]
    if not terminal:
        return Table([Field(name, itemgetter(name)) for name in COLUMNS]).rows(rows)
    return "\n".join([_paragraph(row, width) for row in rows]).encode()


def _paragraph(row: dict[str, str], width: int) -> str:
    """Write the facts of a provider below its name, none of them cut within a word."""
    from textwrap import wrap

    lines = [escape(row["provider"])]
    for name in COLUMNS[1:]:
        first = f"  {name:<{LABEL}}  "
        room = max(width - len(first), NARROWEST)
        told = wrap(escape(row[name]), room, break_long_words=False, break_on_hyphens=False)
        longest = max(map(len, told), default=0)
        between = f"\n{'':{len(first)}}"
        if longest > room:  # an address that is broken leads nowhere, so it has lines of its own
            between = f"\n{'':{max(0, min(INDENT, width - longest))}}"
            first = f"{first.rstrip()}{between}"
        lines.append(first + between.join(told))
    return "".join([f"{line}\n" for line in lines])


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
