import json
import re
import sys
from datetime import UTC, datetime, timedelta
from io import StringIO, UnsupportedOperation

import pytest

from auditctl.console import Console
from auditctl.errors import FailedError, UsageError
from tests.program import process

ERASE = "\r\x1b[K"


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


class Broken(StringIO):
    def write(self, _text: str, /) -> int:
        raise OSError(5, "Input/output error")

    def isatty(self) -> bool:
        raise UnsupportedOperation


def say_everything(console: Console) -> None:
    console.error("E")
    console.warning("W")
    console.info("I")
    console.detail("D", status=200)
    console.progress("P", now=True)
    console.clear()


@pytest.mark.parametrize(
    ("terminal", "quiet", "verbose", "expected"),
    [
        (False, False, False, "auditctl: error: E\nauditctl: warning: W\n"),
        (False, False, True, "auditctl: error: E\nauditctl: warning: W\nD\n"),
        (False, True, False, "auditctl: error: E\n"),
        (False, True, True, "auditctl: error: E\n"),
        (True, False, False, f"auditctl: error: E\nauditctl: warning: W\nI\n{ERASE}P{ERASE}"),
        (True, False, True, f"auditctl: error: E\nauditctl: warning: W\nI\nD\n{ERASE}P{ERASE}"),
        (True, True, False, "auditctl: error: E\n"),
        (True, True, True, "auditctl: error: E\n"),
    ],
)
def test_who_is_told_what(terminal: bool, quiet: bool, verbose: bool, expected: str) -> None:  # noqa: FBT001
    stream = Terminal() if terminal else StringIO()
    console = Console(quiet=quiet, verbose=verbose, stream=stream)
    assert console.live is (terminal and not quiet)
    say_everything(console)
    assert stream.getvalue() == expected


@pytest.mark.parametrize(
    ("quiet", "verbose", "levels"),
    [
        (False, False, ["error", "warning"]),
        (False, True, ["error", "warning", "info", "debug"]),
        (True, False, ["error"]),
    ],
)
@pytest.mark.parametrize("stream", [StringIO, Terminal])
def test_json_lines_are_whole_and_dated(
    quiet: bool,  # noqa: FBT001
    verbose: bool,  # noqa: FBT001
    levels: list[str],
    stream: type[StringIO],
) -> None:
    out = stream()
    say_everything(Console(quiet=quiet, verbose=verbose, log_format="json", stream=out))
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["level"] for line in lines] == levels
    assert [line["message"] for line in lines] == [level[0].upper() for level in levels]
    assert all(line.get("status") == (200 if line["level"] == "debug" else None) for line in lines)
    for line in lines:
        assert line["time"].endswith("Z")
        assert abs(datetime.now(UTC) - datetime.fromisoformat(line["time"])) < timedelta(days=1)


def test_nothing_that_is_said_moves_the_cursor_or_begins_another_line() -> None:
    stream = StringIO()
    Console(stream=stream).error("/a\nb/\x1b[31m.jsonl cannot be read")
    assert stream.getvalue() == "auditctl: error: /a\\nb/\\x1b[31m.jsonl cannot be read\n"


@pytest.mark.parametrize(
    ("terminal", "color", "expected"),
    [
        (True, True, "auditctl: \x1b[31merror:\x1b[0m E\nauditctl: \x1b[33mwarning:\x1b[0m W\n"),
        (True, False, "auditctl: error: E\nauditctl: warning: W\n"),
        (False, True, "auditctl: error: E\nauditctl: warning: W\n"),
    ],
)
def test_only_a_terminal_gets_colour(terminal: bool, color: bool, expected: str) -> None:  # noqa: FBT001
    stream = Terminal() if terminal else StringIO()
    console = Console(color=color, stream=stream)
    console.error("E")
    console.warning("W")
    assert stream.getvalue() == expected


def test_a_line_takes_the_place_of_the_progress_line() -> None:
    stream = Terminal()
    console = Console(stream=stream)
    console.progress("one", now=True)
    console.progress("not drawn, because it comes too soon")
    console.warning("W")
    console.clear()
    assert stream.getvalue() == f"{ERASE}one{ERASE}auditctl: warning: W\n"


def test_a_progress_line_is_one_line_whatever_a_stranger_wrote() -> None:
    stream = Terminal()
    Console(stream=stream).progress("a\nb\x1b[31m" + "x" * 100, now=True)
    (line,) = stream.getvalue().removeprefix(ERASE).split("\n")
    assert line == (r"a\nb\x1b[31m" + "x" * 100)[: 80 - len("^C ")]


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_what_is_no_utf_8_can_be_told(log_format: str) -> None:
    stream = StringIO()
    # What Python makes of the byte 0xFF in a path.
    message = "Cannot write a\udcff."
    Console(log_format="json" if log_format == "json" else "text", stream=stream).error(message)
    line = stream.getvalue()
    assert line.endswith("\n")
    said = json.loads(line)["message"] if log_format == "json" else line
    assert said.replace("\\udcff", "\udcff").count(message) == 1


@pytest.mark.parametrize("closed", [False, True])
def test_a_broken_standard_error_stops_nothing(closed: bool) -> None:  # noqa: FBT001
    stream = Terminal() if closed else Broken()
    console = Console(verbose=True, stream=stream)
    if closed:
        stream.close()
    say_everything(console)


def test_standard_error_is_where_it_goes(capsys: pytest.CaptureFixture[str]) -> None:
    Console().error("E")
    assert capsys.readouterr() == ("", "auditctl: error: E\n")


def test_a_line_of_a_run_that_lasts_begins_with_the_time_on_a_terminal_only() -> None:
    for stream, start in ((Terminal(), r"\d\d:\d\d:\d\d "), (StringIO(), "")):
        Console(timed=True, stream=stream).warning("W")
        assert re.fullmatch(f"{start}auditctl: warning: W\n", stream.getvalue())


def test_no_progress_is_drawn_when_it_is_hidden() -> None:
    stream = Terminal()
    console = Console(stream=stream)
    console.hide_progress()
    console.progress("P", now=True)
    assert (console.live, console.draws, stream.getvalue()) == (True, False, "")


def failing() -> Exception:
    try:
        int("hunter2")
    except ValueError as error:
        return error
    raise AssertionError


@pytest.mark.parametrize(
    ("error", "verbose", "lines"),
    [
        (
            failing(),
            False,
            ["auditctl: error: a: This is a fault of auditctl itself: ValueError in"],
        ),
        (
            failing(),
            True,
            [
                "auditctl: error: a: This is a fault of auditctl itself: ValueError in",
                "Traceback (most recent call last):",
                f'  File "{__file__}", line ',
                "    int(",
                "ValueError",
            ],
        ),
        (UsageError("U"), True, ["auditctl: error: a: U"]),
        (FailedError([UsageError("U")]), True, []),
    ],
)
def test_a_fault_has_a_traceback_without_values(
    error: Exception,
    verbose: bool,  # noqa: FBT001
    lines: list[str],
) -> None:
    stream = StringIO()
    Console(verbose=verbose, stream=stream).failed(error, "a: ")
    # Newer versions of Python mark the place in a line, on a line of its own.
    written = [line for line in stream.getvalue().splitlines() if line.strip(" ~^")]
    assert [line[: len(start)] for line, start in zip(written, lines, strict=True)] == lines
    assert "hunter2" not in "".join(written).replace('int("hunter2")', "")


def test_libraries_cannot_write_to_standard_error_behind_pythons_back() -> None:
    script = (
        "import os, sys\n"
        "from auditctl.console import Console\n"
        "console = Console()\n"
        "for _ in range(2):\n"
        "    console.keep_others_out()\n"
        "    os.write(2, b'thread panicked')\n"
        "    console.error('E')\n"
        "print('for ', 'all', file=sys.stderr)"
    )
    found = process(command=(sys.executable, "-c", script))
    assert found.ended == (0, "auditctl: error: E\nauditctl: error: E\nfor  all\n")


def test_without_a_standard_error_nobody_has_to_be_kept_out() -> None:
    Console(stream=StringIO()).keep_others_out()
    script = "from auditctl.console import Console; Console().keep_others_out()"
    assert process(command=("sh", "-c", f'"$0" -c "{script}" 2>&-', sys.executable)).ended == (
        0,
        "",
    )
