"""A destination in the hands of a run: what happens to its files between two commits."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from auditctl.errors import IntegrityError, OutputError
from auditctl.formats.jsonl import Jsonl
from auditctl.paths import parse_template
from auditctl.records.record import FIELDS
from auditctl.sync.destination import Opening
from auditctl.sync.files.destination import FileDestination
from auditctl.sync.files.verify import verify
from auditctl.sync.kinds import open_destination
from auditctl.sync.profile import FileProfile
from auditctl.sync.state import Progress, ReadSpan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WINDOW = ReadSpan(None, "2026-01-02T00:00:00.000Z", None, done=False)
PROGRESS = Progress(WINDOW, None, None, ())


def record(n: int) -> dict[str, Any]:
    return {**dict.fromkeys(FIELDS), "time": f"2026-01-01T00:00:{n:02}.000Z", "id": f"id-{n}"}


def profile_of(path: Path) -> FileProfile:
    template = parse_template(str(path))
    return FileProfile(options={"output": path.name}, template=template, render=Jsonl().rows)


@pytest.fixture
def profile(tmp_path: Path) -> FileProfile:
    return profile_of(tmp_path / "deep" / "er" / "all.jsonl")


@contextmanager
def opened(profile: FileProfile) -> Iterator[FileDestination]:
    with open_destination(profile, Opening()) as found:
        assert isinstance(found, FileDestination)
        yield found


@pytest.fixture
def destination(profile: FileProfile) -> Iterator[FileDestination]:
    with opened(profile) as held:
        write(held, 0)
        yield held


def write(destination: FileDestination, *numbers: int) -> None:
    destination.add([record(n) for n in numbers])
    destination.commit(PROGRESS)


def data(destination: FileDestination) -> Path:
    return Path(destination.profile.template.path)


def test_a_file_moved_away_while_a_run_goes_on_is_begun_anew(destination: FileDestination) -> None:
    path = data(destination)
    path.rename(path.with_name("old"))
    write(destination, 1)
    assert len(path.read_bytes().splitlines()) == 1
    write(destination, 2, 3)
    proof = verify(destination.profile.template)
    assert (proof["records"], proof["moved_away"]) == (3, 1)


def test_an_empty_file_put_in_its_place_is_begun_anew(destination: FileDestination) -> None:
    path = data(destination)
    path.rename(path.with_name("old"))
    path.touch()
    write(destination, 1)
    assert verify(destination.profile.template)["records"] == 1


def test_somebody_else_who_writes_to_the_file_ends_the_run(destination: FileDestination) -> None:
    with data(destination).open("ab") as file:
        file.write(b"theirs\n")
    with pytest.raises(IntegrityError, match="somebody else writes to it"):
        write(destination, 1)
    assert data(destination).read_bytes().endswith(b"theirs\n")


def test_a_full_disk_leaves_what_was_committed(
    destination: FileDestination, profile: FileProfile
) -> None:
    before = data(destination).read_bytes()
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with patch("os.fsync", side_effect=full), pytest.raises(OutputError, match="Free some space"):
        write(destination, 1)
    assert data(destination).read_bytes() == before
    assert verify(profile.template)["records"] == 1


def test_a_journal_that_cannot_be_written_leaves_what_was_committed(
    destination: FileDestination, profile: FileProfile
) -> None:
    before = data(destination).read_bytes()
    sync, journals = os.fsync, os.fstat(destination.journal._file).st_ino

    def fsync(file: int) -> None:
        if os.fstat(file).st_ino == journals:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(file)

    with patch("os.fsync", fsync), pytest.raises(OutputError, match="Free some space"):
        write(destination, 1)
    assert data(destination).read_bytes() == before
    assert verify(profile.template)["records"] == 1


def test_what_the_journal_may_tell_of_is_not_taken_back(destination: FileDestination) -> None:
    before = data(destination).read_bytes()
    broken = OSError(errno.EIO, os.strerror(errno.EIO))
    sync, journals = os.fsync, os.fstat(destination.journal._file).st_ino

    def fsync(file: int) -> None:
        if os.fstat(file).st_ino == journals:
            raise broken
        sync(file)

    with (
        patch("os.fsync", fsync),
        patch("os.ftruncate", side_effect=broken),
        pytest.raises(OutputError, match="Input/output error"),
    ):
        write(destination, 1)
    assert data(destination).read_bytes().startswith(before)
    assert len(data(destination).read_bytes()) > len(before)


def test_a_file_that_cannot_be_looked_at_ends_the_run(destination: FileDestination) -> None:
    folder = data(destination).parent
    folder.rename(folder.with_name("elsewhere"))
    folder.touch()
    with pytest.raises(OutputError, match=r"Cannot write .* Not a directory"):
        write(destination, 1)


@pytest.mark.parametrize("swapped", [False, True], ids=["changed in place", "another file"])
def test_a_file_that_was_changed_while_a_run_goes_on_is_not_written_to(
    destination: FileDestination,
    swapped: bool,  # noqa: FBT001
) -> None:
    path = data(destination)
    harmed = path.read_bytes().replace(b"id-0", b"id-9")
    if swapped:
        path.unlink()
    path.write_bytes(harmed)
    with pytest.raises(IntegrityError, match="is not what was written"):
        write(destination, 1)
    assert path.read_bytes() == harmed


def test_a_copy_in_its_place_is_read_again_and_taken(destination: FileDestination) -> None:
    path = data(destination)
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    copy.replace(path)
    write(destination, 1)
    write(destination, 2)
    assert verify(destination.profile.template)["records"] == 3


def test_a_commit_that_fails_for_one_file_is_taken_back_from_all(tmp_path: Path) -> None:
    profile = profile_of(tmp_path / "{date}.jsonl")
    with opened(profile) as held:
        write(held, 0)
        before = {one.name: one.read_bytes() for one in tmp_path.glob("*.jsonl")}
        tomorrow = {**record(2), "time": "2026-01-02T00:00:00.000Z"}
        real = os.writev
        full = OSError(errno.ENOSPC, "No space left on device")

        def writev(file: int, pieces: list[bytes]) -> int:
            if b"2026-01-02" in b"".join(pieces):
                raise full
            return real(file, pieces)

        held.add([record(1), tomorrow])
        with patch("os.writev", writev), pytest.raises(OutputError, match="Free some space"):
            held.commit(PROGRESS)
        there = {one.name: one.read_bytes() for one in tmp_path.glob("*.jsonl")}
        assert there == {**before, "2026-01-02.jsonl": b""}
    with opened(profile) as held:
        assert held.files.aside == []


@pytest.mark.parametrize("taken", [1, 900])
def test_what_the_system_takes_only_a_part_of_is_written_to_its_end(
    taken: int, tmp_path: Path
) -> None:
    profile = profile_of(tmp_path / "a.jsonl")
    real = os.writev
    with opened(profile) as held:
        held.add([record(0)])
        held.add([record(1), record(2)])
        part = lambda file, pieces: real(file, [b"".join(pieces)[:taken]])  # noqa: E731
        with patch("os.writev", part):
            held.commit(PROGRESS)
    assert (tmp_path / "a.jsonl").read_bytes() == profile.render([record(n) for n in range(3)])
    assert verify(profile.template)["records"] == 3


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "all.jsonl").symlink_to(tmp_path / "disk" / "real.jsonl")
    profile = profile_of(tmp_path / "all.jsonl")
    for n in range(3):
        with opened(profile) as held:
            write(held, n)
    assert len((tmp_path / "disk" / "real.jsonl").read_bytes().splitlines()) == 3
    assert (tmp_path / "all.jsonl").is_symlink()
    assert verify(profile.template)["records"] == 3


# What became of the files while nobody wrote


def test_a_file_moved_away_within_its_folder_is_cut_where_it_went(profile: FileProfile) -> None:
    with opened(profile) as held:
        write(held, 0)
        path = data(held)
    whole = path.read_bytes()
    path.write_bytes(whole + row(1)[:50])
    gone = path.rename(path.with_name("all.jsonl.1"))
    with opened(profile) as held:
        assert gone.read_bytes() == whole
        (aside,) = path.parent.glob("*.cut-*")
        assert aside.name.startswith("all.jsonl.cut-")
        assert aside.read_bytes() == row(1)[:50]
        write(held, 1)
        held.finish()
    assert not aside.exists()
    proof = verify(profile.template)
    assert (proof["records"], proof["moved_away"], proof["deleted"]) == (1, 1, [])


def row(n: int) -> bytes:
    return Jsonl().rows([record(n)])


def test_a_look_finds_what_was_moved_and_says_it_once(destination: FileDestination) -> None:
    path = data(destination)
    path.rename(path.with_name("old"))
    for _ in range(2):
        destination.check()
    assert destination.files.moved == ["all.jsonl"]
    write(destination)
    destination.check()
    assert destination.files.moved == []
    assert verify(destination.profile.template)["moved_away"] == 1


@pytest.mark.parametrize("change", [lambda whole: whole[:9], lambda whole: b"x" + whole[1:]])
def test_a_look_finds_what_was_cut_or_changed(
    destination: FileDestination, change: Callable[[bytes], bytes]
) -> None:
    path = data(destination)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(IntegrityError, match="Nothing was overwritten"):
        destination.check()
