"""A table in the hands of a run: one transaction a commit, whatever others do to the table."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError
from deltalake.schema import Field, PrimitiveType

from auditctl.errors import IntegrityError, LockedError, OutputError
from auditctl.sync.delta import destination as module
from auditctl.sync.delta import log, store
from auditctl.sync.delta.destination import MAX_RECORDS, MAX_SECONDS
from auditctl.sync.delta.path import TablePath
from auditctl.sync.delta.verify import verify_table
from auditctl.sync.state import IDLE_EVERY
from auditctl.window import BEGINNING, from_text, to_text
from tests.sync.delta.table import (
    READING,
    done,
    ids,
    opened,
    put_bytes_for_ids,
    record,
    rows,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from auditctl.sync.delta.destination import TableDestination


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def destination(path: Path) -> Iterator[TableDestination]:
    with opened(path) as held:
        write(held, 0)
        yield held


def proven(path: Path) -> int:
    """Return the rows of a table that can be proved."""
    rows = verify_table(TablePath(str(path)), [None], {})
    assert [row["problem"] for row in rows if row["problem"]] == []
    return sum(row["records"] for row in rows)


def commits(path: Path) -> list[Any]:
    return sorted((path / "_delta_log").glob("*.json"))


def line(commit: Path) -> Any:
    (info,) = [json.loads(one) for one in commit.read_text().splitlines() if "commitInfo" in one]
    return json.loads(info["commitInfo"]["auditctl"])


def data_files(path: Path) -> set[str]:
    return {str(one) for one in path.rglob("*.parquet") if "_delta_log" not in one.parts}


# What is in a table


def test_a_row_has_the_record_s_fields_with_their_types_and_its_source_and_date(
    path: Path,
) -> None:
    with opened(path) as held:
        held.add([
            record(1, status_code=200, raw={"a": [1, "x"], "b": None}),
            record(2, time="2026-01-31T23:59:59.1234567Z", status_code=2**31),
            record(3, time=None, actor="é"),
        ])  # fmt: skip
        held.commit(READING)
    table = DeltaTable(str(path))
    first, second, third = sorted(rows(path), key=lambda row: row["id"])
    assert list(first) == [
        "time", "provider", "source", "account", "id", "actor", "actor_id", "actor_name",
        "actor_email", "action", "target", "outcome", "status_code", "source_ip", "user_agent",
        "session_id", "raw", "date",
    ]  # fmt: skip
    assert (first["provider"], first["source"], first["status_code"]) == ("persona", "prod", 200)
    assert first["raw"] == '{"a":[1,"x"],"b":null}'
    assert second["time"] == datetime(2026, 1, 31, 23, 59, 59, 123456, UTC)
    assert (second["date"], second["status_code"]) == (date(2026, 1, 31), None)
    assert (third["time"], third["date"], third["actor"]) == (None, None, "é")
    assert table.metadata().partition_columns == ["provider", "date"]
    schema = pa.schema(table.scan().schema)
    assert schema.field("time").type == pa.timestamp("us", tz="UTC")
    assert schema.field("status_code").type == pa.int32()


def test_the_log_repeats_no_event_and_keeps_every_commit(path: Path) -> None:
    with opened(path) as held:
        held.add([record(1, actor_email="someone@example.com")])
        held.commit(READING)
    assert "someone@example.com" not in "".join(one.read_text() for one in commits(path))
    configuration = DeltaTable(str(path)).metadata().configuration
    assert configuration["delta.logRetentionDuration"] == "interval 36500 days"


def test_what_is_created_is_for_its_owner_s_eyes(path: Path) -> None:
    with opened(path) as held:
        write(held, 1)
    modes = {one.stat().st_mode & 0o777 for one in path.rglob("*") if one.is_file()}
    assert (modes, path.stat().st_mode & 0o777) == ({0o600}, 0o700)


# Commits


def test_another_machine_goes_on_where_the_last_commit_ended(path: Path) -> None:
    with opened(path) as held:
        write(held, 1, 2)
        write(held, 3, progress=done())
        state = held.state
    with opened(path) as again:
        assert again.state == state
    assert (state.line, state.records, state.latest) == (1, 3, "2026-01-01T00:00:03.000Z")


def test_a_line_is_chained_to_the_one_before_it(path: Path) -> None:
    with opened(path) as held:
        write(held, 1)
        write(held, 2)
    first, second = map(line, commits(path)[1:])
    assert (first["line"], first["prev"], second["prev"]) == (0, "0" * 64, first["hash"])
    assert (second["added"], second["records"]) == (1, 2)


@pytest.mark.parametrize(
    ("pending", "seconds", "due"),
    [
        (0, MAX_SECONDS, False),
        (0, IDLE_EVERY.total_seconds(), True),
        (1, MAX_SECONDS - 1, False),
        (1, MAX_SECONDS, True),
        (MAX_RECORDS - 1, 0, False),
        (MAX_RECORDS, 0, True),
    ],
)
def test_a_commit_is_due_by_its_records_or_its_seconds(
    pending: int,
    seconds: float,
    due: bool,  # noqa: FBT001
    path: Path,
) -> None:
    with opened(path) as held:
        held.add([record(0)] * pending)
        assert held.is_due(seconds) is due


def test_a_commit_is_due_by_its_bytes(path: Path) -> None:
    with opened(path) as held:
        held.add([record(0, raw="x" * 2**24)])
        assert not held.is_due(0)
        held.add([record(1, raw="x" * 2**24)])
        assert held.is_due(0)


def test_runs_that_find_nothing_commit_once_in_ten_minutes(
    destination: TableDestination, path: Path
) -> None:
    now = datetime.now(UTC)
    old = to_text(now - IDLE_EVERY)
    destination.commit(done(old))
    count = len(commits(path))
    destination.commit(done())  # the last commit is ten minutes old
    assert len(commits(path)) == count + 1
    for _ in range(3):
        destination.commit(done())
    assert len(commits(path)) == count + 1


def test_what_was_not_committed_is_dropped(destination: TableDestination, path: Path) -> None:
    destination.add([record(1)])
    destination.discard()
    write(destination, 2)
    assert ids(path) == ["id-0", "id-2"]


# Rivals


def test_a_second_writer_of_a_source_loses_before_anything_is_visible(
    destination: TableDestination, path: Path
) -> None:
    with opened(path) as rival:
        write(rival, 1)
        destination.add([record(2)])
        with pytest.raises(LockedError, match=r"source prod.* --wait"):
            destination.commit(READING)
        assert ids(path) == ["id-0", "id-1"]
        destination.discard()
        destination.check()
        assert destination.state == rival.state
    write(destination, 3)
    assert proven(path) == 3


def test_a_writer_that_is_overtaken_while_it_writes_loses_too(
    destination: TableDestination, path: Path
) -> None:
    with opened(path) as rival, before_the_write(lambda: write(rival, 1)):
        with pytest.raises(LockedError):
            write(destination, 2)
        assert ids(path) == ["id-0", "id-1"]
        # Its file is in no commit: VACUUM removes it.
        assert len(data_files(path)) == 3
    DeltaTable(str(path)).vacuum(0, dry_run=False, enforce_retention_duration=False, full=True)
    assert len(data_files(path)) == 2
    assert proven(path) == 2


def test_two_new_sources_take_a_slot_each(path: Path) -> None:
    with opened(path, "one") as one, opened(path, "two") as two:
        with before_the_write(lambda: write(one, 1)):
            write(two, 2)
        write(one, 3)
        found = store.Store(TablePath(str(path)), {})
        found.load()
        assert sorted(log.sources(found)) == ["one", "two"]
    assert proven(path) == 3


def before_the_write(act: Callable[[], object]) -> Any:
    """Let something happen between the look at the table and the next write."""
    real, acts = write_deltalake, [act]

    def late(*args: Any, **kwargs: Any) -> None:
        if acts:
            acts.pop()()
        real(*args, **kwargs)

    return patch.object(module, "write_deltalake", late)


@pytest.mark.parametrize("error", [CommitFailedError, OSError])
def test_a_commit_whose_answer_was_lost_is_done(
    error: type[Exception], destination: TableDestination, path: Path
) -> None:
    real = write_deltalake

    def lost(*args: Any, **kwargs: Any) -> None:
        real(*args, **kwargs)
        raise error("Concurrent transaction failed")

    with patch.object(module, "write_deltalake", lost):
        write(destination, 1)
    write(destination, 2)
    assert (proven(path), destination.state.records) == (3, 3)


def test_a_store_that_cannot_be_written_leaves_what_was_committed(
    destination: TableDestination, path: Path
) -> None:
    state = destination.state
    said = "Generic S3 error\n \x1b[31m↳\x1b[0m no more room at http://a.example/b?sig=secret"
    with (
        patch.object(module, "write_deltalake", side_effect=OSError(said)),
        pytest.raises(OutputError) as caught,
    ):
        write(destination, 1)
    assert "no more room at http://a.example/b" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert destination.state == state
    destination.discard()
    write(destination, 2)
    assert proven(path) == 2


def other_source(path: Path) -> None:
    with opened(path, "other") as held:
        write(held, 100)


def optimize(path: Path) -> None:
    DeltaTable(str(path)).optimize.compact()


def vacuum(path: Path) -> None:
    DeltaTable(str(path)).vacuum(0, dry_run=False, enforce_retention_duration=False, full=True)


def set_property(path: Path) -> None:
    DeltaTable(str(path)).alter.set_table_properties({"delta.checkpointInterval": "20"})


def clean_up(path: Path) -> None:
    table = DeltaTable(str(path))
    table.create_checkpoint()
    table.cleanup_metadata()


@pytest.mark.parametrize("act", [other_source, optimize, vacuum, set_property, clean_up])
@pytest.mark.parametrize("when", ["before", "within"])
def test_what_others_do_disturbs_no_run(
    act: Callable[[Path], None], when: str, destination: TableDestination, path: Path
) -> None:
    write(destination, 1)
    if when == "before":
        act(path)
        write(destination, 2)
    else:
        with before_the_write(lambda: act(path)):
            write(destination, 2)
    optimize(path)
    write(destination, 3)
    assert proven(path) == 4 + (act is other_source)


def test_a_long_run_loads_the_table_anew_now_and_then(path: Path) -> None:
    with patch.object(module, "MAX_COMMITS_PER_LOAD", 3), opened(path) as held:
        for n in range(8):
            write(held, n)
    assert proven(path) == 8


def test_a_commit_that_was_changed_or_is_gone_ends_the_run_at_its_next(
    destination: TableDestination, path: Path
) -> None:
    newest = commits(path)[-1]
    text = newest.read_text()
    newest.write_text(text.replace('\\"records\\":1', '\\"records\\":2'))
    assert newest.read_text() != text
    with pytest.raises(IntegrityError, match=r"the commit 1 was changed"):
        write(destination, 1)
    newest.unlink()
    with pytest.raises(IntegrityError):
        write(destination, 2)
    newest.write_text(text)
    destination.discard()
    write(destination, 3)
    assert proven(path) == 2


def test_the_state_is_found_however_many_commits_others_made(path: Path) -> None:
    with opened(path) as held:
        write(held, 1)
        state = held.state
    with opened(path, "busy") as busy:
        for n in range(120):  # beyond a checkpoint
            write(busy, 200 + n)
    read: list[int] = []
    real = store.Store.actions

    def actions(self: store.Store, version: int) -> Any:
        read.append(version)
        return real(self, version)

    with patch.object(store.Store, "actions", actions), opened(path) as again:
        assert again.state == state
    assert len(read) == 1


# What is known


def test_events_are_known_by_their_ids_from_a_time_on(path: Path) -> None:
    with opened(path) as held:
        held.add([record(0), record(30), record(50), record(60, time=None)])
        held.commit(READING)
        since = from_text("2026-01-01T00:00:30.000Z")
        known = held.known_since(since, str)
        new = [record(0), record(30), record(50), record(60, time=None), record(61, time=None)]
        assert [one["id"] for one in known.new(new)] == ["id-0", "id-61"]
        assert known.new(new) == []


def test_the_last_event_before_a_millisecond_is_known(path: Path) -> None:
    """The log's statistics are cut to milliseconds."""
    with opened(path) as held:
        fine = record(1, time="2026-01-01T00:00:00.000900Z")
        held.add([fine])
        held.commit(READING)
        since = datetime(2026, 1, 1, 0, 0, 0, 500, UTC)
        assert held.known_since(since, str).new([fine]) == []


def test_events_of_all_times_are_known(path: Path) -> None:
    times = ("0001-01-01T00:00:00.000Z", "0999-12-31T00:00:00.000Z", "9999-12-31T23:59:59.999Z")
    events = [record(n, time=time) for n, time in enumerate(times)]
    with opened(path) as held:
        held.add(events)
        held.commit(READING)
        for first, time in enumerate(times):
            known = held.known_since(datetime.fromisoformat(time), str)
            assert known.new(events) == events[:first]
    assert proven(path) == len(times)


def test_events_of_another_source_are_not_known(path: Path) -> None:
    with opened(path) as held, opened(path, "other") as other:
        write(other, 1)
        held.check()
        first = from_text(None)
        assert held.known_since(first, str).new([record(1)]) == [record(1)]


# Tables that a run does not write to


def test_a_source_whose_last_commit_is_gone_is_never_begun_anew(path: Path) -> None:
    with opened(path) as held:
        write(held, 1)
        write(held, 2)
    other_source(path)
    DeltaTable(str(path)).create_checkpoint()
    for commit in commits(path)[:-1]:
        commit.unlink()
    with pytest.raises(IntegrityError, match="the commit 2 is gone from the log"), opened(path):
        pass


def test_a_line_that_was_changed_ends_the_run(path: Path) -> None:
    with opened(path) as held:
        write(held, 1)
    (_, last) = commits(path)
    last.write_text(last.read_text().replace('records\\":1', 'records\\":2'))
    with pytest.raises(IntegrityError, match="the commit 1 was changed"), opened(path):
        pass


def test_an_id_that_is_not_utf8_is_nobody_s(path: Path) -> None:
    with opened(path) as held:
        write(held, 1)
    put_bytes_for_ids(path)
    with opened(path) as held:
        write(held, 2)
        assert held.known_since(BEGINNING, str).ids == {None, "id-2"}


def test_a_table_of_somebody_else_is_not_written_to(path: Path) -> None:
    write_deltalake(str(path), pa.table({"a": ["theirs"]}))
    with pytest.raises(IntegrityError, match="auditctl did not create"), opened(path):
        pass
    assert rows(path) == [{"a": "theirs"}]


def test_a_folder_with_something_else_is_no_table(path: Path) -> None:
    path.mkdir()
    (path / "notes.txt").touch()
    with pytest.raises(IntegrityError, match="a folder with other files"), opened(path):
        pass


def test_a_table_whose_columns_were_changed_is_not_written_to(
    destination: TableDestination, path: Path
) -> None:
    DeltaTable(str(path)).alter.add_columns(Field("theirs", PrimitiveType("string")))
    with pytest.raises(IntegrityError, match="whose columns were changed"):
        write(destination, 1)


@pytest.mark.parametrize(
    ("was", "is_"),
    [
        ('"name":"status_code","type":"integer"', '"name":"status_code","type":"long"'),
        (
            '"name":"target","type":"string","nullable":true',
            '"name":"target","type":"string","nullable":false',
        ),
    ],
)
def test_a_table_whose_types_were_changed_is_not_written_to(was: str, is_: str, path: Path) -> None:
    with opened(path):
        pass
    created = path / "_delta_log" / f"{0:020}.json"
    text = created.read_text()
    was, is_ = (words.replace('"', '\\"') for words in (was, is_))
    assert was in text
    created.write_text(text.replace(was, is_))
    with pytest.raises(IntegrityError, match="whose columns were changed"), opened(path):
        pass


def test_an_event_that_a_constraint_of_others_refuses_is_not_shown(
    destination: TableDestination, path: Path
) -> None:
    write(destination, 1)
    DeltaTable(str(path)).alter.add_constraint({"theirs": "id != 'id-2'"})
    with pytest.raises(OutputError, match="has added a CHECK constraint") as found:
        write(destination, 2)
    assert "id-2" not in str(found.value)
    DeltaTable(str(path)).alter.drop_constraint("theirs")
    with opened(path) as again:
        write(again, 2)
    assert ids(path) == ["id-0", "id-1", "id-2"]


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Cannot write"), opened(tmp_path / "file" / "lake"):
        pass
