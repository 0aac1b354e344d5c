"""What a person sees: the program on a pseudo-terminal, and what stands on the screen."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import threading
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from rich.cells import cell_len

from auditctl import registry
from auditctl.records.record import FIELDS
from tests.program import LONG, in_place_of, result, run, synced
from tests.server import KEY, Fault, Persona, Request, Roam, Server, Upstash, too_many
from tests.terminal import COLOR, TERM, WIDE, Shown, pair, screen, terminal
from tests.world import ROWS, SPAN, TODAY, WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COLUMNS = ["time", "actor", "action", "target", "outcome", "source_ip"]
NARROW_COLUMNS = COLUMNS[:-1]
"""What 80 columns have room for."""
PROGRESS = re.compile(r"Persona: \d+%, \d+ records, back to 20\S+ \S+, \d pages?, [\d,]+/s")
SUMMARY = re.compile(
    r"Persona: 250 records since 20\S+ \S+ until 20\S+ \S+ UTC, 3 pages, [\d.]+ s\."
)


def log(rows: Any = ROWS) -> Persona:
    return Persona(rows, span=SPAN, now=TODAY)


def held(number: int) -> tuple[threading.Event, Callable[[Request], None]]:
    """Give an event, and a choice of faults that holds back a request until it is set."""
    gate = threading.Event()

    def choose(request: Request) -> None:
        if request.number == number:
            gate.wait(LONG)

    return gate, choose


def listed(rows: Any = ROWS, *words: str, columns: int = WIDE, variables: Any = ()) -> Shown:
    """Run `persona list` in this process, with standard output on a terminal."""
    near, far = pair(columns)
    found = Shown()

    def read() -> None:
        with contextlib.suppress(OSError):  # Linux says so when the other end is closed
            while piece := os.read(near, 65536):
                found.shown.extend(piece)

    reader = threading.Thread(target=read)
    reader.start()
    with Server(log(rows)) as server, in_place_of(1, far):
        settings = {"TERM": TERM, **server.environment, **dict(variables)}
        status = run("persona", "list", *WINDOW, *words, **settings)
    os.close(far)
    reader.join()
    os.close(near)
    assert status == 0
    return found


def event(n: int, **attributes: Any) -> dict[str, Any]:
    moment = f"{TODAY - timedelta(minutes=n + 1):%Y-%m-%dT%H:%M:%S}.000Z"
    common = {"created-at": moment, "method": "GET", "path": "/x", "response-status": 200}
    return {"type": "user-audit-log", "id": f"ual_{n}", "attributes": {**common, **attributes}}


# The table


def test_a_terminal_gets_a_table_and_a_pipe_gets_lines_of_json() -> None:
    shown = listed()
    assert shown.lines[0].split() == COLUMNS
    assert len(shown.lines) == 1 + ROWS
    assert all(re.match(r"20\d\d-\d\d-\d\dT", line) for line in shown.lines[1:])
    with (
        Server(log()) as server,
        terminal(server, "persona", "list", *WINDOW, stdout=subprocess.PIPE) as piped,
    ):
        written = piped.process.communicate(timeout=LONG)[0]
    assert [json.loads(line)["provider"] for line in written.splitlines()] == ["persona"] * ROWS


@pytest.mark.parametrize(
    "words", [("-f", "jsonl"), ("--raw",), ("--raw", "-f", "jsonl")], ids=" ".join
)
def test_lines_of_json_come_to_a_terminal_when_asked_for(words: tuple[str, ...]) -> None:
    lines = listed(ROWS, *words).lines
    assert len([json.loads(line) for line in lines]) == ROWS


LONG_VALUES = [
    *(event(n) for n in range(100)),
    *(event(n, path=f"/{'漢字' * 9}{'very-long' * n}") for n in range(100, 150)),
    *(event(n, path=f"/é{n}", **{"ip-address": "2001:db8::" * 9}) for n in range(150, 250)),
]
FIRST_LONG = [event(n, path="/" + "漢" * n, context={"x-id": "y" * n}) for n in range(250)]


@pytest.mark.parametrize("columns", [20, 80, 200])
@pytest.mark.parametrize(
    "rows", [ROWS, LONG_VALUES, FIRST_LONG], ids=["usual", "long later on", "long at first"]
)
def test_no_line_is_wider_than_the_terminal(rows: Any, columns: int) -> None:
    lines = listed(rows, columns=columns).lines
    assert len(lines) == 1 + ROWS
    assert max(map(cell_len, lines)) <= columns
    if columns == 200:
        assert lines[0].split() == COLUMNS


@pytest.mark.parametrize("columns", [80, 200])
def test_rows_of_later_pages_keep_the_columns_of_the_first(columns: int) -> None:
    lines = listed(
        [*(event(n) for n in range(100)), *(event(n, path="/long" * n) for n in range(100, 250))],
        columns=columns,
    ).lines
    starts = [match.start() for match in re.finditer(r"\S+", lines[0])]
    assert len(starts) == (len(COLUMNS) if columns == WIDE else len(NARROW_COLUMNS))
    for line in lines[1:]:
        padded = line.ljust(columns)
        assert {padded[start - 2 : start] for start in starts[1:]} == {"  "}
        cells = [padded[a:b].strip() for a, b in pairwise([*starts, columns])]
        assert "" not in cells
    assert "…" not in "".join(lines[:101])
    assert all("…" in line for line in lines[101:])


def test_the_first_page_is_shown_before_the_second_has_come() -> None:
    gate, choose = held(2)
    with (
        Server(log(), faults=choose) as server,
        terminal(server, "persona", "list", *WINDOW, "-q") as shown,
    ):
        shown.until(r"(20[^\n]*\n){100}")
        assert len(shown.lines) == 101
        assert len(server.requests) <= 2
        assert not gate.is_set()
        gate.set()
        shown.end()
    assert len(shown.lines) == 1 + ROWS


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_the_overview_of_the_providers_fits_the_terminal(columns: int) -> None:
    with terminal(None, "providers", columns=columns) as shown:
        shown.end()
    assert shown.process.returncode == 0
    addresses = [word for line in shown.lines for word in line.split() if "://" in word]
    others = [line for line in shown.lines if line.strip() not in addresses]
    assert max(map(cell_len, others)) <= columns
    for name in registry.installed():
        assert name in others
        provider = registry.load(name, pytest.fail)
        assert provider is not None
        assert provider.docs in addresses, "not broken"
        assert all(word in shown.text for word in provider.rate_limit.split())


# Strangers' text


HOSTILE = {
    "\x1b[2J\x1b[31m": r"\x1b[2J\x1b[31m",
    "\x9b2J": r"\x9b2J",
    "a\rb\nc\td": r"a\rb\nc\td",
    "\u202eevil\u2066": r"\u202eevil\u2066",
    "x\u2028y\u2029z\x85": r"x\u2028y\u2029z\x85",
    "\x00\x07\x08\x7f": r"\x00\x07\x08\x7f",
    "[red]text[/red] [/]": "[red]text[/red] [/]",
    ":smile: [link=x]y": ":smile: [link=x]y",
}


@pytest.mark.parametrize("before", [0, 100])  # on the first page, and on the second
def test_text_of_strangers_moves_nothing_on_a_terminal_and_in_a_pipe(before: int) -> None:
    rows = [event(n, path="/wide" * 9) for n in range(before)]
    rows += [event(before + n, path=f"/{text}/end") for n, text in enumerate(HOSTILE)]
    words = ("persona", "list", *WINDOW, "-f", "table")
    with Server(log(rows)) as server:
        piped = result(*words, **server.environment).text.split("\n")[:-1]
    for header, *lines in (listed(rows).lines, piped):
        assert header.split() == COLUMNS
        for line, expected in zip(lines[before:], HOSTILE.values(), strict=True):
            assert f"  GET /{expected}/end  " in line
            assert line.isprintable()


OUTCOMES = [event(n, **{"response-status": status}) for n, status in enumerate([200, 404, None])]
IN_COLOR = ["\x1b[1mtime", "success", "\x1b[31mfailure\x1b[0m", "\x1b[2munknown\x1b[0m"]
NO_COLOR, FORCED = {"NO_COLOR": "1"}, {"FORCE_COLOR": "1", "CLICOLOR_FORCE": "1"}


@pytest.mark.parametrize(
    ("words", "variables", "colored"),
    [
        ((), {}, True),
        ((), NO_COLOR, False),
        ((), {"TERM": "dumb"}, False),
        ((), {"TERM": "dumb", **FORCED}, True),
        ((), {**NO_COLOR, **FORCED}, False),
        (("--color", "always"), {**NO_COLOR, "TERM": "dumb"}, True),
        (("--color", "never"), FORCED, False),
        (("--color", "auto"), NO_COLOR, False),
    ],
)
def test_a_failure_is_red_where_colours_are_wanted(
    words: tuple[str, ...], variables: dict[str, Any], *, colored: bool
) -> None:
    shown = listed(OUTCOMES, *words, variables=variables).text.splitlines()
    for line, text in zip(shown, IN_COLOR, strict=True):
        assert (text if colored else COLOR.sub("", text)) in line
    assert ("\x1b" in "".join(shown)) is colored


def test_colours_come_to_a_pipe_and_a_file_only_if_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "table"
    words = ("persona", "list", "--demo", "--since", "2d", "-f", "table")
    assert b"\x1b" not in result(*words).out
    assert b"\x1b[1mtime" in result(*words, "--color", "always").out
    assert b"\x1b[1mtime" in result(*words, FORCE_COLOR="1").out
    assert b"\x1b" not in result(*words, FORCE_COLOR="0", CLICOLOR_FORCE="").out
    for more, colored in ((), False), (("--color", "always"), True):
        assert result(*words, *more, "-o", str(path), FORCE_COLOR="1").status == 0
        assert (b"\x1b" in path.read_bytes()) is colored


@pytest.mark.parametrize("format_", ["jsonl", "csv"])
def test_lines_of_json_and_csv_never_have_colours(format_: str) -> None:
    assert "\x1b" not in listed(OUTCOMES, "-f", format_, "--color", "always").text


def test_one_record_is_shown_whole_on_a_terminal_and_as_a_line_in_a_pipe() -> None:
    words = ("persona", "get", "ual_1")
    with Server(log([event(1, path=f"/{'x' * 100}\x1b")])) as server:
        with terminal(server, *words, columns=80, stderr=subprocess.DEVNULL) as shown:
            shown.end()
        with terminal(server, *words, "--fields", "id,time", columns=80) as table:
            table.end()
        piped = result(*words, **server.environment)
    assert shown.process.returncode == 0
    assert [line.split()[0] for line in shown.lines[:16]] == list(FIELDS)
    assert rf"action       GET /{'x' * 100}\x1b" in shown.lines
    assert json.loads("\n".join(shown.lines[16:])) == piped.records[0]["raw"]
    assert list(piped.records[0]) == list(FIELDS)
    assert table.lines[0].split() == ["id", "time"]


def test_csv_on_a_terminal_moves_nothing_and_in_a_pipe_is_exact() -> None:
    text = "\x1b[2J\x9b\n"
    words = ("persona", "list", *WINDOW, "-f", "csv", "--fields", "action")
    with Server(log([event(0, path=f"/{text}")])) as server:
        with terminal(server, *words, stderr=subprocess.DEVNULL) as shown:
            shown.end()
        piped = result(*words, **server.environment)
    assert shown.lines == ["action", r"GET /\x1b[2J\x9b\n"]
    assert piped.out.decode() == f'action\n"GET /{text}"\n'


def test_a_summary_is_the_same_on_a_terminal_and_in_a_pipe() -> None:
    words = ("persona", "list", *WINDOW, "-f", "summary")
    with Server(log()) as server:
        with terminal(server, *words, columns=200, stderr=subprocess.DEVNULL) as shown:
            shown.end()
        piped = result(*words, **server.environment)
    assert "\x1b[1mactors" in shown.text
    assert [line.rstrip() for line in shown.lines] == piped.text.split("\n")[:-1]
    assert shown.lines[0] == "250 records, 82 failures"


def test_a_limit_makes_the_summary_begin_with_the_oldest_of_its_records() -> None:
    words = ("persona", "list", *WINDOW, "-f", "summary", "--limit", "5")
    with Server(log()) as server:
        lines = result(*words, **server.environment).text.split("\n")
    assert lines[0].startswith("5 records, ")
    begin = re.sub(r"from (\S+) (\d\d).*", r"\1 \2:00", lines[1])[5:]
    assert lines[4].startswith(begin)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("get", "ual_1", "-f", "summary"), "summary"),
        (("sync", "-o", "x", "-f", "table"), "table"),
        (("list", "-f", "detail"), "detail"),
        (("list", "-f", "summary", "--raw"), "cannot go with summary"),
    ],
)
def test_a_format_that_a_command_does_not_write_is_a_usage_error(
    words: tuple[str, ...], said: str
) -> None:
    found = result("persona", *words, "--demo")
    assert found.status == 2
    assert said in found.said


@pytest.mark.parametrize("columns", [80, 200])
def test_status_keeps_names_and_minutes_and_leaves_columns_out(
    columns: int, tmp_path: Path
) -> None:
    names = [tmp_path / "eu.jsonl", tmp_path / "us.jsonl"]
    for path in names:
        synced(log(3), path)
    (tmp_path / "us.jsonl").write_text("changed")
    with terminal(None, "status", *map(str, names), "--max-age", "0s", columns=columns) as shown:
        shown.end()
    table = shown.text.replace("\r\n", "\n").split("\n")[:3]
    titles = COLOR.sub("", table[0]).split()
    assert titles[:3] == ["path", "state", "success"]
    assert (len(titles) == 8) is (columns == WIDE)
    assert table[0].startswith("\x1b[1mpath")
    for path, line in zip(names, table[1:], strict=True):
        assert line.startswith(f"{path}  \x1b[31mWRONG\x1b[0m  0 min ago")
        dates = re.findall(r"\d\d-\d\d \d\d:\d\d\b", line)
        assert len(dates) == len(titles[3:-2]) if columns == WIDE else len(dates) <= 1


def test_status_shows_times_in_a_zone(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    synced(log(3), path)
    utc, dar = (
        result("status", str(path), "--tz", zone).text.split("\n")
        for zone in ("UTC", "Africa/Dar_es_Salaam")
    )
    assert re.split(r" {2,}", dar[0])[3:6] == ["since +03:00", "until +03:00", "newest +03:00"]
    hours = [re.findall(r" (\d\d):\d\d", table[1]) for table in (utc, dar)]
    assert [(int(hour) + 3) % 24 for hour in hours[0]] == list(map(int, hours[1]))


def test_verify_shows_in_red_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    synced(log(3), path)
    assert "\x1b" not in result("verify", str(path), "--color", "always").text
    path.write_text("changed")
    assert "\x1b[31mWRONG\x1b[0m" in result("verify", str(path), "--color", "always").text
    assert "\x1b" not in result("verify", str(path)).text


def test_check_shows_in_red_what_does_not_hold(tmp_path: Path) -> None:
    config = tmp_path / "auditctl.toml"
    config.write_text('[sources.one]\nprovider = "persona"\noutput = "a"\n')
    every = ("check", "--config", str(config))
    nobody = {"PERSONA_API_KEY": KEY, "PERSONA_BASE_URL": "http://127.0.0.1:1"}
    for words in (("persona", "check"), every):
        failed = result(*words, "--retry-for", "0", "--color", "always", **nobody).text
        assert failed.startswith("\x1b[31mFAILED  ")
        plain = result(*words, "--retry-for", "0", **nobody).text
        assert plain == COLOR.sub("", failed)
    assert "\x1b" not in result("persona", "check", "--demo", "--color", "always").text


def test_the_overview_is_without_colours_where_they_are_not_wanted() -> None:
    with terminal(None, "providers", variables={"NO_COLOR": "1"}) as shown:
        assert "\x1b" not in shown.end()


# Progress


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("option", [False, True], ids=["redirected", "--output"])
def test_progress_and_a_summary_are_shown_while_a_file_is_written(
    columns: int, tmp_path: Path, *, option: bool
) -> None:
    gate, choose = held(3)
    path = tmp_path / "log.jsonl"
    words = ("persona", "list", *WINDOW, *(("-o", str(path)) if option else ()))
    with (
        (tmp_path / "redirected").open("wb") as file,
        Server(log(), faults=choose) as server,
        terminal(server, *words, columns=columns, stdout=None if option else file) as shown,
    ):
        start = PROGRESS.pattern if columns == 200 else PROGRESS.pattern[:23]
        shown.until(start)
        while len(server.requests) < 3:
            assert not shown.process.poll()
        standing = screen(shown.text, columns)
        gate.set()
        text = shown.end()
    assert shown.process.returncode == 0
    assert len(standing) == 1, "the progress line is longer than the terminal is wide"
    found = screen(text, columns)
    assert SUMMARY.fullmatch("".join(found)), "nothing else is left on the screen"
    written = path if option else tmp_path / "redirected"
    lines = written.read_bytes().split(b"\n")[:-1]
    assert len({json.loads(line)["id"] for line in lines}) == ROWS


@pytest.mark.parametrize("words", [("-q",), ("--log-format", "json")], ids=" ".join)
def test_nothing_is_shown_to_whoever_does_not_want_it(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    path = str(tmp_path / "log.jsonl")
    with (
        Server(log(), faults=[too_many(0)], latency=0.1) as server,
        terminal(server, "persona", "list", *WINDOW, "-o", path, *words) as shown,
    ):
        assert shown.end() == ""
    assert shown.process.returncode == 0


@pytest.mark.parametrize("columns", [80, 200])
def test_both_streams_on_one_terminal_leave_whole_rows_and_the_summary(columns: int) -> None:
    expected = [line.rstrip() for line in listed(columns=columns).lines]
    with (
        Server(log(), latency=0.15) as server,
        terminal(server, "persona", "list", *WINDOW, columns=columns) as shown,
    ):
        text = shown.end()
    assert shown.process.returncode == 0
    assert len(PROGRESS.findall(text) if columns == WIDE else text.split("\x1b[K")) > 1
    found = screen(text, columns)
    assert found[: 1 + ROWS] == expected
    assert SUMMARY.fullmatch("".join(found[1 + ROWS :]))


def test_the_summary_stands_below_an_empty_table_too() -> None:
    with Server(log(0)) as server, terminal(server, "persona", "list", *WINDOW) as shown:
        head, summary, _ = screen(shown.end(), WIDE)
    assert head.split() == COLUMNS
    assert summary.startswith("Persona: 0 records since ")


def test_a_pause_is_explained_while_it_lasts_and_gone_afterwards() -> None:
    with (
        Server(log(), faults=[None, too_many(1)]) as server,
        terminal(server, "persona", "list", *WINDOW) as shown,
    ):
        shown.until("Asking again in 1 s")
        standing = screen(shown.text, WIDE)[-1]
        text = shown.end()
    assert standing.startswith("Asking again in 1 s: Persona answered 429")
    assert "Asking again" not in "".join(screen(text, WIDE))


def test_an_array_that_comes_in_many_pieces_is_one_page(tmp_path: Path) -> None:
    path = str(tmp_path / "log.jsonl")
    with (
        Server(Upstash(2_000, span=SPAN, now=TODAY)) as server,
        terminal(server, "upstash", "list", *WINDOW, "-o", path) as shown,
    ):
        summary, nothing = screen(shown.end(), WIDE)
    assert re.fullmatch(r"Upstash: 2,000 records since .* UTC, 1 page, [\d.]+ s\.", summary)
    assert nothing == ""


def test_a_failure_stands_alone_on_its_line() -> None:
    with (
        Server(log(), faults={3: Fault(403)}, latency=0.15) as server,
        terminal(server, "persona", "list", *WINDOW) as shown,
    ):
        found = screen(shown.end(), WIDE)
    assert shown.process.returncode == 4
    assert len(found[:201]) == 201
    said = "".join(found[201:])
    assert said.startswith("auditctl: error: Persona does not allow this (403")
    assert KEY not in shown.text


def test_lines_of_verbose_and_the_progress_do_not_garble_each_other(tmp_path: Path) -> None:
    path = str(tmp_path / "log.jsonl")
    with (
        Server(Roam(ROWS, span=SPAN, now=TODAY), latency=0.15) as server,
        terminal(server, "roam", "list", *WINDOW, "-v", "-o", path) as shown,
    ):
        *requests, summary, nothing = screen(shown.end(), WIDE)
    assert [bool(re.fullmatch(r"GET /\S+ 200 \d+ ms \d+ bytes", r)) for r in requests] == [True] * 3
    assert summary.startswith("Roam: 250 records ")
    assert nothing == ""


# Ctrl-C


@pytest.mark.parametrize("fault", [Fault(delay=LONG), too_many(200)], ids=["answer", "pause"])
def test_ctrl_c_ends_the_run_at_once(fault: Fault, tmp_path: Path) -> None:
    words = ("persona", "list", *WINDOW, "-o", str(tmp_path / "log.jsonl"))
    with (
        Server(log(), faults=lambda _: fault) as server,
        terminal(server, *words, keyboard=True) as shown,
    ):
        if fault.status:
            shown.until("Asking again")
        while not server.requests:
            assert shown.process.poll() is None
        shown.press(b"\x03")
        text = shown.end()
    assert shown.process.returncode == 130
    assert "Traceback" not in text
    assert "auditctl:" not in text  # whoever pressed it knows why the run ended
    assert list(tmp_path.iterdir()) == []
