"""The summary: what is counted, in which order whatever comes, and what is said beyond bounds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from auditctl.escape import escape
from auditctl.formats import Layout, frequent, make
from auditctl.records.fields import parse_fields
from auditctl.records.record import FIELDS, Record
from auditctl.window import Window, to_text
from tests.conftest import STRINGS

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

NOON = datetime(2026, 11, 26, 12, 30, tzinfo=UTC)
DAY = Window(NOON - timedelta(days=1), NOON)
COLOR = re.compile(r"\x1b\[[0-9;]*m")


def record(ago: timedelta | None = None, **values: Any) -> Record:
    """Make a record of so long before noon."""
    time = None if ago is None else to_text(NOON - ago)
    return {**dict.fromkeys(FIELDS), "time": time, "outcome": "success", **values}


def summary(*batches: Sequence[Record], window: Window | None = DAY, **layout: Any) -> list[str]:
    made = make("summary", Layout(window=window, **layout))
    assert b"".join(map(made.rows, batches)) == b""
    return made.end().decode().split("\n")[:-1]


def section(lines: list[str], title: str) -> list[str]:
    """Return the lines below a heading, up to the next empty one."""
    start = next(n for n, line in enumerate(lines) if line.startswith(title)) + 1
    end = lines.index("", start) if "" in lines[start:] else len(lines)
    return lines[start:end]


HOURS = timedelta(hours=1)
LOG = [
    record(HOURS / 60, actor="ada", action="POST /login", source_ip="192.0.2.1", outcome="failure"),
    record(HOURS / 30, actor="mal", action="POST /login", source_ip="192.0.2.9", outcome="failure"),
    record(HOURS / 20, actor="mal", action="GET /a", target="a_1", outcome="failure"),
    record(HOURS / 10, actor="mal", action="POST /login", outcome="failure"),
    record(5 * HOURS, actor="ada", action="GET /a", target="a_1", source_ip="192.0.2.1"),
    record(5 * HOURS, actor="ada", action="GET /b", source_ip="192.0.2.1", outcome="unknown"),
    record(6 * HOURS, actor="bo", action="GET /b", source_ip="192.0.2.1"),
]


def test_a_summary_of_some_hours() -> None:
    window = Window(NOON - 7 * HOURS, NOON)
    assert summary(LOG, window=window) == [
        "7 records, 4 failures",
        "from 2026-11-26 06:30:00 to 2026-11-26 12:29:00 UTC",
        "",
        "hour         records  failures",
        "11-26 05:00        0         0",
        f"11-26 06:00        1         0  {'█' * 12}",
        f"11-26 07:00        2         0  {'█' * 24}",
        "11-26 08:00        0         0",
        "11-26 09:00        0         0",
        "11-26 10:00        0         0",
        "11-26 11:00        0         0",
        f"11-26 12:00        4         4  {'█' * 48}",
        "",
        "actors                                                           records   share",
        "ada                                                                    3   42.9%",
        "mal                                                                    3   42.9%",
        "bo                                                                     1   14.3%",
        "",
        "actions                                                          records   share",
        "POST /login                                                            3   42.9%",
        "GET /a                                                                 2   28.6%",
        "GET /b                                                                 2   28.6%",
        "",
        "targets                                                          records   share",
        "a_1                                                                    2   28.6%",
        "",
        "addresses                                                        records   share",
        "192.0.2.1                                                              4   57.1%",
        "192.0.2.9                                                              1   14.3%",
        "",
        "failed most                       failures  most often at",
        "mal                                      3  POST /login (2)",
        "ada                                      1  POST /login (1)",
        "",
        "failed actions                                                  failures   share",
        "POST /login                                                            3   75.0%",
        "GET /a                                                                 1   25.0%",
        "",
        "first seen since 11-26 11:48:00, the last tenth of the window",
        "actors     mal                                           11-26 12:24:00        3",
        "actions    POST /login                                   11-26 12:24:00        3",
        "addresses  192.0.2.9                                     11-26 12:28:00        1",
    ]


names = st.none() | st.sampled_from(["ada", "bo", "", "\x1b[31m漢字", "a@b.example"]) | STRINGS
logs = st.lists(
    st.builds(
        lambda ago, outcome, values: record(ago, outcome=outcome, **values),
        st.none() | st.timedeltas(timedelta(), timedelta(days=1)),
        st.sampled_from(["success", "failure", "unknown"]),
        st.fixed_dictionaries(
            dict.fromkeys(["actor", "action", "target", "source_ip"], names)
        ),
    ),
    max_size=8,
)  # fmt: skip


@given(logs, st.integers(0, 8), st.randoms(use_true_random=False))
def test_order_and_pages_make_no_difference_to_what_is_counted(
    log: list[Record], cut: int, dice: random.Random
) -> None:
    whole = summary(log)
    shuffled = dice.sample(log, len(log))
    assert summary(shuffled[:cut], shuffled[cut:]) == whole
    head = sum(record["outcome"] == "failure" for record in log)
    assert whole[0] == (
        f"{len(log)} record{'s' * (len(log) != 1)}, {head} failure{'s' * (head != 1)}"
    )


@given(logs)
def test_80_columns_are_enough_and_colours_add_nothing_else(log: list[Record]) -> None:
    plain = summary(log)
    assert max(map(cell_len, plain)) <= 80
    assert escape("".join(plain)) == "".join(plain)
    assert [COLOR.sub("", line).rstrip() for line in summary(log, color=True)] == plain


def test_headings_are_bold_and_failures_red() -> None:
    lines = summary(LOG, color=True)
    assert "\x1b[1mfailed most                       failures  most often at\x1b[0m" in lines
    bar = next(line for line in lines if line.startswith("11-26 12:00"))
    assert bar.endswith(f"\x1b[31m       4\x1b[0m  \x1b[31m{'█' * 48}\x1b[0m")


# The histogram


@pytest.mark.parametrize(
    ("span", "unit", "starts"),
    [
        (timedelta(hours=2), "hour", ["11-26 10:00", "11-26 11:00", "11-26 12:00"]),
        (timedelta(hours=48), "hour", 49),
        (timedelta(hours=48, seconds=1), "day", ["11-24", "11-25", "11-26"]),
        (timedelta(days=100), "day", 101),
        (timedelta(days=100, seconds=1), "week", 15),
        (timedelta(days=366), "week", 53),
    ],
)
def test_a_bucket_is_an_hour_a_day_or_a_week(
    span: timedelta, unit: str, starts: list[str] | int
) -> None:
    lines = section(summary([record(span / 3)], window=Window(NOON - span, NOON)), unit)
    shown = [re.split(r" {2,}", line)[0] for line in lines]
    assert shown == starts if isinstance(starts, list) else len(shown) == starts
    days = {datetime.strptime(f"2026-{start[:5]}", "%Y-%m-%d").weekday() for start in shown}  # noqa: DTZ007
    assert days == {0} or unit != "week" or span.days > 300
    assert sum(int(line.split()[-3 if "█" in line else -2]) for line in lines) == 1


def test_a_window_of_years_says_which() -> None:
    years = Window(NOON - timedelta(days=800), NOON)
    lines = section(summary([], window=years), "week")
    years_shown = [line[:10] for line in lines if line[0] != " "]
    assert years_shown == ["2024-09-16", "2025-01-06", "2026-01-05"]
    assert lines[1].startswith("     09-23")


def test_a_window_of_centuries_is_shown_by_years() -> None:
    ages = Window(datetime(1, 1, 2, tzinfo=UTC), datetime(2026, 11, 26, tzinfo=UTC))
    log = [record(NOON - datetime(2025, 12, 31, tzinfo=UTC)), record(timedelta(days=300))]
    lines = section(summary(log, window=ages), "year")
    assert [line.split()[0] for line in lines] == [f"{year:04}" for year in range(1, 2027)]
    assert [line.split()[:2] for line in lines if "█" in line] == [["2025", "1"], ["2026", "1"]]


def test_a_window_without_a_beginning_begins_with_its_oldest_record() -> None:
    for window in (Window(None, NOON), Window(None, None), None):
        lines = section(
            summary([record(HOURS), record(3 * HOURS), record()], window=window), "hour"
        )
        assert lines[0].startswith("11-26 09:00        1")
        assert lines[-1] == "without a time: 1 record"


@pytest.mark.parametrize("window", [None, DAY, Window(None, NOON)])
def test_nothing_is_a_summary_too(window: Window | None) -> None:
    lines = summary([], window=window)
    assert lines[0] == "0 records, 0 failures"
    assert [line for line in lines[1:] if line and not line[0].isalpha()] == (
        [f"{NOON - n * HOURS:%m-%d %H}:00        0         0" for n in range(24, -1, -1)]
        if window == DAY
        else []
    ) + 4 * ["-"] + ["-"] * (window == DAY)


def test_hours_and_days_are_those_of_the_zone() -> None:
    one = [record(NOON - datetime(2026, 11, 25, 20, 40, tzinfo=UTC))]
    kathmandu = ZoneInfo("Asia/Kathmandu")  # 5 h 45 min ahead
    lines = summary(one, zone=kathmandu)
    assert lines[1] == "from 2026-11-26 02:25:00 to 2026-11-26 02:25:00 +05:45"
    hours = section(lines, "hour")
    assert (hours[0][:11], hours[-1][:11], len(hours)) == ("11-25 18:00", "11-26 18:00", 25)
    assert [line[:11] for line in hours if "█" in line] == ["11-26 02:00"]
    days = Window(NOON - timedelta(days=5), NOON)
    assert [line[:5] for line in section(summary(one, window=days, zone=kathmandu), "day")][
        0:6
    ] == ["11-21", "11-22", "11-23", "11-24", "11-25", "11-26"]


def test_an_hour_that_comes_twice_has_two_lines() -> None:
    since, until = (datetime(2026, 10, 25, hour, tzinfo=UTC) for hour in (0, 3))
    log = [
        record(NOON - since - timedelta(minutes=minutes), actor="x")
        for minutes in (10, 70, 80, 130)
    ]
    lines = summary(log, window=Window(since, until), zone=ZoneInfo("Europe/Berlin"))
    assert lines[1] == "from 2026-10-25 02:10:00+02:00 to 2026-10-25 03:10:00+01:00"
    assert [line.split()[:3] for line in section(lines, "hour")] == [
        ["10-25", "02:00+0200", "1"], ["10-25", "02:00+0100", "2"], ["10-25", "03:00+0100", "1"]
    ]  # fmt: skip


def test_many_spans_are_folded_into_days_and_weeks() -> None:
    moments = [NOON - timedelta(hours=37 * n) for n in range(25_000)]
    log = [record(NOON - moment) for moment in moments]
    with patch("auditctl.formats.histogram.MOST", 50):
        lines = section(summary(log[:9000], log[9000:], window=None), "week")
    weeks = {(moment - timedelta(days=moment.weekday())).date() for moment in moments}
    assert len(lines) == len(weeks)
    assert sum(int(line.split()[1]) for line in lines) == 25_000


# Names


def test_ten_names_are_shown_and_of_new_ones_how_many_more() -> None:
    log = [record(HOURS / 60, actor=f"a{n:02}") for n in range(30) for _ in range(30 - n)]
    lines = summary(log)
    assert [line.split()[:2] for line in section(lines, "actors")] == [
        [f"a{n:02}", f"{30 - n}"] for n in range(10)
    ]
    new = section(lines, "first seen")
    assert [line.split()[1] for line in new[:-1]] == [f"a{n:02}" for n in range(10)]
    assert new[-1] == "actors     and 20 more"


def test_fields_that_are_chosen_are_counted_instead() -> None:
    fields = parse_fields("raw.n,provider")
    log = [record(HOURS, raw={"n": n}, provider="x") for n in (5, 5, None, [1])]
    lines = summary(log, fields=fields)
    assert section(lines, "raw.n")[0].split() == ["5", "2", "50.0%"]
    assert section(lines, "raw.n")[1].split() == ["[1]", "1", "25.0%"]
    assert section(lines, "provider")[0].split() == ["x", "4", "100.0%"]
    assert not [line for line in lines if line.startswith("actors")]


@pytest.mark.parametrize("name", ["a" * 300, "\udcff\x1b", "漢" * 50])
def test_a_field_may_have_any_name(name: str) -> None:
    log = [record(HOURS / 60, raw={name: "x"})]
    lines = summary(log, fields=parse_fields(f"raw.{name}"))
    assert max(map(cell_len, lines)) <= 80
    assert escape("".join(lines)) == "".join(lines)
    assert section(lines, "first seen")[0].split()[-4:] == ["x", "11-26", "12:29:00", "1"]


def test_long_names_are_kept_apart_though_not_kept_whole() -> None:
    log = [record(HOURS, target="x" * 10**6 + end) for end in "abba"]
    column = section(summary(log), "targets")
    assert [line.split()[1] for line in column] == ["2", "2"]
    assert all("x…" in line for line in column)


def test_beyond_its_bound_it_says_about_and_cannot_tell_what_is_new() -> None:
    with patch.multiple(frequent, EXACT=100, KEPT=50):
        log = [record(HOURS, actor=f"a{n}") for n in range(1000)]
        often = [record(2 * HOURS, actor="often", outcome="failure") for _ in range(100)]
        lines = summary(*([*log[n : n + 10], often[n // 10]] for n in range(0, 1000, 10)))
    name, about, count, share = section(lines, "actors")[0].split()
    assert (name, about) == ("often", "about")
    assert 100 - 1100 / 50 <= int(count) <= 100
    assert float(share[:-1]) == pytest.approx(int(count) / 11, abs=0.1)
    new = section(lines, "first seen")
    assert new == ["actors     cannot tell: more than 100 different ones"]


@given(st.lists(st.integers(0, 9_000), max_size=40), st.integers(1, 9))
def test_pages_in_any_order_make_the_same_summary(minutes: list[int], size: int) -> None:
    log = [
        record(None if ago == 1 else timedelta(minutes=ago), actor=f"a{ago % 7}", target="t" * ago)
        for ago in minutes
    ]
    pages = [log[start : start + size] for start in range(0, len(log), size)]
    window = Window(NOON - timedelta(minutes=9_001), NOON)
    assert summary(*pages, window=window) == summary(
        *([one] for one in reversed(log)), window=window
    )
    assert summary(log, window=window) == summary(*([one] for one in log), window=window)
