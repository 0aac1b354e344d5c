"""The status of the sources of a table, from its log alone."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from auditctl.errors import AuditctlError, OutputError, UsageError
from auditctl.sync.delta import log
from auditctl.sync.delta.destination import TableDestination
from auditctl.sync.delta.path import TablePath
from auditctl.sync.delta.store import Store
from auditctl.sync.profile import TableProfile
from auditctl.sync.state import IDLE_EVERY, State
from auditctl.sync.status import Status, alarms, describe_age, describe_unbegun
from auditctl.window import in_words

SHORTEST_AGE = timedelta(minutes=15)
"""Of a last success that is an alarm: one that a table notes may be ten minutes old."""


def read_table_status(
    table: TablePath,
    source: str | None,
    environ: Mapping[str, str],
    *,
    now: datetime,
    max_age: timedelta | None,
) -> list[Status]:
    """Read the status of a source of a table, or of all its sources, without its data."""
    if max_age is not None and max_age < SHORTEST_AGE:
        raise UsageError(
            f"--max-age must be {in_words(SHORTEST_AGE)} or more for a table: runs without news "
            f"commit only every {in_words(IDLE_EVERY)}."
        )
    path = table.path
    store = Store(table, environ)
    try:
        store.load()
        names = [source] if source else list(log.sources(store))
        lines = {name: log.last_line(store, name) for name in names}
    except AuditctlError as error:
        return [_wrong(source, path, str(error), unreachable=isinstance(error, OutputError))]
    if not lines:
        return [_wrong(None, path, describe_unbegun(path, None))]
    found = []
    for name, line in sorted(lines.items()):
        if line is None:
            found.append(_wrong(name, path, describe_unbegun(path, name)))
            continue
        age = describe_age(f"the source {name} of {path}", line, now, max_age)
        wrong = " ".join(filter(None, (age, alarms(path, line))))
        found.append(Status(name, path, line, running=None, wrong=wrong))
    return found


def acknowledge_table(table: TablePath, source: str | None, environ: Mapping[str, str]) -> None:
    """Note that the gaps of a source, or of all sources, are known."""
    store = Store(table, environ)
    store.load()
    for name in [source] if source else list(log.sources(store)):
        profile = TableProfile(options={}, table=table, source=name, environ=environ)
        TableDestination(profile, store).acknowledge()


def _wrong(source: str | None, path: str, wrong: str, *, unreachable: bool = False) -> Status:
    return Status(source, path, State(), running=None, wrong=wrong, unreachable=unreachable)
