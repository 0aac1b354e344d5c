"""Which destinations verify and status look at: PATHs, names of sources, or all sources."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.program import result, synced
from tests.server import Persona, Upstash
from tests.terminal import WIDE, terminal

USAGE, WRONG = 2, 8
both = pytest.mark.parametrize("command", ["verify", "status"])
CONFIGURATION = """
[defaults]
output = "{source}/{date}.jsonl"
demo = true

[sources.one]
provider = "roam"
api_key_file = "/run/secrets/a-path-that-is-nobodys-business"

[sources.two]
provider = "persona"
output = "audit/{provider}-{source}.jsonl.gz"
since = "1d"
"""


@pytest.fixture
def folder(folder: Path) -> Path:
    """Give a folder with a configuration, which is the working one."""
    (folder / "auditctl.toml").write_text(CONFIGURATION)
    return folder


@both
def test_several_paths_are_taken(command: str, folder: Path) -> None:
    synced(Persona(3), "a.jsonl")
    synced(Upstash(4), "b/{date}.jsonl.gz")
    found = result(command, "a.jsonl", "b/{date}.jsonl.gz", "-f", "json")
    assert found.ended == (0, "")
    assert [(row["path"], row["source"], row["records"]) for row in found.json] == [
        ("a.jsonl", None, 3),
        ("b/{date}.jsonl.gz", None, 4),
    ]
    assert folder.exists()


@both
def test_without_a_path_all_sources_are_taken(command: str, folder: Path) -> None:
    assert result("sync").ended == (0, "")
    named = ("--config", f"{folder}/auditctl.toml")
    for found in result(command, "-f", "json"), result(command, "-f", "json", *named):
        assert found.ended == (0, "")
        assert [row["source"] for row in found.json] == ["one", "two"]
        assert [row["ok"] for row in found.json] == [True, True]
    (folder / "auditctl.toml").unlink()
    missing = result(command)
    assert missing.status == USAGE
    assert "There is no configuration" in missing.said


@both
def test_a_source_is_taken_by_its_name(command: str, folder: Path) -> None:
    result("sync", "one")
    assert (folder / "one").is_dir()  # which has the source's name
    found = result(command, "one", "-f", "json")
    assert found.ended == (0, "")
    assert [(row["source"], row["path"]) for row in found.json] == [("one", "one/{date}.jsonl")]
    lost = result(command, "two", "-f", "json")
    assert lost.status == WRONG
    assert "audit/persona-two.jsonl.gz.journal is not there" in lost.said
    assert [(row["source"], row["ok"]) for row in lost.json] == [("two", False)]


@both
def test_a_destination_goes_before_a_source_of_its_name(command: str, folder: Path) -> None:
    synced(Persona(3), "two")
    found = result(command, "two", "-f", "json")
    assert [(row["source"], row["path"]) for row in found.json] == [(None, "two")]
    assert folder.exists()


@both
def test_names_and_paths_are_shown_side_by_side(command: str, folder: Path) -> None:
    result("sync", "one")
    synced(Persona(3), "a.jsonl")
    found = result(command, "a.jsonl", "one")
    assert found.ended == (0, "")
    assert "a.jsonl" in found.text
    assert "one" in found.text
    assert folder.exists()


@both
def test_what_is_neither_is_said_beside_the_others(command: str, folder: Path) -> None:
    synced(Persona(3), "a.jsonl")
    words = ("a.jsonl", "three", "{source}/nothing", "-f", "json")
    found = result(command, *words)
    assert found.status == WRONG
    assert "three.journal is not there" in found.said
    assert "No sync has run for {source}/nothing: there is no journal." in found.said
    assert found.json[0]["path"] in ("a.jsonl", "{source}/nothing")
    (folder / "auditctl.toml").write_text("[sources.a]\nprovider = 1\n")
    # A mistake there is none of a PATH's, but it may hide the source that was meant.
    assert result(command, "a.jsonl").status == 0
    assert result(command, "./a.jsonl").status == 0
    assert result(command, "a").status == USAGE


@both
def test_an_empty_folder_may_be_a_table_that_is_gone(command: str, folder: Path) -> None:
    (folder / "lake").mkdir()
    found = result(command, "lake")
    assert found.status == WRONG
    assert "lake: there is no table. Use the PATH given to sync" in found.said
    result("sync", "one")
    (folder / "one").rename(folder / "away")
    (folder / "one").mkdir()
    assert "one/{date}.jsonl" in result(command, "one").said  # it is a source


@both
def test_a_folder_that_is_no_source_is_a_usage_error(command: str, folder: Path) -> None:
    (folder / "somewhere").mkdir()
    (folder / "somewhere" / "a.jsonl").touch()
    found = result(command, "somewhere")
    assert found.status == USAGE
    assert "'somewhere' is no file that sync could append to." in found.said


@both
def test_one_file_of_a_template_names_the_template(command: str, folder: Path) -> None:
    template = "a b/{account}/{date}.jsonl.gz"
    synced(Upstash(4), template)
    file = max((folder / "a b").glob("*/*.gz"))
    for path in os.path.relpath(file), str(file):
        found = result(command, path)
        assert found.status == WRONG
        owner = template if path != str(file) else f"{folder}/{template}"
        assert (
            f"{path} is one of the files of {owner}, and has no journal of its own." in found.said
        )
        assert f"Use the PATH given to sync: '{owner}'\n" in found.said
    (folder / "a b" / "other").mkdir()
    (folder / "a b" / "other" / "2026-01-01.jsonl.gz").write_bytes(b"x")
    unknown = result(command, "a b/other/2026-01-01.jsonl.gz")
    assert unknown.status == WRONG
    assert "one of the files" not in unknown.said


# sources


def test_sources_are_shown_without_their_settings(folder: Path) -> None:
    expected = [
        {"name": "one", "provider": "roam", "log": None, "output": "one/{date}.jsonl"},
        {"name": "two", "provider": "persona", "log": None, "output": "audit/persona-two.jsonl.gz"},
    ]
    found = result("sources", "-f", "json")
    assert (found.ended, found.json) == ((0, ""), expected)
    table = result("sources")
    assert table.ended == (0, "")
    assert [line.split() for line in table.text.splitlines()] == [
        list(expected[0]),
        *([value or "-" for value in row.values()] for row in expected),
    ]
    assert "business" not in table.text + found.text
    elsewhere = result("sources", "--config", f"{folder}/auditctl.toml", "-f", "json")
    assert elsewhere.json[0]["output"] == f"{folder}/one/{{date}}.jsonl"


def test_the_log_that_a_source_reads_is_shown(folder: Path) -> None:
    more = '[sources.{0}]\nprovider = "github"\norg = "acme"\noutput = "{0}.jsonl"\n'
    chosen = more.format("git") + 'log = "git"\n'
    (folder / "auditctl.toml").write_text(more.format("web") + chosen)
    rows = result("sources", "-f", "json").json
    assert [(row["name"], row["log"]) for row in rows] == [("web", "web"), ("git", "git")]


def test_a_terminal_shows_the_sources_too(folder: Path) -> None:
    named = {"AUDITCTL_CONFIG": str(folder / "auditctl.toml")}
    with terminal(None, "sources", columns=WIDE, variables=named) as shown:
        shown.end()
    assert [line.split()[0] for line in shown.lines] == ["name", "one", "two"]


def test_a_configuration_that_is_missing_or_wrong_has_no_sources(folder: Path) -> None:
    (folder / "auditctl.toml").write_text("[sources.a]\nprovider = 1\n")
    wrong = result("sources")
    assert (wrong.status, wrong.out) == (USAGE, b"")
    assert "auditctl.toml, line 2: sources.a.provider:" in wrong.said
    (folder / "auditctl.toml").unlink()
    assert result("sources").status == USAGE
