"""What stands behind the last commit of a file: never destroyed, and kept unless it is known."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl.sync.files.aside import rows_of, unpacked
from tests.program import result, run, sync, synced
from tests.server import UNAVAILABLE, Persona, Server

SECONDS = 30
PATHS = ("all.jsonl", "all.csv", "all.jsonl.gz", "all.csv.gz", "{date}.jsonl")
NAME = re.compile(r".*\.cut-[0-9]{8}T[0-9]{6}\.[0-9]{6}Z")


def cut_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.cut-*"))


def data_file(folder: Path) -> Path:
    """Return the newest data file."""
    return max(p for p in folder.iterdir() if ".journal" not in p.name and p.is_file())


def put_back(folder: Path, path: str) -> None:
    """Put an older journal back, from before the last commits of data."""
    journal = folder / f"{path}.journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    last = max(
        n for n, line in enumerate(lines) if any(f["length"] for f in json.loads(line)["files"])
    )
    journal.write_bytes(b"".join(lines[:last]))


@pytest.mark.parametrize("path", PATHS)
def test_an_older_journal_put_back_costs_nothing(path: str, tmp_path: Path) -> None:
    log = Persona(250, span=timedelta(hours=1))
    synced(log, tmp_path / path, "--since", "30d")
    before = data_file(tmp_path).read_bytes()
    put_back(tmp_path, path)
    found = sync(log, tmp_path / path)
    assert found.ended == (0, "")
    assert cut_files(tmp_path) == []
    assert sorted(rows(data_file(tmp_path).read_bytes(), path)) == sorted(rows(before, path))
    assert result("verify", f"{tmp_path}/{path}", "-q").ended == (0, "")


def rows(data: bytes, path: str) -> list[bytes]:
    return list(rows_of(unpacked([data], compressed=path.endswith(".gz")), csv=".csv" in path))


@pytest.mark.parametrize("path", PATHS)
def test_what_the_provider_no_longer_has_stays_beside(path: str, tmp_path: Path) -> None:
    full = f"{tmp_path}/{path}"
    synced(Persona(250, span=timedelta(hours=1)), full, "--since", "30d")
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    put_back(tmp_path, path)
    found = sync(Persona(0), full)
    again = sync(Persona(0), full)
    asides = cut_files(tmp_path)
    assert 1 <= len(asides) <= 2  # two if midnight was within the last page
    names = [aside.name for aside in asides]
    assert (found.status, again.ended) == (0, (0, ""))  # said once
    verified = result("verify", full)
    assert verified.ended == (0, "")
    shown = result("status", full, "--format", "json")
    assert shown.status == 0
    assert sorted(shown.json[0]["set_aside"]) == names
    for aside in asides:
        assert NAME.fullmatch(aside.name)
        assert stat.S_IMODE(aside.stat().st_mode) == 0o600
        kept = data_file_of(aside)
        assert kept.read_bytes() + aside.read_bytes() == before[kept]
        assert aside.name in found.said
        assert aside.name.encode() in verified.out
        assert aside.name in shown.said
        aside.unlink()  # somebody has looked at it
    assert result("status", full, "-q").ended == (0, "")
    assert result("verify", full, "--format", "json").json[0]["notes"] == []


def data_file_of(aside: Path) -> Path:
    return aside.with_name(aside.name.rpartition(".cut-")[0])


STRANGE = [
    b"notes of somebody\n",
    b"notes",
    b'{"id":"x"}\n',
    b'{"time":"2026-01-01T00:00:00.000Z","provider":"persona","account":null,"id":"ual_evil',
    b"\xff\xfe\0\1\n",
    gzip.compress(b"theirs\n", mtime=0),
]


@pytest.mark.parametrize("path", ["all.jsonl", "all.csv", "all.jsonl.gz"])
@pytest.mark.parametrize("theirs", STRANGE)
def test_bytes_of_somebody_else_are_never_destroyed(
    path: str, theirs: bytes, tmp_path: Path
) -> None:
    synced(Persona(3), tmp_path / path)
    whole = (tmp_path / path).read_bytes()
    with (tmp_path / path).open("ab") as file:
        file.write(theirs)
    found = sync(Persona(3), tmp_path / path)
    (aside,) = cut_files(tmp_path)
    assert (found.status, aside.read_bytes()) == (0, theirs)
    assert (tmp_path / path).read_bytes() == whole


@pytest.fixture(scope="module", params=["all.jsonl", "all.csv", "all.jsonl.gz", "all.csv.gz"])
def killed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Leave data behind the last commit, as a killed run does; return the log and the file."""
    log = Persona(120, span=timedelta(hours=1))
    path: Path = tmp_path_factory.mktemp("killed") / request.param
    synced(log, path, "--since", "30d")
    put_back(path.parent, path.name)
    return log, path


@pytest.mark.parametrize("share", [0, 0.003, 0.4, 0.996, 1])
@pytest.mark.parametrize("zeros", [b"", b"\0" * 700], ids=["", "zeros"])
def test_whatever_a_killed_run_left_is_removed_once_it_is_there(
    killed: tuple[Persona, Path], share: float, zeros: bytes, tmp_path: Path
) -> None:
    log, original = killed
    shutil.copytree(original.parent, tmp_path, dirs_exist_ok=True)
    path = tmp_path / original.name
    content = path.read_bytes()
    journal = path.with_name(f"{path.name}.journal").read_bytes().splitlines()
    committed = sum(f["length"] for line in journal for f in json.loads(line)["files"])
    path.write_bytes(content[: committed + int(share * (len(content) - committed))] + zeros)
    with Server(log) as server:
        words = ("persona", "sync", "-q", "-o", str(path))
        # Interrupted once more: what waits is looked at by the run that comes to its end.
        server.faults = dict.fromkeys(range(2, 9), UNAVAILABLE)
        assert run(*words, "--retry-for", "0", **server.environment) in (0, 3)
        server.faults = {}
        assert run(*words, **server.environment) == 0
    assert cut_files(tmp_path) == []
    assert len(rows(path.read_bytes(), path.name)) == 120 + (".csv" in path.name)


@pytest.mark.parametrize("path", PATHS)
def test_what_was_set_aside_under_a_clock_far_ahead_is_known_all_the_same(
    path: str, tmp_path: Path
) -> None:
    synced(Persona(3), tmp_path / path, "--since", "30d")
    file = data_file(tmp_path)
    (tmp_path / f"{file.name}.cut-20990101T000000.000000Z").write_bytes(file.read_bytes())
    assert sync(Persona(3), tmp_path / path).ended == (0, "")
    assert cut_files(tmp_path) == []


@pytest.mark.parametrize(
    "path",
    ["a" * 241 + ".jsonl", "\N{HIRAGANA LETTER A}" * 80 + ".csv", "a" * 231 + "{date}.jsonl"],
)
def test_a_long_name_leaves_room_for_what_is_set_aside(path: str, tmp_path: Path) -> None:
    full = f"{tmp_path}/{path}"
    log = Persona(250, span=timedelta(hours=1))
    synced(log, full, "--since", "30d")
    put_back(tmp_path, path)
    with data_file(tmp_path).open("ab") as file:
        file.write(b"theirs\n")
    found = sync(log, full)
    again = sync(log, full)
    (aside,) = cut_files(tmp_path)
    assert NAME.fullmatch(aside.name)
    assert aside.read_bytes().endswith(b"theirs\n")
    assert aside.name in found.said
    assert (found.status, again.ended) == (0, (0, ""))
    shown = result("status", full, "--format", "json")
    assert shown.json[0]["set_aside"] == [aside.name]


def test_a_file_set_aside_beside_another_destination_is_not_its_own(tmp_path: Path) -> None:
    synced(Persona(3), f"{tmp_path}/{{account}}.jsonl")
    synced(Persona(3), f"{tmp_path}/all.jsonl")
    (tmp_path / "all.jsonl.cut-20260101T000000.000000Z").write_bytes(b"theirs\n")
    path = f"{tmp_path}/{{account}}.jsonl"
    assert result("verify", path, "--format", "json").json[0]["notes"] == []
    synced(Persona(3), path)
    assert cut_files(tmp_path) != []


@pytest.mark.parametrize("call", ["open", "pwrite", "fsync"])
def test_what_cannot_be_set_aside_is_not_cut(call: str, tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    synced(Persona(3), path)
    with path.open("ab") as file:
        file.write(b"theirs\n")
    before = path.read_bytes()
    real = getattr(os, call)

    def full(file: Any, *rest: Any) -> Any:
        name = os.readlink(f"/proc/self/fd/{file}") if type(file) is int else str(file)  # noqa: PTH115
        if ".cut-" in name:
            raise OSError(28, "No space left on device")
        return real(file, *rest)

    with pytest.MonkeyPatch.context() as patch, Server(Persona(3)) as server:
        patch.setattr(os, call, full)
        found = result("persona", "sync", "-o", str(path), **server.environment)
    assert found.status == 9
    assert path.read_bytes() == before
    assert cut_files(tmp_path) == []


@given(st.lists(st.text(alphabet='ab"\n', max_size=5), max_size=6), st.integers(1, 9))
def test_rows_are_what_they_were_however_their_bytes_come(texts: list[str], size: int) -> None:
    written = [('"{}"\n'.format(text.replace('"', '""'))).encode() for text in texts]
    whole = b"".join(written)
    chunks = [whole[at : at + size] for at in range(0, len(whole), size)]
    assert list(rows_of(chunks, csv=True)) == written


def test_what_waits_for_a_run_to_come_to_its_end_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    synced(Persona(3), path)
    with path.open("ab") as file:
        file.write(b"theirs\n")
    with Server(Persona(3), faults=dict.fromkeys(range(1, 9), UNAVAILABLE)) as server:
        words = ("persona", "sync", "-q", "-o", str(path), "--retry-for", "0")
        assert run(*words, **server.environment) == 3
    (aside,) = cut_files(tmp_path)
    (note,) = result("verify", str(path), "--format", "json").json[0]["notes"]
    assert note.startswith(f"{aside.name}: set aside, from after the last commit; the next run ")
    assert result("status", str(path)).ended == (0, "")
