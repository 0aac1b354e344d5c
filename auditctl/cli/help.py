"""The examples in help texts; in those of a provider's commands its facts are filled in."""

from itertools import cycle, islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from auditctl.provider import Provider

SETTINGS = """Settings: {variables}.
NAME_FILE names a file that holds NAME's value. See auditctl providers."""
TIMES = """TIME is a duration back from now (45s 90m 12h 30d 2w, 1d12h), a date, an
RFC 3339 time, epoch seconds, now, today or yesterday; in UTC, or in --tz."""
NO_PROVIDERS = """No provider is installed. Each is an entry point: install auditctl with pip, or
pack its metadata with it."""


def _examples(*commands: str, note: str = "") -> str:
    """Write commands as examples; a note follows, each line of it as it is."""
    lines = [f"  auditctl {command}\n" for command in commands]
    return "".join(["\b\nExamples:\n", *lines, note and f"\n\b\n{note}\n"])


ROOT = _examples(
    "{0} list --demo --since 30d",
    "{1} list --since 7d -f csv -o {1}.csv",
    "{2} list --since yesterday --until today | jq .actor",
    "providers",
)
PROVIDER = _examples(
    "{name} list --demo",
    "{name} check",
    "{name} list --since 30d",
    note="{settings}",
)
LIST = _examples(
    "{name} list --demo --since 30d",
    "{name} list --since 2026-01-01 --until 2026-02-01 -o jan.csv",
    "{name} list --since 7d -f csv --fields time,actor,action",
    "{name} list --since 7d -f summary",
    "{name} list --since 7d --schema ocsf -o events.jsonl.gz",
    "{name} list --limit 20 --where outcome=failure",
    "{name} list --follow",
    note=f"{TIMES}\n\n\b\n{{settings}}",
)
SYNC = _examples(
    "{name} sync --demo -o {name}.jsonl",
    "{name} sync -o 'audit/{{date}}.jsonl.gz' --since 2026-01-01",
    "{name} sync -o {name}.jsonl --follow --interval 5m",
    "{name} sync --source prod",
    "verify {name}.jsonl",
    note="{settings}",
)
GET = _examples("{name} get ID", "{name} get ID | jq .raw", note="{settings}")
CHECK = _examples("{name} check", "{name} check --quiet && auditctl {name} list", note="{settings}")
LIST_SOURCES = _examples(
    "list --since 2h",
    "list prod staging --since 1d --where outcome=failure",
    "list --follow --fields time,source,actor,action",
    "list --limit 50 --config /etc/auditctl.toml",
    note="The field source, behind provider, is the name of the source.",
)
CHECK_SOURCES = _examples("check", "check prod staging --quiet && auditctl sync prod staging")
SOURCES = _examples(
    "sync",
    "sync prod staging --config /etc/auditctl.toml",
    "sync --follow --jobs 8",
    "sync --dask tcp://scheduler:8786 --wait 10m",
)
INIT = _examples(
    "init PROVIDER",
    "init PROVIDER --source prod --config /etc/auditctl.toml",
    "init PROVIDER --print",
    note="The key goes into a file of its own, NAME-key, beside auditctl.toml.",
)
LISTED_SOURCES = _examples("sources", "sources -f json | jq -r '.[].name'")
VERIFY = _examples(
    "verify",
    "verify audit.jsonl",
    "verify 'audit/{source}/{date}.jsonl.gz' --format json",
)
STATUS = _examples(
    "status",
    "status prod --max-age 2h",
    "status 'audit/{source}/{date}.jsonl.gz' --format json",
)
READ = _examples(
    "read audit.jsonl --since 7d --where outcome=failure",
    "read 'audit/{source}/{date}.jsonl.gz' --limit 20 -f table",
    "read january.jsonl.gz february.jsonl.gz -o both.csv",
)
PROVIDERS = _examples(
    "providers",
    "providers | less -S",
    "providers -f json | jq -r '.[] | .provider, .environment[].name'",
)
SCHEMA = _examples("schema > record.schema.json")


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
