"""Messages on standard error: failures, warnings, requests, progress."""

import os
import re
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from auditctl.errors import AuditctlError, failure, trace
from auditctl.escape import escape

STANDARD_ERROR = 2
"""Its number, whatever Python's object for it is."""
NARROW = 80
"""Columns of a terminal that does not report its width."""
REDRAW_SECONDS = 0.1
"""Between two drawings of the progress line."""

ECHOED = 3
"""Columns left free at the progress line's end: ^C is shown there."""

_USER_PART = r"(:/+[^\s/:@]*:)[^\s/]*@"
"""The user and the password in a URL that somebody typed, also with one slash by mistake."""
COLORS = {"error": "\x1b[31m", "warning": "\x1b[33m"}
"""Red and yellow, for the word that begins such a line."""
PLAIN = "\x1b[0m"

LogFormat = Literal["text", "json"]
ColorChoice = Literal["auto", "always", "never"]


class Console:
    """Writes errors and warnings always, and the rest only on a terminal.

    So cron mails only if something is wrong.
    """

    def __init__(  # noqa: PLR0913 - one value for each thing that a user may want
        self,
        *,
        quiet: bool = False,
        verbose: bool = False,
        log_format: LogFormat = "text",
        color: bool = False,
        timed: bool = False,
        stream: TextIO | None = None,
    ) -> None:
        """Write to ``stream`` (None: standard error) in the form and as much as is wanted.

        ``color`` is for a terminal only: in a file it would be noise. With ``timed`` a line on a
        terminal begins with the time, as a run may last for days.
        """
        self._given = stream
        self._quiet = quiet
        self._verbose = verbose
        self._json = log_format == "json"
        terminal = _is_terminal(self._stream)
        self.live = terminal and not quiet and not self._json
        """A person may be watching."""
        self.draws = self.live
        """There is a progress line."""
        self._color = terminal and color
        self._timed = terminal and timed
        self._drawn = False
        self._drawn_at = 0.0
        # Requests are reported by the threads that made them.
        self._lock = threading.Lock()

    @property
    def _stream(self) -> TextIO:
        return sys.stderr if self._given is None else self._given

    def hide_progress(self) -> None:
        """Draw no progress line: another program writes to the same terminal."""
        self.draws = False

    def error(self, message: str) -> None:
        """Write why the run failed."""
        self._line("error", message)

    def failed(self, error: Exception, prefix: str = "") -> AuditctlError:
        """Write why something failed, and return the failure; of a fault also the traceback.

        That is for ``--verbose`` only.
        """
        failed = failure(error)
        for message in failed.args:
            self.error(f"{prefix}{message}")
        if failed.args and failed.status == AuditctlError.status:
            for line in trace(error):
                self.detail(line)
        return failed

    def warning(self, message: str) -> None:
        """Write a warning; the run continues."""
        if not self._quiet:
            self._line("warning", message)

    def info(self, message: str) -> None:
        """Write a line for a person who may be watching."""
        if self.live or (self._verbose and self._json):
            self._line("info", message)

    def detail(self, message: str, **facts: Any) -> None:  # noqa: ANN401 - any JSON value
        """Write a line if ``--verbose`` is on; in JSON the facts are members of their own."""
        if self._verbose and not self._quiet:
            self._line("debug", message, **facts)

    def progress(self, line: str, *, now: bool = False) -> None:
        """Draw the progress line anew, if the last drawing is old enough."""
        if not self.draws or not (now or time.monotonic() - self._drawn_at > REDRAW_SECONDS):
            return
        width = _width(self._stream) - ECHOED
        with self._lock:
            self._write(f"\r\x1b[K{escape(line)[:width]}")
            self._drawn = True
            self._drawn_at = time.monotonic()

    def keep_others_out(self) -> None:
        """Keep libraries from writing to standard error by its number, behind Python's back.

        Those in Rust do: warnings in their own words, and a hundred panics if a disk is full. What
        went wrong comes as an exception too.
        """
        with suppress(OSError, ValueError, AttributeError):  # it is closed, or in memory
            if self._given is None and sys.stderr.fileno() == STANDARD_ERROR:
                known = sys.stderr
                own = os.dup(STANDARD_ERROR)
                sys.stderr = open(own, "w", 1, known.encoding, known.errors)  # noqa: PTH123, SIM115
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, STANDARD_ERROR)
                os.close(null)

    def begin_line(self) -> None:
        """Let the next line take the place of what is shown on the current one, such as ^C."""
        self._drawn = self.live

    def clear(self) -> None:
        """Remove the progress line, so that other output can take its place."""
        if self._drawn:  # else there is no need to wait for a thread that cannot write
            with self._lock:
                self._clear()

    def _clear(self) -> None:
        if self._drawn:
            self._write("\r\x1b[K")
            self._drawn = False

    def _line(self, level: str, message: str, **facts: Any) -> None:  # noqa: ANN401
        if "@" in message:
            message = re.sub(_USER_PART, r"\1…@", message)
        if self._json:
            from auditctl.records import exact

            moment = datetime.now(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
            entry = {"time": moment, "level": level, "message": message, **facts}
            text = exact.dumps(entry).decode()
        else:
            # A path is untrusted text: it may contain control characters.
            text = self._prefix(level) + escape(message)
            if self._timed:
                text = f"{datetime.now(UTC):%H:%M:%S} {text}"
        with self._lock:
            self._clear()
            self._write(f"{text}\n")

    def _prefix(self, level: str) -> str:
        if level not in COLORS:
            return ""
        word = f"{COLORS[level]}{level}:{PLAIN}" if self._color else f"{level}:"
        return f"auditctl: {word} "

    def _write(self, text: str) -> None:
        # Standard error is closed, so nothing can be reported: it is None, or raises.
        with suppress(OSError, ValueError, AttributeError):
            self._stream.write(text)
            self._stream.flush()


def _width(stream: TextIO) -> int:
    # Of this stream: shutil's answer is standard output's, which may be a file meanwhile.
    try:
        return os.get_terminal_size(stream.fileno()).columns or NARROW
    except (OSError, ValueError):
        return NARROW


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (OSError, ValueError, AttributeError):
        return False
