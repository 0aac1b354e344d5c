"""The goals, one function each: what is measured, and what it may be."""

from __future__ import annotations

import filecmp
import math
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from subprocess import DEVNULL, PIPE
from typing import TYPE_CHECKING
from unittest.mock import patch

from auditctl.sync.files.journal import Journal
from auditctl.sync.files.replay import read_state
from auditctl.sync.state import ReadSpan, Span
from auditctl.window import to_text
from tests.bench import peers
from tests.bench.measure import AUDITCTL, FOLDER, Cost, Job, Site, measure, served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ALL = "200d"  # further back than the server's events reach
HUGE = 3_000_000  # events in an array of 1 GB
LATENCY = 0.05
FETCH = 12
"""S that goal 3 allows a fetch of one page."""
PAIRS = 5
"""Runs of each program of others that goal 10 compares with; the median counts."""
OUT = FOLDER / "out"

PASS = Job([sys.executable, "-c", "pass"])


@dataclass(frozen=True)
class Line:
    """One measured figure and its limit; without a limit it is only told."""

    what: str
    measured: float
    limit: float | None
    unit: str = ""

    @property
    def ok(self) -> bool:
        return self.limit is None or self.measured <= self.limit


def export(site: Site, provider: str, *words: str, **rest: bool) -> Job:
    """Everything there is, to a JSON Lines file."""
    where = () if rest else ("-o", str(OUT))
    options = ("--since", ALL, *(words or ("-f", "jsonl")))
    return site.auditctl(provider, "list", *options, *where, **rest)


@cache
def one_page() -> tuple[Cost, Cost]:
    """S, and a fetch of one page: other goals count from it."""
    with served(100) as site:
        start, fetch = measure(15, PASS, export(site, "persona"))
    return start, fetch


def goal_1() -> Iterator[Line]:
    module = Job([sys.executable, "-m", "auditctl", "--version"])
    start, script, run = measure(31, PASS, Job([str(AUDITCTL), "--version"]), module)
    by_pip_23 = re.search(rb"^import re$", AUDITCTL.read_bytes(), re.MULTILINE)
    yield Line("auditctl --version", script.wall / start.wall, 2.0 if by_pip_23 else 1.5, "S")
    yield Line("python -m auditctl --version", run.wall / start.wall, 1.5, "S")


def goal_2() -> Iterator[Line]:
    mistakes = ("persona list --since soon", "persona list --nope")
    asked = {"--help": 0, "persona list --help": 0, **dict.fromkeys(mistakes, 2)}
    jobs = [Job([str(AUDITCTL), *words.split()], status=status) for words, status in asked.items()]
    start, *costs = measure(15, PASS, *jobs)
    for words, cost in zip(asked, costs, strict=True):
        yield Line(f"auditctl {words}", cost.wall / start.wall, 7.5, "S")


def goal_3() -> Iterator[Line]:
    start, fetch = one_page()
    yield Line("S, in milliseconds", start.wall * 1000, None, "ms")
    yield Line("one page to jsonl", fetch.wall / start.wall, FETCH, "S")
    if http := peers.installed("httpie"):
        with served(100) as site:
            key = site.auditctl().environment["PERSONA_API_KEY"]
            words = ["--ignore-stdin", "--auth-type=bearer", f"--auth={key}", "GET"]
            page = f"{site.url}/api/v1/user-audit-logs?page[size]=100"
            theirs = Job([str(http.with_name("http")), *words, page], output=FOLDER / "page")
            ours, httpie = measure(15, export(site, "persona"), theirs)
        yield Line("... against httpie's GET of it", ours.wall / httpie.wall, 0.5)


def _against_plain(provider: str, rows: int, limit: float) -> Iterator[Line]:
    with served(rows) as site:
        plain, ours = measure(
            5, site.python("plain.py", provider, str(OUT)), export(site, provider)
        )
    yield Line("L, in seconds of CPU", plain.cpu, None, "s")
    yield Line(f"{provider}, {rows:,} rows to jsonl: CPU", ours.cpu / plain.cpu, limit, "L")


def goal_4() -> Iterator[Line]:
    yield from _against_plain("persona", 100_000, 2.6)


def goal_5() -> Iterator[Line]:
    yield from _against_plain("upstash", 200_000, 2.2)


def goal_6() -> Iterator[Line]:
    for provider, few, many in ("persona", 100_000, 1_000_000), ("upstash", 200_000, HUGE):
        peaks = []
        for rows in few, many:
            with served(rows) as site:
                peaks.append(measure(1, export(site, provider))[0].peak)
            yield Line(f"{provider}, {rows:,} rows: peak memory", peaks[-1], 45, "MiB")
        yield Line(f"{provider}, {many:,} over {few:,} rows", peaks[1] / peaks[0], 1.05)
    with served(100_000) as site:
        for provider in "roam", "hrhis":
            (cost,) = measure(1, export(site, provider))
            yield Line(f"{provider}, 100,000 rows: peak memory", cost.peak, 45, "MiB")


def _days() -> int:
    now = datetime.now(UTC)
    return (now.date() - (now - timedelta(days=int(ALL[:-1]))).date()).days + 1


def goal_7() -> Iterator[Line]:
    start, fetch = one_page()
    allowed = FETCH * start.wall
    rounds = {
        "persona, 100 pages": (100, 1.05),
        "roam, four days under way": (1 + math.ceil((_days() - 1) / 4), 1.12),
        "hrhis, four pages under way": (1 + math.ceil(99 / 4), 1.12),
    }
    with served(10_000, "--latency-ms", f"{LATENCY * 1000}", "--paged") as site:
        jobs = [export(site, what.split(",")[0]) for what in rounds]
        costs = measure(3, *jobs)
    for (what, (count, limit)), cost in zip(rounds.items(), costs, strict=True):
        bound = count * LATENCY
        yield Line(f"{what}: wall less goal 3", (cost.wall - allowed) / bound, limit, "x")
        yield Line("... less the fetch measured", (cost.wall - fetch.wall) / bound, None, "x")


def goal_8() -> Iterator[Line]:
    expected = {"persona": (101, 1), "upstash": (1, 1), "roam": (_days(), 4), "hrhis": (101, 4)}
    for provider, (requests, connections) in expected.items():
        with served(10_050, "--latency-ms", "2", "--paged") as site:
            export(site, provider).run()
            stats = site.stats()
        yield Line(
            f"{provider}: requests ({requests})", abs(len(stats["requests"]) - requests), 0, "off"
        )
        yield Line(f"{provider}: connections", stats["connections"], connections)


def goal_9() -> Iterator[Line]:
    fields = (
        "time,provider,account,id,actor,actor_id,actor_name,actor_email,action,target,outcome,"
        "status_code,source_ip,user_agent,session_id"
    )
    with served(50_000) as site:
        jsonl, short, csv, table, terminal = measure(
            3,
            export(site, "persona"),
            export(site, "persona", "-f", "csv", "--fields", fields),
            export(site, "persona", "-f", "csv"),
            export(site, "persona", "-f", "table"),
            export(site, "persona", "-f", "table", terminal=True),
        )
    yield Line("csv without raw: CPU over jsonl", short.cpu / jsonl.cpu, 1.4, "x")
    yield Line("csv with raw", csv.cpu / jsonl.cpu, 2.0, "x")
    yield Line("table to a file", table.cpu / jsonl.cpu, 1.3, "x")
    yield Line("table on a terminal, 50,000 rows", terminal.cpu / jsonl.cpu, 1.3, "x")


def goal_10() -> Iterator[Line]:
    limits = {"persona": (100_000, 1 / 4, None), "upstash": (200_000, 1 / 3, 1 / 8)}
    for provider, (rows, cpu, memory) in limits.items():
        with served(rows) as site:
            for tool in peers.TOOLS:
                pairs: list[list[Cost]] = []
                # A new job each time, since its folder is to be empty.
                while len(pairs) < PAIRS and (job := peers.job(site, tool, provider)):
                    pairs.append(measure(1, export(site, provider), job))
                    count = peers.delivered(job)
                    assert count == rows, f"{tool} delivered {count} of {rows} events"
                if not pairs:
                    continue
                ours, theirs = sorted(pairs, key=lambda pair: pair[0].cpu / pair[1].cpu)[PAIRS // 2]
                yield Line(f"{provider}: CPU over that of {tool}", ours.cpu / theirs.cpu, cpu)
                share = ours.peak / theirs.peak
                yield Line(f"{provider}: memory over that of {tool}", share, memory)


def goal_11() -> Iterator[Line]:
    with served(10_000) as site:
        (sound,) = measure(3, export(site, "persona"))
    with served(10_000, "--every", "20", "--status", "429", "--retry-after", "1") as site:
        (held,) = measure(1, export(site, "persona"))
        waits = len(site.stats()["requests"]) // 20
    ids = re.findall(rb'"id":"(ual_\d+)","actor"', OUT.read_bytes())
    yield Line(
        f"wall over fault-free and {waits} s told", held.wall / (sound.wall + waits), 1.05, "x"
    )
    yield Line("ids lost or doubled", 10_000 - len(set(ids)) + len(ids) - len(set(ids)), 0)


def goal_12() -> Iterator[Line]:
    _, fetch = one_page()
    with served(HUGE) as site:
        job = site.auditctl("upstash", "list", "--since", ALL, "-f", "jsonl")
        start = time.perf_counter()
        with job.start(stdout=PIPE, stderr=DEVNULL) as process:
            assert process.stdout
            process.stdout.readline()
            first = time.perf_counter() - start
            process.terminate()
    yield Line("first record of 1 GB: later than a fetch", (first - fetch.wall) * 1000, 100, "ms")


def goal_13() -> Iterator[Line]:
    path = FOLDER / "sync" / "all.jsonl"
    with served(100_000) as site:
        begun = site.auditctl("persona", "sync", "-o", str(path))
        anew = ["sh", "-c", f'rm -rf "{path.parent}" && exec "$@"', "sh", *begun.command]
        everything, first, nothing, page = measure(
            5,
            export(site, "persona"),
            Job(anew, begun.environment),
            begun,
            export(site, "persona", "--limit", "100", "-f", "jsonl"),
        )
        yield Line(
            "persona sync, 100,000 rows: CPU over list", first.cpu / everything.cpu, 1.25, "x"
        )
        yield Line("a sync that finds nothing: CPU over one page", nothing.cpu / page.cpu, 1.1, "x")
        aged = site.auditctl("persona", "sync", "-o", str(a_year_old(path)))
        aged.run()  # finds what has happened within its overlap
        (old,) = measure(5, aged)
    size = (FOLDER / "aged" / "all.jsonl.journal").stat().st_size / 2**20
    yield Line("a journal of a year of runs", size, None, "MiB")
    yield Line("... is opened later than a new one", (old.wall - nothing.wall) * 1000, 100, "ms")


def goal_14() -> Iterator[Line]:
    few, many = 50_000, 200_000
    allowed = 4.5  # a little more than four times: ids that are kept outgrow the processor's cache
    costs = []
    for rows in few, many:
        with served(rows, "--paged") as site:
            costs += measure(3, export(site, "hrhis"))
    share = costs[1].cpu / costs[0].cpu
    yield Line(f"hrhis by pages, {many:,} over {few:,} rows: CPU", share, allowed, "x")


def goal_16() -> Iterator[Line]:
    few, many = 200_000, 2_000_000  # that is 1 GB
    with served(few) as site:
        array, small = measure(3, export(site, "upstash"), export(site, "hrhis"))
    with served(many) as site:
        (huge,) = measure(1, export(site, "hrhis"))
    yield Line(f"hrhis in one answer, {many:,} rows: peak memory", huge.peak, 45, "MiB")
    yield Line(f"... over {few:,} rows", huge.peak / small.peak, 1.05)
    yield Line("... CPU of a row over that of an Upstash row", small.cpu / array.cpu, None, "x")
    yield Line(f"... CPU of {many:,} over {few:,} rows", huge.cpu / small.cpu, 11, "x")


def goal_15() -> Iterator[Line]:
    days = {
        "roam, 100,000 rows over 30 days": (100_000, "30", 50),
        "roam, a day of 500 MB": (1_850_000, "0.3", 60),
    }
    for what, (rows, span, limit) in days.items():
        with served(rows, "--days", span) as site:
            (cost,) = measure(1, export(site, "roam", "--since", "31d", "-f", "jsonl"))
        yield Line(f"{what}: peak memory", cost.peak, limit, "MiB")


def goal_18() -> Iterator[Line]:
    rows = 1_000_000
    with served(rows, "--actors", "300000") as site:
        jsonl, summary = measure(
            1, export(site, "persona"), export(site, "persona", "-f", "summary")
        )
    what = "summary of 1,000,000 rows, 300,000 actors"
    yield Line(f"{what}: CPU", summary.cpu / jsonl.cpu, 1.2, "x")
    yield Line("... peak memory", summary.peak, 120, "MiB")
    with served(rows // 5) as site:
        jsonl, summary = measure(
            3, export(site, "persona"), export(site, "persona", "-f", "summary")
        )
    yield Line("... of 200,000 rows, 5 actors: CPU", summary.cpu / jsonl.cpu, 1.2, "x")


def goal_19() -> Iterator[Line]:
    small, huge = FOLDER / "small.jsonl", FOLDER / "huge.jsonl"
    words = ("read", str(small), "-f", "jsonl", "-o", str(OUT))
    with served(100_000) as site:
        exported = site.auditctl("persona", "list", "--since", ALL, "-o", str(small))
        listed, read = measure(5, exported, Job([str(AUDITCTL), *words]))
    assert filecmp.cmp(OUT, small, shallow=False)
    with huge.open("wb") as file:
        while file.tell() < 2**30:
            with small.open("rb") as rows:
                shutil.copyfileobj(rows, file)
    (much,) = measure(1, Job([str(AUDITCTL), "read", str(huge), "-f", "jsonl", "-o", str(OUT)]))
    huge.unlink()
    yield Line("read of 100,000 rows: CPU over their export", read.cpu / listed.cpu, 1.5, "x")
    yield Line("read of 1 GB: peak memory", much.peak, 45, "MiB")
    yield Line("... over that of 100,000 rows", much.peak / read.peak, 1.05)


def goal_20() -> Iterator[Line]:
    few, many = 100_000, 1_000_000
    folder = FOLDER / "lake"

    def anew(site: Site, format_: str) -> Job:
        place = folder / f"all.{format_}.gz"
        begun = site.auditctl("persona", "sync", "-f", format_, "-o", str(place))
        return Job(
            ["sh", "-c", f'rm -rf "{folder}" && exec "$@"', "sh", *begun.command], begun.environment
        )

    with served(few) as site:
        files, table = measure(3, anew(site, "jsonl"), anew(site, "delta"))
    with served(many) as site:
        (huge,) = measure(1, anew(site, "delta"))
    # Both runs keep the ids of all their rows, so that none is written twice.
    few_ids, many_ids = kept(few), kept(many)
    share = (huge.peak - many_ids) / (table.peak - few_ids)
    yield Line(f"delta, {few:,} rows: CPU over .jsonl.gz", table.cpu / files.cpu, 1.3, "x")
    yield Line("... peak memory", table.peak, 400, "MiB")
    yield Line(f"... {many:,} rows: peak memory", huge.peak, None, "MiB")
    yield Line("... of which the ids", many_ids, None, "MiB")
    yield Line(f"... over {few:,} rows, ids aside", share, 1.1)


def kept(count: int) -> float:
    """Return the MiB that so many ids take as a run keeps them: a set of texts like Persona's.

    They are made in a process of its own, since this one must stay small.
    """
    program = """
import resource, sys
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20
before, first = resident(), 2 * 10**12
ids = {f"ual_{number}" for number in range(first, first + int(sys.argv[1]))}
print(resident() - before)
"""
    command = [sys.executable, "-c", program, str(count)]
    return float(subprocess.check_output(command))


def a_year_old(path: Path) -> Path:
    """Make a journal like that of `path`, of runs each minute that all had something to say."""
    old = FOLDER / "aged" / path.name
    old.parent.mkdir()
    begun = read_state(f"{path}.journal")
    assert begun is not None
    journal = Journal(f"{old}.journal", 0, time.sleep)
    journal.state.shape = begun.shape
    gap = Span("2020-01-01T00:00:00.000Z", "2020-01-02T00:00:00.000Z")
    now = datetime.now(UTC)
    with patch("os.fsync"):
        for minutes in range(365 * 24 * 60, 0, -1):
            since, until = (to_text(now - timedelta(minutes=minutes + n)) for n in (60, 0))
            commit = journal.state.next()._replace(
                window=ReadSpan(since, until, None, done=True),
                covered=Span(None, until),
                acknowledged=(gap,),
            )
            journal.append(commit, snapshot=journal.state.line < 0)
    journal.close()
    return old


GOALS: dict[str, Callable[[], Iterator[Line]]] = {
    name.removeprefix("goal_"): goal
    for name, goal in list(globals().items())
    if name.startswith("goal_")
}
