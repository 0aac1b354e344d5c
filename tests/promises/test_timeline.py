# ruff: noqa: F811 - the fixture has the name that the tests ask for
"""The logs of several sources as one timeline, and their settings checked together."""

from __future__ import annotations

import csv
import io
import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from auditctl.records.record import FIELDS
from tests.program import LONG, Run, result, started, until
from tests.promises.test_sources import (
    ROWS,
    Sources,
    always,
    sources,  # noqa: F401 - a fixture
)
from tests.server import LOGS, UNAVAILABLE, Fault, Request
from tests.terminal import screen, terminal

USAGE, UNREACHABLE, ACCESS, STRANGE = 2, 3, 4, 6
WINDOW = ("--since", "3d")
SUM = sum(ROWS.values())
WITH_SOURCE = [*FIELDS[:2], "source", *FIELDS[2:]]


def listed(sources: Sources, *words: str) -> Run:
    return result("list", *words, **sources.environment)


def counted(found: Run) -> dict[str, int]:
    names = [record["source"] for record in found.records]
    return {name: names.count(name) for name in dict.fromkeys(sorted(names))}


def test_all_sources_are_one_timeline_newest_first(sources: Sources) -> None:
    found = listed(sources, *WINDOW)
    assert found.ended == (0, "")
    assert counted(found) == dict(sorted(ROWS.items()))
    times = [record["time"][:-1] for record in found.records]
    assert times == sorted(times, reverse=True)
    assert all(list(record) == WITH_SOURCE for record in found.records)
    for name in LOGS:
        alone = result(name, "list", "--source", name, *WINDOW, **sources.environment)
        mine = [record for record in found.records if record["source"] == name]
        for record in mine:
            del record["source"]
        assert sorted(mine, key=by_id) == sorted(alone.records, key=by_id)


def by_id(record: dict[str, Any]) -> str:
    return str(record["id"])


def test_the_sources_named_are_listed_each_once(sources: Sources) -> None:
    found = listed(sources, "roam", "upstash", "roam", *WINDOW)
    assert counted(found) == {"roam": ROWS["roam"], "upstash": ROWS["upstash"]}
    assert sources.asked() == {"roam", "upstash"}


def test_source_is_a_column_of_each_format(sources: Sources) -> None:
    rows = list(csv.DictReader(io.StringIO(listed(sources, *WINDOW, "-f", "csv").text)))
    assert len(rows) == SUM
    assert list(rows[0]) == WITH_SOURCE
    assert {row["source"] for row in rows} == set(LOGS)
    head, *lines = listed(sources, "roam", *WINDOW, "-f", "table").text.splitlines()
    assert head.split()[:3] == ["time", "source", "actor"]
    assert {line.split()[1] for line in lines} == {"roam"}
    words = ("--fields", "source,id", "--where", "source~^(roam|hrhis)$", "--where", "source!=roam")
    found = listed(sources, *WINDOW, *words)
    assert len(found.records) == ROWS["hrhis"]
    assert all(list(record) == ["source", "id"] for record in found.records)
    assert {record["source"] for record in found.records} == {"hrhis"}
    raw = listed(sources, "persona", *WINDOW, "--raw").records
    assert {event["type"] for event in raw} == {"user-audit-log"}


@pytest.mark.parametrize("words", [("--fields", "source"), ("--where", "source=x")])
def test_a_provider_alone_has_no_source(words: tuple[str, ...]) -> None:
    found = result("persona", "list", "--demo", *words)
    assert found.status == USAGE
    assert "There is no field 'source'." in found.said


@pytest.mark.parametrize("columns", [80, 200])
def test_a_narrow_terminal_shows_the_source_too(columns: int, sources: Sources) -> None:
    words = ("list", *WINDOW, "--where", "source=hrhis")
    with terminal(None, *words, columns=columns, variables=sources.environment) as shown:
        head, *rows = screen(shown.end(), columns)
    assert head.split()[:3] == ["time", "source", "actor"]
    assert sum(" hrhis " in row for row in rows) == ROWS["hrhis"]
    assert re.search(
        r"^4 sources: 110 records since \S+ \S+ UTC, \d+ pages, ", "\n".join(rows), re.MULTILINE
    )


def test_pages_without_a_record_are_counted_too(sources: Sources) -> None:
    words = ("list", "persona", "roam", *WINDOW, "--where", "id=x")
    with terminal(None, *words, variables=sources.environment) as shown:
        summary = screen(shown.end(), 200)[-2]
    assert summary.startswith("2 sources: 0 records since ")
    assert f", {len(sources.server.requests)} pages, " in summary


@pytest.mark.parametrize("limit", [1, 7, 100, 1000])
def test_a_limit_gives_the_most_recent_of_all(limit: int, sources: Sources) -> None:
    everything = listed(sources, *WINDOW).records
    found = listed(sources, "--limit", str(limit))
    assert found.ended == (0, "")
    assert found.records == everything[:limit]


def test_with_a_limit_no_page_is_asked_for_that_is_not_needed(sources: Sources) -> None:
    assert len(listed(sources, "persona", "roam", "--limit", "3").records) == 3
    asked = [request.path for request in sources.server.requests]
    assert len([path for path in asked if "user-audit-logs" in path]) == 1
    assert len([path for path in asked if "userauditlog" in path]) <= 2


def test_events_without_a_time_come_last(sources: Sources) -> None:
    def edit(body: bytes) -> bytes:
        page = json.loads(body)
        for event in page["data"][::50]:
            del event["attributes"]["created-at"]
        return json.dumps(page).encode()

    sources.sabotage["persona"] = always(Fault(edit=edit))
    found = listed(sources, "persona", "upstash", *WINDOW)
    undated = [record["time"] is None for record in found.records]
    assert undated == [False] * (ROWS["persona"] + ROWS["upstash"] - 3) + [True] * 3
    assert found.status == 0
    assert found.said.startswith("auditctl: warning: 3 of persona's events lack a field")


def test_the_sources_are_asked_at_once(sources: Sources) -> None:
    sources.meet(len(LOGS))
    assert len(listed(sources, *WINDOW).records) == SUM


# Failures


def test_a_source_that_fails_later_keeps_what_it_has_given(sources: Sources) -> None:
    def second(request: Request) -> Fault | None:
        return Fault(401) if "page[after]" in request.params else None

    sources.sabotage["persona"] = second
    found = listed(sources, "persona", "upstash", *WINDOW)
    assert (found.status, counted(found)["persona"]) == (ACCESS, 100)


def test_of_several_failures_the_gravest_is_the_status_and_each_is_said(sources: Sources) -> None:
    (sources.folder / "key").unlink()
    sources.sabotage["upstash"] = always(UNAVAILABLE)
    found = listed(sources, *WINDOW, "--retry-for", "0", "-f", "csv", "--fields", "source")
    assert found.status == ACCESS
    assert found.text == "source\n" + "roam\n" * ROWS["roam"]
    said = found.said.splitlines()
    assert [line.split(": ")[2] for line in said] == ["persona", "upstash", "hrhis"]


def test_with_a_failure_no_file_appears(sources: Sources) -> None:
    path = sources.folder / "all.csv"
    sources.sabotage["upstash"] = always(Fault(401))
    assert listed(sources, *WINDOW, "-o", str(path)).status == ACCESS
    assert not path.exists()
    assert not list(sources.folder.glob(".auditctl*"))
    sources.sabotage.clear()
    assert listed(sources, *WINDOW, "-o", str(path)).ended == (0, "")
    assert path.read_text().startswith("time,provider,source,account,")


@pytest.mark.parametrize("command", ["list", "check", "sync"])
def test_a_provider_in_the_place_of_a_source_is_answered_with_the_command(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = "auditctl: error: roam is a provider, and no source of auditctl.toml has that name. "
    right = {"list": "roam list", "check": "roam check", "sync": "roam sync -o PATH"}[command]
    expected = (USAGE, f"{said}Write auditctl {right}.\n")
    assert result(command, "roam").ended == expected
    config = tmp_path / "auditctl.toml"
    config.write_text('[sources.prod]\nprovider = "persona"\ndemo = true\noutput = "x"\n')
    assert result(command, "roam").ended == expected
    assert result(command, "pord").ended == (
        USAGE,
        "auditctl: error: There is no source 'pord' in the configuration. Did you mean prod?\n",
    )
    config.write_text('[sources.roam]\nprovider = "persona"\ndemo = true\noutput = "x"\n')
    assert result(command, "roam", "-q").status == 0


# An interruption


def test_an_interrupted_list_says_what_was_written(sources: Sources, tmp_path: Path) -> None:
    def hold(request: Request) -> Fault | None:
        return Fault(delay=LONG) if "page[after]" in request.params else None

    sources.sabotage["persona"] = hold
    words = ("persona", "list", "--source", "persona", *WINDOW)
    for more, written in (
        ((), "100 records were written, and the others were not"),
        (("-o", str(tmp_path / "big.jsonl")), f"{tmp_path}/big.jsonl was not written"),
    ):
        sources.server.requests.clear()
        shown_on = terminal(None, *words, *more, keyboard=True, variables=sources.environment)
        with shown_on as shown:
            shown.until("100 records, back to")
            until(lambda: len(sources.server.requests) == 2)
            shown.press(b"\x03")
            last = [line for line in screen(shown.end(), 200) if line][-1]
        assert last == f"Interrupted; {written}."
        assert shown.process.returncode == 130


def test_a_sync_of_sources_that_is_interrupted_says_that_the_next_one_continues(
    sources: Sources,
) -> None:
    sources.sabotage["roam"] = always(Fault(delay=LONG))
    with terminal(None, "sync", keyboard=True, variables=sources.environment) as shown:
        until(lambda: sources.asked() == set(LOGS))
        shown.press(b"\x03")
        last = [line for line in screen(shown.end(), 200) if line][-1]
    assert last == "Interrupted; what is committed stays, and the next run continues there."
    assert shown.process.returncode == 130


def test_a_timeline_that_is_terminated_ends_at_once(sources: Sources) -> None:
    sources.sabotage["roam"] = always(Fault(delay=LONG))
    with started("list", *WINDOW, **sources.environment) as running:
        until(lambda: sources.asked() == set(LOGS))
        running.send_signal(signal.SIGTERM)
        assert running.communicate(timeout=LONG / 2) == (b"", b"")
    assert running.returncode == 143


# Progress


def test_no_progress_is_drawn_while_another_program_reads_the_records(sources: Sources) -> None:
    sources.server.latency = 0.15
    words = ("persona", "list", "--source", "persona", *WINDOW)
    with terminal(None, *words, variables=sources.environment, stdout=-1) as shown:
        assert shown.process.stdout
        assert shown.process.stdout.read().count(b"\n") == ROWS["persona"]
        text = shown.end()
    assert re.fullmatch(r"Persona: 120 records since \S+ \S+ UTC, 2 pages, \S+ s\.\r\n", text)


# check


def checked(sources: Sources, *words: str) -> Run:
    return result("check", *words, **sources.environment)


def test_check_says_of_each_source_whether_it_works(sources: Sources) -> None:
    found = checked(sources)
    assert found.ended == (0, "")
    lines = found.text.splitlines()
    assert [line.split(": ")[0] for line in lines] == [f"ok      {name}" for name in LOGS]
    assert checked(sources, "roam", "-q") == Run(0, b"", "")


def test_check_says_what_fails_and_why(sources: Sources) -> None:
    (sources.folder / "key").unlink()
    sources.sabotage["upstash"] = always(Fault(401))
    sources.sabotage["roam"] = always(Fault(headers={"Date": "Wed, 01 Jan 2025 00:00:00 GMT"}))
    found = checked(sources, "--retry-for", "0")
    assert found.status == ACCESS
    persona, upstash, roam, hrhis = found.text.splitlines()
    assert persona == "FAILED  persona: settings"
    assert upstash == "FAILED  upstash: credentials"
    assert roam.startswith("WARN    roam: clock: this machine is ")
    assert hrhis == "FAILED  hrhis: settings"
    assert [line.split(": ")[2] for line in found.said.splitlines()] == [
        "persona",
        "upstash",
        "hrhis",
    ]
    assert "api_key_file" in found.said
    assert checked(sources, "-q", "upstash").out == b""


# One source of a provider


def test_check_and_sync_of_a_provider_take_the_settings_of_a_source(sources: Sources) -> None:
    words = ("--source", "persona")
    found = result("persona", "check", *words, **sources.environment)
    assert found.status == 0
    assert sources.server.url in found.text
    assert result("persona", "sync", *words, **sources.environment).ended == (0, "")
    assert sources.sync("persona").ended == (0, "")
    assert sources.done == {"persona": ROWS["persona"]}
    path = sources.folder / "other.csv"
    more = ("-o", str(path), "--fields", "id")
    assert result("persona", "sync", *words, *more, **sources.environment).ended == (0, "")
    assert path.read_text().startswith("id\n")


@pytest.mark.parametrize("command", ["list", "check", "sync"])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--source", "roam"), "--source roam: a source of roam. Sources of persona: persona."),
        (("--source", "nope"), "--source nope: no such source. Sources of persona: persona."),
        (("--config", "x"), "--config is where a --source is looked for"),
    ],
)
def test_a_source_that_does_not_fit_is_refused(
    command: str, words: tuple[str, ...], said: str, sources: Sources
) -> None:
    found = result("persona", command, *words, **sources.environment)
    assert (found.status, found.out, sources.server.requests) == (USAGE, b"", [])
    assert said in found.said


def test_sync_without_an_output_says_so() -> None:
    assert result("persona", "sync").ended == (
        USAGE,
        "auditctl: error: Name the file to append to: -o PATH.\n",
    )


# Words


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("help", "There is no command help. Write auditctl --help."),
        ("help roam", "There is no command help. Write auditctl roam --help."),
        ("persona help list", "There is no command help. Write auditctl persona list --help."),
        ("persona --demo list", "Write --demo behind the command: auditctl persona list --demo."),
        ("--demo persona list", "Write --demo behind the command: auditctl persona list --demo."),
        ("--since 1d roam list", "Write --since behind the command: auditctl roam list --since …."),
        ("-q sync", "Write -q behind the command: auditctl sync -q."),
    ],
)
def test_the_command_that_was_meant_is_said(words: str, said: str) -> None:
    assert result(*words.split()).ended == (USAGE, f"auditctl: error: {said}\n")


@pytest.mark.parametrize("words", ["--json", "--user x", "--all", "--sort x", "--foo"])
def test_nothing_is_suggested_that_is_not_alike(words: str) -> None:
    option = words.split(maxsplit=1)[0]
    assert result("persona", "list", *words.split()).said == (
        f"auditctl: error: No such option: {option}. See auditctl persona list --help.\n"
    )
