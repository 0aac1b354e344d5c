"""The profile that a run's options make: what shapes the output is noted with the destination."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from auditctl import formats
from auditctl.declared import own_options, secrets, variables
from auditctl.errors import UsageError
from auditctl.formats.choice import check_schema
from auditctl.provider import Provider
from auditctl.records.fields import parse_fields
from auditctl.sync.delta.path import TablePath
from auditctl.sync.options import SyncOptions
from auditctl.sync.place import Place
from auditctl.sync.profile import FileProfile, Profile, TableProfile
from auditctl.window import parse_time


def profile_of(  # noqa: PLR0913 - each by its name
    provider: type[Provider],
    options: SyncOptions,
    place: Place,
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
    log = options.own.get("log_name") or next(iter(provider.logs))
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
        **({"log": log} if len(provider.logs) > 1 else {}),
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
