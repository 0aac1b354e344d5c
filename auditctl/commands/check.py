"""A check of the settings: a line for each thing that must hold."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from auditctl.batch import Tally
from auditctl.commands.listing import write_rows
from auditctl.connect import connect
from auditctl.context import Context
from auditctl.errors import (
    AccessError,
    AuditctlError,
    ForbiddenError,
    RefusedError,
    ThrottledError,
    UnreachableError,
)
from auditctl.export import batches
from auditctl.formats.cells import RED, YELLOW, painter
from auditctl.http.client import Client
from auditctl.http.errors import FORBIDDEN
from auditctl.options import FetchOptions, LogOptions
from auditctl.output import standard_output
from auditctl.provider import Order, Provider
from auditctl.window import Window, before, shift

LOOK_BACK = timedelta(days=7)
"""The days searched for the newest record, where each day costs a request."""
MOST_PAGES = 9
"""The most pages that are read to find it: with a token, or a question of its own, ten requests."""
DAYS_AROUND = timedelta(days=2)
"""Windows that lie so much further apart have no day in common, so no day is asked for twice."""
SKEW_TOLERATED = timedelta(seconds=60)
"""Beyond it, --since and --until mean other events than the user thinks."""
STYLES = {"FAILED": RED, "WARN": YELLOW}
"""How a line is painted that begins with this word."""


@contextmanager
def verdict_writer(options: LogOptions, context: Context) -> Iterator[Callable[[str], None]]:
    """Provide a function that writes a line; with ``--quiet`` only the exit status tells."""
    if options.quiet:  # not standard output with nothing written to it: it may be closed
        yield lambda _line: None
        return

    paint = painter(color=context.color)

    def write_line(line: str) -> None:
        text = paint(line, STYLES.get(line.partition(" ")[0], ""))
        write_rows(write, f"{text}\n".encode(), context.console)

    with standard_output() as write:
        yield write_line


def check_settings(
    provider: type[Provider], options: FetchOptions, context: Context, now: datetime
) -> Iterator[str]:
    """Connect to a provider, and check it."""
    ready, client = connect(provider, options, context, now)
    with closing(client):
        yield from check(ready, client, now)


def check(provider: Provider, client: Client, now: datetime) -> Iterator[str]:
    """Ask for the newest records, and say of each thing whether it holds.

    Raises:
        AuditctlError: what does not hold, said in a line before.

    """
    by_day = provider.log.order.is_by_day
    tally = Tally()
    try:
        lacking = _lacking(provider, client)
        lacks = ", ".join(f"{what} ({log})" if log else what for log, what in lacking.items())
        if provider.log_name in lacking:
            hint = provider.named_hints().get(FORBIDDEN, "")
            raise ForbiddenError(f"{provider.title}'s credentials lack {lacks}. {hint}".rstrip())
        newest, partial = _newest(provider, client, now, tally)
        skew = client.skew or timedelta()
        if by_day and abs(skew) > LOOK_BACK + DAYS_AROUND:
            # By our clock, other days were asked for than those that have the newest records.
            other, partial = _newest(provider, client, shift(now, skew), tally)
            newest = max(filter(None, (newest, other)), default=newest)
    except AuditctlError as error:
        proven, failed = _verdict(error, provider, answered=tally.pages > 0)
        for step in proven:
            yield _ok(step, provider)
        unlike = getattr(error, "unlike_api", False)
        yield f"FAILED  {failed}" + (": answered, but not as the API" if unlike else "")
        raise
    for step in (*_PROVEN_BY_A_PAGE, "answer"):
        yield _ok(step, provider)
    if lacks:
        yield f"WARN    other logs: the credentials lack {lacks}"
    yield _clock(client)
    order = provider.log.order
    why = "no order is documented"
    if order.is_documented:
        oldest_first = order.of(Window(None, None)).stops_at_until
        why = "the oldest come first" if oldest_first else "there may be others"
    read = "on the first page" if tally.pages == 1 else f"in {tally.pages} answers"
    where = f" ({read}; {why})" if partial else ""
    looks_back = by_day or provider.log.filters_by_time or order is Order.OLDEST_FIRST
    none = f"none in the last {LOOK_BACK.days} days" if looks_back else "none"
    if newest == "":
        yield f"WARN    newest record{where}: no record has a time that can be read"
    else:
        yield f"ok      newest record{where}: {newest or none}"


def _lacking(provider: Provider, client: Client) -> Mapping[str, str]:
    """Ask what the credentials lack; a service that refuses the question itself cannot tell."""
    try:
        return provider.lacking(client)
    except RefusedError:
        return {}


def _newest(
    provider: Provider, client: Client, now: datetime, tally: Tally
) -> tuple[str | None, bool]:
    """Return the newest time of the first records, and whether others may be on further pages.

    The time is "" if no record has one that can be read, and None if there is no record.
    """
    window = Window(None, None)
    log = provider.log
    order = log.order.of(window)
    if log.filters_by_time or order is Order.OLDEST_FIRST:
        window = replace(window, since=before(now, LOOK_BACK))
    if order.is_by_day:
        # Not until now: by a clock that is behind, the newest would lie in the future.
        window = Window(before(now, LOOK_BACK), shift(now, timedelta(days=1)))
    newest: str | None = None
    partial = False
    for batch in batches(provider, client, window, asked=log.asked(window, now)):
        tally.count_page(batch)
        times = [record["time"] or "" for record in batch.records]
        newest = max(times if newest is None else [newest, *times], default=None)
        partial = batch.partial
        # The others would cost a request each, and show the newest no sooner.
        if partial or (newest is not None and order.is_newest_first):
            break
        if tally.pages >= MOST_PAGES:
            partial = True
            break
    return newest, partial


_PROVEN_BY_A_PAGE = ("reachable", "credentials", "permission")


def _verdict(
    error: AuditctlError, provider: Provider, *, answered: bool
) -> tuple[tuple[str, ...], str]:
    """Return which steps hold in spite of a failure, and which one does not.

    Whoever refuses a question, redirects it or answers something else has not looked at the
    credentials, as far as one can know.
    """
    if isinstance(error, ForbiddenError):
        if provider.forbids_wrong_credentials:
            return _PROVEN_BY_A_PAGE[:1], "credentials or permission"
        return _PROVEN_BY_A_PAGE[:2], "permission"
    if isinstance(error, AccessError):
        return _PROVEN_BY_A_PAGE[:1], "credentials"
    if isinstance(error, UnreachableError) and not answered:
        return (), "reachable"
    proven = _PROVEN_BY_A_PAGE if answered else _PROVEN_BY_A_PAGE[:1]
    return proven, "rate limit" if isinstance(error, ThrottledError) else "answer"


def _ok(step: str, provider: Provider) -> str:
    token_url = getattr(provider.auth(), "token_url", None)
    about = {
        "reachable": provider.base_url,
        "credentials": token_url and f"a token of {token_url}",
        "permission": provider.log.permission,
    }.get(step)
    return f"ok      {step}" + (f": {about}" if about else "")


def _clock(client: Client) -> str:
    if client.skew is None:
        return "ok      clock: the provider does not tell its time"
    seconds = client.skew.total_seconds()
    verdict = "ok    " if abs(client.skew) <= SKEW_TOLERATED else "WARN  "
    where = "behind" if seconds > 0 else "ahead"
    return f"{verdict}  clock: this machine is {abs(seconds):.0f} s {where}"
