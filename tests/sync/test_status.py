"""What became of destinations: shown, and judged by their age and their gaps."""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from auditctl.sync.state import FIRST_PREV
from tests.program import Run, last_hash, result, sealed, synced, with_a_gap
from tests.server import UNAVAILABLE, Fault, Persona, Server, Upstash

USAGE, HELD, WRONG = 2, 7, 8
TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@contextmanager
def held(journal: str) -> Iterator[None]:
    with Path(journal).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def row(*words: str) -> dict[str, Any]:
    """Give the only row that is shown as JSON."""
    (found,) = result("status", "--format", "json", *words).json
    return dict(found)


def last_line(journal: str) -> Any:
    return json.loads(Path(journal).read_bytes().split(b"\n")[-2])


def rewrite(journal: str, **members: Any) -> None:
    """Make a journal of one line that is like the last one, but for these members."""
    first = json.loads(Path(journal).read_bytes().split(b"\n")[0])
    line = {**last_line(journal), "line": 0, "prev": FIRST_PREV, "state_at": 0, **members}
    line = {"state": first["state"], "ids": line.pop("ids"), **line}
    ids = line.pop("ids")
    del line["hash"]
    Path(journal).write_bytes(sealed({**line, "ids": ids}))


# What is shown


def test_a_destination_is_shown_to_machines(tmp_path: Path) -> None:
    path = f"{tmp_path}/{{date}}.csv"
    synced(Persona(9, span=timedelta(days=2)), path)
    found = result("status", path, "--format", "json")
    assert found.ended == (0, "")
    (shown,) = found.json
    line = last_line(f"{path}.journal")
    assert shown == {
        "path": path,
        "source": None,
        "provider": "persona",
        "ok": True,
        "problem": None,
        "running": False,
        "last_success": line["success"],
        "covered": line["covered"],
        "newest": line["latest"],
        "records": 9,
        "files": len(list(tmp_path.glob("*.csv"))),
        "gaps": [],
        "deleted": [],
        "set_aside": [],
        "unfinished": False,
        "journal_lines": line["line"] + 1,
        "journal_hash": last_hash(Path(f"{path}.journal")),
    }
    since, until = (shown["covered"][key] for key in ("since", "until"))
    times = [since, shown["newest"], until, shown["last_success"]]
    assert times == sorted(filter(TIME.fullmatch, times))
    assert found.out.endswith(b"]\n")


def test_a_table_is_shown_to_people(tmp_path: Path) -> None:
    one, other = f"{tmp_path}/one.jsonl", f"{tmp_path}/other.jsonl"
    synced(Upstash(1234), one)
    synced(Persona(0), other)
    found = result("status", one, other)
    assert found.ended == (0, "")
    states = [row(path) for path in (one, other)]
    times = [
        time
        for state in states
        for time in (state["covered"]["since"], state["covered"]["until"], state["newest"])
    ]
    this_year = {time[:4] for time in times if time} == {str(datetime.now(UTC).year)}

    def short(time: str | None) -> str | None:
        return time and time[5 if this_year else 0 : 16].replace("T", " ")

    shown = [
        [
            state["path"],
            "ok",
            "0 min ago",
            short(state["covered"]["since"]) or "beginning",
            str(short(state["covered"]["until"])),
            short(state["newest"]) or "-",
            str(state["records"]),
            "0",
        ]
        for state in states
    ]
    titles = ["path", "state", "success", "since", "until", "newest", "records", "gaps"]
    lines = found.out.decode().split("\n")
    assert [re.split(r" {2,}", line) for line in lines] == [titles, *shown, [""]]
    assert [state["records"] for state in states] == [1234, 0]


def test_a_run_that_holds_the_destination_is_shown(tmp_path: Path) -> None:
    path = f"{tmp_path}/a.jsonl"
    synced(Persona(3), path)
    with held(f"{path}.journal"):
        assert result("status", path).out.split(b"\n")[1].split()[1] == b"running"
        assert row(path)["running"] is True
    assert row(path)["running"] is False


def test_a_window_that_was_not_read_to_its_end_is_shown(tmp_path: Path) -> None:
    path = f"{tmp_path}/a.jsonl"
    faults = dict.fromkeys(range(2, 20), UNAVAILABLE)
    with Server(Persona(250), faults=faults) as server:
        words = ("persona", "sync", "-o", path, "--retry-for", "0")
        assert result(*words, **server.environment).status == 3
        shown = row(path)
        assert (shown["unfinished"], shown["records"], shown["covered"]) == (True, 100, None)
        assert (shown["ok"], shown["last_success"]) == (True, None)
        server.faults = {}
        assert result(*words, **server.environment).status == 0
    shown = row(path)
    assert (shown["unfinished"], shown["records"]) == (False, 250)


def test_the_journal_may_be_named_instead_of_the_path(tmp_path: Path) -> None:
    path = f"{tmp_path}/{{date}}.jsonl"
    synced(Persona(3), path)
    for command in ("status", "verify"):
        named = result(command, f"{path}.journal")
        assert (named, named.status) == (result(command, path), 0)
    assert row(f"{path}.journal")["path"] == path


# Age


def aged(path: str, age: timedelta | None) -> str | None:
    """Make the last success of a destination so old (None: there is none); give its moment."""
    success = last_line(f"{path}.journal")["success"]
    if age is None:
        rewrite(f"{path}.journal", success=None)
        return None
    moment = (datetime.fromisoformat(success) - age).isoformat(timespec="milliseconds")
    rewrite(f"{path}.journal", success=moment[:23] + "Z")
    return moment[:19]


@pytest.mark.parametrize(
    ("age", "told"),
    [
        (timedelta(minutes=5), "5 min"),
        (timedelta(hours=2, minutes=1), "2 h 1 min"),
        (timedelta(hours=47, minutes=59), "47 h 59 min"),
        (timedelta(days=2), "2 days"),
        (timedelta(days=400), "400 days"),
    ],
    ids=str,
)
def test_a_last_success_that_is_too_old_is_a_failure(
    age: timedelta, told: str, tmp_path: Path
) -> None:
    path = f"{tmp_path}/a.jsonl"
    synced(Persona(3), path)
    moment = aged(path, age)
    assert result("status", path, "-q").ended == (0, "")
    found = result("status", path, "--max-age", "4m", "--format", "json")
    problem = f"The last success of {path} was {told} ago, at {moment} UTC. See its runs' output."
    assert found.ended == (WRONG, f"auditctl: error: {problem}\n")
    assert [(row["ok"], row["problem"]) for row in found.json] == [(False, problem)]
    table = result("status", path, "--max-age", "4m").out.decode()
    assert re.split(r" {2,}", table.split("\n")[1])[1] == "WRONG"
    longer = f"{int(age.total_seconds()) + 3600}s"
    assert result("status", path, "--max-age", longer, "-q").ended == (0, "")


def test_a_success_that_has_never_been_is_too_old(tmp_path: Path) -> None:
    path = f"{tmp_path}/a.jsonl"
    synced(Persona(3), path)
    aged(path, None)
    found = result("status", path, "--max-age", "52w", "-q")
    assert found.ended == (WRONG, f"auditctl: error: {path} was never read to its end.\n")
    assert result("status", path, "-q").ended == (0, "")


def test_each_that_is_too_old_is_said(tmp_path: Path) -> None:
    paths = [f"{tmp_path}/{name}.jsonl" for name in "abc"]
    for path in paths:
        synced(Persona(3), path)
    aged(paths[0], timedelta(days=3))
    aged(paths[2], timedelta(days=4))
    found = result("status", *paths, "--max-age", "1d", "--format", "json")
    assert found.status == WRONG
    assert [row["ok"] for row in found.json] == [False, True, False]
    assert found.said == "".join(
        f"auditctl: error: {row['problem']}\n" for row in found.json if not row["ok"]
    )


@pytest.mark.parametrize("age", ["soon", "-1h", "", "1.5h"])
def test_an_age_that_is_none_is_refused(age: str, tmp_path: Path) -> None:
    found = result("status", f"{tmp_path}/a", f"--max-age={age}")
    assert found.status == USAGE
    assert found.said.startswith(f"auditctl: error: --max-age: Cannot read the duration {age!r}: ")


# What is not there


def test_a_path_without_a_journal_is_wrong(tmp_path: Path) -> None:
    path = f"{tmp_path}/a.jsonl"
    Path(path).write_bytes(b"{}\n")
    found = result("status", path, "--format", "json", "--acknowledge-gaps")
    problem = f"No sync has run for {path}: {path}.journal is not there."
    assert found.ended == (WRONG, f"auditctl: error: {problem}\n")
    assert [(row["ok"], row["problem"]) for row in found.json] == [(False, problem)]
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def test_a_first_run_that_failed_is_wrong(tmp_path: Path) -> None:
    path = f"{tmp_path}/a.jsonl"
    with Server(Persona(3), faults=[Fault(401)]) as server:
        assert result("persona", "sync", "-o", path, **server.environment).status == 4
    with held(f"{path}.journal"):
        assert result("status", path, "-q").ended == (0, "")  # it may be the first that runs
    found = result("status", path, "--format", "json")
    problem = f"No sync has committed anything to {path} yet. See its runs' output."
    assert found.ended == (WRONG, f"auditctl: error: {problem}\n")
    assert [(row["ok"], row["problem"]) for row in found.json] == [(False, problem)]


def test_a_journal_that_cannot_be_read_is_wrong(tmp_path: Path) -> None:
    path = f"{tmp_path}/a.jsonl"
    Path(f"{path}.journal").mkdir()
    said = (
        f"auditctl: error: {path}.journal is a folder, where a file is expected. Nothing was done; "
        "move it away, or choose another PATH.\n"
    )
    assert result("status", path, "-q") == Run(WRONG, b"", said)
    assert result("verify", path) == Run(WRONG, f"{path}: WRONG\n".encode(), said)


def test_one_path_that_is_not_there_does_not_hide_the_others(tmp_path: Path) -> None:
    there, lost = f"{tmp_path}/a.jsonl", f"{tmp_path}/{{source}}/b.jsonl"
    synced(Persona(3), there)
    found = result("status", lost, there, "--format", "json")
    assert [row["path"] for row in found.json] == [there]
    said = f"auditctl: error: No sync has run for {lost}: there is no journal.\n"
    assert found.ended == (WRONG, said)
    assert result("status", lost) == Run(WRONG, b"", said)
    assert result("status", lost, "--format", "json") == Run(WRONG, b"[]\n", said)


def test_a_journal_that_was_changed_is_wrong(tmp_path: Path) -> None:
    path = f"{tmp_path}/a.jsonl"
    synced(Persona(3), path)
    journal = Path(f"{path}.journal")
    journal.write_bytes(journal.read_bytes().replace(b'"records":3', b'"records":4'))
    found = result("status", path)
    assert found.status == WRONG
    assert found.said.startswith(f"auditctl: error: {journal}, line 3: it was changed. ")
    assert b" WRONG " in found.out


# Gaps


def test_a_gap_is_shown_until_somebody_takes_note(tmp_path: Path) -> None:
    path = f"{tmp_path}/a.jsonl"
    with_a_gap(path)
    found = result("status", path, "--format", "json")
    (shown,) = found.json
    (gap,) = shown["gaps"]
    assert gap["since"].startswith("2024-12-31T23:59:")
    keeps = datetime.fromisoformat(shown["last_success"]) - datetime.fromisoformat(gap["until"])
    assert keeps.days in (183, 184)
    problem = (
        f"{path}: events are missing from 2024-12-31T23:59 to {gap['until'][:16]} UTC: the "
        "provider did not keep them until they were asked for. When this is known, say so with: "
        f"auditctl status {path} --acknowledge-gaps"
    )
    assert found.ended == (WRONG, f"auditctl: error: {problem}\n")
    assert (shown["ok"], shown["problem"], shown["records"]) == (False, problem, 3)
    proof = result("verify", path, "--format", "json")
    assert proof.ended == found.ended
    assert [(row["ok"], row["problem"], row["gaps"]) for row in proof.json] == [
        (False, problem, [gap])
    ]
    assert result("verify", path).text.startswith(f"{path}: has gaps: 3 records in ")
    # The next run finds no other, and it still stands.
    synced(Persona(3), path)
    assert row(path)["gaps"] == [gap]
    assert result("status", path).out.split()[-1] == b"1"

    noted = result("status", path, "--acknowledge-gaps", "--format", "json")
    assert noted.ended == (0, "")
    assert [(row["ok"], row["problem"], row["gaps"]) for row in noted.json] == [(True, None, [])]
    assert last_line(f"{path}.journal")["acknowledged"] == [gap]
    lines = shown["journal_lines"]
    assert row(path)["journal_lines"] > lines
    synced(Persona(3), path)
    for command in ("status", "verify"):
        assert result(command, path, "-q").ended == (0, "")


def test_nothing_is_written_where_there_is_nothing_to_take_note_of(tmp_path: Path) -> None:
    path = f"{tmp_path}/a.jsonl"
    synced(Persona(3), path)
    before = Path(f"{path}.journal").read_bytes()
    with held(f"{path}.journal"):
        assert result("status", path, "--acknowledge-gaps", "-q").ended == (0, "")
    assert Path(f"{path}.journal").read_bytes() == before


def test_no_note_is_taken_while_a_run_holds_the_destination(tmp_path: Path) -> None:
    path = f"{tmp_path}/a.jsonl"
    with_a_gap(path)
    before = Path(f"{path}.journal").read_bytes()
    with held(f"{path}.journal"):
        found = result("status", path, "--acknowledge-gaps")
    assert found.status == HELD
    assert found.said == (
        f"auditctl: error: A run holds {path}, so its gaps stay as they are. Acknowledge "
        "them when it has ended; a service must be stopped for that.\n"
    )
    assert Path(f"{path}.journal").read_bytes() == before


def test_gaps_and_age_are_both_said(tmp_path: Path) -> None:
    path = f"{tmp_path}/a.jsonl"
    with_a_gap(path)
    aged(path, timedelta(days=3))
    found = result("status", path, "--max-age", "1d")
    assert found.status == WRONG
    (said,) = found.said.splitlines()
    assert said.startswith(f"auditctl: error: The last success of {path} was 3 days ago")
    assert f"{path}: events are missing from 2024-12-31T23:59 to " in said
