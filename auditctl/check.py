"""Proof that the settings work: a line for each thing that must hold."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from auditctl.client import Client
from auditctl.errors import AccessError, AuditctlError, ForbiddenError
from auditctl.export import Tally, records
from auditctl.provider import Provider
from auditctl.window import Window

LOOK_BACK = timedelta(days=7)
"""How far the newest record is looked for, where each day costs a request."""
SKEW_TOLERATED = timedelta(seconds=60)
"""Beyond it, --since and --until mean other events than the user thinks."""


def check(provider: Provider, client: Client, now: datetime) -> Iterator[str]:
    """Ask for the newest records, and say of each thing whether it holds.

    Raises:
        AuditctlError: what does not hold, said in a line before.

    """
    by_day = provider.order == "newest day first"
    since = now - LOOK_BACK if by_day else datetime.min.replace(tzinfo=UTC)
    window = Window(since, now + timedelta(days=1))
    newest: str | None = None
    partial = provider.shifts
    try:
        for batch in records(provider, provider.pages(client, window), window, Tally()):
            newest = max([newest or "", *(record["time"] or "" for record in batch)]) or None
            if partial or (newest and provider.order != "none documented"):
                break
    except AuditctlError as error:
        proven = _proven(error)
        for what in proven:
            yield f"ok      {what}"
        yield f"FAILED  {_STEPS[len(proven)]}"
        raise
    for step in _STEPS:
        about = {"reachable": provider.base_url, "permission": provider.permission}.get(step)
        yield f"ok      {step}" + (f": {about}" if about else "")
    yield _clock(client)
    where = " (on the first page; no order is documented)" if partial else ""
    none = f"none in the last {LOOK_BACK.days} days" if by_day else "none"
    yield f"ok      newest record{where}: {newest or none}"


_STEPS = ("reachable", "credentials", "permission", "answer")


def _proven(error: AuditctlError) -> tuple[str, ...]:
    if isinstance(error, ForbiddenError):
        return _STEPS[:2]
    if isinstance(error, AccessError):
        return _STEPS[:1]
    return _STEPS[:3] if error.status == _ANSWERED else ()


_ANSWERED = 6


def _clock(client: Client) -> str:
    if client.skew is None:
        return "ok      clock: the provider does not tell its time"
    seconds = client.skew.total_seconds()
    verdict = "ok    " if abs(client.skew) <= SKEW_TOLERATED else "WARN  "
    where = "behind" if seconds > 0 else "ahead"
    return f"{verdict}  clock: this machine is {abs(seconds):.0f} s {where}"
