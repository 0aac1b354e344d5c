"""A pseudo-terminal, the program that runs on it, and what stands on its screen."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.program import COMMAND, LONG
from tests.server import Server

WIDE = 200
TERM = "xterm-256color"
SEQUENCE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
COLOR = re.compile(r"\x1b\[[0-9;]*m")

IN_THE_FOREGROUND = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Makes the terminal the one whose keys send signals."""


@dataclass
class Shown:
    """All that was written to a pseudo-terminal."""

    shown: bytearray = field(default_factory=bytearray)

    @property
    def text(self) -> str:
        return self.shown.decode(errors="replace")

    @property
    def lines(self) -> list[str]:
        """What was written, line by line, without colours."""
        return COLOR.sub("", self.text).replace("\r\n", "\n").split("\n")[:-1]


@dataclass(kw_only=True)
class Terminal(Shown):
    """A pseudo-terminal and the program that runs on it."""

    near: int
    process: subprocess.Popen[bytes]

    def until(self, pattern: str | re.Pattern[str]) -> str:
        """Read until the text shown holds a pattern, or nothing more comes."""
        end = time.monotonic() + LONG
        while not re.search(pattern, COLOR.sub("", self.text)):
            assert time.monotonic() < end, f"{pattern} is not in {self.text}"
            if not self._read():
                break
        return self.text

    def end(self) -> str:
        """Read until the program ends, and give all that it showed."""
        end = time.monotonic() + LONG
        while self._read():
            assert time.monotonic() < end
        self.process.wait(LONG)
        return self.text

    def press(self, key: bytes) -> None:
        os.write(self.near, key)

    def _read(self) -> bool:
        if not select.select([self.near], [], [], 0.1)[0]:
            return True
        try:
            piece = os.read(self.near, 65536)
        except OSError:  # Linux says so when the last program has closed the other end
            return False
        self.shown += piece
        return bool(piece)


def pair(columns: int) -> tuple[int, int]:
    """Open both ends of a pseudo-terminal."""
    near, far = os.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    return near, far


@contextlib.contextmanager
def terminal(
    server: Server | None,
    *words: str,
    columns: int = WIDE,
    keyboard: bool = False,
    variables: dict[str, str] | None = None,
    **elsewhere: Any,
) -> Iterator[Terminal]:
    """Run the program on a terminal, except for the streams that are `elsewhere`."""
    near, far = pair(columns)
    settings = server.environment if server else {}
    environment = {"PATH": os.defpath, "TERM": TERM, **settings, **(variables or {})}
    given = {name: stream for name, stream in elsewhere.items() if stream is not None}
    before = [sys.executable, "-c", IN_THE_FOREGROUND] if keyboard else []
    with subprocess.Popen(
        [*before, *COMMAND, *words],
        env=environment,
        start_new_session=keyboard,
        **{"stdin": far, "stdout": far, "stderr": far, **given},
    ) as process:
        os.close(far)
        try:
            yield Terminal(near=near, process=process)
        finally:
            process.kill()
            os.close(near)


def screen(shown: str, columns: int) -> list[str]:
    """Tell what stands on the screen in the end; a sequence that is not known here is an error."""
    rows: list[list[str]] = [[]]
    at = 0
    for token in re.findall(rf"{SEQUENCE.pattern}|.", shown, re.DOTALL):
        if COLOR.fullmatch(token):
            continue
        if token == "\r":
            at = 0
        elif token == "\n":
            rows.append([])
        elif token == "\x1b[K":
            del rows[-1][at:]
        else:
            assert token.isprintable(), token
            if at == columns:
                rows.append([])
                at = 0
            rows[-1] += " " * (at - len(rows[-1]))
            rows[-1][at : at + 1] = token
            at += 1
    return ["".join(row).rstrip() for row in rows]
