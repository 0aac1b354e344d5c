"""The profile that a run's options make: what shapes the output is noted with the destination."""

from datetime import datetime
from typing import Any

from auditctl.errors import UsageError
from auditctl.fields import field, parse_fields
from auditctl.formats.jsonl import Jsonl
from auditctl.paths import Template
from auditctl.provider import Provider, own_options
from auditctl.record import FIELDS
from auditctl.sync.options import SyncOptions
from auditctl.sync.profile import FileProfile
from auditctl.window import parse_time


def profile_of_files(
    provider: type[Provider], options: SyncOptions, template: Template, now: datetime
) -> FileProfile:
    """Return the profile of files.

    Raises:
        UsageError: an option cannot be read.

    """
    format_ = options.format_name()
    fields = None if options.fields is None else parse_fields(options.fields)
    shape = {
        **_shape(provider, options),
        "output": template.names,
        "format": format_,
        "fields": fields and ",".join(one.name for one in fields),
        "csv-guard": options.csv_guard if format_ == "csv" else None,
    }
    begun = _begun(options, now)
    if format_ == "jsonl":
        return FileProfile(options=shape, template=template, render=Jsonl(fields).rows, **begun)
    from auditctl.formats.csv import Csv

    csv = Csv(fields or [field(name) for name in FIELDS], guard=options.csv_guard)
    header = csv.rows([])
    return FileProfile(options=shape, template=template, render=csv.rows, header=header, **begun)


def _shape(provider: type[Provider], options: SyncOptions) -> dict[str, Any]:
    """Return what shapes the records, whatever they are written to."""
    log = options.own.get("log_name") or next(iter(provider.logs))
    own = own_options(provider)
    return {
        "provider": provider.name,
        "demo": options.demo or None,
        "account": options.account_name(),
        "where": list(options.where),
        "redact": options.redact,
        **{one.metadata["flag"][2:]: list(options.own.get(one.name, ())) for one in own},
        **({"log": log} if len(provider.logs) > 1 else {}),
    }


def _begun(options: SyncOptions, now: datetime) -> dict[str, Any]:
    since = None if options.since is None else parse_time(options.since, now)
    if since is not None and since > now:
        raise UsageError(f"--since {options.since} is in the future: nothing has happened yet.")
    return {"since": options.since, "since_time": since}
