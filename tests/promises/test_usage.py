"""What is typed: help, versions, and words that cannot be understood."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from auditctl import __version__, registry
from tests.program import COMMAND, Run, closed, process, result
from tests.server import LOGS, Server
from tests.world import log

USAGE, ACCESS, OUTPUT = 2, 4, 9

# Help


@pytest.mark.parametrize("group", [(), *((name,) for name in LOGS)], ids=" ".join)
def test_a_group_alone_prints_its_help(group: tuple[str, ...]) -> None:
    alone, long, short = (result(*group, *word) for word in ((), ("--help",), ("-h",)))
    assert (alone.status, alone.said) == (0, "")
    assert alone == long == short
    commands = ("list", "check") if group else (*LOGS, "providers", "schema")
    for command in commands:
        assert re.search(rf"(?m)^  {command} ", alone.out.decode())


@pytest.mark.parametrize("words", [(), ("persona",), ("hrhis", "list"), ("sync",)], ids=str)
@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_told_everywhere(words: tuple[str, ...], option: str) -> None:
    assert result(*words, option) == Run(0, f"auditctl {__version__}\n".encode(), "")


def test_the_installed_command_is_the_same_program() -> None:
    installed = [str(Path(sys.executable).with_name("auditctl"))]
    for words in (["--help"], ["--version"], ["persona", "list", "--since", "soon"]):
        assert process(*words, command=installed) == result(*words)


def imported(*words: str) -> set[str]:
    """The modules that a command imports."""
    found = process(*words, command=[sys.executable, "-X", "importtime", *COMMAND[1:]])
    return set(re.findall(r"(?m)^import time:.*\| +(\S+)$", found.said))


def test_help_imports_nothing_that_only_a_request_or_a_record_needs() -> None:
    for words in ("--help", "persona list --help", "verify --help", "persona list --nope"):
        modules = imported(*words.split())
        assert "auditctl.cli.app" in modules
        assert not modules & {"httpx", "pydantic", "orjson", "rich", "importlib.metadata"}
        assert not modules & {"auditctl.window", "auditctl.http.page"}
        assert ("auditctl.provider" in modules) == words.startswith("persona")


def test_one_log_is_read_without_what_only_a_configuration_needs(tmp_path: Path) -> None:
    output = ("-o", str(tmp_path / "log.jsonl"))
    for command in ("list", "sync"):
        modules = imported("persona", command, "--demo", *output)
        assert "httpx" in modules
        # Not rich: httpx imports it where click is installed, as other packages may want it.
        assert not modules & {"pydantic", "tomllib", "auditctl.formats.table"}
        (tmp_path / "log.jsonl").unlink()


@pytest.mark.parametrize("words", ["auditctl persna list --s", "auditctl persona lst --s"])
def test_a_shell_gets_no_sentence_about_words_that_are_wrong(words: str) -> None:
    completing = {"_AUDITCTL_COMPLETE": "complete_bash", "COMP_CWORD": str(words.count(" "))}
    assert result(**completing, COMP_WORDS=words).ended == (0, "")


SHOWN = ["", "--help", "--version", "persona", "persona --version", "hrhis list --help"]
"""Words that show what no command writes."""


@pytest.mark.parametrize("words", SHOWN)
def test_what_is_shown_to_a_reader_that_went_away_is_no_failure(words: str) -> None:
    there, here = os.pipe()
    os.close(there)
    with open(here, "wb") as pipe:  # noqa: PTH123 - a descriptor is no path
        assert process(*words.split(), stdout=pipe) == Run(0, b"", "")


@pytest.mark.parametrize("words", [*SHOWN, "schema", "providers", "persona list --demo"])
def test_what_cannot_be_shown_is_an_output_that_cannot_be_written(words: str) -> None:
    with Path("/dev/full").open("wb") as full:
        on_a_full_disk = process(*words.split(), stdout=full)
    for found in (on_a_full_disk, process(*words.split(), command=closed(">&-"))):
        assert (found.status, found.said.count("\n")) == (OUTPUT, 1)
        assert found.said.startswith("auditctl: error: Cannot write standard output: ")


# Usage


@pytest.mark.parametrize(
    ("words", "culprit"),
    [
        ("nope", "nope"),
        ("--nope", "--nope"),
        ("persona nope", "nope"),
        ("upstash get x", "get"),
        ("persona get", "ID"),
        ("persona list extra", "extra"),
        ("persona list --nope", "--nope"),
        ("persona list --user me", "--user"),
        ("persona list --since", "--since"),
        ("persona list -f xml", "xml"),
        ("persona list --log-format xml", "xml"),
        ("persona list --limit 0", "--limit"),
        ("persona list -n -1", "--limit"),
        ("persona list -n many", "many"),
        ("persona list --concurrency 0", "--concurrency"),
        ("persona list --retry-for soon", "--retry-for"),
        ("persona list --retry-for -1s", "--retry-for"),
        ("persona list --account ", "account"),
        ("persona list --account a\x1bb", "account"),
        ("persona get ual_1 --account a\u2028", "account"),
        ("persona list --fields nope", "nope"),
        ("persona list --fields time,,id", "''"),
        ("persona list --fields time,time", "'time'"),
        ("persona list --where time", "'time'"),
        ("persona list --where nope=1", "'nope'"),
        ("persona list --where time~(", "time~("),
        ("persona list --raw -f csv", "csv"),
        ("persona list --raw -f table", "table"),
        ("persona list --raw --fields id", "--fields"),
        ("persona list --raw -o x.csv", "csv"),
        ("persona list --raw -o x.csv.gz", "csv"),
        ("persona get ual_1 --raw -f csv", "csv"),
        ("persona check --since 1d", "--since"),
    ],
)
def test_a_word_that_cannot_be_understood_is_named(
    words: str, culprit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Server(log("persona")) as server:
        found = result(*words.split(" "), **server.environment)
    assert (found.status, found.out) == (USAGE, b"")
    assert found.said.startswith("auditctl: error: ")
    assert found.said.count("\n") == 1
    assert culprit in found.said
    assert server.requests == []
    assert list(tmp_path.iterdir()) == []


def test_what_is_wrong_with_the_words_comes_with_where_to_read_more() -> None:
    assert result("roam", "lst").said == (
        "auditctl: error: No such command 'lst': did you mean 'list'? See auditctl roam --help.\n"
    )
    providers = ", ".join(sorted(registry.installed()))
    assert result("nope").said == (
        f"auditctl: error: No such command 'nope': there are {providers}, list, "
        "check, init, sync, verify, status, read, sources, providers, schema. See auditctl "
        "--help.\n"
    )
    near = result("persona", "list", "--sinc", "1d").said
    assert " --since" in near
    assert near.endswith(" See auditctl persona list --help.\n")


@pytest.mark.parametrize("form", [("--log-format", "json"), ("--log-format=json",)])
def test_what_is_wrong_with_the_words_is_said_as_json_where_that_is_wanted(
    form: tuple[str, ...],
) -> None:
    found = result("roam", "list", *form, "--xyzzy")
    assert found.status == USAGE
    line = json.loads(found.said)
    assert line["level"] == "error"
    assert line["message"].endswith(" --xyzzy. See auditctl roam list --help.")


@pytest.mark.parametrize(
    "words",
    [
        ("--since", "soon"),
        ("--until", "never"),
        ("--since", "1d", "--until", "2d"),
        ("--since", "2999-01-01", "--until", "2999-01-02"),
        ("--since", "99999999999", "--until", "now"),
        ("--since", "", "--limit", "3"),
        ("--since", "now"),
        ("--until", "1d"),
        ("--since", "today", "--until", "today"),
        ("--since", "2026-01-31", "--until", "2026-01-31T03:00+03:00"),
    ],
    ids=" ".join,
)
def test_a_time_that_cannot_be_used_is_answered_with_the_forms(words: tuple[str, ...]) -> None:
    found = result("persona", "list", "--demo", *words)
    assert (found.status, found.out) == (USAGE, b"")
    assert found.said.count("\n") == 1
    forms = ("45s 90m 12h 30d 2w", "1d12h", "2026-01-31", "T08:00:00Z", "epoch", "yesterday")
    assert [form for form in forms if form not in found.said] == []


@pytest.mark.parametrize(
    "words", [("persona", "list", "--demo", "-v"), ("persona", "list"), ("x",)]
)
def test_an_exit_status_does_not_depend_on_who_hears(words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as nobody:
        found = process(*words, stderr=nobody)
    assert found.status == {"-v": 0, "list": ACCESS, "x": USAGE}[words[-1]]
