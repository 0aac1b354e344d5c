"""The commands providers and schema: what is installed, what each needs, what a record is."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import chain
from operator import itemgetter

from auditctl import registry
from auditctl.context import Context
from auditctl.declared import account_keys, needed, origins, required, secrets, variables
from auditctl.escape import escape
from auditctl.formats import ReportFormatName
from auditctl.formats.table import Table
from auditctl.options import ReportOptions
from auditctl.output import standard_output
from auditctl.provider import Provider, fact_of_logs
from auditctl.records.fields import Field

FACTS = ("permission", "order", "retention", "keeps", "overlap", "rate limit", "docs")
COLUMNS = ("provider", "environment", *FACTS)
KEYS_OWN = "its token_uri"
"""Where a service account's key says that tokens are asked for."""
LABEL = max(map(len, COLUMNS[1:]))
INDENT = 4
"""Cells before a fact that is too long to be beside its label, if there is room for them."""
NARROWEST = 20
"""Cells of a fact on the narrowest of terminals: there the lines are wider than that."""


def providers(options: ReportOptions, context: Context) -> None:
    """Show what each installed provider needs."""
    loaded = [registry.load(name, context.console.warning) for name in registry.installed()]
    found = list(filter(None, loaded))
    with standard_output() as write:
        write(overview(found, options.format, width=context.width, terminal=context.terminal))


def schema() -> None:
    """Write the JSON Schema of one record."""
    import orjson

    from auditctl.records.schema import json_schema

    with standard_output() as write:
        write(orjson.dumps(json_schema(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def overview(
    providers: Sequence[type[Provider]],
    format_: ReportFormatName = "table",
    *,
    width: int,
    terminal: bool,
) -> bytes:
    """Return one row per provider: on a terminal a line or more for each fact, else one line."""
    if format_ == "json":
        return _json(providers)
    rows = [described(provider) for provider in providers]
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
        wrapped = wrap(escape(row[name]), room, break_long_words=False, break_on_hyphens=False)
        longest = max(map(len, wrapped), default=0)
        between = f"\n{'':{len(first)}}"
        if longest > room:  # an address that is broken leads nowhere, so it has lines of its own
            between = f"\n{'':{max(0, min(INDENT, width - longest))}}"
            first = f"{first.rstrip()}{between}"
        lines.append(first + between.join(wrapped))
    return "".join([f"{line}\n" for line in lines])


def _json(providers: Sequence[type[Provider]]) -> bytes:
    """Return the same as a JSON array, with an object for each variable."""
    import orjson

    rows = [
        {
            "provider": provider.name,
            "title": provider.title,
            "environment": [
                {
                    "name": names[0],
                    "alternatives": names[1:],
                    "required": default is None,
                    "secret": setting in secrets(provider),
                    "default": default,
                    "tokens_from": _origin_of_tokens(provider, setting, default),
                }
                for setting, (names, default) in variables(provider).items()
            ],
            **{name.replace(" ", "_"): described(provider)[name] for name in FACTS},
        }
        for provider in providers
    ]
    return orjson.dumps(rows, option=orjson.OPT_APPEND_NEWLINE)


def described(provider: type[Provider]) -> dict[str, str]:
    """Return the row of a provider: column -> text."""
    keys = [required(provider)[field] for field in account_keys(provider)]
    reads = [f"{one} (tokens from {KEYS_OWN})" if one in keys else one for one in needed(provider)]
    alternatives = set(chain.from_iterable(provider.one_of))
    for field, (names, default) in variables(provider).items():
        if default is not None and field not in alternatives:
            token = f"; tokens from {default}" if field in origins(provider) else ""
            reads.append(f"{names[0]} (optional{token})")
    return {
        "provider": provider.name,
        "environment": ", ".join(reads),
        "permission": fact_of_logs(provider, "permission"),
        "order": fact_of_logs(provider, "order"),
        "retention": fact_of_logs(provider, "retention"),
        "keeps": fact_of_logs(provider, "keeps", _in_days),
        "overlap": fact_of_logs(provider, "overlap", _as_option),
        "rate limit": provider.rate_limit,
        "docs": provider.docs,
    }


def _origin_of_tokens(provider: type[Provider], field: str, default: str | None) -> str | None:
    if field in account_keys(provider):
        return KEYS_OWN
    return default if field in origins(provider) else None


def _in_days(keeps: timedelta | None) -> str:
    return "not known" if keeps is None else f"{keeps.days} days"


def _as_option(overlap: timedelta) -> str:
    """Write an overlap as ``--overlap`` takes it."""
    hours, minutes = divmod(overlap // timedelta(minutes=1), 60)
    return f"{hours}h" if not minutes else f"{hours * 60 + minutes}m"
