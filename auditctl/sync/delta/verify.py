"""Proof of a table: the commits of each source, and all of its rows, read again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from arro3.core import RecordBatch

from auditctl.errors import IntegrityError
from auditctl.escape import escape
from auditctl.phrases import count
from auditctl.sync.delta import log, rows
from auditctl.sync.delta.log import NO_DIGEST, Line
from auditctl.sync.delta.path import TablePath
from auditctl.sync.delta.store import Store, failures
from auditctl.sync.status import alarms, describe_unbegun, facts, unproved

SOURCE = rows.COLUMNS.index("source")
_NUMBERS = {"time": pa.int64(), "date": pa.int32()}


@dataclass
class SourceProof:
    """What was found of one source."""

    source: str | None
    """None for rows without a source."""
    state: Line = field(default_factory=Line)
    rows: int = 0
    digest: str = NO_DIGEST
    wrong: str = ""
    """The first thing that is wrong, as a sentence; empty if nothing is."""


def verify_table(
    table: TablePath, sources: Sequence[str | None], environ: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Prove a table, and return the rows of the sources that are named, or of all (None).

    What is wrong with the others is said in any case: all of the table was read.
    """
    path, found = table.path, _prove(table, environ)
    named = found if None in sources else sources
    lost = [name for name in named if name not in found] if found else [None]
    return [
        *(_row(path, one) for name, one in found.items() if name in named or one.wrong),
        *(unproved(path, name, describe_unbegun(path, name)) for name in lost),
    ]


def _row(path: str, proof: SourceProof) -> dict[str, Any]:
    if proof.wrong:
        return unproved(path, proof.source, proof.wrong)
    return facts(path, proof.source, proof.state, alarms(path, proof.state))


def _prove(table: TablePath, environ: Mapping[str, str]) -> dict[str | None, SourceProof]:
    """Read a table again, all commits and all rows of the newest version."""
    store = Store(table, environ)
    store.load()
    proofs: dict[str | None, SourceProof] = {}
    for version in range(store.version + 1):
        for line in log.lines(store, version):
            _check(store.path, proofs.setdefault(line.source, SourceProof(line.source)), line)
    for name in log.sources(store):
        _check_last(store, name, proofs)
    for batch in store.batches(list(rows.COLUMNS), None):
        numbers: dict[str | None, list[int]] = {}
        with failures(store.path):  # a text that is not UTF-8 is found only here
            columns = _columns(batch)
        for source, number in zip(columns[SOURCE], rows.digests(columns), strict=True):
            numbers.setdefault(source, []).append(number)
        for source, found in numbers.items():
            proof = proofs.setdefault(source, SourceProof(source))
            proof.rows += len(found)
            proof.digest = rows.add(proof.digest, found)
    for proof in proofs.values():
        proof.wrong = proof.wrong or _content(store.path, proof)
    return dict(sorted(proofs.items(), key=lambda one: one[0] or ""))


def _columns(batch: RecordBatch) -> list[list[Any]]:
    """Return rows as `auditctl.sync.delta.rows.columns` does."""
    found = pa.record_batch(batch)  # whose lists are made in half the time
    for name, type_ in _NUMBERS.items():
        found = found.set_column(rows.COLUMNS.index(name), name, found[name].view(type_))
    return [column.to_pylist() for column in found.columns]


def _check(path: str, proof: SourceProof, line: Line) -> None:
    """Check that a commit goes on where the one before it ended."""
    before = proof.state
    begins = before.line < 0
    what = ""
    if line.line != before.line + 1 or line.prev != before.head:
        what = "commits before it were dropped, added or changed"
    elif not begins and (line.shape, line.since) != (before.shape, before.since):
        what = "it has other options than the one before it"
    elif line.records != before.records + line.added:
        what = "its records do not add up"
    elif line.window and before.leaves_a_hole(line.covered, line.window):
        what = "it covers hours that were not read"
    if what and not proof.wrong:
        proof.wrong = (
            f"{path}, source {line.source}, commit {line.line + 1}: {what}. The log is not what "
            "was written, so it proves nothing any more: restore it, or begin a new table."
        )
    proof.state = line


def _check_last(store: Store, source: str, proofs: Mapping[str | None, SourceProof]) -> None:
    """Check that a run would continue from the commit that the log ends with."""
    line, proof = log.last_line(store, source), proofs.get(source)
    if line is None or proof is None or line.head != proof.state.head:
        raise IntegrityError(
            f"{store.path}, source {source}: its last commit is not the one that its transaction "
            "names. The log was changed: restore it, or begin a new table."
        )


def _content(path: str, proof: SourceProof) -> str:
    """Describe what is wrong with the rows of a source; empty if nothing is."""
    state = proof.state
    if state.line < 0:
        whose = "no source" if proof.source is None else f"the source {escape(proof.source)}"
        found = count(proof.rows, "row")
        return f"{path} has {found} of {whose}, which no commit names: somebody added them."
    if (proof.rows, proof.digest) == (state.records, state.digest):
        return ""
    found = f"{path}, source {proof.source}: {count(state.records, 'row')} were written, and"
    if proof.rows < state.records:
        return f"{found} {proof.rows:,} are there: some were deleted."
    if proof.rows > state.records:
        return f"{found} {proof.rows:,} are there: some were added or doubled."
    return f"{found} as many are there, but not the same: some were changed."
