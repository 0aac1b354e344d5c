"""Proof of tables: what OPTIMIZE may do, and what somebody did who may not."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from hypothesis import given, settings
from hypothesis import strategies as st

from auditctl.records.record import FIELDS
from auditctl.sync.delta import log, rows
from auditctl.sync.delta.path import TablePath
from auditctl.sync.delta.store import Store
from auditctl.sync.seal import plain, seal
from tests.program import result
from tests.sync.delta.table import done, opened, put_bytes_for_ids, record, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WRONG = 8


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a table with two sources."""
    table = tmp_path / "lake"
    for source, first in (("prod", 0), ("staging", 100)):
        with opened(table, source) as held:
            write(held, *range(first, first + 5))
            held.add([record(first + 5, time=None)])
            held.commit(done())
    return table


def theirs(path: Path, **fields: Any) -> None:
    """Add a row as anybody could."""
    row = dict.fromkeys(rows.COLUMNS)
    schema = pa.schema(rows.SCHEMA)
    batch = pa.Table.from_pylist([{**row, "provider": "persona", **fields}], schema=schema)
    write_deltalake(str(path), batch, mode="append")


def test_a_table_is_proved_by_source(path: Path) -> None:
    found = result("verify", str(path))
    said = "ok: 6 records and 2 commits are what was written; covers the beginning to 2026-01-02"
    assert found.ended == (0, "")
    assert found.text == "".join(
        f"{path}, source {source}: {said} 00:00 UTC\n" for source in ("prod", "staging")
    )
    first, second = result("verify", str(path), "--format", "json").json
    assert (first["source"], first["records"], first["journal_lines"]) == ("prod", 6, 2)
    assert first["journal_hash"] != second["journal_hash"]


def compacted(path: Path) -> None:
    DeltaTable(str(path)).optimize.compact()


def ordered(path: Path) -> None:
    DeltaTable(str(path)).optimize.z_order(["id"])


def cleaned(path: Path) -> None:
    table = DeltaTable(str(path))
    table.optimize.compact()
    table.vacuum(0, dry_run=False, enforce_retention_duration=False, full=True)
    table.create_checkpoint()
    table.cleanup_metadata()


def other_properties(path: Path) -> None:
    DeltaTable(str(path)).alter.set_table_properties({"delta.appendOnly": "true"})


def committed_by_others(path: Path) -> None:
    write_deltalake(str(path), rows.SCHEMA.empty_table(), mode="append")


MAINTENANCE = [compacted, ordered, cleaned, other_properties, committed_by_others]


@pytest.mark.parametrize("info", ["null", "[]", '"x"', "7", "{}"])
def test_a_commit_of_others_may_note_anything(info: str, path: Path) -> None:
    commit = path / "_delta_log" / f"{5:020}.json"
    commit.write_text(f'{{"commitInfo":{info}}}\n')
    assert result("verify", str(path), "-q").ended == (0, "")


@pytest.mark.parametrize("act", MAINTENANCE)
def test_maintenance_changes_no_proof(act: Callable[[Path], None], path: Path) -> None:
    act(path)
    assert result("verify", str(path), "-q").ended == (0, "")


def deleted(path: Path) -> None:
    DeltaTable(str(path)).delete("id = 'id-1'")


def changed(path: Path) -> None:
    DeltaTable(str(path)).update({"actor": "'nobody'"}, predicate="id = 'id-1'")


def moved_to_another_source(path: Path) -> None:
    DeltaTable(str(path)).update({"source": "'staging'"}, predicate="id = 'id-1'")


def doubled(path: Path) -> None:
    table = DeltaTable(str(path))
    write_deltalake(table, table.scan(predicate="id = 'id-1'"), mode="append")


def doubled_twice(path: Path) -> None:
    doubled(path)
    DeltaTable(str(path)).delete("id = 'id-2'")


def restored(path: Path) -> None:
    DeltaTable(str(path)).restore(1)


def added(path: Path) -> None:
    theirs(path, source="prod", id="theirs")


def added_to_none(path: Path) -> None:
    theirs(path, id="theirs")


def added_to_an_unknown_source(path: Path) -> None:
    theirs(path, source="\x1b[31mnone", id="theirs")


def without_a_file(path: Path) -> None:
    next(path.glob("provider=persona/*/*.parquet")).unlink()


def with_a_broken_file(path: Path) -> None:
    next(path.glob("provider=persona/*/*.parquet")).write_bytes(b"PAR1")


def without_a_commit(path: Path) -> None:
    DeltaTable(str(path)).create_checkpoint()
    (path / "_delta_log" / f"{1:020}.json").unlink()


def with_another_line(path: Path) -> None:
    commit = path / "_delta_log" / f"{1:020}.json"
    commit.write_text(commit.read_text().replace('added\\":5', 'added\\":4'))


def with_another_file(path: Path) -> None:
    one, other = sorted(path.glob("provider=persona/date=2*/*.parquet"))
    one.write_bytes(other.read_bytes())


def without_the_log(path: Path) -> None:
    shutil.rmtree(path / "_delta_log")


def without_a_commit_or_a_checkpoint(path: Path) -> None:
    (path / "_delta_log" / f"{1:020}.json").unlink()


def without_the_last_commit_of_a_source(path: Path) -> None:
    DeltaTable(str(path)).create_checkpoint()
    (path / "_delta_log" / f"{4:020}.json").unlink()


def with_an_expired_log(path: Path) -> None:
    """Do what anybody may who thinks that a log is kept for nothing."""
    retention = {"delta.logRetentionDuration": "interval 0 days"}
    DeltaTable(str(path)).alter.set_table_properties(retention)
    table = DeltaTable(str(path))
    table.create_checkpoint()
    table.cleanup_metadata()


def members_of(path: Path, version: int) -> dict[str, Any]:
    """Return what a commit's line says, without its hash."""
    (line,) = log.lines(loaded(path), version)
    return {name: plain(getattr(line, name)) for name in log.MEMBERS}


def loaded(path: Path) -> Store:
    store = Store(TablePath(str(path)), {})
    store.load()
    return store


def forge(path: Path, version: int, **members: Any) -> None:
    """Write another line into a commit, whose own hash is right."""
    commit = path / "_delta_log" / f"{version:020}.json"
    actions = [json.loads(line) for line in commit.read_text().splitlines()]
    (info,) = [action["commitInfo"] for action in actions if "commitInfo" in action]
    info[log.KEY] = seal({**members_of(path, version), **members})[0].decode()
    commit.write_text("".join(json.dumps(action) + "\n" for action in actions))


def with_a_line_and_its_hash(path: Path) -> None:
    forge(path, 1, success="2026-01-01T00:00:00.000Z")


def with_more_records(path: Path) -> None:
    forge(path, 2, records=7)


def with_hours_that_were_not_read(path: Path) -> None:
    forge(path, 2, covered={"since": None, "until": "2026-01-03T00:00:00.000Z"})


def with_other_options(path: Path) -> None:
    forge(path, 2, shape={"provider": "persona", "redact": False})


def with_a_member_that_no_line_has(path: Path) -> None:
    forge(path, 1, signed="nobody")


def with_a_member_of_another_kind(path: Path) -> None:
    forge(path, 1, window="2026")


def without_the_last_line(path: Path) -> None:
    commit = path / "_delta_log" / f"{2:020}.json"
    commit.write_text(commit.read_text().replace(f'"{log.KEY}":', '"other":'))


def with_a_line_that_no_transaction_names(path: Path) -> None:
    (last,) = log.lines(loaded(path), 2)
    line = {**members_of(path, 2), "line": 2, "prev": last.head, "added": 0}
    info = {"commitInfo": {log.KEY: seal(line)[0].decode()}}
    (path / "_delta_log" / f"{5:020}.json").write_text(json.dumps(info) + "\n")


def with_a_transaction_of_nobody(path: Path) -> None:
    commit = path / "_delta_log" / f"{5:020}.json"
    commit.write_text('{"commitInfo":{}}\n{"txn":{"version":1}}\n')


def with_a_broken_checkpoint(path: Path) -> None:
    DeltaTable(str(path)).create_checkpoint()
    next((path / "_delta_log").glob("*.checkpoint.parquet")).write_bytes(b"PAR1")


def with_an_older_checkpoint(path: Path) -> None:
    DeltaTable(str(path)).create_checkpoint()
    DeltaTable(str(path), version=2).create_checkpoint()
    older, newer = sorted((path / "_delta_log").glob("*.checkpoint.parquet"))
    newer.write_bytes(older.read_bytes())
    (path / "_delta_log" / "_last_checkpoint").unlink()


def of_somebody_else(path: Path) -> None:
    shutil.rmtree(path)
    write_deltalake(str(path), pa.table({"x": [1]}))


TAMPERING: dict[Callable[[Path], None], str] = {
    deleted: "source prod: 6 rows were written, and 5 are there: some were deleted",
    changed: "source prod: 6 rows were written, and as many are there, but not the same",
    moved_to_another_source: "source staging: 6 rows were written, and 7 are there",
    doubled: "source prod: 6 rows were written, and 7 are there: some were added or doubled",
    doubled_twice: "source prod: 6 rows were written, and as many are there, but not the same",
    restored: "source prod: 6 rows were written, and 5 are there",
    added: "source prod: 6 rows were written, and 7 are there",
    added_to_none: "has 1 row of no source, which no commit names",
    added_to_an_unknown_source: r"has 1 row of the source \x1b[31mnone, which no commit names",
    without_a_file: "a part of it is gone: Failed to fetch metadata for file ",
    with_a_broken_file: "is not what was written",
    without_a_commit: "the commit 1 is gone from the log",
    with_another_line: "the commit 1 was changed",
    with_another_file: "is not what was written, or a part of it is gone",
    put_bytes_for_ids: "'utf-8' codec can't decode byte 0xff",
    without_the_log: "there is no table",
    without_a_commit_or_a_checkpoint: "is not what was written, or a part of it is gone",
    without_the_last_commit_of_a_source: "the commit 4 is gone from the log",
    with_an_expired_log: "the commit 0 is gone from the log",
    with_a_line_and_its_hash: "source prod, commit 2: commits before it were dropped",
    with_more_records: "source prod, commit 2: its records do not add up",
    with_hours_that_were_not_read: "source prod, commit 2: it covers hours that were not read",
    with_other_options: "source prod, commit 2: it has other options than the one before it",
    with_a_member_that_no_line_has: "the commit 1 was changed",
    with_a_member_of_another_kind: "the commit 1 was changed",
    without_the_last_line: "transaction auditctl:source:prod, but no commit with it",
    with_a_line_that_no_transaction_names: "its last commit is not the one that its transaction",
    with_a_transaction_of_nobody: "is not what was written, or a part of it is gone",
    with_a_broken_checkpoint: "is not what was written, or a part of it is gone",
    with_an_older_checkpoint: "source staging: 6 rows were written, and 0 are there",
    of_somebody_else: "auditctl did not create",
}


@pytest.mark.parametrize("act", TAMPERING)
def test_tampering_is_found(act: Callable[[Path], None], path: Path) -> None:
    act(path)
    found = result("verify", str(path))
    assert found.status == WRONG
    assert TAMPERING[act] in found.said
    assert "WRONG" in found.text


def test_a_table_that_is_gone_is_said(tmp_path: Path) -> None:
    found = result("verify", str(tmp_path / "lake"))
    assert found.status == WRONG


def test_a_digest_is_the_hash_of_the_values_that_are_in_the_table() -> None:
    raw = {"n": 1, "text": 'a "quoted" ü'}
    first = record(1, time="1969-12-31T23:59:59.999999999Z", status_code=2**31 - 1, raw=raw)
    second = record(2, time=None, status_code=2**31)
    text = '{"n":1,"text":"a \\"quoted\\" ü"}'
    values = [
        [-1, "persona", "s", None, "id-1", *[None] * 7, 2**31 - 1, *[None] * 3, text, -1],
        [None, "persona", "s", None, "id-2", *[None] * 11, '{"n":2}', None],
    ]
    rows_as_json = [json.dumps(row, separators=(",", ":"), ensure_ascii=False) for row in values]
    found = rows.digests(rows.columns([first, second], "s"))
    assert found == [int(sha256(row.encode()).hexdigest(), 16) for row in rows_as_json]


VALUES = st.text(st.characters(codec="utf-8"), max_size=5) | st.none()


@given(st.lists(st.tuples(VALUES, VALUES), max_size=8), st.randoms())
@settings(max_examples=50)
def test_a_digest_depends_on_all_values_and_on_no_order(
    values: list[tuple[str | None, str | None]], dice: Any
) -> None:
    records: list[dict[str, Any]] = [
        {**dict.fromkeys(FIELDS), "provider": "p", "actor": actor, "action": action, "raw": {}}
        for actor, action in values
    ]
    digest = rows.add("0", rows.digests(rows.columns(records, "s")))
    shuffled = dice.sample(records, len(records))
    cut = dice.randrange(len(records) + 1)
    parts = [rows.columns(part, "s") for part in (shuffled[:cut], shuffled[cut:])]
    other = "0"
    for part in parts:
        other = rows.add(other, rows.digests(part))
    assert other == digest
    if records:
        dice.choice(records)["target"] = "another"
        assert rows.add("0", rows.digests(rows.columns(records, "s"))) != digest
