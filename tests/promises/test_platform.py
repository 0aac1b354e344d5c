"""What the platform refuses, from folders to memory: it works, or a sentence says what is wrong."""

from __future__ import annotations

import errno
import json
import os
import pwd
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest

from auditctl.commands import single
from auditctl.errors import OutputError, failure
from tests.program import Run, process, result

FAULT, USAGE, INTEGRITY, OUTPUT = 1, 2, 8, 9

NOBODY = """
import os, pwd, runpy, sys

def unknown(uid):
    raise KeyError(f"getpwuid(): uid not found: {uid}")

try:
    os.setresuid(65532, 0, 0)  # its files can still be read
except PermissionError:
    pwd.getpwuid = unknown
runpy.run_module("auditctl", run_name="__main__", alter_sys=True)
"""
"""Runs the program as a user who has neither a home folder nor an entry in passwd."""

SOURCES = """
[sources.prod]
provider = "persona"
demo = true
output = "prod.jsonl"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the program in a folder of its own."""
    monkeypatch.chdir(tmp_path)


def nobody(*words: str) -> Run:
    """Run the program as nobody, in the working folder, with an empty environment."""
    return process(*words, command=[sys.executable, "-c", NOBODY])


def test_without_a_home_folder_the_configuration_here_is_read() -> None:
    Path("auditctl.toml").write_text(SOURCES)
    assert nobody("sync").ended == (0, "")
    assert Path("prod.jsonl").stat().st_size
    listed = nobody("persona", "list", "--source", "prod", "--limit", "2")
    assert (listed.ended, len(listed.records)) == ((0, ""), 2)
    status = nobody("status", "--format", "json")
    assert (status.ended, status.json[0]["source"]) == ((0, ""), "prod")


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(uid: int) -> NoReturn:
        message = f"getpwuid(): uid not found: {uid}"
        raise KeyError(message)

    monkeypatch.setattr(pwd, "getpwuid", unknown)


@pytest.mark.usefixtures("homeless")
def test_without_a_home_folder_and_a_configuration_the_message_says_where_one_may_be() -> None:
    for words in (("sync",), ("status",), ("persona", "list", "--source", "prod")):
        found = result(*words)
        assert found.status == USAGE
        assert "There is no configuration" in found.said
        assert "./auditctl.toml" in found.said


@pytest.mark.usefixtures("homeless")
def test_without_a_home_folder_no_folder_is_made_that_is_named_like_one() -> None:
    Path("auditctl.toml").write_text(SOURCES.replace("prod.jsonl", "~/audit/prod.jsonl"))
    found = result("sync")
    assert found.status == USAGE
    assert "~/audit/prod.jsonl is in the home folder, but there is none." in found.said
    assert os.listdir() == ["auditctl.toml"]  # noqa: PTH208
    assert result("sync", HOME=str(Path.cwd())).ended == (0, "")
    assert Path("audit/prod.jsonl").exists()


@pytest.fixture
def folder_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("persona list --demo -o x.jsonl", OUTPUT),
        ("persona list --demo -o sub/x.csv.gz", OUTPUT),
        ("persona get ual_1 --demo -o x.jsonl", OUTPUT),
        ("persona sync --demo -o x.jsonl", OUTPUT),
        ("persona list --demo --source prod", USAGE),
        ("sync", USAGE),
        ("sync --config auditctl.toml", USAGE),
        ("status", USAGE),
        ("status x.jsonl", INTEGRITY),
        ("status x.jsonl --acknowledge-gaps", INTEGRITY),
        ("verify x.jsonl", INTEGRITY),
        ("verify {provider}/x.jsonl", INTEGRITY),
        ("persona list --demo --limit 1", 0),
        ("persona list --demo -o /dev/null", 0),
        ("--help", 0),
        ("providers", 0),
        ("schema", 0),
    ],
)
def test_where_the_working_folder_was_deleted_all_that_can_work_does(
    words: str, status: int, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("folder_gone")
    found = result(*words.split())
    assert found.status == status
    assert bool(found.said) is (status != 0)
    if status == OUTPUT:
        assert "No such file or directory. Check that the folder exists" in found.said


@pytest.mark.parametrize("option", ["--install-completion", "--show-completion"])
def test_a_completion_that_cannot_be_installed_is_a_sentence(option: str, tmp_path: Path) -> None:
    # Typer asks for the shell's name only where it is not to find it out by itself.
    named = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    script = result("--show-completion", "bash", HOME="/proc", **named)
    assert script.status == 0
    assert b"_auditctl_completion" in script.out
    for shell in ("bash", "zsh", "fish"):
        found = result(option, shell, HOME="/proc", **named)
        assert found.status == (OUTPUT if option == "--install-completion" else 0)
        assert found.said.count("\n") == (found.status == OUTPUT)
        assert ("'/proc/" in found.said) is (found.status == OUTPUT)
    (tmp_path / ".bashrc").write_bytes(b"# caf\xe9\n")
    latin = result("--install-completion", "bash", HOME=str(tmp_path), **named)
    assert latin.status == OUTPUT
    assert (tmp_path / ".bashrc").read_bytes() == b"# caf\xe9\n"


@pytest.mark.parametrize("instruction", ["complete_tcsh", "source_tcsh", "nonsense", "x_y"])
def test_a_shell_without_completion_is_a_usage_error(instruction: str) -> None:
    found = result(_AUDITCTL_COMPLETE=instruction)
    assert (found.status, found.out) == (USAGE, b"")
    assert "completion for bash, zsh, fish and PowerShell only" in found.said


def test_a_shell_gets_its_suggestions_without_a_home_folder() -> None:
    found = result(_AUDITCTL_COMPLETE="complete_bash", COMP_WORDS="auditctl pers", COMP_CWORD="1")
    assert (found.ended, found.out) == ((0, ""), b"persona\n")


REFUSALS = {
    "Too many open files": OSError(errno.EMFILE, "Too many open files", "/run/secret-file"),
    "Cannot allocate memory": OSError(errno.ENOMEM, "Cannot allocate memory"),
    "TimeoutError": TimeoutError(),
    "Out of memory": MemoryError(),
    "No thread can be started": RuntimeError("can't start new thread"),
    "The module _ssl is missing": ModuleNotFoundError("No module named '_ssl'", name="_ssl"),
    "orjson.orjson cannot be loaded": ImportError(
        "orjson.so: failed to map segment", name="orjson.orjson", path="/x/orjson.so"
    ),
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_what_the_platform_refuses_is_no_defect(
    reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise REFUSALS[reason]

    monkeypatch.setattr(single, "list_", refuse)
    sentence = f"auditctl: error: The system cannot give what auditctl needs: {reason}.\n"
    assert result("persona", "list", "--demo").ended == (OUTPUT, sentence)
    # Outside of a command too.
    monkeypatch.setattr("auditctl.cli.app", refuse)
    assert result("persona", "list").ended == (OUTPUT, sentence)


def test_a_defect_stays_a_defect() -> None:
    for error in (RuntimeError("secret"), ImportError("secret"), KeyError("secret")):
        failed = failure(error)
        assert (failed.status, "secret" in str(failed)) == (FAULT, False)
        assert f"a fault of auditctl itself: {type(error).__name__}." in str(failed)
    foreseen = OutputError("a sentence")
    assert failure(foreseen) is foreseen


def no_more_threads(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Let the platform start so many threads, and no more."""
    start = threading.Thread.start
    left = iter(range(most))

    def refuse(thread: threading.Thread) -> None:
        if next(left, None) is None:
            message = "can't start new thread"
            raise RuntimeError(message)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)


@pytest.mark.parametrize("most", [0, 1, 3])
def test_without_threads_days_are_asked_for_one_by_one(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    since, until = (datetime.now(UTC) - timedelta(days=days) for days in (12, 2))
    words = (
        "roam",
        "list",
        "--demo",
        "--since",
        f"{since:%Y-%m-%d}",
        "--until",
        f"{until:%Y-%m-%d}",
    )
    expected = result(*words)
    assert expected.records
    no_more_threads(monkeypatch, most)
    assert result(*words) == expected


def test_sources_that_get_no_thread_fail_and_do_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("auditctl.toml").write_text(SOURCES + SOURCES.replace("prod", "other"))
    no_more_threads(monkeypatch, 1)
    found = result("sync")
    assert found.ended == (
        OUTPUT,
        (
            "auditctl: error: other: The system cannot give what auditctl needs: No thread can be "
            "started.\n"
        ),
    )
    assert Path("prod.jsonl").stat().st_size


OPTIMIZED = """
import io, os, sys
from unittest.mock import patch
from auditctl.cli import boundary, app as cli
for words in (["--help"], ["providers", "--help"], ["schema", "--help"], ["sync", "--help"],
              ["persona", "--help"], ["persona", "list", "--help"], ["hrhis", "list", "--help"],
              ["persona", "get", "--help"], ["persona", "check", "--help"], ["verify", "--help"],
              ["status", "--help"], ["schema"]):
    with patch.object(sys, "argv", ["auditctl", *words]):
        try:
            boundary.run(cli.app)
        except SystemExit as end:
            assert not end.code, words
"""


def test_help_and_schema_are_the_same_without_docstrings() -> None:
    plain, optimized = (
        subprocess.run(
            [sys.executable, *flags, "-c", OPTIMIZED],
            env={"PATH": os.defpath, "COLUMNS": "80"},
            capture_output=True,
            check=True,
        ).stdout
        for flags in ((), ("-OO",))
    )
    assert json.loads(plain[plain.index(b'{\n  "$schema"') :])["description"]
    assert optimized == plain
