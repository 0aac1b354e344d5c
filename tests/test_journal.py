"""The journal: whatever is cut off, what is left is a state that once was; and it opens fast."""

from __future__ import annotations

import json
import os
import time
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl.errors import IntegrityError, LockedError, OutputError
from auditctl.sync import state
from auditctl.sync.journal import Journal, read_state
from auditctl.sync.lines import FIRST_PREV, seal
from auditctl.sync.state import State

if TYPE_CHECKING:
    from collections.abc import Iterator

YEAR_OF_MINUTES = 365 * 24 * 60


def opened(folder: Path) -> Journal:
    return Journal(str(folder / "j"), 0, time.sleep)


def entry(name: str, offset: int, length: int) -> dict[str, Any]:
    return {
        "name": name, "offset": offset, "length": length, "records": 1, "sha256": "",
        "mtime_ns": offset, "inode": 7,
    }  # fmt: skip


def window(until: str, *, done: bool = True) -> dict[str, Any]:
    return {"since": None, "until": until, "position": None, "done": done}


def commit(journal: Journal, n: int, name: str = "a", **own: Any) -> None:
    """Write a line as a run does that finds one record, dated by its number."""
    length = journal.state.files[name].length if name in journal.state.files else 0
    journal.append(
        files=[entry(name, length, 10)],
        window=window(f"{n:06}"),
        records=journal.state.records + 1,
        newest=f"{n:06}",
        ids=[f"id-{n}"],
        whole=journal.state.line < 0,
        **own,
    )


def nothing(journal: Journal, n: int) -> None:
    journal.append(window=window(f"{n:06}"), success=f"{n}")


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory() as name:
        yield Path(name)


def same(one: State, other: State) -> bool:
    return vars(one) == vars(other)


@given(st.data())
def test_cut_off_anywhere_it_is_a_state_that_once_was(data: st.DataObject) -> None:
    with TemporaryDirectory() as name, patch.object(state, "STATE_EVERY", 700):
        folder = Path(name)
        journal = opened(folder)
        sizes, states = [0], [State()]
        for n in range(data.draw(st.integers(1, 12))):
            commit(journal, n, data.draw(st.sampled_from(["a", "b"])))
            sizes.append((folder / "j").stat().st_size)
            again = read_state(str(folder / "j"))
            assert again is not None
            assert same(again, journal.state)
            states.append(again)
        journal.close()
        whole = (folder / "j").read_bytes()
        cut = data.draw(st.integers(0, len(whole)))
        torn = (
            data.draw(st.sampled_from([b"", b"\0" * 40, b"\0" * 40 + b"\n", b'{"line']))
            if cut
            else b""
        )
        (folder / "j").write_bytes(whole[:cut] + torn)
        last = max(n for n, size in enumerate(sizes) if size <= cut)
        journal = opened(folder)
        assert same(journal.state, states[last])
        assert (folder / "j").stat().st_size == sizes[last]
        commit(journal, 99)
        journal.close()
        again = read_state(str(folder / "j"))
        assert again is not None
        assert again.records == states[last].records + 1


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
    with TemporaryDirectory() as name, patch.object(state, "STATE_EVERY", 700):
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
        for look in (opened, lambda folder: read_state(str(folder / "j"))):
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


def test_runs_that_find_nothing_take_each_others_place(folder: Path) -> None:
    journal = opened(folder)
    commit(journal, 1)
    nothing(journal, 2)
    size = (folder / "j").stat().st_size
    for n in range(3, 50):
        nothing(journal, n)
    assert (folder / "j").stat().st_size <= size + 10
    assert (journal.state.line, journal.state.window) == (1, window("000049"))
    commit(journal, 50)
    nothing(journal, 51)
    assert journal.state.line == 3
    journal.close()
    assert opened(folder).state.head == journal.state.head


def test_that_a_window_was_read_is_not_forgotten_for_one_that_is_not(folder: Path) -> None:
    journal = opened(folder)
    commit(journal, 1)
    nothing(journal, 2)
    journal.append(window=window("000003", done=False))
    assert journal.state.line == 2


def test_ids_are_found_as_far_back_as_is_asked(folder: Path) -> None:
    journal = opened(folder)
    for n in range(100):
        commit(journal, n)
    assert list(journal.ids("000090", "000080")) == [[f"id-{n}"] for n in range(99, 89, -1)]
    assert sum(1 for _ in journal.ids("000000", "")) == 100


def test_a_year_of_runs_opens_by_reading_its_end(folder: Path) -> None:
    """Nine million bytes take as many reads as ninety thousand."""
    journal = opened(folder)
    with patch("os.fsync"):
        for n in range(YEAR_OF_MINUTES // 25):
            commit(journal, n, f"{n % 30}.jsonl")
    journal.close()
    read: list[int] = []
    pread = os.pread

    def counted(file: int, length: int, offset: int) -> bytes:
        data = pread(file, length, offset)
        read.append(len(data))
        return data

    with patch("os.pread", counted):
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
    with patch("os.fsync", side_effect=full), pytest.raises(OutputError, match="Free some room"):
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
        file.write(seal({"line": 1, "state_at": 0}))
    with pytest.raises(IntegrityError, match="line 2: it was changed"):
        opened(folder)
