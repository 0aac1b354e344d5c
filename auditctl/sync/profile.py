"""The profile of a destination: the options of a run that may not change once it was created."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from auditctl import formats
from auditctl.declared import own_options, secrets, variables
from auditctl.errors import UsageError
from auditctl.formats import check_schema
from auditctl.paths import Template
from auditctl.provider import Provider, log_name_of
from auditctl.records.fields import parse_fields
from auditctl.records.record import Record
from auditctl.sync.delta.path import TablePath
from auditctl.sync.options import SyncOptions
from auditctl.sync.state import State
from auditctl.window import parse_time, to_text

Render = Callable[[Sequence[Record]], bytes]
"""Returns the bytes of records."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class _Profile:
    """The options that decide what is in a destination; they never change."""

    options: dict[str, Any]
    """As a commit notes them: the option's name without its dashes -> its value."""
    since: str | None = None
    """Where the first run begins, as it was typed."""
    since_time: datetime | None = None
    """The point in time that this means now."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class FileProfile(_Profile):
    """The profile of files."""

    template: Template
    render: Render
    header: bytes = b""
    """A file begins with it."""
    stable: formats.Stable | None = None

    @property
    def name(self) -> str:
        """The PATH of the files."""
        return self.template.path


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TableProfile(_Profile):
    """The profile of one source of a table."""

    table: TablePath
    source: str
    environ: Mapping[str, str]
    """Leads to the store."""

    @property
    def name(self) -> str:
        """The PATH of the table, and the source."""
        return f"{self.table.path}, source {self.source},"


Profile = FileProfile | TableProfile


def profile_of(  # noqa: PLR0913 - each by its name
    provider: type[Provider],
    options: SyncOptions,
    place: Template | TablePath,
    *,
    source: str,
    environ: Mapping[str, str],
    now: datetime,
    base_urls: Mapping[str, str],
) -> Profile:
    """Return the profile of a destination; ``base_urls`` are those of `Layout`.

    Raises:
        UsageError: an option cannot be read.

    """
    since = None if options.since is None else parse_time(options.since, now)
    if since is not None and since > now:
        raise UsageError(f"--since {options.since} is in the future: nothing has happened yet.")
    begun: Any = {"since": options.since, "since_time": since}
    own = own_options(provider)
    format_ = options.format_name()
    check_schema(format_, options.schema, options.typed, fields=options.fields)
    shape = {
        "provider": provider.name,
        "demo": options.demo or None,
        "account": options.account_name(),
        "format": format_,
        "where": list(options.where),
        "redact": options.redact,
        **{one.metadata["flag"][2:]: list(options.own.get(one.name, ())) for one in own},
        **({"log": log_name_of(provider, options.own)} if len(provider.logs) > 1 else {}),
    }
    if isinstance(place, TablePath):
        return TableProfile(options=shape, table=place, source=source, environ=environ, **begun)
    fields = None if options.fields is None else parse_fields(options.fields)
    version = options.ocsf_version or formats.LAST_OCSF
    shape |= {
        "output": place.names,
        "fields": fields and ",".join(one.name for one in fields),
        "schema": None if options.schema == formats.RECORD else options.schema,
        "ocsf-version": version if options.schema == "ocsf" else None,
        "csv-guard": options.csv_guard if format_ == "csv" else None,
    }
    layout = formats.Layout(
        fields=fields, csv_guard=options.csv_guard, ocsf_version=version, base_urls=base_urls
    )
    made = formats.make(format_ if options.schema == formats.RECORD else options.schema, layout)
    return FileProfile(
        options=shape,
        template=place,
        render=made.rows,
        header=made.rows([]),
        stable=getattr(made, "stable", None),
        **begun,
    )


def of_account(profile: Profile, ready: Provider) -> Profile:
    """Return the profile with the settings that tell one account from another.

    Those that are no secrets. The sources of a table share its PATH; files have one each.
    """
    if not isinstance(profile, TableProfile):
        return profile
    hidden = secrets(type(ready))
    settings = {
        names[0]: getattr(ready, setting)
        for setting, (names, _) in variables(type(ready)).items()
        if setting not in hidden
    }
    return replace(profile, options={**profile.options, **settings})


def compare(profile: Profile, state: State) -> None:
    """Check that a run would write what the destination was begun with.

    Raises:
        UsageError: it would write something else.

    """
    begun = state.shape
    if not begun:
        return
    options = profile.options
    for name in {**begun, **options}:
        was, is_ = begun.get(name), options.get(name)
        if was != is_:
            raise UsageError(
                f"{profile.name} was begun with {_said(name, was)}; this run has "
                f"{_said(name, is_)}. Use the same options as before, or give another PATH."
            )
    # A duration is the same as long as it is written the same: each run of a crontab has it.
    if profile.since_time is None or profile.since == state.since:
        return
    first = state.covered or state.window
    begun_at = first and first.since
    # What is covered may begin later: where the provider can have shown something.
    typed = state.since and parse_time(state.since, datetime.now(UTC))
    if profile.since_time != typed and to_text(profile.since_time, exact=True) != begun_at:
        raise UsageError(
            f"{profile.name} was begun with {_said('since', state.since)}; this run has "
            f"{_said('since', profile.since)}. Leave it out, or give another PATH."
        )


def _said(name: str, value: Any) -> str:  # noqa: ANN401 - any JSON value
    if name == "provider":
        return f"the log of {value}"
    if name.isupper():  # a variable
        return f"no {name}" if value is None else f"{name}={value}"
    if value is None or value == []:
        return f"no --{name}"
    if value is True:
        return f"--{name}"
    if value is False:
        return f"--no-{name}"
    values = value if type(value) is list else [value]
    return " ".join(f"--{name} {one}" for one in values)
