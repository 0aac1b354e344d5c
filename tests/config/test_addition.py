"""A source added to auditctl.toml: what was there stays to the byte, or nothing is written."""

from __future__ import annotations

import errno
import os
import stat
import tomllib
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl import registry
from auditctl.config import sources as config
from auditctl.config.addition import Addition
from auditctl.errors import OutputError, UsageError
from tests.tape import provider_class

LOAD = partial(registry.load, complain=pytest.fail)
KEY = "made-up-key"
VALUES = {"api_key": KEY, "output": "audit/{source}/{date}.jsonl"}
BEFORE = b"""\xef\xbb\xbf# My sources.\r
[defaults]   # for all
output = "all/{source}.jsonl"

[sources.one]
provider = "roam"  # ours
api_key_env = "KEY"
"""


def addition(
    content: bytes | None = None, name: str = "new", provider: str = "persona"
) -> Addition:
    return Addition(provider_class(provider), name, "auditctl.toml", content)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_source_makes_the_configuration(folder: Path) -> None:
    addition().write(VALUES, LOAD)
    assert (folder / "auditctl.toml").read_text() == (
        '[sources.new]\nprovider = "persona"\napi_key_file = "new-key"\n'
        'output = "audit/{source}/{date}.jsonl"\n'
    )
    assert (folder / "new-key").read_text() == KEY
    assert [mode(path) for path in folder.iterdir()] == [0o600, 0o600]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"# the end", b"\n\n\n"])
def test_what_is_there_stays_to_the_byte(end: bytes, folder: Path) -> None:
    before = BEFORE.rstrip(b"\n") + end
    path = folder / "auditctl.toml"
    path.write_bytes(before)
    path.chmod(0o640)
    inode = path.stat().st_ino
    addition(before).write({"api_key": KEY}, LOAD)
    after = path.read_bytes()
    assert after.startswith(before)
    assert after.endswith(b'\n\n[sources.new]\nprovider = "persona"\napi_key_file = "new-key"\n')
    assert (mode(path), path.stat().st_ino) == (0o640, inode)
    assert list(config.read("auditctl.toml", LOAD)) == ["one", "new"]


@given(
    name=st.text(st.sampled_from("aZ0-_.é"), min_size=1).filter(lambda s: s.strip("-_.")),
    value=st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1),
)
def test_any_name_and_any_value_are_toml(name: str, value: str) -> None:
    table = addition(name=name, provider="hrhis").table({"username": value, "password": KEY})
    assert tomllib.loads(table) == {
        "sources": {name: {"provider": "hrhis", "username": value, "password_file": f"{name}-key"}}
    }


def test_the_files_of_secrets_lie_beside_the_configuration(folder: Path) -> None:
    new = Addition(provider_class("upstash"), "a.b", f"{folder}/x/my.toml", None)
    assert new.key_files == {"api_key": f"{folder}/x/a.b-key"}
    assert new.settings == {"email": True, "api_key": True}


@pytest.mark.parametrize(
    ("content", "has"),
    [
        (b"", False),
        (b"[defaults]\nsince = '1d'\n", False),
        (b"defaults = 1", False),
        (BEFORE, True),
    ],
)
def test_an_output_for_all_is_seen(content: bytes, *, has: bool) -> None:
    assert addition(content).has_output() is has


# Nothing is replaced


@pytest.mark.parametrize("there", ["file", "folder", "link"])
def test_a_file_that_is_there_is_never_touched(there: str, folder: Path) -> None:
    path = folder / "new-key"
    if there == "file":
        path.write_text("mine")
    elif there == "folder":
        path.mkdir()
    else:
        path.symlink_to("nowhere")
    for attempt in (addition().check_free, partial(addition().write, VALUES)):
        with pytest.raises(OutputError, match=r"^new-key is there already, and stays as it is"):
            attempt(LOAD)
    assert [one.name for one in folder.iterdir()] == ["new-key"]
    assert there != "file" or path.read_text() == "mine"


def test_a_configuration_that_appears_meanwhile_is_not_replaced(folder: Path) -> None:
    new = addition()
    (folder / "auditctl.toml").write_bytes(BEFORE)
    with pytest.raises(OutputError, match=r"auditctl.toml is there already"):
        new.write(VALUES, LOAD)
    assert (folder / "auditctl.toml").read_bytes() == BEFORE
    assert not (folder / "new-key").exists()


def test_a_configuration_that_changes_meanwhile_is_not_appended_to(folder: Path) -> None:
    new = addition(BEFORE)
    (folder / "auditctl.toml").write_bytes(BEFORE + b"# more\n")
    with pytest.raises(OutputError, match="was changed meanwhile"):
        new.write(VALUES, LOAD)
    assert (folder / "auditctl.toml").read_bytes() == BEFORE + b"# more\n"
    assert not (folder / "new-key").exists()


def test_a_name_that_is_taken_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="has a source one already"):
        addition(BEFORE, "one").check_free(LOAD)
    addition(BEFORE, "two").check_free(LOAD)
    addition(b"[defaults]\n", "two").check_free(LOAD)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "values", "said"),
    [
        (b"sources = {a = {provider = 'roam', output = 'x'}}\n", VALUES, "not tables of their own"),
        (BEFORE, {"api_key": KEY, "output": "all/one.jsonl"}, "have one output"),
        (b"[sources.a]\nprovider = 1\n", VALUES, "line 2: sources.a.provider"),
        (b"[defaults]\nsince = 5\n", VALUES, "line 2: defaults.since"),
    ],
    ids=["inline", "shared", "mistake", "defaults"],
)
def test_what_would_be_a_mistake_is_not_written(
    content: bytes, values: dict[str, str], said: str, folder: Path
) -> None:
    path = folder / "auditctl.toml"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        addition(content).write(values, LOAD)
    assert said in str(caught.value)
    assert KEY not in str(caught.value)
    assert [one.read_bytes() for one in folder.iterdir()] == [content]


@pytest.mark.parametrize("content", [None, BEFORE])
@pytest.mark.parametrize("fails", [1, 2])
def test_a_disk_that_is_full_leaves_everything_as_it_was(
    content: bytes | None, fails: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (folder / "auditctl.toml").write_bytes(content)
    pwrite, calls = os.pwrite, []

    def write(file: int, data: Any, offset: int) -> int:
        calls.append(file)
        if len(calls) >= fails:
            if len(calls) > fails:
                raise OSError(errno.ENOSPC, "No space left on device")
            return pwrite(file, data[:3], offset)
        return pwrite(file, data, offset)

    monkeypatch.setattr("os.pwrite", write)
    with pytest.raises(OutputError, match="No space left on device"):
        addition(content).write(VALUES, LOAD)
    left = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert left == ({} if content is None else {"auditctl.toml": content})


def test_a_folder_that_is_not_there_is_named(folder: Path) -> None:
    new = Addition(provider_class("persona"), "new", f"{folder}/no/auditctl.toml", None)
    with pytest.raises(OutputError, match="Check that the folder exists"):
        new.write(VALUES, LOAD)
