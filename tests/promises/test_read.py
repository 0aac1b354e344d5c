"""`auditctl read`: what list and sync wrote, back through the options of list."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auditctl.records.record import FIELDS
from tests.program import COMMAND, result, synced
from tests.server import Persona, Server
from tests.terminal import screen, terminal
from tests.world import WINDOW, every_provider, log

USAGE, STRANGE, OUTPUT = 2, 6, 9
ROWS = 250


@pytest.fixture
def listed(folder: Path) -> bytes:
    """Give the bytes of a list, which is in list.jsonl too."""
    with Server(log("persona")) as server:
        done = result("persona", "list", *WINDOW, "-o", "list.jsonl", **server.environment)
    assert done.ended == (0, "")
    return (folder / "list.jsonl").read_bytes()


@every_provider
def test_what_was_listed_is_read_to_the_letter(name: str, folder: Path) -> None:
    with Server(log(name, 120)) as server:
        for path in "plain.jsonl", "packed.jsonl.gz":
            result(name, "list", *WINDOW, "-o", path, **server.environment)
    written = (folder / "plain.jsonl").read_bytes()
    assert written.count(b"\n") == 120
    assert result("read", "plain.jsonl").out == written
    both = result("read", "packed.jsonl.gz", "plain.jsonl", "-o", "both.jsonl.gz")
    assert (both.ended, both.out) == ((0, ""), b"")
    assert gzip.decompress((folder / "both.jsonl.gz").read_bytes()) == 2 * written
    assert (folder / "both.jsonl.gz").stat().st_mode & 0o777 == 0o600


@every_provider
def test_the_files_of_a_template_come_newest_first(name: str, folder: Path) -> None:
    synced(log(name, 120), "audit/{provider}/{date}.jsonl.gz")
    paths = sorted((folder / "audit" / name).glob("2*.gz"), reverse=True)
    assert len(paths) > 2
    expected = b"".join(gzip.decompress(path.read_bytes()) for path in paths)
    (folder / "audit" / name / "2026-01-01.jsonl.gz.cut-20261121T112600.123456Z").write_bytes(b"x")
    for path in "audit/{provider}/{date}.jsonl.gz", f"audit/{name}/{{date}}.jsonl.gz":
        found = result("read", path, "-f", "jsonl")
        assert (found.ended, found.out) == ((0, ""), expected)


def test_files_without_a_date_come_in_the_order_of_their_last_change(folder: Path) -> None:
    synced(log("upstash", 4), "{account}.jsonl")
    (found,) = folder.glob("*.jsonl")
    line = found.read_bytes().split(b"\n")[0] + b"\n"
    for number, name in enumerate("bca"):
        path = folder / f"{name}.jsonl"
        path.write_bytes(line.replace(b'"account":"', b'"account":"%b' % name.encode()))
        os.utime(path, (2**31 + number, 2**31 + number))
    records = result("read", "{account}.jsonl").records
    assert [record["account"][0] for record in records[:3]] == ["a", "c", "b"]
    # Another destination beside them is none of their files.
    synced(log("upstash", 4), "other.jsonl")
    assert len(result("read", "{account}.jsonl").records) == len(records)


def test_the_options_of_list_work(listed: bytes) -> None:
    records = [json.loads(one) for one in listed.split(b"\n")[:-1]]
    middle = records[100]["time"]
    later = [record["id"] for record in records if record["time"] >= middle]
    earlier = [record["id"] for record in records if record["time"] < middle]
    assert result("read", "list.jsonl", "--since", middle).ids == later
    assert result("read", "list.jsonl", "--until", middle).ids == earlier
    failures = [record["id"] for record in records if record["outcome"] == "failure"]
    assert 0 < len(failures) < ROWS
    assert result("read", "list.jsonl", "--where", "outcome=failure").ids == failures
    two = result("read", "list.jsonl", "--fields", "id,raw.attributes.method", "-f", "csv")
    assert two.out.split(b"\n")[0] == b"id,raw.attributes.method"
    assert len(two.out.split(b"\n")) == ROWS + 2
    assert result("read", "list.jsonl", "-f", "table").text.split()[0] == "time"
    assert result("read", "list.jsonl", "-q").out == listed


def test_what_people_see_is_that_of_list(listed: bytes) -> None:
    with Server(log("persona")) as server:
        for words in (
            ("-f", "summary"),
            ("-f", "table", "--color", "always"),
            ("-f", "table", "--tz", "Africa/Dar_es_Salaam"),
            ("-f", "jsonl", "--reverse"),
            ("-f", "csv", "--where", "status_code >= 400"),
        ):
            expected = result("persona", "list", *WINDOW, *words, **server.environment)
            found = result("read", "list.jsonl", *WINDOW, *words)
            assert (found.ended, found.out) == ((0, ""), expected.out), words
    assert listed
    assert b"\x1b[" in result("read", "list.jsonl", "-f", "table", "--color", "always").out
    whole = result("read", "list.jsonl", "-f", "summary")  # begins with its oldest record
    assert whole.ended == (0, "")
    assert b"250" in whole.out


def test_the_source_of_each_record_is_read_too(folder: Path) -> None:
    sources = [f'[sources.{name}]\nprovider = "{name}"\n' for name in ("persona", "roam")]
    (folder / "auditctl.toml").write_text(
        '[defaults]\noutput = "{source}.jsonl"\ndemo = true\n' + "".join(sources)
    )
    assert result("list", "--since", "3d", "-o", "both.jsonl").ended == (0, "")
    assert result("read", "both.jsonl").out == (folder / "both.jsonl").read_bytes()
    for form in "csv", "table":
        words = ("-f", form, "--since", "yesterday")
        listed = result("list", *words)
        assert "source" in listed.text.split("\n")[0]
        assert result("read", "both.jsonl", *words).out == listed.out
    one = result("read", "both.jsonl", "--where", "source=roam", "--fields", "source,provider")
    assert {tuple(record.values()) for record in one.records} == {("roam", "roam")}
    (folder / "plain.jsonl").write_text('{"id":"1"}\n')
    mixed = result("read", "both.jsonl", "plain.jsonl", "-f", "csv").text.split("\n")
    assert mixed[-2].split(",")[:5] == ["", "", "", "", "1"]
    without = result("read", "plain.jsonl", "--fields", "id,source", "--where", "source!=x")
    assert without.records == [{"id": "1", "source": None}]


def test_times_are_read_in_the_zone(listed: bytes) -> None:
    records = [json.loads(one) for one in listed.split(b"\n")[:-1]]
    day = records[100]["time"][:10]
    east = result("read", "list.jsonl", "--since", day, "--tz", "Africa/Dar_es_Salaam").ids
    before = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(hours=3)
    begin = before.strftime("%Y-%m-%dT%H:%M:%S")
    assert east == [record["id"] for record in records if record["time"] >= begin]
    assert len(east) > len(result("read", "list.jsonl", "--since", day).ids)


def test_a_limit_takes_the_most_recent_of_all_files(listed: bytes, folder: Path) -> None:
    lines = listed.splitlines(keepends=True)
    (folder / "old.jsonl").write_bytes(b"".join(lines[:99:-1]))
    (folder / "new.jsonl").write_bytes(b"".join(lines[99::-1]))
    found = result("read", "old.jsonl", "new.jsonl", "--limit", "105")
    assert found.out == b"".join(lines[:105])


def test_events_of_the_future_and_the_far_past_are_read(folder: Path) -> None:
    times = ["2090-01-01T00:00:00.000Z", "0001-01-01T00:00:00.000Z", None]
    (folder / "a").write_text("".join(json.dumps({"time": time}) + "\n" for time in times))
    assert [record["time"] for record in result("read", "a").records] == times


def test_fields_that_were_chosen_are_read_again(listed: bytes) -> None:
    chosen = ("--fields", "time,outcome,raw.attributes.method")
    result("read", "list.jsonl", *chosen, "-o", "few.jsonl")
    again = result("read", "few.jsonl", "--where", "raw.attributes.method=GET", *chosen)
    assert (
        again.out
        == result("read", "list.jsonl", "--where", "raw.attributes.method=GET", *chosen).out
    )
    assert again.out
    first = result("read", "few.jsonl", "--limit", "1").records[0]
    assert list(first) == list(FIELDS)
    assert (first["actor"], first["id"]) == (None, None)
    assert listed


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), USAGE, "Missing argument 'PATH...'"),
        (("-",), USAGE, "For standard input, write /dev/stdin."),
        (("a.csv",), USAGE, "read takes JSON Lines"),
        (("a.parquet",), USAGE, "a.parquet is Parquet, which DuckDB, Polars and pandas read"),
        (("{date}.CSV.gz",), USAGE, "read takes JSON Lines"),
        (("missing.jsonl",), USAGE, "missing.jsonl cannot be read: No such file or directory."),
        (("good", "missing.jsonl"), USAGE, "missing.jsonl cannot be read"),
        (("folder",), USAGE, "folder is a folder. Name the files in it"),
        (("{date}.jsonl",), USAGE, "No file is there for {date}.jsonl."),
        (("{day}.jsonl",), USAGE, "unknown placeholder"),
        (("good", "--since", "soon"), USAGE, "Cannot read the time 'soon'"),
        (("good", "--since", "2h", "--until", "3h"), USAGE, "is after --until 3h"),
        (("good", "--where", "nope=1"), USAGE, "There is no field 'nope'"),
        (("good", "-o", "{date}.jsonl"), USAGE, "can have no placeholder"),
        (("good", "-o", "no/folder"), OUTPUT, "Cannot write no/folder"),
        (("good", "bad", "-o", "new"), STRANGE, "Line 2 of bad is no record of auditctl"),
    ],
    ids=str,
)
def test_what_cannot_be_read_is_a_sentence(
    words: tuple[str, ...], status: int, said: str, folder: Path
) -> None:
    (folder / "folder").mkdir()
    (folder / "good").write_text('{"id":"1"}\n')
    (folder / "bad").write_text('{"id":"1"}\nnothing\n')
    found = result("read", *words)
    assert (found.status, found.out) == (status, b"")
    assert said in found.said
    assert found.said.count("\n") == 1
    assert not (folder / "new").exists()
    assert len(list(folder.iterdir())) == 3


def test_an_unfinished_end_is_a_warning(listed: bytes, folder: Path) -> None:
    (folder / "cut.jsonl").write_bytes(listed[:-20])
    found = result("read", "cut.jsonl")
    assert found.status == 0
    assert found.out == listed[: listed.rindex(b"\n", 0, -1) + 1]
    assert f"Line {ROWS} of cut.jsonl is unfinished, and was left out" in found.said
    assert result("read", "cut.jsonl", "-q").said == ""


def test_a_destination_in_which_nothing_happened_has_no_record(folder: Path) -> None:
    synced(Persona(0), "a.jsonl")
    synced(Persona(0), "{date}.jsonl")
    assert not (folder / "a.jsonl").exists() or not (folder / "a.jsonl").stat().st_size
    for path in "a.jsonl", "{date}.jsonl":
        found = result("read", path)
        assert (found.ended, found.out) == ((0, ""), b"")


def test_what_belongs_to_a_sync_is_not_replaced(folder: Path) -> None:
    synced(Persona(3), "a.jsonl")
    found = result("read", "a.jsonl", "-o", "a.jsonl")
    assert found.status == USAGE
    assert "belongs to sync" in found.said
    assert len((folder / "a.jsonl").read_bytes().split(b"\n")) == 4


def test_standard_input_has_a_name(listed: bytes) -> None:
    done = subprocess.run(
        [*COMMAND, "read", "/dev/stdin"],
        input=gzip.compress(listed),
        stdout=subprocess.PIPE,
        check=True,
    )
    assert done.stdout == listed


def test_a_terminal_shows_how_much_was_read(listed: bytes, folder: Path) -> None:
    with terminal(None, "read", f"{folder}/list.jsonl", "-o", f"{folder}/out.jsonl") as shown:
        text = shown.end()
    assert (folder / "out.jsonl").read_bytes() == listed
    assert re.search(r"\d+ records \(\d+ %\), [\d,]+/s", text)
    assert screen(text, 200)[-2:] == ["250 records of 1 file.", ""]
