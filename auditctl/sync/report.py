"""The commands verify and status, and how their findings are written."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import orjson

from auditctl import exact
from auditctl.context import Context
from auditctl.errors import IntegrityError
from auditctl.escape import escape
from auditctl.fields import Field
from auditctl.notices import count
from auditctl.output import standard_output
from auditctl.parameters import duration
from auditctl.paths import find_templates
from auditctl.sync.options import StatusOptions, VerifyOptions
from auditctl.sync.sentences import alarms, describe_aside

if TYPE_CHECKING:
    from auditctl.paths import Template
    from auditctl.sync.status import Status


def verify(options: VerifyOptions) -> None:
    """Prove the destinations of a PATH.

    Raises:
        IntegrityError: one of them was changed, or has gaps.

    """
    from auditctl.sync.verify import verify as prove

    found = find_templates(options.path)
    if not found:
        raise IntegrityError(f"No sync has run for {options.path}: there is no journal.")
    rows: list[dict[str, Any]] = []
    wrong: list[str] = []
    for one in found:
        try:
            proof = prove(one)
        except IntegrityError as error:
            wrong.append(str(error))
            rows.append({"path": one.path, "ok": False, "problem": str(error)})
            continue
        missing = alarms(one.path, proof.state)
        wrong += [missing] if missing else []
        rows.append({
            "path": one.path,
            "ok": not missing,
            "problem": missing or None,
            "records": proof.records,
            "bytes": proof.size,
            "files": proof.files,
            "moved_away": proof.elsewhere,
            "journal_lines": proof.lines,
            "covered": proof.state.covered and asdict(proof.state.covered),
            "gaps": [asdict(gap) for gap in proof.state.gaps],
            "deleted": [asdict(file) for file in proof.state.deleted],
            "notes": proof.notes,
            "journal_hash": proof.state.head,
        })  # fmt: skip
    if not options.quiet:
        with standard_output() as write:
            if options.format == "json":
                write(exact.dumps(rows, orjson.OPT_APPEND_NEWLINE))
            else:
                write("".join(map(_sentences, rows)).encode())
    if wrong:
        raise IntegrityError(*wrong)


def status(  # noqa: C901 - one report, in the order in which it is written
    options: StatusOptions, context: Context
) -> None:
    """Show the status of destinations: those of the PATHs, else all of the configuration's.

    Raises:
        IntegrityError: something is wrong with one of them.

    """
    from auditctl.sync.status import acknowledge, read_status

    max_age = None if options.max_age is None else duration("--max-age", options.max_age)
    wanted: list[tuple[Template, str | None]] = []
    wrong: list[str] = []
    for path in options.paths:
        destinations = find_templates(path)
        wanted += [(one, None) for one in destinations]
        if not destinations:
            wrong.append(f"No sync has run for {path}: there is no journal.")
    if not options.paths:
        from auditctl.sync import config

        named = config.sources(options.config, context, "name a destination by its PATH")
        wanted = [(source.template, name) for name, source in named.items()]
    if options.acknowledge_gaps:
        for one, _ in wanted:
            acknowledge(one)
    now = datetime.now(UTC)
    found = [read_status(one, name, now=now, max_age=max_age) for one, name in wanted]
    if options.quiet:
        pass
    elif options.format == "json":
        with standard_output() as write:
            write(exact.dumps([one.row() for one in found], orjson.OPT_APPEND_NEWLINE))
    elif found:
        write_table(context, [_status_row(now, one) for one in found])
    for seen in found:
        if strange := [name for name in seen.aside if name in seen.state.aside]:
            context.console.warning(describe_aside(seen.path, strange))
    wrong += [one.wrong for one in found if one.wrong]
    if wrong:
        raise IntegrityError(*wrong)


def write_table(context: Context, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows under the names of their values."""
    from auditctl.formats.table import PlainTable, RichTable

    columns = [Field(name, itemgetter(name)) for name in rows[0]]
    table = (
        RichTable(columns, context.width, color=context.color)
        if context.terminal
        else PlainTable(columns)
    )
    with standard_output() as write:
        write(table.rows(rows))


def _status_row(now: datetime, one: "Status") -> dict[str, Any]:
    from auditctl.window import age

    state = one.state
    covered, success = state.covered, state.last_success
    since = covered and ((covered.since or "")[:10] or "beginning")
    # A source has a name; the columns must fit a narrow terminal, or what matters is cropped.
    return {
        **({"path": one.path} if one.source is None else {"source": one.source}),
        "state": _state(one),
        "success": None if success is None else f"{age(success, now)} ago",
        "since": since,
        "until": covered and _short(covered.until, now),
        "newest": state.latest and _short(state.latest, now),
        "records": state.records,
        "gaps": len(state.gaps),
    }


def _state(one: "Status") -> str:
    if one.wrong:
        return "WRONG"
    if one.running:
        return "running"
    return "unfinished" if one.state.success is None else "ok"


def _short(text: str, now: datetime) -> str:
    """Write a time of this year without the year, to the minute; any other as its day."""
    return text[5:16].replace("T", " ") if text[:4] == str(now.year) else text[:10]


def _sentences(row: Mapping[str, Any]) -> str:
    """Describe a proof for people."""
    if "records" not in row:
        return f"{escape(row['path'])}: WRONG\n"
    covered = row["covered"]
    since = covered and (_minute(covered["since"]) or "the beginning")
    span = f"covers {since} to {_minute(covered['until'])} UTC" if covered else "covers nothing yet"
    verdict = "ok" if row["ok"] else "has gaps" if row["gaps"] else "lacks files"
    first = (
        f"{escape(row['path'])}: {verdict}: {count(row['records'], 'record')} in "
        f"{count(row['files'], 'file')} ({row['bytes']:,} bytes) and "
        f"{count(row['journal_lines'], 'line')} of the journal are what was written; {span}"
    )
    return "\n  ".join([first, *row["notes"]]) + "\n"


def _minute(text: str | None) -> str | None:
    return None if text is None else text[:16].replace("T", " ")
