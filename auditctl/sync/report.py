"""The commands verify and status, and how their findings are written."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import orjson

from auditctl import exact
from auditctl.context import Context
from auditctl.errors import AuditctlError, IntegrityError, OutputError
from auditctl.escape import escape
from auditctl.fields import Field
from auditctl.notices import count
from auditctl.output import standard_output
from auditctl.parameters import duration
from auditctl.sync.delta.path import TablePath
from auditctl.sync.options import StatusOptions, VerifyOptions
from auditctl.sync.sentences import alarms, describe_aside

if TYPE_CHECKING:
    from auditctl.paths import Template
    from auditctl.sync.delta.verify import SourceProof
    from auditctl.sync.place import Place
    from auditctl.sync.status import Status


def verify(options: VerifyOptions, context: Context) -> None:
    """Prove the destinations of a PATH.

    Raises:
        IntegrityError: one of them was changed, or has gaps.
        OutputError: a store cannot be reached.

    """
    from auditctl.sync.find import find_places

    found = find_places(options.path, context)
    if not found:
        raise IntegrityError(f"No sync has run for {options.path}: there is no journal.")
    rows: list[dict[str, Any]] = []
    failed: type[AuditctlError] = IntegrityError
    for one in found:
        try:
            if isinstance(one, TablePath):
                from auditctl.sync.delta.verify import verify_table

                proofs = verify_table(one, context.environ)
                rows += [_proof_of_source(one.path, proof) for proof in proofs]
            else:
                rows.append(_proof_of_files(one))
        except (IntegrityError, OutputError) as error:
            rows.append({"path": one.path, "ok": False, "problem": str(error)})
            failed = OutputError if isinstance(error, OutputError) else failed
    if not options.quiet:
        with standard_output() as write:
            if options.format == "json":
                write(exact.dumps(rows, orjson.OPT_APPEND_NEWLINE))
            else:
                write("".join(map(_sentences, rows)).encode())
    if wrong := [row["problem"] for row in rows if row["problem"]]:
        raise failed(*wrong)


def _proof_of_files(template: "Template") -> dict[str, Any]:
    from auditctl.sync.verify import verify as prove

    proof = prove(template)
    state = proof.state
    missing = alarms(template.path, state, state.deleted)
    return {
        "path": template.path,
        "ok": not missing,
        "problem": missing or None,
        "records": proof.records,
        "bytes": proof.size,
        "files": proof.files,
        "moved_away": proof.elsewhere,
        "journal_lines": proof.lines,
        "covered": state.covered and asdict(state.covered),
        "gaps": [asdict(gap) for gap in state.gaps],
        "deleted": [asdict(file) for file in state.deleted],
        "notes": proof.notes,
        "journal_hash": state.head,
    }


def _proof_of_source(path: str, proof: "SourceProof") -> dict[str, Any]:
    if proof.wrong:
        return {"path": path, "source": proof.source, "ok": False, "problem": proof.wrong}
    state = proof.state
    missing = alarms(path, state)
    return {
        "path": path,
        "source": proof.source,
        "ok": not missing,
        "problem": missing or None,
        "records": proof.rows,
        "journal_lines": state.line + 1,
        "covered": state.covered and asdict(state.covered),
        "gaps": [asdict(gap) for gap in state.gaps],
        "journal_hash": state.head,
    }


def status(  # noqa: C901 - one report, in the order in which it is written
    options: StatusOptions, context: Context
) -> None:
    """Show the status of destinations: those of the PATHs, else all of the configuration's.

    Raises:
        IntegrityError: something is wrong with one of them.

    """
    from auditctl.sync.find import find_places

    max_age = None if options.max_age is None else duration("--max-age", options.max_age)
    wanted: list[tuple[Place, str | None]] = []
    wrong: list[str] = []
    for path in options.paths:
        places = find_places(path, context)
        wanted += [(one, None) for one in places]
        if not places:
            wrong.append(f"No sync has run for {path}: there is no journal.")
    if not options.paths:
        from auditctl.sync import config

        named = config.sources(options.config, context)
        wanted = [(source.place, name) for name, source in named.items()]
    if options.acknowledge_gaps:
        for one, name in wanted:
            _acknowledge(one, name, context)
    now = datetime.now(UTC)
    found = list(
        chain.from_iterable(
            _statuses(one, name, context, now=now, max_age=max_age) for one, name in wanted
        )
    )
    if options.quiet:
        pass
    elif options.format == "json":
        with standard_output() as write:
            write(exact.dumps([one.row() for one in found], orjson.OPT_APPEND_NEWLINE))
    elif found:
        paths = bool(options.paths) and len({one.path for one in found}) > 1
        paths = paths or any(one.source is None for one in found)
        write_table(context, [_status_row(now, one, path=paths) for one in found])
    for seen in found:
        if seen.strange:
            context.console.warning(describe_aside(seen.path, seen.strange))
    wrong += [one.wrong for one in found if one.wrong]
    if wrong:
        raise (OutputError if any(one.unreachable for one in found) else IntegrityError)(*wrong)


def _statuses(
    place: "Place",
    source: str | None,
    context: Context,
    **limits: Any,  # noqa: ANN401 - those of each kind
) -> list["Status"]:
    if isinstance(place, TablePath):
        from auditctl.sync.delta.status import read_table_status

        return read_table_status(place, source, context.environ, **limits)
    from auditctl.sync.status import read_status

    return [read_status(place, source, **limits)]


def _acknowledge(place: "Place", source: str | None, context: Context) -> None:
    if isinstance(place, TablePath):
        from auditctl.sync.delta.status import acknowledge_table

        acknowledge_table(place, source, context.environ)
    else:
        from auditctl.sync.status import acknowledge

        acknowledge(place)


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


def _status_row(now: datetime, one: "Status", *, path: bool) -> dict[str, Any]:
    from auditctl.window import age

    state = one.state
    covered, success = state.covered, state.last_success
    since = covered and ((covered.since or "")[:10] or "beginning")
    # A source has a name; the columns must fit a narrow terminal, or what matters is cropped.
    name = {"path": f"{one.path} {one.source or ''}".strip()} if path else {"source": one.source}
    return {
        **name,
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
    name = escape(row["path"]) + (f", source {row['source']}" if row.get("source") else "")
    if "records" not in row:
        return f"{name}: WRONG\n"
    covered = row["covered"]
    since = covered and (_minute(covered["since"]) or "the beginning")
    span = f"covers {since} to {_minute(covered['until'])} UTC" if covered else "covers nothing yet"
    verdict = "ok" if row["ok"] else "has gaps"
    if "files" not in row:  # of a table
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
