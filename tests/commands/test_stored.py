"""Records read back from files: real bytes in, the same records out."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any, Self

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditctl.commands import stored
from auditctl.commands.stored import CHUNK, batches, in_window
from auditctl.errors import AnswerError, OutputError, UsageError
from auditctl.records import exact
from auditctl.records.record import FIELDS
from auditctl.window import Window
from tests.conftest import TEXTS, utf8

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from auditctl.batch import Batch

ALL = Window(None, None)
RECORD: dict[str, Any] = {
    "time": "2026-11-20T08:00:00.000Z",
    "provider": "acme",
    "account": None,
    "id": "1",
    "actor": "ann@example.com",
    "actor_id": None,
    "actor_name": None,
    "actor_email": "ann@example.com",
    "action": "GET /x",
    "target": None,
    "outcome": "success",
    "status_code": 200,
    "source_ip": "192.0.2.1",
    "user_agent": None,
    "session_id": None,
    "raw": {"a": 1},
}


def line(**values: Any) -> bytes:
    return exact.dumps({**RECORD, **values}) + b"\n"


def with_raw(json_text: str) -> bytes:
    """Write a record whose raw is this JSON, to the letter."""
    return line(raw=None).replace(b'"raw":null', b'"raw":' + utf8(json_text))


class Reader:
    """Reads files, and keeps the warnings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warnings: list[str] = []

    def __call__(
        self, *contents: bytes, window: Window = ALL, name: str = "a.jsonl"
    ) -> list[dict[str, Any]]:
        paths = []
        for number, content in enumerate(contents):
            path = self.folder / f"{number}-{name}"
            path.write_bytes(content)
            paths.append(str(path))
        found = (one.matching([in_window(window)]) for one in batches(paths, self.warnings.append))
        return [record for batch in found for record in batch.records]


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


def refusal(read: Callable[[], object]) -> str:
    with pytest.raises(AnswerError) as caught:
        read()
    return str(caught.value)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@settings(max_examples=40)
@given(raws=st.lists(TEXTS, min_size=1, max_size=5))
def test_records_are_those_that_were_written(
    pack: Callable[[bytes], bytes], raws: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    read = Reader(tmp_path_factory.getbasetemp())
    content = b"".join(map(with_raw, raws))
    found = read(pack(content), name="exact")
    # Names that are there twice in an object are once in a record: the last counts.
    assert exact.lines(found) == exact.lines(
        [exact.loads(one) for one in content.split(b"\n")[:-1]]
    )
    assert read.warnings == []


@pytest.mark.parametrize(
    "raw",
    [
        "123456789012345678901234567890",
        "-0",
        "[1e400,0.1000000000000000055511151231257827,1.50]",
        '"a\\u0000b"',
        "[" * 2000 + "]" * 2000,
        '"' + "\u2028\u2029\x85" + '"',
        '{"a":1.0,"b":[{"c":-0.0}]}',
    ],
    ids=str.__len__,
)
def test_a_value_keeps_each_letter(raw: str, read: Reader) -> None:
    content = with_raw(raw)
    assert exact.lines(read(content)) == content


@pytest.mark.parametrize("size", [1, 7, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_line_may_be_longer_than_what_is_read_at_a_time(
    size: int, pack: Callable[[bytes], bytes], read: Reader
) -> None:
    content = line(raw="x" * size) + line(id="2") + line(id="3", raw="y" * size)
    assert exact.lines(read(pack(content))) == content


def test_gzip_members_follow_each_other_and_may_be_tiny(read: Reader) -> None:
    lines = [line(id=str(n)) for n in range(500)]
    content = b"".join(map(gzip.compress, [*lines, b""])) + b"\0" * 700
    assert exact.lines(read(content, name="a.jsonl")) == b"".join(lines)
    assert read.warnings == []


def test_what_is_decompressed_at_once_is_bounded(read: Reader, tmp_path: Path) -> None:
    lines = line(raw=" " * 1000) * 20_000
    path = tmp_path / "bomb"
    path.write_bytes(gzip.compress(lines))
    found = list(batches([str(path)], read.warnings.append))
    assert sum(len(batch.records) for batch in found) == 20_000
    assert max(len(batch.records) for batch in found) <= CHUNK // 1000


def test_a_window_is_half_open_and_a_record_without_a_time_is_in_it(read: Reader) -> None:
    times = [f"2026-11-20T08:00:0{n}.000Z" for n in range(4)]
    content = b"".join(line(time=time) for time in [*times, None])
    window = Window(
        datetime(2026, 11, 20, 8, 0, 1, tzinfo=UTC), datetime(2026, 11, 20, 8, 0, 3, tzinfo=UTC)
    )
    assert [record["time"] for record in read(content, window=window)] == [*times[1:3], None]


# Fields that were chosen


def test_what_a_reduced_file_lacks_is_null(read: Reader) -> None:
    (found,) = read(b'{"actor":"ann","time":"2026-11-20T08:00:00.000Z"}\n')
    assert list(found) == list(FIELDS)
    assert {name: value for name, value in found.items() if value is not None} == {
        "actor": "ann",
        "time": "2026-11-20T08:00:00.000Z",
    }


def test_paths_into_raw_are_members_of_it(read: Reader) -> None:
    (found,) = read(b'{"id":"1","raw.a.b":{"c":1.50},"raw.d":null}\n')
    assert exact.dumps(found["raw"]) == b'{"a.b":{"c":1.50},"d":null}'
    (whole,) = read(b'{"raw":{"a":1},"raw.a":1}\n')
    assert whole["raw"] == {"a": 1}


def test_fields_come_in_their_order_and_the_source_stays(read: Reader) -> None:
    (found,) = read(exact.dumps(dict(sorted(RECORD.items()))))
    assert list(found) == list(FIELDS)
    merged = {"time": None, "provider": "acme", "source": "prod", "id": "1"}
    (record,) = read(exact.dumps(merged) + b"\n")
    assert list(record)[:4] == ["time", "provider", "source", "account"]
    assert record["source"] == "prod"
    whole = exact.dumps({**merged, **RECORD}) + b"\n"
    assert read(whole)[0]["source"] == "prod"


def test_what_was_read_can_be_read_again(read: Reader) -> None:
    once = exact.lines(read(b'{"id":"1","raw.a.b":1}\n{"time":null}\n'))
    assert exact.lines(read(once)) == once


# Lines that are no records

NO_RECORDS = {
    b"": "it is not JSON",
    b"time,actor": "it is not JSON",
    b"{": "it is not JSON",
    b"{}": "it has no field",
    b"null": "it is no JSON object",
    b'["a"]': "it is no JSON object",
    b'{"a":1}': "it has members that no record has",
    b'{"time":"2026-11-20T08:00:00.000Z","line":1}': "it has members that no record has",
    b'{"time":1}': "its time has another type",
    b'{"status_code":"200"}': "its status_code has another type",
    b'{"status_code":true}': "its status_code has another type",
    b'{"status_code":99999999999999999999}': "its status_code has another type",
    b'{"actor":["a"]}': "its actor has another type",
    b'{"time":"2026-11-20T08:00:00Z"}': "its time is not written as auditctl writes it",
    b'{"time":"yesterday"}': "its time is not written as auditctl writes it",
    b'{"outcome":"maybe"}': "its outcome is none of success, failure, unknown",
    b'{"actor":NaN}': "it is not JSON",
    b'{"actor":"\xff"}': "it is not JSON",
}


@pytest.mark.parametrize("bad", NO_RECORDS, ids=repr)
def test_a_line_that_is_no_record_is_named(bad: bytes, read: Reader, tmp_path: Path) -> None:
    said = refusal(lambda: read(line(), line() + bad + b"\n" + line()))
    why = NO_RECORDS[bad]
    assert f"Line 2 of {tmp_path}/1-a.jsonl is no record of auditctl, because {why}." in said
    assert "ann@" not in said


def test_the_records_before_it_are_delivered(read: Reader, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(line() * 1000 + b"x\n")
    found: list[Batch] = []
    with pytest.raises(AnswerError, match="Line 1001 of"):
        found.extend(batches([str(path)], read.warnings.append))
    assert 0 < sum(map(len, (batch.records for batch in found))) <= 1000


@pytest.mark.parametrize("content", [b"\x7fELF" + b"\0" * CHUNK, b"[" + b"1," * CHUNK])
def test_another_programs_file_without_line_feeds_is_not_read_to_its_end(
    content: bytes, read: Reader, tmp_path: Path
) -> None:
    path = tmp_path / "other"
    path.write_bytes(content * 3)
    sizes: list[int] = []
    said = refusal(lambda: list(batches([str(path)], read.warnings.append, sizes.append)))
    assert "Line 1 of" in said
    assert "it is no JSON object" in said
    assert sum(sizes) <= CHUNK


def test_a_line_longer_than_any_record_is_an_error(
    read: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "LONGEST_LINE", 2 * CHUNK)
    said = refusal(lambda: read(line(raw="x" * 4 * CHUNK)))
    assert "longer than any record" in said


# The end of a file


@pytest.mark.parametrize("kept", [1, 2, 20, 200, len(line()) - 2])
def test_an_unfinished_last_line_is_left_out_with_a_warning(kept: int, read: Reader) -> None:
    found = read(line(id="1") + line(id="2")[:kept])
    assert [record["id"] for record in found] == ["1"]
    (warning,) = read.warnings
    assert warning.startswith("Line 2 of ")
    assert "unfinished, and was left out" in warning


@pytest.mark.parametrize("tail", [b"\0" * 4096, line()[:50] + b"\0" * 4096])
def test_zeros_of_a_power_failure_are_an_unfinished_line(tail: bytes, read: Reader) -> None:
    assert len(read(line() + tail)) == 1
    assert len(read.warnings) == 1


def test_a_last_line_that_lacks_its_line_feed_only_is_a_record(read: Reader) -> None:
    assert len(read(line() + line()[:-1])) == 2
    assert read.warnings == []


def test_a_last_line_of_something_else_is_an_error(read: Reader) -> None:
    assert "Line 2 of" in refusal(lambda: read(line() + b"end"))
    assert "Line 1 of" in refusal(lambda: read(b'{"a":1}'))


@pytest.mark.parametrize("kept", [5, 30, -9, -8, -1])
def test_an_unfinished_gzip_member_is_left_out_with_a_warning(kept: int, read: Reader) -> None:
    lines = [line(id=str(n), raw=Random(n).randbytes(9).hex()) for n in range(3)]
    content = gzip.compress(lines[0]) + gzip.compress(lines[1] + lines[2])[:kept]
    found = [record["id"] for record in read(content)]
    assert found == ["0", "1", "2"][: len(found)]
    assert len(found) == (3 if kept < 0 else 1)
    assert len(read.warnings) == 1


def test_gzip_that_was_changed_is_an_error(read: Reader, tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(line() * 3))
    packed[len(packed) // 2] ^= 0xFF
    said = refusal(lambda: read(bytes(packed)))
    assert said.startswith(f"The compressed data of {tmp_path}/0-a.jsonl was changed, in line ")
    assert "was changed" in refusal(lambda: read(gzip.compress(line()) + b"and more"))


def test_lines_may_end_as_windows_ends_them(read: Reader) -> None:
    content = (line() + line(raw=1.5)).replace(b"\n", b"\r\n")
    assert exact.lines(read(content)) == content.replace(b"\r\n", b"\n")


# Files that cannot be read


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("missing", "missing cannot be read: No such file or directory. Check the name."),
        (".", ". is a folder. Name the files in it, such as ./*.jsonl."),
        ("a\0b", "cannot be read: no file can have this name"),
        ("x" * 300, "cannot be read: File name too long"),
    ],
)
def test_a_file_that_cannot_be_opened_is_a_usage_error(name: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        list(batches([name], print))
    assert why in str(caught.value)


def test_a_disk_that_fails_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing:
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

        def read(self, _size: int) -> bytes:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr("builtins.open", lambda *_: Failing())
    with pytest.raises(OutputError, match=r"^a cannot be read any further: Input/output error"):
        list(batches(["a"], print))


def test_what_orjson_reads_fast_and_what_it_does_not_is_the_same(read: Reader) -> None:
    content = line() * 2
    spaced = json.dumps(orjson.loads(line())).encode() + b"\n"
    assert read(content + spaced) == [RECORD] * 3
