"""Files of a destination in a world that others use too: deleted, renamed, linked, or no files."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.program import result, run, sync, synced
from tests.server import Fault, Persona, Server, Upstash

REFUSED, WRONG, HELD, FAILED = 4, 8, 7, 9


# Deleted


GONE = "was deleted, and no file in the same folder holds what was committed to it"


@pytest.mark.parametrize("path", ["all.jsonl", "all.csv.gz", "{account}.jsonl"])
def test_a_deleted_file_is_not_forgotten(path: str, tmp_path: Path) -> None:
    log = Persona(3)
    full = f"{tmp_path}/{path}"
    synced(log, full)
    data = data_file(tmp_path)
    data.unlink()
    first, second = sync(log, full), sync(log, full)
    assert first.status == 0
    assert f"{data.name} {GONE}" in first.said
    assert second.ended == (0, "")
    for command in ("status", "verify"):
        found = result(command, full, "--format", "json")
        assert found.status == WRONG
        assert f"{data.name} {GONE}" in found.said
        assert f"auditctl status {full} --acknowledge-gaps" in found.said.replace("'", "")
        (row,) = found.json
        assert [file["name"] for file in row["deleted"]] == [data.name]
    assert result("status", full, "--acknowledge-gaps", "-q").ended == (0, "")
    assert result("verify", full, "-q").ended == (0, "")
    synced(log, full)
    assert result("status", full, "-q").ended == (0, "")


def test_a_deletion_is_not_forgotten_when_the_run_that_finds_it_fails(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    log = Persona(3)
    synced(log, path)
    data = path.read_bytes()
    path.unlink()
    found = sync(log, path, faults=[Fault(401)])
    assert found.status == REFUSED
    assert f"all.jsonl {GONE}" in found.said
    path.with_suffix(".old").write_bytes(data)
    for command in ("status", "verify"):
        assert result(command, str(path)).status == WRONG
    synced(log, path)
    assert result("status", str(path)).status == WRONG
    assert result("status", str(path), "--acknowledge-gaps", "-q").ended == (0, "")
    assert result("verify", str(path), "-q").ended == (0, "")


def data_file(folder: Path) -> Path:
    (found,) = (path for path in folder.iterdir() if ".journal" not in path.name)
    return found


def test_a_folder_that_was_deleted_is_not_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "{account}" / "{date}.jsonl"
    log = Persona(40, span=timedelta(days=30))
    synced(log, path)
    shutil.rmtree(tmp_path / "unknown")
    found = sync(log, path)
    assert found.status == 0
    assert found.said.count("\n") == 1
    assert " more were deleted, and no file in the same folder" in found.said
    (row,) = result("status", str(path), "--format", "json").json
    assert len(row["deleted"]) > 10


def renamed(data: Path) -> None:
    data.rename(data.with_name("elsewhere"))


def compressed(data: Path) -> None:
    data.with_name(f"{data.name}-20260101.gz").write_bytes(gzip.compress(data.read_bytes()))
    data.unlink()


def copied_and_grown(data: Path) -> None:
    data.with_name("copy").write_bytes(data.read_bytes() + b"more\n")
    data.unlink()


@pytest.mark.parametrize("move", [renamed, compressed, copied_and_grown])
@pytest.mark.parametrize("path", ["all.jsonl", "all.jsonl.gz"])
def test_a_file_whose_content_is_still_there_was_not_deleted(
    path: str, move: Callable[[Path], None], tmp_path: Path
) -> None:
    log = Persona(250, span=timedelta(days=2))
    synced(log, tmp_path / path)
    move(tmp_path / path)
    found = sync(log, tmp_path / path)
    assert found.ended == (0, "")
    assert result("verify", f"{tmp_path}/{path}", "-q").ended == (0, "")


def changed(data: Path) -> None:
    data.write_bytes(data.read_bytes().replace(b"ual_", b"UAL_", 1))
    data.rename(data.with_name("elsewhere"))


def reused(data: Path) -> None:
    """Let another file have the inode that the data had."""
    data.rename(data.with_name("other"))
    data.with_name("other").write_bytes(b"x" * 10_000)


def cut_short(data: Path) -> None:
    data.with_name("part.gz").write_bytes(gzip.compress(data.read_bytes())[:-20])
    data.with_name("part").write_bytes(data.read_bytes()[:-1])
    data.unlink()


@pytest.mark.parametrize("harm", [changed, reused, cut_short])
def test_what_only_looks_like_the_file_is_not_it(
    harm: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "all.jsonl"
    synced(Persona(3), path)
    harm(path)
    before = {one.name: one.read_bytes() for one in tmp_path.iterdir() if "journal" not in one.name}
    assert sync(Persona(3), path).status == 0
    assert result("status", str(path), "-q").status == WRONG
    assert {name: (tmp_path / name).read_bytes() for name in before} == before


def test_external_rotation_raises_no_alarm_and_takes_none_back(tmp_path: Path) -> None:
    path = tmp_path / "{date}.jsonl"
    synced(Persona(30, span=timedelta(days=3)), path)
    first, second, *_ = sorted(tmp_path.glob("*.jsonl"))
    first.unlink()
    assert sync(Persona(0), path, "--external-rotation").ended == (0, "")
    assert result("status", str(path), "-q").ended == (0, "")
    second.unlink()
    assert sync(Persona(0), path).status == 0
    assert sync(Persona(0), path, "--external-rotation").ended == (0, "")
    assert second.name in result("status", str(path), "-q").said


def test_external_rotation_may_stand_in_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "auditctl.toml").write_text(
        '[sources.a]\nprovider = "persona"\ndemo = true\noutput = "a.jsonl"\n'
        "external_rotation = true\n"
    )
    words = ("sync", "--config", f"{tmp_path}/auditctl.toml")
    assert result(*words).ended == (0, "")
    (tmp_path / "a.jsonl").unlink()
    assert result(*words).ended == (0, "")
    assert result("status", f"{tmp_path}/a.jsonl", "-q").ended == (0, "")


# Whose file it is


def begun(path: Path) -> None:
    """Leave a destination whose file is named in the journal, and has nothing yet."""
    synced(Persona(3), path)
    journal = path.with_name(f"{path.name}.journal")
    lines = journal.read_bytes().splitlines(keepends=True)
    (number,) = (n for n, line in enumerate(lines) if json.loads(line)["files"][:1] and n == 0)
    journal.write_bytes(lines[number])
    os.truncate(path, 0)


def test_a_file_put_in_the_place_of_a_new_one_is_somebody_elses(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    begun(path)
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"theirs\n")
    path.rename(tmp_path / "kept")  # so that its inode is not used again
    theirs.rename(path)
    found = sync(Persona(3), path)
    assert found.status == WRONG
    assert f"{path} is there already, and no sync wrote it" in found.said
    assert path.read_bytes() == b"theirs\n"


def test_a_new_file_is_made_again_if_it_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    begun(path)
    path.unlink()
    synced(Persona(3), path)
    assert result("verify", str(path), "-q").ended == (0, "")


@pytest.mark.parametrize("link", [os.symlink, os.link], ids=["symbolic", "hard"])
@pytest.mark.parametrize("empty", [False, True])
def test_two_destinations_never_write_to_one_file(
    link: Callable[[Path, Path], None],
    empty: bool,  # noqa: FBT001
    tmp_path: Path,
) -> None:
    path, other = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    if empty:
        begun(path)
    else:
        synced(Persona(3), path)
    before = path.read_bytes()
    link(path, other)
    assert sync(Persona(5), other).status == WRONG
    assert path.read_bytes() == before
    synced(Persona(3), path)
    assert result("verify", str(path), "-q").ended == (0, "")


def test_a_link_in_a_folder_leads_to_no_other_destination(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    begun(tmp_path / "x" / "unknown.jsonl")
    before = (tmp_path / "x" / "unknown.jsonl.journal").read_bytes()
    (tmp_path / "y").mkdir()
    (tmp_path / "y" / "unknown.jsonl").symlink_to("../x/unknown.jsonl")
    assert sync(Persona(3), tmp_path / "y" / "{account}.jsonl").status == WRONG
    assert (tmp_path / "x" / "unknown.jsonl").read_bytes() == b""
    assert (tmp_path / "x" / "unknown.jsonl.journal").read_bytes() == before


@pytest.fixture
def folding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the file system tell no capital letters from small ones."""
    for name in ("open", "stat"):
        real = getattr(os, name)

        def folded(path: Any, *rest: Any, real: Any = real, **more: Any) -> Any:
            if isinstance(path, (str, os.PathLike)):
                folder, last = os.path.split(os.fspath(path))
                path = os.path.join(folder, last.lower())  # noqa: PTH118
            return real(path, *rest, **more)

        monkeypatch.setattr(os, name, folded)


@pytest.mark.usefixtures("folding")
@pytest.mark.parametrize("at_once", [True, False])
def test_names_that_the_file_system_does_not_tell_apart_are_no_one_file(
    at_once: bool,  # noqa: FBT001
    tmp_path: Path,
) -> None:
    rows = [{"log_id": f"{n}", "customer_id": name} for n, name in enumerate(("Bob", "bob"))]
    path = tmp_path / "{account}.jsonl"
    if not at_once:
        assert sync(Upstash(rows[:1]), path).status == 0
    found = sync(Upstash(rows), path)
    assert (found.status, "bob.jsonl and" in found.said) == (WRONG, True)
    (data,) = tmp_path.glob("*.jsonl")
    there = [json.loads(line)["account"] for line in data.read_bytes().splitlines()]
    assert there == ([] if at_once else ["Bob"])


# No file


def fifo(path: Path) -> None:
    os.mkfifo(path)


def bound(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        here = Path.cwd()
        os.chdir(path.parent)  # a socket's path may not be long
        try:
            one.bind(path.name)
        finally:
            os.chdir(here)


def device(path: Path) -> None:
    path.symlink_to("/dev/null")


def folder(path: Path) -> None:
    path.mkdir()


KINDS = [fifo, bound, device, folder]


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("name", ["{account}.jsonl.journal", "unknown.jsonl"])
def test_what_is_no_file_is_refused_at_once(
    make: Callable[[Path], None], name: str, tmp_path: Path
) -> None:
    make(tmp_path / name)
    path = f"{tmp_path}/{{account}}.jsonl"
    found = sync(Persona(3), path)
    assert found.status == WRONG
    assert "where a file is expected" in found.said
    if name.endswith(".journal"):
        assert result("status", path).status == WRONG
        assert result("verify", path).status == WRONG


@pytest.mark.parametrize("make", KINDS)
def test_what_takes_the_place_of_a_file_is_refused_at_once(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "{account}.jsonl"
    synced(Persona(3), path)
    data = data_file(tmp_path)
    data.rename(tmp_path / "kept")
    make(data)
    assert sync(Persona(3), path).status == WRONG
    assert "where a file is expected" in result("verify", str(path)).said


@pytest.mark.parametrize("make", [fifo, bound])
def test_a_path_that_is_no_file_is_refused_at_once(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    make(tmp_path / "all.jsonl")
    assert sync(Persona(3), tmp_path / "all.jsonl").status == WRONG


# list


def test_list_replaces_no_file_that_became_a_syncs_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    # By the server, which is another process as far as the file system can tell.
    with Server(Persona(3), faults=lambda _: begin(path)) as server:
        assert run("persona", "list", "-o", str(path), **server.environment) == 2
    assert path.read_bytes() == b"a sync's\n"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.jsonl", "a.jsonl.journal"]


def test_list_replaces_nothing_that_was_set_aside(tmp_path: Path) -> None:
    synced(Persona(3), tmp_path / "a.jsonl")
    aside = tmp_path / "a.jsonl.cut-20260101T000000.000000Z"
    aside.write_bytes(b"theirs\n")
    with Server(Persona(3)) as server:
        assert run("persona", "list", "-o", str(aside), **server.environment) == 2
    assert aside.read_bytes() == b"theirs\n"


def begin(path: Path) -> None:
    Path(f"{path}.journal").touch()
    path.write_bytes(b"a sync's\n")
