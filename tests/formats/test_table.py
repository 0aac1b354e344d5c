"""The table: what fits 80 columns, what gives way first, and how times are shown."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from auditctl.formats import Layout, make
from auditctl.records.fields import parse_fields
from auditctl.records.record import FIELDS, Record
from auditctl.window import Window

AMINA = "amina.juma@example.com"
DAR, BERLIN = ZoneInfo("Africa/Dar_es_Salaam"), ZoneInfo("Europe/Berlin")


def record(**values: Any) -> Record:
    return {
        **dict.fromkeys(FIELDS),
        "time": "2026-11-26T13:06:13.123Z",
        "outcome": "success",
        **values,
    }


def window(since: str, until: str) -> Window:
    begin, end = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (since, until))
    return Window(begin, end)


YEAR = window("2026-01-01", "2027-01-01")


def table(*batches: list[Record], width: int | None = 80, **layout: Any) -> list[str]:
    """Write a table on a terminal, or in a pipe without a width; return its lines."""
    made = make("table", Layout(terminal=width is not None, width=width or 80, **layout))
    return b"".join([*map(made.rows, batches), made.end()]).decode().split("\n")[:-1]


def test_80_columns_are_enough() -> None:
    path = "/api/internal/dashboard/v1/cases/case_demo5211/notes"
    batch = [
        record(actor=AMINA, action=f"PATCH {path}", target="case_demo5211"),
        record(actor="bo@example.com", action="POST /login", outcome="failure"),
        record(outcome="unknown"),
    ]
    assert table(batch, window=YEAR) == [
        "time            actor        action                       target         outcome",
        "11-26 13:06:13  amina.juma…  PATCH /a…ase_demo5211/notes  case_demo5211  success",
        "11-26 13:06:13  bo@example…  POST /login                  -              failure",
        "11-26 13:06:13  -            -                            -              unknown",
    ]


def test_a_long_name_leaves_room_for_what_was_done() -> None:
    batch = [record(actor=f"{'n' * 60}@example.com", action="PATCH /api/v1/inquiries/inq_1/notes")]
    assert table(batch, window=YEAR)[1] == (
        "11-26 13:06:13  nnnnnnnnnnnnnnnnnnnnnnn…  PATCH …es/inq_1/notes  -       success"
    )


def test_200_columns_show_everything_whole() -> None:
    path = f"GET /{'x' * 60}"
    one = record(actor=AMINA, action=path, target="t" * 20, source_ip="2001:db8::1")
    header, line = table([one], width=200)
    assert header.split() == ["time", "actor", "action", "target", "outcome", "source_ip"]
    assert line.split("  ") == [
        "2026-11-26T13:06:13.123Z", AMINA, path, "t" * 20, "success", "2001:db8::1"
    ]  # fmt: skip


def test_99_columns_have_no_address_and_100_have_one() -> None:
    assert [len(table(width=width)[0].split()) for width in (99, 100)] == [5, 6]


@pytest.mark.parametrize("width", [None, 80, 200])
def test_records_of_several_sources_say_which(width: int | None) -> None:
    header, line = table([record(source="prod-eu")], width=width, with_source=True)
    assert header.split()[:3] == ["time", "source", "actor"]
    assert "  prod-eu  " in line


def test_an_address_loses_its_domain_before_another_value_is_cut() -> None:
    one = record(actor=AMINA, action="x" * 31)
    lines = table([one], fields=parse_fields("actor,action"), width=44)
    assert lines[1] == f"amina.juma…  {'x' * 31}"
    assert table([one], fields=parse_fields("actor,action"), width=43)[1].startswith("amina.juma…")


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("action", "DELETE /api/v1/inquiries/inq_1/redact", "DELETE …nq_1/redact"),
        ("target", "/a/very/long/path/to/the/end", "/a/ver…h/to/the/end"),
        ("target", AMINA, "amina.juma@example…"),
        ("actor", "Amina Binti Juma of Dodoma", "Amina Binti Juma o…"),
        ("user_agent", "Mozilla/5.0 (X11) Firefox/132.0", "Mozill…irefox/132.0"),
        ("action", "漢字漢字漢字漢字漢字漢字", "漢字漢…漢字漢字漢字"),
    ],
)
def test_the_middle_goes_but_of_an_actor_and_an_address_the_end(
    name: str, value: str, shown: str
) -> None:
    assert table([record(**{name: value})], fields=parse_fields(name), width=19)[1] == shown


# Times


def times(*batches: list[str], **layout: Any) -> list[str]:
    fields = parse_fields("time,actor")
    records = [[record(time=time, actor="x") for time in batch] for batch in batches]
    lines = table(*records, fields=fields, **layout)
    return [line.rpartition("  ")[0].rstrip() for line in lines]


@pytest.mark.parametrize(
    ("span", "shown"),
    [
        (YEAR, "01-02 03:04:05"),
        (None, "01-02 03:04:05"),
        (Window(None, None), "01-02 03:04:05"),
        (window("2025-12-31", "2026-11-26"), "2026-01-02 03:04:05"),
    ],
)
def test_the_year_is_left_out_if_the_window_and_the_first_times_lie_within_one(
    span: Window | None, shown: str
) -> None:
    assert times(["2026-01-02T03:04:05.678Z"], window=span) == ["time", shown]


def test_two_years_are_both_written() -> None:
    both = ["2026-01-01T00:00:00.000Z", "2025-12-31T23:59:59.999Z"]
    assert times(both) == ["time", "2026-01-01 00:00:00", "2025-12-31 23:59:59"]


def test_a_later_time_of_another_year_has_its_year_in_the_same_column() -> None:
    shown = times(["2026-01-01T00:00:00.000Z"], ["2025-12-31T23:59:59.999Z"])
    assert shown == ["time", "01-01 00:00:00", "2025-12-31 23…"]


@pytest.mark.parametrize(
    ("zone", "span", "width", "shown"),
    [
        (DAR, YEAR, 80, ["time +03:00", "2026-01-01 02:30:00"]),
        (DAR, window("2026-01-01", "2026-12-31"), 80, ["time +03:00", "01-01 02:30:00"]),
        (DAR, YEAR, 200, ["time +03:00", "2026-01-01T02:30:00.125"]),
        (DAR, YEAR, None, ["time +03:00", "2026-01-01T02:30:00.125"]),
        (DAR, None, None, ["time +03:00", "2026-01-01T02:30:00.125"]),
        (ZoneInfo("Asia/Kathmandu"), Window(None, None), None,
         ["time +05:45", "2026-01-01T05:15:00.125"]),
        (BERLIN, Window(None, None), None, ["time", "2026-01-01T00:30:00.125+01:00"]),
        (BERLIN, YEAR, 80, ["time", "2026-01-01 00:30:00+01:00"]),
        (BERLIN, YEAR, None, ["time", "2026-01-01T00:30:00.125+01:00"]),
        (BERLIN, window("2025-12-01", "2026-02-01"), None,
         ["time +01:00", "2026-01-01T00:30:00.125"]),
        (ZoneInfo("UTC"), YEAR, None, ["time", "2025-12-31T23:30:00.125Z"]),
        (UTC, YEAR, None, ["time", "2025-12-31T23:30:00.125Z"]),
    ],
)  # fmt: skip
def test_times_are_shown_in_a_zone(
    zone: tzinfo, span: Window | None, width: int | None, shown: list[str]
) -> None:
    assert times(["2025-12-31T23:30:00.125Z"], zone=zone, window=span, width=width) == shown


def test_a_time_with_another_offset_than_the_titles_carries_its_own() -> None:
    winter = window("2026-01-01", "2026-02-01")
    shown = times(["2026-07-01T00:00:00.000Z"], zone=BERLIN, window=winter, width=None)
    assert shown == ["time +01:00", "2026-07-01T02:00:00.000+02:00"]


@pytest.mark.parametrize(
    ("time", "zone", "shown"),
    [
        ("9999-12-31T23:59:59.999Z", DAR, "9999-12-31 23:59:59Z"),
        ("0001-01-01T00:00:00.000Z", ZoneInfo("America/New_York"), "0001-01-01 00:00:00Z"),
        ("soon\x1b", DAR, r"soon\x1b"),
        ("2026-11-26T13:06+03:00", UTC, "2026-11-26T13:06+03:00"),
        ("", DAR, "-"),
        (None, UTC, "-"),
    ],
)
def test_a_time_that_cannot_be_shown_in_the_zone_is_shown_as_it_is(
    time: str | None, zone: tzinfo, shown: str
) -> None:
    batch = [record(time="2026-01-01T00:00:00.000Z"), record(time=time)]
    assert table(batch, fields=parse_fields("time"), zone=zone)[2] == shown


# A pipe


def test_a_long_value_in_a_pipe_pads_no_other_line() -> None:
    fields = parse_fields("actor,action")
    batch = [record(actor=text, action="x") for text in ("a" * 40, "b", "c" * 41)]
    assert table(batch[1:], [batch[0]], fields=fields, width=None) == [
        "actor  action", "b      x", f"{'c' * 41}  x", f"{'a' * 40}  x"
    ]  # fmt: skip
    assert table(batch, fields=fields, width=None)[2] == f"b{' ' * 39}  x"


def test_a_long_title_over_long_values_is_no_mistake() -> None:
    name = f"raw.{'a' * 50}"
    one = record(raw={"a" * 50: "b" * 50}, actor="x")
    lines = table([one], fields=parse_fields(f"{name},actor"), width=None)
    assert lines == [f"{name}  actor", f"{'b' * 50}  x"]


# Colour


@pytest.mark.parametrize("width", [None, 80])
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("time,outcome,status_code", "{time}  \x1b[31mfailure\x1b[0m  404"),
        ("actor,status_code", "x      \x1b[31m404\x1b[0m"),
        ("actor,action", "\x1b[31mx\x1b[0m      y"),
    ],
)
def test_a_failure_is_red_whatever_is_shown_of_it(
    width: int | None, fields: str, expected: str
) -> None:
    one = record(outcome="failure", status_code=404, actor="x", action="y")
    header, line = table([one], fields=parse_fields(fields), width=width, color=True, window=YEAR)
    assert header.startswith("\x1b[1m")
    time = "2026-11-26T13:06:13.123Z" if width is None else "11-26 13:06:13"
    assert line == expected.format(time=time)
