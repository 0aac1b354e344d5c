"""Proof of a destination: what was written is found right, and anything else is found and named."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import re
import shutil
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl.errors import IntegrityError
from auditctl.paths import find_templates, parse_template
from auditctl.sync.files.commits import FileEntry
from auditctl.sync.files.journal import Journal
from auditctl.sync.files.verify import verify
from tests.program import Run, last_hash, result, sealed, started, synced, until
from tests.server import Fault, Hrhis, Log, Persona, Server, Upstash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROWS = 90
GONE = (
    "{} is gone, and with it what was committed to it, from line {} of the journal on. Restore it "
    "from a backup; if it was moved away on purpose, the next sync notes that and begins it anew."
)
WRONG = 8


@dataclass(frozen=True)
class Destination:
    """What a few runs have left."""

    path: str
    folder: Path

    @property
    def journal(self) -> Path:
        return Path(parse_template(self.path).journal)

    @property
    def lines(self) -> list[bytes]:
        return self.journal.read_bytes().split(b"\n")[:-1]

    @property
    def files(self) -> list[Path]:
        """The data files, in the order of their names."""
        found = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return [path for path in found if path != self.journal]

    @property
    def committing(self) -> list[int]:
        """The numbers of the lines that tell of data."""
        lines = map(json.loads, self.lines)
        return [n for n, line in enumerate(lines) if any(file["length"] for file in line["files"])]

    def first_of(self, path: Path) -> int:
        """Give the number of the first line that tells of a file's data."""
        name = str(path.relative_to(parse_template(self.path).folder))
        for number in self.committing:
            files = json.loads(self.lines[number])["files"]
            if any(file["name"] == name and file["length"] for file in files):
                return number
        raise AssertionError

    def prove(self) -> Any:
        (found,) = find_templates(self.path)
        return verify(found)

    def complaint(self) -> str:
        """Give what verify says is wrong; empty if nothing is."""
        try:
            self.prove()
        except IntegrityError as error:
            return str(error)
        return ""

    def copy(self, folder: Path) -> Destination:
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return Destination(self.path.replace(str(self.folder), str(folder)), folder)

    def write(self, lines: list[bytes]) -> None:
        self.journal.write_bytes(b"".join(line + b"\n" for line in lines))


KINDS: dict[str, type[Log]] = {
    "all.jsonl": Persona,
    "all.csv": Upstash,
    "{date}.jsonl.gz": Persona,
    "{account}/{date}.csv.gz": Upstash,
    "{date}-all/{account}.jsonl": Hrhis,
}


@pytest.fixture(scope="module", params=KINDS)
def original(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Sync three times: first some events, then more of them, then no news."""
    folder = tmp_path_factory.mktemp("original")
    for rows in (ROWS * 2 // 3, ROWS, ROWS):
        log = KINDS[request.param](rows, span=timedelta(days=2))
        synced(log, folder / request.param, "--overlap", "3d")
    return Destination(f"{folder}/{request.param}", folder)


@pytest.fixture
def destination(original: Destination, tmp_path: Path) -> Destination:
    """Give a copy to be changed."""
    return original.copy(tmp_path)


@pytest.fixture
def plain(tmp_path: Path) -> Destination:
    synced(Persona(3), tmp_path / "a.jsonl")
    return Destination(f"{tmp_path}/a.jsonl", tmp_path)


# Right


def test_what_was_written_is_right(original: Destination) -> None:
    sizes = [path.stat().st_size for path in original.files]
    found = result("verify", original.path, "--format", "json")
    assert found.ended == (0, "")
    (row,) = found.json
    (status,) = result("status", original.path, "--format", "json").json
    assert row == {
        "path": original.path,
        "source": None,
        "ok": True,
        "problem": None,
        "records": ROWS,
        "bytes": sum(sizes),
        "files": len(sizes),
        "moved_away": 0,
        "journal_lines": len(original.lines),
        "covered": status["covered"],
        "gaps": [],
        "deleted": [],
        "notes": [],
        "journal_hash": last_hash(original.journal),
    }
    assert (status["records"], status["files"]) == (ROWS, len(sizes))
    since, until = (status["covered"][key] for key in ("since", "until"))
    covers = (
        f"{(since or 'the beginning')[:16].replace('T', ' ')} to {until[:16].replace('T', ' ')}"
    )
    assert result("verify", original.path).out.decode() == (
        f"{original.path}: ok: {ROWS} records in {len(sizes)} file{'s' * (len(sizes) > 1)} "
        f"({sum(sizes):,} bytes) and "
        f"{len(original.lines)} lines of the journal are what was written; covers {covers} UTC\n"
    )


def test_all_destinations_of_a_path_are_proved(tmp_path: Path) -> None:
    path = f"{tmp_path}/{{provider}}/{{date}}.jsonl"
    synced(Persona(3), path)
    synced(Upstash(5), path)
    (tmp_path / "persona" / "{date}.jsonl.journal").write_bytes(b"")
    found = result("verify", path, "--format", "json")
    assert found.status == WRONG
    assert [(row["path"], row["ok"], row.get("records")) for row in found.json] == [
        (f"{tmp_path}/persona/{{date}}.jsonl", False, None),
        (f"{tmp_path}/upstash/{{date}}.jsonl", True, 5),
    ]
    assert found.said == f"auditctl: error: {found.json[0]['problem']}\n"


LINES = ["a\nb", "a\r\nb", "a\rb", "\u2028", "\x85", "\0", '"', "a,b;c\td", "=1", "\ud800", ""]


@pytest.mark.parametrize("words", ["a.csv", "a.csv.gz --fields actor", "a.jsonl --fields account"])
def test_words_that_look_like_the_end_of_a_line_are_none(words: str, tmp_path: Path) -> None:
    name, *more = words.split()
    rows = [{"log_id": f"{n}", "actor": text, "secondary": text} for n, text in enumerate(LINES)]
    synced(Upstash(rows), tmp_path / name, "-q", *more)
    found = result("verify", f"{tmp_path}/{name}", "--format", "json")
    assert found.ended == (0, "")
    assert [row["records"] for row in found.json] == [len(LINES)]


def test_quiet_says_nothing_but_what_is_wrong(plain: Destination) -> None:
    assert result("verify", plain.path, "-q") == Run(0, b"", "")
    Path(plain.path).unlink()
    said = f"auditctl: error: {GONE.format(plain.path, 2)}\n"
    assert result("verify", plain.path, "-q") == Run(WRONG, b"", said)
    assert result("verify", plain.path) == Run(WRONG, f"{plain.path}: WRONG\n".encode(), said)


# A byte


@contextmanager
def replaced(path: Path, content: bytes) -> Iterator[None]:
    before = path.read_bytes()
    assert content != before
    path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(before)


def cut(content: bytes, at: int, _: int) -> bytes:
    return content[:at] + content[at + 1 :]


def flip(content: bytes, at: int, byte: int) -> bytes:
    return content[:at] + bytes([content[at] ^ byte]) + content[at + 1 :]


def insert(content: bytes, at: int, byte: int) -> bytes:
    return content[:at] + bytes([byte]) + content[at:]


CHANGES = st.sampled_from([flip, cut, insert])
BYTES = st.integers(1, 255)


@given(st.data(), CHANGES, BYTES)
def test_any_byte_of_any_file_is_proved(
    original: Destination,
    data: st.DataObject,
    change: Callable[[bytes, int, int], bytes],
    byte: int,
) -> None:
    path = data.draw(st.sampled_from(original.files))
    content = path.read_bytes()
    at = data.draw(st.integers(0, len(content) - (change is not insert)))
    with replaced(path, change(content, at, byte)):
        said = original.complaint()
    if match := re.search(r"(\S+) is .*: a byte from (\d+) to (\d+) was changed", said):
        assert match[1] == str(path)
        assert int(match[2]) <= at
        assert at <= int(match[3]) or change is not flip
    elif change is cut:
        assert said.startswith(f"{path} ends at byte {len(content) - 1}, but ")
    else:
        # A line feed before the last one is one after it, too.
        assert change(content, at, byte).startswith(content)
        assert said.startswith(f"{path} goes on at byte {len(content)}, ")


@given(st.data(), CHANGES, BYTES)
def test_any_byte_of_the_journal_is_proved(
    original: Destination,
    data: st.DataObject,
    change: Callable[[bytes, int, int], bytes],
    byte: int,
) -> None:
    content = original.journal.read_bytes()
    # The line feed at the end has tests of its own, below.
    at = data.draw(st.integers(0, len(content) - 2))
    with replaced(original.journal, change(content, at, byte)):
        said = original.complaint()
    assert said.startswith(f"{original.journal}, line {content[:at].count(10) + 1}: it was changed")


def test_a_zero_in_the_last_line_is_a_changed_byte(original: Destination) -> None:
    # Whole sectors of zeros are what a power failure leaves: `test_between_runs` has those.
    content = original.journal.read_bytes()
    begin = content.rindex(b"\n", 0, -1) + 1
    for at in {*range(begin + 1, len(content) - 1, 97), len(content) - 2}:
        with replaced(original.journal, content[:at] + b"\0" + content[at + 1 :]):
            said = original.complaint()
        assert said.startswith(f"{original.journal}, line {content[:at].count(10) + 1}: it was")


# Lines of the journal


def test_any_line_dropped_is_found(destination: Destination) -> None:
    lines = destination.lines
    last = destination.committing[-1]
    assert last >= 3
    for number in range(len(lines) - 1):
        destination.write(lines[:number] + lines[number + 1 :])
        assert destination.complaint().startswith(
            f"{destination.journal}, line {number + 1}: lines before it were dropped, added or "
        )


def test_an_end_dropped_is_found_if_it_told_of_data(destination: Destination) -> None:
    lines = destination.lines
    committing = destination.committing
    for left in range(1, len(lines)):
        destination.write(lines[:left])
        # What tells of no data proves none; without it more is read again, that is all.
        assert bool(destination.complaint()) is (left <= committing[-1])


def test_a_line_without_its_end_counts_as_never_written(plain: Destination) -> None:
    (number,) = plain.committing
    plain.write(plain.lines[: number + 1])
    whole = plain.journal.read_bytes()
    assert plain.complaint() == ""
    plain.journal.write_bytes(whole[:-1])
    assert plain.complaint().startswith(f"{plain.path} goes on at byte 0, after its last commit.")
    plain.journal.write_bytes(whole + whole[:100])
    assert plain.complaint() == ""


@pytest.mark.parametrize(
    "order", [[0, 0, 1, 2], [0, 2, 1], [1, 0, 2], [0, 1, 1, 2], [0, 1, 2, 2], [2], [0, 1, 2, 0]]
)
def test_lines_doubled_or_out_of_order_are_found(order: list[int], plain: Destination) -> None:
    lines = plain.lines
    plain.write([lines[number] for number in order])
    first = next(place for place, number in enumerate(order) if number != place)
    assert plain.complaint().startswith(
        f"{plain.journal}, line {first + 1}: lines before it were dropped, added or changed."
    )


def test_an_empty_journal_is_no_journal(plain: Destination) -> None:
    plain.journal.write_bytes(b"")
    assert plain.complaint().startswith(f"{plain.journal} is not there or empty, so nothing ")


def resealed(line: bytes, /, **members: Any) -> bytes:
    """Change a line, and give it the hash that belongs to it."""
    tree = json.loads(line) | members
    del tree["hash"]
    return sealed(tree)[:-1]


def test_a_line_with_a_new_hash_is_not_the_one_the_next_line_knows(
    destination: Destination,
) -> None:
    lines = destination.lines
    for number in range(len(lines) - 1):
        changed = resealed(lines[number], at="2026-01-01T00:00:00.000Z")
        destination.write([*lines[:number], changed, *lines[number + 1 :]])
        assert destination.complaint().startswith(
            f"{destination.journal}, line {number + 2}: lines before it were dropped, added or "
        )


ENTRY = FileEntry("b", 9, 0, 0, "", 0, 0)
HOUR = {"since": "2026-01-01T00:00:00.000Z", "until": "2026-01-01T01:00:00.000Z"}


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"prev": "0" * 64}, "lines before it were dropped, added or changed"),
        ({"line": 1}, "lines before it were dropped, added or changed"),
        ({"records": 4}, "its records do not add up"),
        ({"covered": HOUR}, "it covers hours that were not read"),
        ({"files": [ENTRY._asdict()]}, "it goes on at byte 9 of b, where none ended"),
        ({"files": None}, "it was changed"),
        ({"files": [{}]}, "it was changed"),
        ({"window": None, "covered": HOUR}, "it was changed"),
        ({"moved": 1}, "it was changed"),
        ({"kept": [1]}, "it was changed"),
    ],
)
def test_a_last_line_with_a_new_hash_must_fit_the_ones_before(
    members: dict[str, Any], said: str, plain: Destination
) -> None:
    *lines, last = plain.lines
    plain.write([*lines, resealed(last, **members)])
    number = len(lines) + 1
    assert plain.complaint().startswith(f"{plain.journal}, line {number}: {said}.")


LATER = {"since": "2999-01-01T00:00:00.000Z", "until": "2999-01-01T01:00:00.000Z"}


@pytest.mark.parametrize(
    ("window", "found"),
    [
        ({**LATER, "since": None, "done": True}, False),
        ({**LATER, "since": None, "done": False}, True),
        ({**LATER, "done": True}, True),
        ({**LATER, "since": None, "until": HOUR["until"], "done": True}, True),
    ],
    ids=["all was read", "not to its end", "but for a hole", "another"],
)
def test_only_hours_that_were_read_without_a_hole_are_covered(
    window: dict[str, Any],
    found: bool,  # noqa: FBT001
    plain: Destination,
) -> None:
    last = json.loads(plain.lines[-1])
    number = len(plain.lines)
    covered = {**last["covered"], "until": LATER["until"]}
    window = {**window, "position": None}
    members = {"line": number, "prev": last["hash"], "window": window, "covered": covered}
    plain.write([*plain.lines, resealed(plain.lines[-1], files=[], **members)])
    hole = f"{plain.journal}, line {number + 1}: it covers hours that were not read."
    assert plain.complaint().startswith(hole) is found
    assert bool(plain.complaint()) is found


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"null", b"x", sealed({})[:-1], sealed({"line": 0})[:-1]]
)
def test_a_line_that_no_sync_has_written_is_found(line: bytes, plain: Destination) -> None:
    for number in range(len(plain.lines) + 1):
        lines = plain.lines
        lines.insert(number, line)
        with replaced(plain.journal, b"".join(line + b"\n" for line in lines)):
            assert plain.complaint().startswith(f"{plain.journal}, line {number + 1}: ")


def test_another_destinations_journal_is_found(plain: Destination, tmp_path: Path) -> None:
    synced(Persona(4), tmp_path / "other" / "a.jsonl")
    shutil.copy(tmp_path / "other" / "a.jsonl.journal", plain.journal)
    assert plain.path in plain.complaint()


# Files


def test_a_file_removed_or_cut_short_is_found(destination: Destination) -> None:
    for path in destination.files:
        content = path.read_bytes()
        path.unlink()
        assert destination.complaint() == GONE.format(path, destination.first_of(path) + 1)
        path.write_bytes(content[:10])
        assert destination.complaint().startswith(f"{path} ends at byte 10, but ")
        path.write_bytes(content)
    assert destination.complaint() == ""


@pytest.mark.parametrize("original", [kind for kind in KINDS if "{" in kind], indirect=True)
def test_files_that_have_changed_places_are_found(destination: Destination) -> None:
    one, other = destination.files[0], destination.files[-1]
    contents = one.read_bytes()
    other.replace(one)
    other.write_bytes(contents)
    said = destination.complaint()
    assert str(one) in said or str(other) in said


def test_what_was_added_behind_a_file_is_found(destination: Destination) -> None:
    path = destination.files[-1]
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(b"{}\n")
    assert destination.complaint() == (
        f"{path} goes on at byte {size}, after its last commit. Either a run was killed, and the "
        "next sync sets aside what it left; or somebody added to it; or the journal lost its end."
    )


def test_a_file_that_was_moved_away_is_told_of_once_the_next_run_has_seen_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.jsonl"
    synced(Persona(3), path)
    path.rename(tmp_path / "a.jsonl.1")
    synced(Persona(5), path, "--overlap", "90d")
    found = result("verify", str(path), "--format", "json")
    assert found.ended == (0, "")
    (row,) = found.json
    assert {key: row[key] for key in ("records", "files", "moved_away", "notes")} == {
        "records": 2,
        "files": 1,
        "moved_away": 3,
        "notes": ["3 records are in files that were moved away, and were not checked."],
    }
    (tmp_path / "a.jsonl.1").replace(path)
    assert str(path) in result("verify", str(path)).said


# While a run goes on


def test_what_a_run_has_not_committed_yet_is_no_mistake(plain: Destination) -> None:
    with Path(plain.path).open("ab") as file:
        file.write(b'{"half":')
    assert plain.complaint() != ""
    more = threading.Timer(0.2, lambda: os.utime(plain.path))
    with plain.journal.open("rb") as journal:
        fcntl.flock(journal, fcntl.LOCK_EX)
        more.start()
        assert plain.prove()["notes"] == [f"{plain.path} is just being written to."]
        more.join()
        # What stays there while a service waits for its next look is no commit in hand.
        assert "goes on at byte" in plain.complaint()


def test_other_destinations_in_its_folder_are_none_of_its_business(tmp_path: Path) -> None:
    for path in ("{date}.jsonl", "all.jsonl", "{account}.jsonl"):
        synced(Upstash(3), tmp_path / path)
    (tmp_path / "notes.jsonl").write_text("not a date\n")
    assert result("verify", f"{tmp_path}/{{date}}.jsonl", "-q").ended == (0, "")
    (tmp_path / "2026-01-01.jsonl").write_text("a date\n")
    assert result("verify", f"{tmp_path}/{{date}}.jsonl", "-q").status == WRONG


def test_a_file_that_the_journal_does_not_tell_of_is_found(tmp_path: Path) -> None:
    path = f"{tmp_path}/{{date}}.jsonl"
    synced(Persona(3), path)
    found = verify(parse_template(path))
    assert found["records"] == 3
    theirs = tmp_path / "2020-01-01.jsonl"
    theirs.touch()
    verify(parse_template(path))
    theirs.write_bytes(b"{}\n")
    with pytest.raises(IntegrityError, match="the journal does not know it"):
        verify(parse_template(path))


def test_a_file_put_under_the_name_of_one_that_is_gone_is_found(plain: Destination) -> None:
    Path(plain.path).rename(f"{plain.path}.1")
    synced(Persona(3), plain.path)  # has no news, and notes that the file was moved away
    assert plain.complaint() == ""
    Path(f"{plain.path}.1").rename(plain.path)
    assert "the journal does not know it" in plain.complaint()


def test_files_of_a_destination_beside_it_are_not_taken_for_its_own(tmp_path: Path) -> None:
    for source in ("prod", "prod-eu"):
        synced(Upstash(3), f"{tmp_path}/{source}-{{account}}.jsonl")
    assert result("verify", f"{tmp_path}/{{source}}-{{account}}.jsonl", "-q").ended == (0, "")
    (tmp_path / "prod-x.jsonl").write_text("forged\n")
    assert result("verify", f"{tmp_path}/prod-{{account}}.jsonl", "-q").status == WRONG


@pytest.mark.parametrize("end", [b"\r", b"\0", b"}"])
def test_a_last_line_with_another_end_is_found(end: bytes, plain: Destination) -> None:
    plain.journal.write_bytes(plain.journal.read_bytes()[:-1] + end)
    assert "its end was changed" in plain.complaint()
    with pytest.raises(IntegrityError, match="it was changed"):
        Journal(str(plain.journal), 0, time.sleep)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b"\n", b""),
        lambda text: text.replace(b"\n", b"\0\n"),
        lambda _: b"notes of somebody",
        lambda _: b"[]",
    ],
    ids=["in one line", "with NULs", "another text", "another text, but JSON"],
)
def test_a_journal_without_a_line_is_not_cut_off(
    change: Callable[[bytes], bytes], plain: Destination
) -> None:
    changed = change(plain.journal.read_bytes())
    plain.journal.write_bytes(changed)
    with pytest.raises(IntegrityError, match="The journal is not what was written"):
        Journal(str(plain.journal), 0, time.sleep)
    assert plain.journal.read_bytes() == changed
    assert plain.complaint()


def test_a_journal_copied_beside_another_file_proves_nothing(plain: Destination) -> None:
    other = plain.folder / "other.jsonl"
    shutil.copy(plain.path, other)
    shutil.copy(plain.journal, f"{other}.journal")
    with pytest.raises(IntegrityError, match="it was copied or renamed"):
        verify(parse_template(str(other)))


def test_a_run_that_is_not_at_its_end_is_told_of(plain: Destination) -> None:
    (number,) = plain.committing
    plain.write(plain.lines[: number + 1])
    ended = "The last run ended before the end of its window; the next one continues there."
    assert plain.prove()["notes"] == [ended]
    with plain.journal.open("rb") as journal:
        fcntl.flock(journal, fcntl.LOCK_EX)
        assert plain.prove()["notes"] == ["The last run is still reading."]


def test_lines_that_a_run_appends_meanwhile_are_no_mistake(plain: Destination) -> None:
    journal = Journal(str(plain.journal), 0, time.sleep)
    ended = threading.Event()
    window = journal.state.window
    assert window is not None

    def write_on() -> None:
        for number in itertools.count():
            if ended.is_set():
                break
            # Of many lengths, so that a part of one is what can be read.
            longer = window._replace(position="x" * (number % 3000))
            journal.append(journal.state.next()._replace(window=longer))

    run = threading.Thread(target=write_on)
    run.start()
    try:
        assert {plain.prove()["records"] for _ in range(20)} == {3}
    finally:
        ended.set()
        run.join()
        journal.close()


def has_looked(server: Server, times: int) -> bool:
    return len(server.requests) >= times


def test_a_first_run_that_has_committed_nothing_yet_is_no_failure(tmp_path: Path) -> None:
    path = str(tmp_path / "a.jsonl")
    with Server(Persona(3), faults=[Fault(delay=3600)]) as server:
        with started("persona", "sync", "-o", path, **server.environment) as first:
            until(partial(has_looked, server, 1))
            proved = result("verify", path)
            first.kill()
        assert proved.ended == (0, "")
        assert b"covers nothing yet\n  The last run is still reading.\n" in proved.out
    assert result("verify", path).status == 8


def test_the_destination_of_a_service_is_proved_while_it_runs(tmp_path: Path) -> None:
    path = tmp_path / "{date}.jsonl.gz"
    log = Persona(3, growth=2)
    words = ("persona", "sync", "-o", str(path), "--follow", "--interval", "1s")
    with Server(log) as server, started(*words, **server.environment) as service:
        proved = []
        for looks in (1, 2, 3):
            until(partial(has_looked, server, looks))
            proved.append(result("verify", str(path), "--format", "json"))
        (row,) = result("status", str(path), "--format", "json").json
        assert row["running"] is True
        service.terminate()
        assert service.wait() == 0
        said = service.communicate()
    assert said == (b"", b"")
    assert [found.ended for found in proved[1:]] == [(0, "")] * 2
    (last,) = result("verify", str(path), "--format", "json").json
    assert (last["ok"], last["records"] >= 5, last["records"] % 2) == (True, True, 1)
