"""Disks that fail, are full, give less than is asked for, or have no locks: a sentence, never 1."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.program import Run, result, synced
from tests.server import Persona, Server

WRONG, FAILED = 8, 9
NO_LOCKS = [errno.ENOLCK, errno.EBADF, errno.EOPNOTSUPP, errno.ENOSYS]
FAILURES = [errno.EIO, errno.ENOSPC, errno.EDQUOT]


def fails(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def run(*words: str) -> Run:
    with Server(Persona(250)) as server:
        return result("persona", *words, **server.environment)


def failing(
    monkeypatch: pytest.MonkeyPatch, name: str, number: int, when: Callable[[int], bool]
) -> None:
    """Let a call fail for the files that are meant."""
    real = getattr(os, name)

    def call(file: Any, *rest: Any) -> Any:
        if type(file) is int and when(file):
            if name == "close":
                real(file)
            raise fails(number)
        return real(file, *rest)

    monkeypatch.setattr(os, name, call)


def is_folder(file: int) -> bool:
    return stat.S_ISDIR(os.fstat(file).st_mode)


def is_named(file: int, end: str) -> bool:
    return str(Path(f"/proc/self/fd/{file}").readlink()).endswith(end)


# Folders


@pytest.mark.parametrize("number", FAILURES)
@pytest.mark.parametrize("path", ["all.jsonl", "deep/er/{account}.jsonl"])
def test_a_folder_that_cannot_be_synced_is_a_failure(
    number: int, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        failing(patch, "fsync", number, is_folder)
        found = run("sync", "-o", f"{tmp_path}/{path}")
    assert found.status == FAILED
    assert os.strerror(number) in found.said
    assert run("sync", "-o", f"{tmp_path}/{path}").ended == (0, "")
    assert result("verify", f"{tmp_path}/{path}", "-q").ended == (0, "")


@pytest.mark.parametrize("number", FAILURES)
def test_list_leaves_nothing_where_the_folder_cannot_be_synced(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "old.jsonl").write_bytes(b"old\n")
    failing(monkeypatch, "fsync", number, is_folder)
    assert run("list", "-o", f"{tmp_path}/old.jsonl").status == FAILED
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old\n"]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EACCES])
def test_a_file_system_that_syncs_no_folders_will_do(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, "fsync", number, is_folder)
    assert run("sync", "-o", f"{tmp_path}/a.jsonl").ended == (0, "")
    assert run("list", "-o", f"{tmp_path}/b.jsonl").ended == (0, "")


def test_a_folder_that_a_killed_run_made_is_synced_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "made" / "unknown").mkdir(parents=True)
    synced_: set[int] = set()
    real = os.fsync

    def fsync(file: int) -> None:
        synced_.add(os.fstat(file).st_ino)
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)
    path = tmp_path / "made" / "{account}" / "{date}.jsonl"
    assert run("sync", "-o", str(path)).ended == (0, "")
    folders = tmp_path, tmp_path / "made", tmp_path / "made" / "unknown"
    assert {folder.stat().st_ino for folder in folders} <= synced_


# Reading


@pytest.mark.parametrize("name", ["pread", "close"])
@pytest.mark.parametrize("end", ["a.jsonl", "a.jsonl.journal", "a.jsonl.cut"])
def test_what_cannot_be_read_or_closed_is_a_sentence(
    name: str, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    synced(Persona(3), path)
    os.utime(path, (1, 1))  # so that it is read again
    with path.open("ab") as file:
        file.write(b"theirs\n")
    with monkeypatch.context() as patch:
        failing(patch, name, errno.EIO, lambda file: end in os.readlink(f"/proc/self/fd/{file}"))  # noqa: PTH115
        found = [run("sync", "-o", str(path))]
        found += [result(command, str(path)) for command in ("status", "verify")]
    assert {one.status for one in found} <= {0, WRONG, FAILED}
    assert "Traceback" not in "".join(one.said for one in found)
    run("sync", "-o", str(path))
    assert result("verify", str(path), "-q").ended == (0, "")
    assert {one.read_bytes() for one in tmp_path.glob("*.cut-*")} <= {b"theirs\n", b""}


def test_a_journal_that_cannot_be_read_back_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    synced(Persona(3), path)
    reads = iter(range(100))
    # The first are those of opening it; then the ids are looked for.
    failing(
        monkeypatch, "pread", errno.EIO, lambda file: is_named(file, ".journal") and next(reads) > 2
    )
    found = run("sync", "-o", str(path))
    assert found.status in (WRONG, FAILED)
    assert "Input/output error" in found.said


def test_reads_may_give_less_than_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    real = os.pread
    monkeypatch.setattr(
        os, "pread", lambda file, size, offset: real(file, 1 + size // 3, offset)[:size]
    )
    for _ in range(3):
        assert run("sync", "-o", str(path)).ended == (0, "")
        os.utime(path, (1, 1))
    assert result("verify", str(path), "-q").ended == (0, "")
    assert result("status", str(path), "-q").ended == (0, "")


# Writing


@pytest.mark.parametrize("number", FAILURES)
@pytest.mark.parametrize("name", ["fsync", "writev", "close"])
def test_what_could_not_be_written_counts_as_never_written(
    name: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    with monkeypatch.context() as patch:
        failing(patch, name, number, lambda file: is_named(file, "a.jsonl"))
        found = run("sync", "-o", str(path))
    assert found.status == FAILED
    assert path.read_bytes() == b""
    assert run("sync", "-o", str(path)).ended == (0, "")
    assert result("verify", str(path), "-q").ended == (0, "")


# Locks


@pytest.mark.parametrize("number", NO_LOCKS)
def test_without_locks_sync_fails_and_the_others_work(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{tmp_path}/a.jsonl"
    synced(Persona(3), path)

    def flock(*_: int) -> None:
        raise fails(number)

    monkeypatch.setattr(fcntl, "flock", flock)
    found = run("sync", "-o", path)
    assert found.status == FAILED
    assert "choose a disk whose file system has locks" in found.said
    assert result("status", path, "-q").ended == (0, "")
    assert result("verify", path, "-q").ended == (0, "")
    assert run("list", "-o", f"{tmp_path}/b.jsonl").ended == (0, "")
