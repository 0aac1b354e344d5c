"""The examples in help texts; in those of a provider's commands its facts are filled in."""

from itertools import cycle, islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from auditctl.provider import Provider

ROOT = """\b
Examples:
  auditctl {0} list --demo --since 30d
  auditctl {1} list --since 7d -f csv -o {1}.csv
  auditctl {2} list --since yesterday --until today | jq .actor
  auditctl providers
"""
NO_PROVIDERS = """No provider is installed. Each is an entry point: install auditctl with pip, or
pack its metadata with it."""
PROVIDER = """\b
Examples:
  auditctl {name} list --demo
  auditctl {name} check
  auditctl {name} list --since 30d

\b
{settings}
"""
LIST = """\b
Examples:
  auditctl {name} list --demo --since 30d
  auditctl {name} list --since 2026-01-01 --until 2026-02-01 -o jan.csv
  auditctl {name} list --since 7d -f csv --fields time,actor,action
  auditctl {name} list --since 7d -f summary
  auditctl {name} list --since 7d --schema ocsf -o events.jsonl.gz
  auditctl {name} list --limit 20 --where outcome=failure
  auditctl {name} list --follow

\b
TIME is a duration back from now (45s 90m 12h 30d 2w, 1d12h), a date, an
RFC 3339 time, epoch seconds, now, today or yesterday; in UTC, or in --tz.

\b
{settings}
"""
SYNC = """\b
Examples:
  auditctl {name} sync --demo -o {name}.jsonl
  auditctl {name} sync -o 'audit/{{date}}.jsonl.gz' --since 2026-01-01
  auditctl {name} sync -o {name}.jsonl --follow --interval 5m
  auditctl {name} sync --source prod
  auditctl verify {name}.jsonl

\b
{settings}
"""
GET = """\b
Examples:
  auditctl {name} get ID
  auditctl {name} get ID | jq .raw

\b
{settings}
"""
CHECK = """\b
Examples:
  auditctl {name} check
  auditctl {name} check --quiet && auditctl {name} list

\b
{settings}
"""
SETTINGS = """Settings: {variables}.
NAME_FILE names a file that holds NAME's value. See auditctl providers."""
LIST_SOURCES = """\b
Examples:
  auditctl list --since 2h
  auditctl list prod staging --since 1d --where outcome=failure
  auditctl list --follow --fields time,source,actor,action
  auditctl list --limit 50 --config /etc/auditctl.toml

\b
The field source, behind provider, is the name of the source.
"""
CHECK_SOURCES = """\b
Examples:
  auditctl check
  auditctl check prod staging --quiet && auditctl sync prod staging
"""
SOURCES = """\b
Examples:
  auditctl sync
  auditctl sync prod staging --config /etc/auditctl.toml
  auditctl sync --follow --jobs 8
  auditctl sync --dask tcp://scheduler:8786 --wait 10m
"""
INIT = """\b
Examples:
  auditctl init PROVIDER
  auditctl init PROVIDER --source prod --config /etc/auditctl.toml
  auditctl init PROVIDER --print

\b
The key goes into a file of its own, NAME-key, beside auditctl.toml.
"""
LISTED_SOURCES = """\b
Examples:
  auditctl sources
  auditctl sources -f json | jq -r '.[].name'
"""
VERIFY = """\b
Examples:
  auditctl verify
  auditctl verify audit.jsonl
  auditctl verify 'audit/{source}/{date}.jsonl.gz' --format json
"""
STATUS = """\b
Examples:
  auditctl status
  auditctl status prod --max-age 2h
  auditctl status 'audit/{source}/{date}.jsonl.gz' --format json
"""
READ = """\b
Examples:
  auditctl read audit.jsonl --since 7d --where outcome=failure
  auditctl read 'audit/{source}/{date}.jsonl.gz' --limit 20 -f table
  auditctl read january.jsonl.gz february.jsonl.gz -o both.csv
"""
PROVIDERS = """\b
Examples:
  auditctl providers
  auditctl providers | less -S
  auditctl providers -f json | jq -r '.[] | .provider, .environment[].name'
"""
SCHEMA = """\b
Examples:
  auditctl schema > auditctl.records.schema.json
"""


def of_root(providers: "Collection[str]") -> str:
    """Write the examples of the program itself with the names of installed providers."""
    return ROOT.format(*islice(cycle(providers), 3)) if providers else NO_PROVIDERS


def facts(provider: type["Provider"]) -> dict[str, str]:
    """Return what the help texts of a provider's commands say of it."""
    from auditctl.declared import needed
    from auditctl.provider import fact_of_logs

    return {
        "name": provider.name,
        "title": provider.title,
        "order": fact_of_logs(provider, "order"),
        "retention": fact_of_logs(provider, "retention"),
        "settings": SETTINGS.format(variables=_lines(needed(provider))),
    }


def _lines(variables: list[str]) -> str:
    """Separate variables by commas, in lines that fit a narrow terminal."""
    from textwrap import fill

    return fill(", ".join(variables), 76, initial_indent=" " * 10, break_on_hyphens=False).lstrip()
