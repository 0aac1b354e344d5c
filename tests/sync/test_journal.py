"""The journal: whatever is cut off, what is left is a state that once was; and it opens fast."""

from __future__ import annotations

import errno
import json
import os
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock, patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl.errors import IntegrityError, LockedError, OutputError
from auditctl.sync.files import commits
from auditctl.sync.files.chain import line_at
from auditctl.sync.files.commits import File, FileEntry, FileState
from auditctl.sync.files.journal import Journal
from auditctl.sync.files.replay import read_state
from auditctl.sync.state import FIRST_PREV, Deleted, ReadSpan
from auditctl.window import to_text
from tests.program import sealed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

YEAR_OF_MINUTES = 365 * 24 * 60


def opened(folder: Path) -> Journal:
    return Journal(str(folder / "j"), 0, time.sleep)


def read_again(folder: Path) -> FileState:
    """Read the journal as those do who only look at it."""
    found = read_state(str(folder / "j"))
    assert found is not None
    return found


def entry(name: str, offset: int, length: int) -> FileEntry:
    return FileEntry(name, offset, length, 1, "", offset, 7)


def window(until: str, *, done: bool = True) -> ReadSpan:
    return ReadSpan(None, until, None, done)


def append(journal: Journal, **change: Any) -> None:
    journal.append(journal.state.next()._replace(**change), snapshot=journal.state.line < 0)


def commit(journal: Journal, n: int, name: str = "a", **own: Any) -> None:
    """Write a line as a run does that finds one record, dated by its number."""
    length = journal.state.files[name].length if name in journal.state.files else 0
    append(
        journal,
        files=(entry(name, length, 10),),
        window=window(f"{n:06}"),
        records=journal.state.records + 1,
        newest=f"{n:06}",
        ids=(f"id-{n}",),
        **own,
    )


@given(st.data())
def test_cut_off_anywhere_it_is_a_state_that_once_was(data: st.DataObject) -> None:
    with TemporaryDirectory() as name, patch.object(commits, "SNAPSHOT_EVERY", 700):
        folder = Path(name)
        journal = opened(folder)
        sizes, states = [0], [FileState()]
        for n in range(data.draw(st.integers(1, 12))):
            commit(journal, n, data.draw(st.sampled_from(["a", "b"])))
            sizes.append((folder / "j").stat().st_size)
            again = read_again(folder)
            assert vars(again) == vars(journal.state)
            states.append(again)
        journal.close()
        whole = (folder / "j").read_bytes()
        cut = data.draw(st.integers(0, len(whole)))
        torn = [b"", b"\0" * 40] if cut else [b""]
        torn += [b'{"line'] if cut in sizes else []
        (folder / "j").write_bytes(whole[:cut] + data.draw(st.sampled_from(torn)))
        last = max(n for n, size in enumerate(sizes) if size <= cut)
        journal = opened(folder)
        assert vars(journal.state) == vars(states[last])
        assert (folder / "j").stat().st_size == sizes[last]
        commit(journal, 99)
        journal.close()
        assert read_again(folder).records == states[last].records + 1


@given(st.data())
def test_a_byte_that_was_changed_near_the_end_is_found_when_it_is_opened(
    data: st.DataObject,
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        journal = opened(folder)
        for n in range(5):
            commit(journal, n)
        journal.close()
        whole = bytearray((folder / "j").read_bytes())
        place = data.draw(st.integers(0, len(whole) - 2))
        whole[place] ^= data.draw(st.integers(1, 255))
        if whole[place] in (0, ord("\n")):
            return  # a line of its own, or one that a power failure cut off: see the next test
        (folder / "j").write_bytes(whole)
        with pytest.raises(IntegrityError, match=r"line [1-5]: "):
            opened(folder)


@given(st.data())
def test_a_line_that_was_dropped_is_found_when_it_is_opened(data: st.DataObject) -> None:
    with TemporaryDirectory() as name, patch.object(commits, "SNAPSHOT_EVERY", 700):
        folder = Path(name)
        journal = opened(folder)
        for n in range(data.draw(st.integers(2, 12))):
            commit(journal, n)
        journal.close()
        lines = (folder / "j").read_bytes().splitlines(keepends=True)
        # But for the last, without which it is a journal that once was.
        dropped = data.draw(st.integers(0, len(lines) - 2))
        del lines[dropped]
        (folder / "j").write_bytes(b"".join(lines))
        for look in (opened, read_again):
            with pytest.raises(IntegrityError, match=r"line \d+: (a line|lines) before it"):
                look(folder)


def test_hash_and_link_are_what_the_documents_say(folder: Path) -> None:
    journal = opened(folder)
    for n in range(3):
        commit(journal, n)
    journal.close()
    before = FIRST_PREV
    for number, text in enumerate((folder / "j").read_bytes().split(b"\n")[:-1]):
        line = json.loads(text)
        body, _, _ = text.rpartition(b',"hash":')
        assert line["hash"] == sha256(body).hexdigest()
        assert (line["prev"], line["line"]) == (before, number)
        before = line["hash"]


# Runs that find nothing


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(moment: datetime) -> Any:
    """Set the clock that the journal asks."""
    clock = Mock(wraps=datetime)
    clock.now.return_value = moment
    return patch("auditctl.sync.files.journal.datetime", clock)


def succeed(journal: Journal, moment: datetime) -> None:
    commit(journal, 1, success=to_text(moment))


@pytest.mark.parametrize("later", [timedelta(minutes=9, seconds=59), -timedelta(minutes=9)])
def test_a_run_that_finds_nothing_is_a_sign_of_life(folder: Path, later: timedelta) -> None:
    journal = opened(folder)
    succeed(journal, NOON)
    before = (folder / "j").read_bytes()
    with at(NOON + later):
        assert journal.heartbeat()
    assert (folder / "j").read_bytes() == before
    read = read_again(folder)
    assert read.success == to_text(NOON)
    assert read.last_success == to_text(max(NOON, NOON + later))


@pytest.mark.parametrize("later", [timedelta(minutes=10), -timedelta(minutes=10)])
def test_every_ten_minutes_a_line_is_due(folder: Path, later: timedelta) -> None:
    journal = opened(folder)
    succeed(journal, NOON)
    with at(NOON + later):
        assert not journal.heartbeat()


def test_where_the_time_of_change_cannot_be_set_a_line_is_due(folder: Path) -> None:
    journal = opened(folder)
    succeed(journal, NOON)
    with at(NOON), patch("os.utime", side_effect=OSError(errno.EPERM, "not permitted")):
        assert not journal.heartbeat()


def test_a_line_that_tells_of_no_success_has_no_signs_of_life(folder: Path) -> None:
    journal = opened(folder)
    succeed(journal, NOON)
    commit(journal, 2)
    with at(NOON):
        assert not journal.heartbeat()
    os.utime(folder / "j", (2e9, 2e9))
    assert read_again(folder).last_success == to_text(NOON)


def copied(folder: Path) -> None:
    (folder / "copy").write_bytes((folder / "j").read_bytes())
    os.utime(folder / "copy", ns=(1, 1_800_000_000_123_456_789))
    (folder / "copy").replace(folder / "j")


def torn(folder: Path) -> None:
    with (folder / "j").open("ab") as file:
        file.write(b'{"line":1')
    os.utime(folder / "j", (2e9, 2e9))


@pytest.mark.parametrize("change", [copied, torn])
def test_what_else_changes_a_journal_is_no_sign_of_life(
    folder: Path, change: Callable[[Path], None]
) -> None:
    journal = opened(folder)
    succeed(journal, NOON)
    change(folder)
    assert read_again(folder).last_success == to_text(NOON)


def test_a_write_that_failed_is_no_sign_of_life(folder: Path) -> None:
    journal = opened(folder)
    succeed(journal, NOON)
    with at(NOON):
        journal.heartbeat()
    full = OSError(errno.ENOSPC, "No space left on device")
    with patch("os.fsync", side_effect=full), pytest.raises(OutputError):
        commit(journal, 2)
    assert read_again(folder).last_success == to_text(NOON)


# Deleted files


def test_deleted_files_are_said_once_and_known_until_they_are_acknowledged(folder: Path) -> None:
    with patch.object(commits, "SNAPSHOT_EVERY", 700):
        journal = opened(folder)
        for n in range(40):
            commit(journal, n, f"{n}", deleted=(Deleted(f"{n}", 1, "2026"),) if n < 20 else ())
        journal = opened_again(journal)
        assert [file.name for file in journal.state.deleted] == [f"{n}" for n in range(20)]
        append(journal, deleted_acknowledged=True)
        commit(journal, 41, "41", deleted=(Deleted("41", 1, "2026"),))
        for n in range(42, 60):
            commit(journal, n, f"{n}")
        assert [file.name for file in opened_again(journal).state.deleted] == ["41"]
    lines = [json.loads(line) for line in (folder / "j").read_bytes().splitlines()]
    assert sum(len(line["deleted"]) for line in lines) == 21


# Pinned ids


def pinned(journal: Journal, since: str, kept_from: str | None) -> list[str]:
    return [id_ for ids in journal.pinned_ids(since, kept_from) for id_ in ids]


def test_pinned_ids_are_linked_from_line_to_line(folder: Path) -> None:
    journal = opened(folder)
    commit(journal, 0, pinned={"a": None, "b": "2030Z"})
    for n in range(1, 5):
        commit(journal, n)
    commit(journal, 5, pinned={"c": "2027Z"})
    commit(journal, 6)
    for one in (journal, opened_again(journal)):
        assert pinned(one, "2029Z", None) == ["c", "a", "b"]
        assert pinned(one, "2031Z", None) == []
        assert pinned(one, "2031Z", "000000") == ["c", "a", "b"]
        assert pinned(one, "2031Z", "2999") == []
        pins = one.state.pins
        assert pins is not None
        assert [pins.may_hold(time) for time in (None, "2026Z", "2027Z", "2030Z", "2031Z")] == [
            True, False, True, True, False,
        ]  # fmt: skip


def test_what_is_older_than_what_the_provider_keeps_is_not_read(folder: Path) -> None:
    journal = opened(folder)
    for n in range(3):
        commit(journal, n, pinned={f"{n}": None})
    assert pinned(journal, "2026Z", "000001") == ["2", "1"]


def test_a_clock_that_was_set_back_ends_no_look_for_pinned_ids(folder: Path) -> None:
    journal = opened(folder)
    commit(journal, 5, pinned={"before": None})
    with patch("auditctl.sync.files.commits.now_text", return_value="1970"):
        commit(journal, 0, pinned={"then": None})
    commit(journal, 6, pinned={"after": None})
    assert pinned(journal, "2026Z", "000004") == ["after", "then", "before"]


# The ids of events with a time


def test_only_lines_with_ids_are_read_for_them(folder: Path) -> None:
    journal = opened(folder)
    commit(journal, 0)
    commit(journal, 10)
    for n in range(11, 300):
        append(journal, window=window(f"{n:06}"))
    commit(journal, 300)
    append(journal, window=window("000301"))
    for one in (journal, opened_again(journal)):
        with patch("auditctl.sync.files.journal.line_at", side_effect=line_at) as read:
            assert list(one.ids("000010", "")) == [("id-300",), ("id-10",)]
        assert read.call_count == 3
        assert list(one.ids("000010", "000010")) == [("id-300",)]


def test_the_ids_of_the_first_edition_are_found_from_lines_that_are_linked(folder: Path) -> None:
    state: dict[str, Any] = {"shape": {}, "since": None, "waived": [], "files": {}, "kept": {}}
    first_edition(
        folder / "j",
        {"state": state, "newest": "000001", "ids": ["one"]},
        {"newest": "000002", "ids": ["two"]},
        {},
    )
    journal = opened(folder)
    assert list(journal.ids("000001", "")) == [("two",), ("one",)]
    commit(journal, 3, snapshot=True)
    commit(journal, 4)
    for one in (journal, opened_again(journal)):
        assert list(one.ids("000000", "")) == [("id-4",), ("id-3",), ("two",), ("one",)]


def test_opening_reads_no_pinned_ids(folder: Path) -> None:
    """A hundred thousand of them cost what none cost."""
    journal = opened(folder)
    for n in range(100):
        commit(journal, n, pinned={f"{n} {m} {'x' * 20}": None for m in range(1000)})
    while journal.state.line < 300:
        commit(journal, journal.state.line)
    journal.close()
    with counted_reads() as read:
        again = opened(folder)
    assert (folder / "j").stat().st_size > 3_000_000
    assert sum(read) < 600_000
    assert len(pinned(again, "", "")) == 100_000


FIRST_EDITION: dict[str, Any] = {
    "at": "2025-06-01T00:00:00.000Z", "version": "0.1.0", "state_at": 0,
    "window": {"since": None, "until": "2025", "position": None, "done": True},
    "covered": {"since": None, "until": "2025"}, "success": "2025-06-01T00:00:00.000Z",
    "gaps": [], "acknowledged": [], "moved": [], "files": [], "records": 0, "latest": None,
    "oldest": None, "newest": None, "seen": "2025",
}  # fmt: skip


def first_edition(path: Path, *lines: dict[str, Any]) -> None:
    """Write a journal as the first edition did; each line has these members of its own."""
    written, prev = b"", FIRST_PREV
    for number, own in enumerate(lines):
        members = {"line": number, "prev": prev, **FIRST_EDITION, "kept": {}, **own}
        ids = members.pop("ids", [])
        line = sealed({**members, "ids": ids})
        prev = json.loads(line)["hash"]
        written += line
    path.write_bytes(written)


def test_a_journal_of_the_first_edition_is_read_on(folder: Path) -> None:
    state = {"shape": {"a": 1}, "since": "1d", "anchor": FIRST_PREV, "waived": [], "files": {}}
    whole = {**state, "files": {"a": [10, 3, 7]}, "kept": {"old": None, "ahead": "2027Z"}}
    begin = {"kept": {}, "state": {**state, "kept": {}}}
    first_edition(folder / "j", begin)
    at = {"state_at": (folder / "j").stat().st_size}
    first_edition(
        folder / "j",
        begin,
        {"kept": {"more": "2028Z"}, "state": whole, **at},
        {"kept": {"most": "2029Z"}, **at},
    )
    before = (folder / "j").read_bytes()

    journal = opened(folder)
    assert journal.state.shape == {"a": 1}
    assert journal.state.files == {"a": File(10, 3, 7)}
    assert not journal.heartbeat()  # its last line may have taken the place of another
    for _ in range(2):
        assert sorted(pinned(journal, "2026Z", "")) == ["ahead", "more", "most", "old"]
        commit(journal, 1, pinned={})
        journal = opened_again(journal)
    commit(journal, 2, pinned={"new": None})
    assert sorted(pinned(opened_again(journal), "2026Z", "")) == [
        "ahead", "more", "most", "new", "old",
    ]  # fmt: skip
    after = (folder / "j").read_bytes()
    assert after.startswith(before)
    third_line, fourth = (json.loads(line) for line in after.splitlines()[2:4])
    assert (fourth["prev"], fourth["kept_before"]["until"]) == (third_line["hash"], "2029Z")
    assert "kept" not in fourth["state"]


def opened_again(journal: Journal) -> Journal:
    journal.close()
    return opened(Path(journal.path).parent)


def test_ids_are_found_as_far_back_as_is_asked(folder: Path) -> None:
    journal = opened(folder)
    for n in range(100):
        commit(journal, n)
    assert list(journal.ids("000090", "000080")) == [(f"id-{n}",) for n in range(99, 89, -1)]
    assert sum(1 for _ in journal.ids("000000", "")) == 100


@contextmanager
def counted_reads() -> Iterator[list[int]]:
    """Note how many bytes each read gives."""
    read: list[int] = []
    pread = os.pread

    def counted(file: int, length: int, offset: int) -> bytes:
        data = pread(file, length, offset)
        read.append(len(data))
        return data

    with patch("os.pread", counted):
        yield read


def test_a_year_of_runs_opens_by_reading_its_end(folder: Path) -> None:
    """Nine million bytes take as many reads as ninety thousand."""
    journal = opened(folder)
    with patch("os.fsync"):
        for n in range(YEAR_OF_MINUTES // 25):
            commit(journal, n, f"{n % 30}.jsonl")
    journal.close()
    with counted_reads() as read:
        state = opened(folder).state
    assert state.records == YEAR_OF_MINUTES // 25
    assert len(state.files) == 30
    assert (folder / "j").stat().st_size > 9_000_000
    assert sum(read) < 1_000_000


def test_a_disk_that_is_full_leaves_the_line_before(folder: Path) -> None:
    journal = opened(folder)
    commit(journal, 1)
    before = (folder / "j").read_bytes()
    full = OSError(28, "No space left on device")
    with patch("os.fsync", side_effect=full), pytest.raises(OutputError, match="Free some space"):
        commit(journal, 2)
    assert (folder / "j").read_bytes() == before
    commit(journal, 2)
    assert journal.state.line == 1


def test_a_lock_is_waited_for_as_long_as_is_wanted(folder: Path) -> None:
    first = opened(folder)
    with pytest.raises(LockedError, match="Another run holds"):
        opened(folder)
    waits: list[float] = []

    def pause(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            first.close()

    Journal(str(folder / "j"), 30, pause).close()
    assert len(waits) == 3


def test_a_journal_that_was_moved_away_is_not_written_to(folder: Path) -> None:
    journal = opened(folder)
    commit(journal, 1)
    (folder / "j").rename(folder / "moved")
    with pytest.raises(IntegrityError, match="was moved away or replaced"):
        commit(journal, 2)
    (folder / "j").touch()
    with pytest.raises(IntegrityError, match="was moved away or replaced"):
        commit(journal, 2)


def test_a_sealed_line_that_no_run_has_written_is_found(folder: Path) -> None:
    journal = opened(folder)
    commit(journal, 1)
    journal.close()
    with (folder / "j").open("ab") as file:
        file.write(sealed({"line": 1, "state_at": 0}))
    with pytest.raises(IntegrityError, match="line 2: it was changed"):
        opened(folder)
