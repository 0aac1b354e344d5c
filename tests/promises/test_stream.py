"""One array, read in a stream: whole, in order, and on the way before it is complete."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.program import LONG, result, started
from tests.server import CUT, FIRST_ID, LOGS, Fault, Server, Upstash, again_and_again, too_many
from tests.world import SPAN, TODAY, WINDOW, asked, listed, log


@pytest.mark.parametrize(
    "faults",
    [
        [CUT],
        [Fault(cut=1_400_000), Fault(cut=40_000), Fault(cut=1_400_000)],
        [too_many(0), Fault(cut=900_000), Fault(503, {"Retry-After": "0"})],
        [Fault(edit=lambda body: body[:1_000_000])],
        [Fault(edit=lambda body: body[:1_000_000] + b"<html>")],
    ],
    ids=["early", "thrice", "between refusals", "sound but cut", "sound but garbled"],
)
def test_a_stream_that_breaks_off_goes_on_without_loss_or_repeat(
    faults: list[Fault | None],
) -> None:
    chunked = len(faults) > 1
    found, requests = asked("upstash", history=log("upstash", 5000, chunked=chunked), faults=faults)
    assert (found.status, found.said) == (0, "")
    numbers = [int(ident.rpartition("-")[2]) - FIRST_ID for ident in found.ids]
    assert numbers == list(range(5000))
    assert len(requests) == 1 + len(faults)


@pytest.mark.parametrize("limit", [(), ("--limit", "10")])
def test_a_log_that_changed_while_a_broken_answer_is_read_again_ends_the_run_with_3(
    limit: tuple[str, ...], tmp_path: Path
) -> None:
    def changed(body: bytes) -> bytes:
        return b'[{"log_id":"new"},' + body[1:]

    faults = [Fault(cut=900_000), Fault(edit=changed)]
    with Server(log("upstash", 5000), faults=faults) as server:
        output = str(tmp_path / "log.jsonl")
        found = listed(server, "upstash", "-o", output, *limit)
    assert found.status == 3
    assert "changed" in found.said
    assert len(server.requests) == 2
    assert list(tmp_path.iterdir()) == []


def test_days_that_break_off_while_others_hold_all_connections_lose_and_repeat_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A day whose turn it is asks again while the answers that wait for theirs stay open."""
    monkeypatch.setattr("auditctl.http.stream.READ_AHEAD", 4_000)
    history = LOGS["roam"](15_000, span=timedelta(days=6), now=TODAY)
    faults = {1: Fault(cut=400_000), 3: Fault(cut=300_000), 6: Fault(cut=200)}
    words = ("--since", f"{TODAY - timedelta(days=6):%Y-%m-%d}", "--until", f"{TODAY:%Y-%m-%d}")
    with Server(history, faults=faults) as server:
        found = result("roam", "list", *words, **server.environment)
    assert (found.status, found.said) == (0, "")
    times = [record["time"] for record in found.records]
    assert times == sorted(times, reverse=True)
    assert len(set(found.ids)) == len(found.ids) == 15_000
    assert len(server.requests) == 6 + len(faults)


def test_what_was_written_before_a_stream_broke_for_good_is_whole_records() -> None:
    found, _ = asked(
        "upstash",
        "--retry-for",
        "0s",
        history=log("upstash", 5000),
        faults=again_and_again(Fault(cut=900_000)),
    )
    assert found.status == 3
    assert found.out.endswith(b"\n")
    assert 100 < len(set(found.ids)) == len(found.ids) < 5000


def test_rows_that_invite_a_cut_inside_them_and_one_that_is_huge_come_whole() -> None:
    traps = ["},{", '"},{"', "\\", '{"a":[{},{},{}]},{', "}, \n {", "]", "\ud800"]
    rows: list[Any] = [
        {"log_id": f"{n}", "timestamp": int(TODAY.timestamp()) - 9, "notes": traps[n % len(traps)]}
        | {"nested": [{"log_id": "no"}, {"x": [{}, {}]}] * (n % 3)}
        for n in range(2000)
    ]
    rows[1000]["notes"] = "},{" * 1_500_000
    found, _ = asked("upstash", "--raw", history=Upstash(rows))
    assert found.records == rows


@dataclass
class Halting(Upstash):
    """Sends its first rows, and the rest when the gate opens."""

    gate: threading.Event = field(default_factory=threading.Event)
    opened: bool = False

    def stream(self) -> Iterator[bytes]:
        pieces = super().stream()
        yield next(pieces)
        yield next(pieces)
        self.opened = self.gate.wait(LONG)
        yield from pieces


def test_the_first_rows_are_out_before_the_answer_is_complete() -> None:
    history = Halting(5000, span=SPAN, now=TODAY)
    with (
        Server(history) as server,
        started("upstash", "list", *WINDOW, **server.environment) as process,
    ):
        assert process.stdout
        assert process.stderr
        first = json.loads(process.stdout.readline())
        history.gate.set()
        rest, said = process.stdout.read(), process.stderr.read()
    assert history.opened, "the rows came when the server had given up waiting"
    assert first["id"].endswith(f"-{FIRST_ID}")
    assert rest.count(b"\n") == 4999
    assert (process.returncode, said) == (0, b"")
