"""The commands verify, status and sources, and how their findings are written."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from auditctl.context import Context
from auditctl.errors import AuditctlError, IntegrityError, OutputError
from auditctl.escape import escape
from auditctl.formats.cells import BOLD, RED, cells, painted, shown
from auditctl.formats.clock import Clock
from auditctl.formats.table import GAP, WIDEST
from auditctl.options import duration
from auditctl.output import standard_output
from auditctl.phrases import count
from auditctl.provider import log_name_of
from auditctl.records import exact
from auditctl.sync.destinations import find_destinations
from auditctl.sync.kinds import Place, acknowledge, proofs, statuses
from auditctl.sync.options import ConfigurationOptions, StatusOptions, VerifyOptions
from auditctl.sync.status import describe_aside, describe_unknown, unproved
from auditctl.window import age, to_text
from auditctl.zone import parse_zone

GIVE_WAY = ("since", "records", "newest", "until", "gaps")
"""How the columns of `status` begin that may be left out, those on the left first."""

if TYPE_CHECKING:
    from auditctl.sync.status import Status


def verify(options: VerifyOptions, context: Context) -> None:
    """Prove destinations: those of the PATHs and sources named, else all of the configuration's.

    Raises:
        IntegrityError: one of them was changed, or has gaps.
        OutputError: a store cannot be reached.

    """
    wanted, unknown = find_destinations(options.paths, options.config, context)
    rows = [unproved(path, None, describe_unknown(path)) for path in unknown]
    failed: type[AuditctlError] = IntegrityError
    # A table that many sources share is read once.
    sources: dict[Place, list[str | None]] = {}
    for place, name in wanted:
        sources.setdefault(place, []).append(name)
    for place, names in sources.items():
        try:
            rows += proofs(place, names, context.environ)
        except (IntegrityError, OutputError) as error:
            rows.append(unproved(place.path, names[0] if len(names) == 1 else None, str(error)))
            failed = OutputError if isinstance(error, OutputError) else failed
    if not options.quiet:
        if options.format == "json":
            _write_json(rows)
        else:
            with standard_output() as write:
                write("".join(_sentences(row, color=context.color) for row in rows).encode())
    if wrong := [row["problem"] for row in rows if row["problem"]]:
        raise failed(*wrong)


def status(options: StatusOptions, context: Context) -> None:
    """Show the status of destinations: those of the PATHs and sources, else all that there are.

    Raises:
        IntegrityError: something is wrong with one of them.

    """
    zone = parse_zone(options.tz, context.environ)
    max_age = None if options.max_age is None else duration("--max-age", options.max_age)
    wanted, unknown = find_destinations(options.paths, options.config, context)
    wrong = list(map(describe_unknown, unknown))
    if options.acknowledge_gaps:
        for one, name in wanted:
            acknowledge(one, name, context.environ)
    now = datetime.now(UTC)
    found = [
        row
        for one, name in wanted
        for row in statuses(one, name, context.environ, now=now, max_age=max_age)
    ]
    if options.quiet:
        pass
    elif options.format == "json":
        _write_json([one.row() for one in found])
    elif found:
        several = bool(options.paths) and len({one.path for one in found}) > 1
        title = "source" if all(one.source for one in found) and not several else "path"
        clock = Clock(zone)
        clock.omit_year([to_text(now), *(time for one in found for time in _times(one))])
        rows = [_status_row(now, clock, one, title) for one in found]
        write_table(
            context,
            rows,
            verdict="state",
            wrong=[bool(one.wrong) for one in found],
            give_way=[name for way in GIVE_WAY for name in rows[0] if name.startswith(way)],
        )
    for seen in found:
        if seen.uncommitted:
            context.console.warning(describe_aside(seen.path, seen.uncommitted))
    wrong += [one.wrong for one in found if one.wrong]
    if wrong:
        raise (OutputError if any(one.unreachable for one in found) else IntegrityError)(*wrong)


def sources(options: ConfigurationOptions, context: Context) -> None:
    """Show the sources of the configuration."""
    from auditctl.config import sources as config

    known = config.sources(options.config, context, "let auditctl init PROVIDER write it")
    rows = [
        {
            "name": one.name,
            "provider": one.provider.name,
            # A service with one log has no name for it.
            "log": log_name_of(one.provider, one.options.own) or None,
            "output": one.output and one.output.path,
        }
        for one in known.values()
    ]
    if options.format == "json":
        _write_json(rows)
    else:
        write_table(context, rows, verdict="name", wrong=[False] * len(rows), give_way=[])


def _write_json(rows: Sequence[Mapping[str, Any]]) -> None:
    with standard_output() as write:
        write(exact.dumps(rows, orjson.OPT_APPEND_NEWLINE))


def write_table(
    context: Context,
    rows: Sequence[Mapping[str, object]],
    *,
    verdict: str,
    wrong: Sequence[bool],
    give_way: Sequence[str],
) -> None:
    """Write rows under the names of their values, all values whole.

    Where a terminal has no room, columns are left out, in the order of ``give_way``. The column
    ``verdict`` is red in the rows in which something is wrong.
    """
    columns = {title: [title, *(shown(row[title]) for row in rows)] for title in rows[0]}
    # In a pipe one long value pads no other line.
    most = math.inf if context.terminal else WIDEST
    widths = {
        title: max(size for size in map(cells, texts) if size <= most)
        for title, texts in columns.items()
    }
    for title in give_way if context.terminal else ():
        if sum(widths.values()) + len(GAP) * (len(widths) - 1) > context.width:
            del columns[title], widths[title]
    lines = []
    for number, texts in enumerate(zip(*columns.values(), strict=True)):
        padded = [
            text + " " * (width - cells(text))
            for text, width in zip(texts, widths.values(), strict=True)
        ]
        if context.color and number and wrong[number - 1]:
            place = list(columns).index(verdict)
            padded[place] = painted(padded[place], RED)
        line = GAP.join(padded).rstrip(" ")
        lines.append(f"{painted(line, BOLD) if context.color and not number else line}\n")
    with standard_output() as write:
        write("".join(lines).encode())


def _times(one: "Status") -> list[str | None]:
    """Return the times that a row shows."""
    covered = one.state.covered
    if covered is None:
        return [None, None, one.state.latest]
    return [covered.since, covered.until, one.state.latest]


def _status_row(now: datetime, clock: Clock, one: "Status", title: str) -> dict[str, object]:
    state, success = one.state, one.state.last_success
    since, until, newest = (time and clock.minute(time) for time in _times(one))
    zone = "" if clock.is_utc else clock.name
    return {
        title: _title(one, title),
        "state": _state(one),
        "success": None if success is None else f"{age(success, now)} ago",
        f"since{zone}": since or (state.covered and "beginning"),
        f"until{zone}": until,
        f"newest{zone}": newest,
        "records": state.records,
        "gaps": len(state.gaps),
    }


def _title(one: "Status", title: str) -> str:
    """Return what names a row: a source, a PATH, or the source of a table with several."""
    if title == "source":
        return one.source or ""
    return f"{one.path} {one.source}" if one.running is None and one.source else one.path


def _state(one: "Status") -> str:
    if one.wrong:
        return "WRONG"
    if one.running:
        return "running"
    return "unfinished" if one.state.success is None else "ok"


def _sentences(row: Mapping[str, Any], *, color: bool) -> str:
    """Describe a proof for people."""
    style = "" if row["ok"] or not color else RED
    of_table = "files" not in row and row["source"] is not None
    name = escape(row["path"]) + (f", source {escape(row['source'])}" if of_table else "")
    if "records" not in row:
        return f"{name}: {painted('WRONG', style)}\n"
    covered = row["covered"]
    since = covered and (_minute(covered["since"]) or "the beginning")
    span = f"covers {since} to {_minute(covered['until'])} UTC" if covered else "covers nothing yet"
    problem = "has gaps" if row["gaps"] else "lacks files"
    verdict = painted("ok" if row["ok"] else problem, style)
    if of_table:
        return (
            f"{name}: {verdict}: {count(row['records'], 'record')} and "
            f"{count(row['journal_lines'], 'commit')} are what was written; {span}\n"
        )
    first = (
        f"{name}: {verdict}: {count(row['records'], 'record')} in "
        f"{count(row['files'], 'file')} ({row['bytes']:,} bytes) and "
        f"{count(row['journal_lines'], 'line')} of the journal are what was written; {span}"
    )
    return "\n  ".join([first, *row["notes"]]) + "\n"


def _minute(text: str | None) -> str | None:
    return None if text is None else text[:16].replace("T", " ")
