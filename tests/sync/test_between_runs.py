"""What happens to the journal and the files between two runs."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from auditctl.sync.files import journal as journal_module
from auditctl.sync.files.chain import SECTOR
from tests.program import result
from tests.server import Fault
from tests.sync.desk import Desk
from tests.world import happening

# The journal


def test_no_line_is_ever_replaced(each: Desk) -> None:
    noted = b""
    for n in range(4):
        assert each.sync() == 0
        now = each.journal.read_bytes()
        assert now.startswith(noted)
        noted = now
        if n % 2:
            each.grow()


def test_a_run_without_news_is_a_sign_of_life(each: Desk) -> None:
    assert each.sync() == 0
    before = each.journal.read_bytes()
    success = each.lines[-1]["success"]
    os.utime(each.journal, (1, 1))
    assert each.sync() == 0
    assert each.journal.read_bytes() == before
    assert each.command("status", str(each.data), "--format", "json") == 0
    assert json.loads(each.written)[0]["last_success"] > success
    assert each.verify() == 0


def test_a_run_that_fails_is_no_sign_of_life(persona: Desk) -> None:
    assert persona.sync() == 0
    before = persona.journal.stat().st_mtime_ns
    persona.server.faults = dict.fromkeys(range(999), Fault(401))
    assert persona.sync() == 4
    assert persona.journal.stat().st_mtime_ns == before


def test_pinned_ids_are_not_read_for_events_that_have_none(persona: Desk) -> None:
    ahead = happening("persona", 40_000, datetime.now(UTC) + timedelta(days=90))
    persona.world.happenings.append(ahead)
    assert persona.sync() == 0
    assert persona.lines[-1]["kept_before"] is not None
    persona.world.happenings.remove(ahead)
    persona.grow()
    with patch.object(journal_module.Journal, "pinned_ids", side_effect=AssertionError):
        assert persona.sync() == 0
    persona.world.happenings.append(ahead)
    assert persona.sync() == 0
    assert persona.holds_all()


# The files


@pytest.mark.parametrize("part", ["first sector", "others", "whole"])
def test_a_line_with_sectors_of_zeros_is_one_that_a_power_failure_cut_off(
    part: str, persona: Desk
) -> None:
    assert persona.sync() == 0
    begin = persona.journal.stat().st_size
    persona.grow()
    assert persona.sync() == 0
    content = persona.journal.read_bytes()
    border = begin + SECTOR - begin % SECTOR
    assert border < len(content)
    one = border if part == "others" else begin
    other = border if part == "first sector" else len(content)
    persona.journal.write_bytes(content[:one] + bytes(other - one) + content[other:])
    assert persona.sync() == 0
    assert persona.verify() == 0
    assert persona.holds_all()


def test_a_file_that_was_moved_away_is_begun_anew(each: Desk) -> None:
    assert each.sync(path="all.csv") == 0
    each.path = "all.csv"
    kept = each.data.read_text()
    each.data.rename(each.folder / "all.csv.1.csv")
    assert each.sync() == 0
    assert not each.data.exists()
    each.grow()
    assert each.sync() == 0
    assert each.data.read_text().splitlines()[0] == kept.splitlines()[0]
    assert each.holds_all()
    assert [line["moved"] for line in each.lines if line["moved"]] == [["all.csv"]]
    assert each.verify() == 0
    assert "are in files that were moved away" in each.written


def test_an_empty_file_in_its_place_is_logrotates(each: Desk) -> None:
    assert each.sync() == 0
    each.data.rename(each.folder / "all.jsonl.1")
    each.data.touch()
    each.grow()
    assert each.sync() == 0
    assert each.holds_all()


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda data: data[:-5], "bytes were committed"),
        (lambda _: b"", "bytes were committed"),
        (lambda data: data.replace(b"e", b"E", 1), "is not what was written"),
        (lambda data: b"x" + data, "is not what was written"),
    ],
    ids=["shorter", "emptied", "changed", "longer"],
)
def test_a_file_that_was_changed_stops_the_run_and_is_not_written_to(
    each: Desk, harm: Any, said: str
) -> None:
    assert each.sync() == 0
    with each.data.open("r+b") as file:  # in place, as copytruncate and editors do
        harmed = harm(file.read())
        file.seek(0)
        file.write(harmed)
        file.truncate()
    each.grow()
    assert each.sync() == 8
    assert said in each.said
    assert each.asked == []
    assert each.data.read_bytes() == harmed


def test_a_copy_with_other_times_is_read_again_and_taken(each: Desk) -> None:
    assert each.sync() == 0
    copy = each.folder / "copy"
    copy.write_bytes(each.data.read_bytes())
    copy.replace(each.data)
    each.grow()
    assert each.sync() == 0
    assert each.holds_all()
    assert each.verify() == 0


@pytest.mark.parametrize("path", ["all.jsonl", "{date}.jsonl"])
def test_a_file_that_is_not_ours_is_not_written_to(each: Desk, path: str) -> None:
    theirs = each.folder / path.replace("{date}", f"{each.world.happenings[0].moment:%Y-%m-%d}")
    theirs.write_text("theirs\n")
    assert each.sync("--concurrency", "1", path=path) == 8
    assert "is there already, and no sync wrote it" in each.said
    assert theirs.read_text() == "theirs\n"
    if path == "all.jsonl":  # one file, which can be seen to be there before anything is done
        assert [path.name for path in each.folder.iterdir()] == ["all.jsonl"]
        assert each.asked == []


def test_a_changed_journal_stops_the_run(each: Desk) -> None:
    assert each.sync() == 0
    data = each.journal.read_bytes()
    last = data.rstrip(b"\n").rfind(b"\n") + 1
    each.journal.write_bytes(data[:last] + data[last:].replace(b'"records":', b'"records":1', 1))
    assert each.sync() == 8
    assert f"line {len(each.lines)}: it was changed" in each.said
    assert each.asked == []


def test_a_file_in_the_place_of_a_folder_is_an_output_error(persona: Desk) -> None:
    assert persona.sync(path="{date}") == 0
    assert persona.sync(path="{date}/{account}.jsonl") == 9
    assert "Cannot write" in persona.said
    assert "Not a directory" in persona.said


@pytest.mark.parametrize("path", ["", "-", "folder/", "/dev/null", "{day}.jsonl", "{date.jsonl"])
def test_a_path_that_is_no_file_is_a_usage_error(path: str) -> None:
    found = result("persona", "sync", "--demo", "-o", path)
    assert found.status == 2
    assert found.said
