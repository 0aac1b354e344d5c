"""Where list writes: formats, files that are whole or not there, streams that are closed."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from tests.program import COMMAND, LONG, Run, closed, popen, process, result
from tests.server import DROP, WRONG_SHAPE, Fault, Server, too_many
from tests.world import LIST, WINDOW, asked, every_provider, listed, log

USAGE, UNREACHABLE, ACCESS, THROTTLED, STRANGE, OUTPUT = 2, 3, 4, 5, 6, 9

# Formats and files


@pytest.mark.parametrize(
    ("suffix", "words", "first"),
    [
        ("jsonl", (), b'{"time":"'),
        ("csv", (), b"time,provider,"),
        ("CSV", (), b"time,provider,"),
        ("txt", (), b'{"time":"'),
        ("csv.gz", (), b"time,provider,"),
        ("jsonl.gz", (), b'{"time":"'),
        ("csv.gz", ("-f", "csv"), b"time,provider,"),
        ("ndjson", ("-f", "jsonl"), b'{"time":"'),
        ("json", (), b'{"time":"'),
        ("txt", ("-f", "csv"), b"time,provider,"),
        ("txt", ("-f", "table"), b"time  "),
        ("jsonl", ("--raw",), b'{"type":"user-audit-log",'),
    ],
)
def test_a_file_has_the_format_of_its_suffix_or_the_one_asked_for(
    suffix: str, words: tuple[str, ...], first: bytes, tmp_path: Path
) -> None:
    path = tmp_path / f"log.{suffix}"
    found = result("persona", "list", "--demo", "-o", str(path), *words)
    assert found == Run(0, b"", "")
    packed = path.read_bytes()
    content = gzip.decompress(packed) if suffix.endswith(".gz") else packed
    assert content.startswith(first)
    assert content.endswith(b"\n")
    assert list(tmp_path.iterdir()) == [path]


def test_a_dash_is_standard_output() -> None:
    with Server(log("persona")) as server:
        assert listed(server, "persona", "-o", "-") == listed(server, "persona")


@pytest.mark.parametrize(
    ("name", "faults", "status"),
    [
        ("persona", {2: DROP}, UNREACHABLE),
        ("persona", {3: WRONG_SHAPE}, STRANGE),
        ("persona", {2: Fault(401)}, ACCESS),
        ("persona", {2: too_many(9)}, THROTTLED),
        ("upstash", {1: Fault(cut=60_000)}, UNREACHABLE),
        ("roam", {3: WRONG_SHAPE}, STRANGE),
        ("hrhis", {1: Fault(400), 2: Fault(403)}, ACCESS),
    ],
)
@pytest.mark.parametrize("before", [{}, {"log.jsonl": "old", "log.csv.gz": "old"}])
def test_after_a_failure_the_folder_is_as_it_was(
    before: dict[str, str], name: str, faults: dict[int, Fault], status: int, tmp_path: Path
) -> None:
    for file, content in before.items():
        (tmp_path / file).write_text(content)
    for file in ("log.jsonl", "log.csv.gz"):
        with Server(log(name), faults=faults) as server:
            words = ("-o", str(tmp_path / file), "--retry-for", "0s", "--concurrency", "1")
            found = listed(server, name, *words)
        assert (found.status, found.out) == (status, b"")
        assert found.said.count("\n") == 1
        assert {each.name: each.read_text() for each in tmp_path.iterdir()} == before


@pytest.mark.parametrize("where", ["missing/log.jsonl", ".", "file/log.jsonl"])
def test_an_output_that_cannot_be_made_ends_the_run_before_any_request(
    where: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    found, requests = asked("persona", "-o", str(tmp_path / where))
    assert found.status == OUTPUT
    assert str(tmp_path) in found.said
    assert requests == []
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@every_provider
def test_sample_data_looks_as_an_answer_does_and_hides_nothing_of_itself(name: str) -> None:
    found = result(name, "list", "--demo", "-v", "--since", "10d", "-n", "300")
    assert found.status == 0
    assert re.findall(r" 200 \d+ ms [1-9]\d+ bytes\n", found.said)
    assert " 0 bytes" not in found.said
    assert "REDACTED" not in found.said


@pytest.mark.parametrize("form", ["jsonl", "csv", "table"])
def test_a_reader_that_goes_away_ends_the_run_quietly(form: str) -> None:
    with (
        Server(log("persona", 2000)) as server,
        popen("persona", "list", *WINDOW, "-f", form, environ=server.environment) as process,
    ):
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(LONG) == 0
    assert said == b""
    assert len(server.requests) < 20


@pytest.mark.parametrize("name", ["persona", "upstash"])  # pages, and a stream
def test_a_closed_standard_output_cannot_be_written(name: str) -> None:
    with Server(log(name)) as server:
        found = process(
            name, *LIST, "--concurrency", "1", environ=server.environment, command=closed(">&-")
        )
    assert found.status == OUTPUT
    assert found.said.count("\n") == 1
    assert {request.method for request in server.requests} <= {"GET"}


def test_what_a_closed_standard_output_cannot_take_is_not_asked_for() -> None:
    with Server(log("persona")) as server:
        words = ("persona", "get", "ual_1")
        found = process(*words, environ=server.environment, command=closed(">&-"))
    assert (found.status, server.requests) == (OUTPUT, [])


def test_a_record_that_the_disk_has_no_room_for_is_taken_back(tmp_path: Path) -> None:
    little = ["/bin/sh", "-c", 'ulimit -f 300; exec "$@"', "sh", *COMMAND]
    path = tmp_path / "out"
    path.write_bytes(b"before\n")
    with path.open("ab") as out, Server(log("persona")) as server:
        found = process("persona", *LIST, environ=server.environment, command=little, stdout=out)
    assert found.status == OUTPUT
    first, *records = path.read_bytes().split(b"\n")
    assert first == b"before"
    assert records.pop() == b""
    assert records
    assert all(json.loads(record)["provider"] == "persona" for record in records)


@pytest.mark.parametrize("descriptors", ["<&-", "2>&-", "<&- 2>&-"])
def test_other_closed_streams_change_nothing(descriptors: str) -> None:
    with Server(log("persona")) as server:
        whole = listed(server, "persona")
        assert (
            process("persona", *LIST, environ=server.environment, command=closed(descriptors))
            == whole
        )
        server.faults = lambda _: Fault(401)
        assert (
            process(
                "persona", *LIST, environ=server.environment, command=closed(descriptors)
            ).status
            == ACCESS
        )


# Where a list may be written


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("", "--output is empty"),
        ("audit/{date}.jsonl", "sync's output can"),
        ("a.jsonl", "a.jsonl belongs to sync"),
        ("a.jsonl.journal", "belongs to sync"),
    ],
)
def test_a_list_replaces_nothing_of_a_sync(
    output: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert result("persona", "sync", "--demo", "-o", "a.jsonl").status == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for words in (("list",), ("get", "ual_1")):
        found = result("persona", *words, "--demo", "-o", output)
        assert (found.status, found.out) == (USAGE, b"")
        assert said in found.said
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    "template",
    [
        "{date}.jsonl",
        "{account}/{date}.jsonl",
        "x/{account}/{date}-{account}.jsonl",
        "{date}.cut-a.jsonl",
    ],
)
def test_a_list_replaces_no_file_of_a_sync_with_several(template: str, tmp_path: Path) -> None:
    words = ("upstash", "sync", "--demo", "--since", "2d", "-o", str(tmp_path / template))
    assert result(*words).status == 0
    (first, *_) = sorted(tmp_path.rglob("*.jsonl"))
    before = first.read_bytes()
    found = result("upstash", "list", "--demo", "-o", str(first))
    assert (found.status, found.out, first.read_bytes()) == (USAGE, b"", before)
    assert "belongs to sync" in found.said
    other = first.with_name("other.jsonl")
    other.touch()
    for path in (other, first.with_name("new.jsonl")):
        assert result("upstash", "list", "--demo", "--limit", "1", "-o", str(path)).status == 0
        assert len(path.read_bytes().splitlines()) == 1


@pytest.mark.parametrize("name", ["a.jsonl", "a" * 240])
def test_a_list_replaces_no_bytes_that_a_sync_has_set_aside(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    assert result("persona", "sync", "--demo", "-o", str(path)).status == 0
    with path.open("ab") as file:
        file.write(b"somebody's\n")
    assert result("persona", "sync", "--demo", "-o", str(path)).status == 0
    path.unlink()
    (aside,) = tmp_path.glob("*.cut-*")
    found = result("persona", "list", "--demo", "-o", str(aside))
    assert (found.status, aside.read_bytes()) == (USAGE, b"somebody's\n")
    assert "belongs to sync" in found.said


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.journal"])
def test_a_list_replaces_nothing_of_a_sync_through_a_link(name: str, tmp_path: Path) -> None:
    path, link = tmp_path / name, tmp_path / "link.jsonl"
    assert result("persona", "sync", "--demo", "-o", str(tmp_path / "a.jsonl")).status == 0
    link.symlink_to(path)
    before = path.read_bytes()
    found = result("persona", "list", "--demo", "-o", str(link))
    assert (found.status, path.read_bytes()) == (USAGE, before)
    assert "belongs to sync" in found.said
