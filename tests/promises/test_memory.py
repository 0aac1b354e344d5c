"""Memory: no more of it for more records."""

from __future__ import annotations

import sys
from datetime import timedelta

import pytest

from tests.program import COMMAND, process
from tests.server import LOGS, Request, Server
from tests.world import TODAY, WINDOW, log

PEAK = """
import os, sys
out = os.open(os.devnull, os.O_WRONLY)
redirected = [(os.POSIX_SPAWN_DUP2, out, 1)]
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=redirected)
_, status, usage = os.wait4(child, 0)
print(status, usage.ru_maxrss)
"""
"""The kernel counts a child's peak from its parent's size on, so the parent has to be small."""
MIB = 1024 * (1024 if sys.platform == "darwin" else 1)  # what ru_maxrss counts, per MiB


def peak(server: Server, *words: str) -> float:
    """Run the program and return its peak resident size in MiB."""
    command = [sys.executable, "-I", "-S", "-c", PEAK, *COMMAND]
    told = process(*words, command=command, environ=server.environment)
    status, size = map(int, told.out.split())
    assert (status, told.ended) == (0, (0, ""))
    return size / MIB


@pytest.mark.parametrize("name", ["persona", "roam", "hrhis"])
def test_ten_times_the_records_take_no_more_memory(name: str) -> None:
    peaks = []
    for days in (30, 300):
        history = LOGS[name](days * 100, span=timedelta(days=days), now=TODAY)
        since = f"{TODAY - timedelta(days=days):%Y-%m-%d}"
        with Server(history) as server:
            peaks.append(peak(server, name, "list", "--since", since, "--until", WINDOW[3]))
        assert len(server.requests) == (1 if name == "hrhis" else days)
    assert peaks[1] < 1.3 * peaks[0]


def test_a_huge_array_takes_little_memory() -> None:
    rows = 175_000
    history = log("upstash", rows)
    assert (history.answer(Request(1, 0, "GET", "/auditlogs", "", {})).length or 0) > 60_000_000
    with Server(history) as server:
        assert peak(server, "upstash", "list", *WINDOW) < 80
