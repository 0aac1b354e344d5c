"""Tables by the command line: sync, verify and status, and sources of auditctl.toml."""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import orjson
import pytest
from deltalake import DeltaTable

from auditctl import registry
from auditctl.config import sources as config
from auditctl.sync.delta import destination
from auditctl.sync.delta.path import TablePath
from auditctl.sync.delta.store import Store
from auditctl.window import to_text
from tests.program import powerless, process, result, run, with_a_gap
from tests.server import Persona, Server, Upstash
from tests.sync.delta.table import ids, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

USAGE, WRONG, FAILED = 2, 8, 9
DAYS = timedelta(days=3)
DEMO = ("persona", "sync", "--demo", "-f", "delta")


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(Persona(250, span=DAYS), Upstash(90, span=DAYS)) as running:
        yield running


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "lake")


def test_every_event_is_there_once_and_can_be_proved(server: Server, path: str) -> None:
    words = ("persona", "sync", "-f", "delta", "-o", path)
    for _ in range(2):
        assert result(*words, **server.environment).ended == (0, "")
    assert len(ids(path)) == len(set(ids(path))) == 250
    assert {row["source"] for row in rows(path)} == {"persona"}
    assert result("verify", path, "-q").ended == (0, "")


@pytest.mark.parametrize(
    ("value", "set_"),
    [
        (None, ["1"]),
        ("3", []),
        ("10", []),
        ("007", []),
        ("", ["1"]),
        ("0", ["1"]),
        ("x", ["1"]),
        ("-1", ["1"]),
        ("\u0663", ["1"]),
        ("9" * 30, ["1"]),
    ],
)
def test_the_library_has_one_thread_if_the_environment_does_not_say_more(
    value: str | None, set_: list[str], path: str
) -> None:
    """In the environment that it reads itself, not in Python's copy."""
    environ = {} if value is None else {"TOKIO_WORKER_THREADS": value}
    with patch("os.putenv") as put:
        assert result(*DEMO, "-o", path, **environ).status == 0
    named = [one.args for one in put.call_args_list if one.args[0] == "TOKIO_WORKER_THREADS"]
    assert [value for _, value in named] == set_


def test_the_records_are_those_of_a_file(server: Server, path: str) -> None:
    words = ("persona", "sync", "-o")
    for place in (path, f"{path}.jsonl"):
        format_ = "jsonl" if place.endswith("jsonl") else "delta"
        assert result(*words, place, "-f", format_, **server.environment).status == 0
    lines = [orjson.loads(line) for line in Path(f"{path}.jsonl").read_bytes().splitlines()]
    table = rows(path)
    for row in table:
        assert row.pop("source") == "persona"
        assert row.pop("date") == row["time"].date()
        row["time"] = to_text(row["time"])
        row["raw"] = orjson.loads(row["raw"])
    by_id = {line["id"]: line for line in lines}
    assert table == [by_id[row["id"]] for row in table]
    assert [*by_id] == [line["id"] for line in lines]


def test_a_commit_is_not_a_page(server: Server, path: str) -> None:
    with patch.object(destination, "MAX_RECORDS", 150):
        result("persona", "sync", "-f", "delta", "-o", path, **server.environment)
    (status,) = result("status", path, "--format", "json").json
    assert (status["records"], status["journal_lines"]) == (250, 2)


def test_the_status_is_read_from_the_log(path: str) -> None:
    assert run(*DEMO, "-o", path) == 0
    for file in Path(path).glob("provider=*/*/*.parquet"):
        file.unlink()
    found = result("status", path, "--format", "json")
    assert found.ended == (0, "")
    (row,) = found.json
    assert (row["path"], row["source"], row["provider"]) == (path, "persona", "persona")
    assert (row["ok"], row["running"], row["files"], row["gaps"]) == (True, None, None, [])
    assert row["covered"]["until"] <= row["last_success"]
    assert result("verify", path).status == WRONG
    table = result("status", path)
    assert table.text.split()[:2] == ["source", "state"]
    assert result("status", path, "--max-age", "15m", "-q").ended == (0, "")
    later = datetime.now(UTC) + timedelta(hours=1)
    with patch("auditctl.sync.report.datetime") as clock:
        clock.now.return_value = later
        found = result("status", path, "--max-age", "30m")
    assert found.status == WRONG
    assert "The last success of the source persona of" in found.said


def test_files_and_tables_are_shown_together(path: str) -> None:
    assert run(*DEMO, "-o", path) == 0
    assert run("upstash", "sync", "--demo", "-o", f"{path}.jsonl") == 0
    found = result("status", path, f"{path}.jsonl")
    assert found.ended == (0, "")
    assert [line.split()[0] for line in found.text.splitlines()] == ["path", path, f"{path}.jsonl"]


def test_gaps_are_acknowledged(path: str) -> None:
    with patch(
        "tests.program.run", lambda *words, **environ: run(*words, "-f", "delta", **environ)
    ):
        with_a_gap(path)
    for command in ("status", "verify"):
        found = result(command, path)
        assert found.status == WRONG
        assert f"auditctl status {path} --acknowledge-gaps" in found.said
    for _ in range(2):  # nothing is left to acknowledge
        assert result("status", path, "--acknowledge-gaps", "-q").ended == (0, "")
    assert result("verify", path, "-q").ended == (0, "")


def test_another_account_under_the_same_source_is_a_usage_error(server: Server, path: str) -> None:
    words = ("persona", "sync", "-f", "delta", "-o", path)
    assert result(*words, **server.environment).status == 0
    other = {**server.environment, "PERSONA_BASE_URL": "https://elsewhere.example"}
    found = result(*words, **other)
    assert found.status == USAGE
    assert "was begun with PERSONA_BASE_URL=http://127.0.0.1:" in found.said
    assert "this run has PERSONA_BASE_URL=https://elsewhere.example" in found.said
    found = result(*words, "--where", "actor=x", **server.environment)
    assert (found.status, "--where" in found.said) == (USAGE, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*DEMO, "-o", "t", "--fields", "id"), "leave --fields out"),
        (("persona", "sync", "--demo", "-o", "s3://t", "-f", "csv"), "holds a Delta table"),
        (("persona", "sync", "--demo", "-o", "t.parquet"), "cannot be written"),
        (("persona", "list", "--demo", "-f", "delta"), "delta"),
    ],
)
def test_what_a_table_cannot_be_is_a_usage_error(
    words: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = result(*words)
    assert (found.status, said in found.said) == (USAGE, True), found.said
    assert list(tmp_path.iterdir()) == []


def test_a_last_success_of_less_than_15_minutes_is_asked_of_files_only(path: str) -> None:
    assert run(*DEMO, "-o", path) == 0
    found = result("status", path, "--max-age", "14m")
    assert found.status == USAGE
    assert "--max-age must be 15 min or more for a table" in found.said


def test_without_the_extra_it_is_said_what_to_install(path: str) -> None:
    Path(path, "_delta_log").mkdir(parents=True)
    for words in ((*DEMO, "-o", path), ("verify", path), ("status", path), ("verify", "s3://x")):
        with patch.dict(sys.modules, {"deltalake": None}):
            found = result(*words)
        assert found.status == USAGE
        assert "A Delta table needs more packages. Install them: pip install 'aud" in found.said


def test_without_the_extra_sources_can_be_named_and_listed(configured: Path) -> None:
    assert configured
    with patch.dict(sys.modules, {"deltalake": None}):
        assert len(result("sources", "--format", "json").json) == 4
        assert result("list", "one", "--limit", "2").ended == (0, "")
        found = result("sync")
    assert (found.status, found.said.count("pip install")) == (USAGE, 1)


@pytest.mark.parametrize("name", ["memory:x", "data:x", "a:b", " x "])
def test_a_folder_is_never_taken_for_a_url(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*DEMO, "--since", "2d", "-o", name) == 0
    assert len(ids(str(tmp_path / name))) > 0
    assert result("verify", name, "-q").ended == (0, "")
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_a_table_is_no_file(path: str) -> None:
    assert run(*DEMO, "--since", "2d", "-o", path) == 0
    found = result("persona", "sync", "--demo", "-o", path)
    assert found.ended == (
        USAGE,
        f"auditctl: error: {path} is a Delta table: add --format delta.\n",
    )
    for table in (path, "s3://bucket/audit"):
        found = result("read", table)
        said = f"{table} is a Delta table, which DuckDB, Polars"
        assert (found.status, said in found.said) == (USAGE, True)


def test_a_place_that_may_only_be_read_is_proved_and_a_closed_one_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Others may not look into the folders that pytest makes.
    with TemporaryDirectory() as folder, monkeypatch.context() as patched:
        Path(folder).chmod(0o777)
        patched.setattr(tempfile, "tempdir", folder)
        with powerless():
            for needed in (sys.prefix, registry.__file__):
                if not os.access(needed, os.R_OK, effective_ids=True):
                    pytest.skip("auditctl is installed where only root may read")
            check_rights(f"{folder}/lake")


def check_rights(path: str) -> None:
    sync = (*DEMO, "-o", path, "--since", "2d")
    assert run(*sync) == 0
    places = [Path(path, "_delta_log"), *Path(path).glob("provider=*"), Path(path)]
    for place in places:
        place.chmod(0o555)
    found = result("upstash", *sync[1:])
    assert found.status == FAILED
    assert f"Cannot write {path}: Permission denied. What was committed before" in found.said
    for command in ("verify", "status"):
        assert result(command, path, "-q").ended == (0, "")
    for place in (Path(path), Path(path, "_delta_log")):
        place.chmod(0)
        for words in (("verify", path), ("status", path), sync):
            found = result(*words)
            assert found.status == FAILED
            assert f"error: Cannot read {path}: Permission denied. Check the" in found.said
        place.chmod(0o700)
    for place in places:
        place.chmod(0o700)  # or nobody could remove them


@pytest.mark.parametrize("words", [("verify",), ("status",), ("persona", "sync", "--demo", "-o")])
def test_a_store_without_credentials_is_not_reached(words: tuple[str, ...]) -> None:
    # A process: the library's own warnings are written behind Python's back.
    none = {"AWS_EC2_METADATA_DISABLED": "true"}
    found = process(*words, "s3://lake/audit", environ=none)
    assert found.ended == (
        FAILED,
        (
            "auditctl: error: The store of s3://lake/audit cannot be reached, or refuses: IMDS "
            "disabled by AWS_EC2_METADATA_DISABLED env var set to `true`. Check the network, and "
            "the credentials in the environment.\n"
        ),
    )


CONFIGURATION = """
[defaults]
output = "lake"
format = "delta"

[sources.one]
provider = "persona"
demo = true

[sources.two]
provider = "upstash"
demo = true

[sources.three]
provider = "persona"
demo = true

[sources.files]
provider = "upstash"
demo = true
output = "{source}.jsonl"
format = "jsonl"
"""


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "auditctl.toml").write_text(CONFIGURATION)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_sources_share_a_table(configured: Path) -> None:
    assert result("sync", "-q").ended == (0, "")
    count = Counter(row["source"] for row in rows(configured / "lake"))
    assert sorted(count) == ["one", "three", "two"]
    for source in ("one", "three"):
        assert count[source] == len({r["id"] for r in rows(configured / "lake")
                                     if r["source"] == source})  # fmt: skip
    assert result("verify", "lake").text.count(": ok: ") == 3
    shown = result("status", "--format", "json").json
    assert [row["source"] for row in shown] == ["one", "two", "three", "files"]
    assert [row["ok"] for row in shown] == [True] * 4


def test_a_source_that_has_not_committed_yet_is_said(configured: Path) -> None:
    assert configured
    assert result("sync", "one", "-q").ended == (0, "")
    found = result("status")
    assert found.status == WRONG
    assert "No sync has committed anything of the source two to" in found.said


def test_a_table_is_proved_once_for_the_sources_that_are_named(configured: Path) -> None:
    assert result("sync", "one", "two", "-q").ended == (0, "")
    (configured / "auditctl.toml").write_text(CONFIGURATION.partition("[sources.files]")[0])
    unbegun = "auditctl: error: No sync has committed anything of the source three to lake yet.\n"

    def verified(*words: str) -> tuple[list[str], int, str]:
        found = result("verify", *words, "--format", "json")
        return [row["source"] for row in found.json], *found.ended

    assert verified() == (["one", "two", "three"], WRONG, unbegun)
    assert verified("three") == (["three"], WRONG, unbegun)
    assert verified("two", "one") == (["one", "two"], 0, "")
    assert verified("lake", "one") == (["one", "two"], 0, "")
    # What is wrong with the table is said, whoever was asked for.
    DeltaTable("lake").delete("source = 'two'")
    names, status, said = verified("one")
    assert (names, status) == (["one", "two"], WRONG)
    assert "and 0 are there: some were deleted" in said


def test_a_table_that_nothing_was_committed_to_proves_nothing(path: str) -> None:
    Store(TablePath(path), {}).load_or_create()
    for command in ("verify", "status"):
        found = result(command, path)
        said = f"auditctl: error: No sync has committed anything to {path} yet.\n"
        assert (found.ended, found.text[-1:]) == ((WRONG, said), "\n")


def test_a_path_with_placeholders_means_the_tables_that_are_there(configured: Path) -> None:
    toml = CONFIGURATION.replace('"lake"', '"lake/{provider}/{source}"')
    (configured / "auditctl.toml").write_text(toml)
    assert result("sync", "one", "two", "-q").ended == (0, "")
    found = result("verify", "lake/{provider}/{source}", "--format", "json")
    assert [(row["path"], row["source"]) for row in found.json] == [
        ("lake/persona/one", "one"),
        ("lake/upstash/two", "two"),
    ]


def test_a_url_with_placeholders_means_the_tables_of_the_configuration(configured: Path) -> None:
    toml = CONFIGURATION.replace('"lake"', '"s3://lake/{source}"')
    (configured / "auditctl.toml").write_text(toml)
    nowhere = {"AWS_ENDPOINT_URL": "http://10.0.0.1"}
    found = result("status", "s3://lake/{source}", **nowhere)
    assert found.status == USAGE
    assert "AWS_ENDPOINT_URL may not be used" in found.said
    found = result("verify", "s3://other/{source}", **nowhere)
    assert found.status == WRONG


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("s3://lake/{date}", "line 3: defaults.output: 's3://lake/{date}' is a table"),
        ("ftp://lake", "line 3: defaults.output: 'ftp://lake' leads to no table"),
    ],
)
def test_a_mistake_in_an_output_is_said_with_its_line(
    output: str, said: str, configured: Path
) -> None:
    toml = CONFIGURATION.replace('"lake"', f'"{output}"')
    (configured / "auditctl.toml").write_text(toml)
    found = result("sync")
    assert (found.status, said in found.said) == (USAGE, True), found.said


def test_a_url_is_taken_as_it_is_written(configured: Path) -> None:
    toml = CONFIGURATION.replace('"lake"', '"s3://lake/{source}"').replace('format = "delta"', "")
    (configured / "auditctl.toml").write_text(toml)
    found: Any = config.read("auditctl.toml", lambda name: registry.load(name, print))
    assert found["one"].place.path == "s3://lake/one"
