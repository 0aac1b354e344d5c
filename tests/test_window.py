from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl.errors import UsageError
from auditctl.options import ListOptions
from auditctl.window import BEGINNING, END, Window, parse_duration, parse_time
from tests.records.test_event_time import fractions, moments, offsets, seconds

NOW = datetime(2026, 7, 14, 15, 9, 26, 535897, UTC)
MIDNIGHT = datetime(2026, 7, 14, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("45s", timedelta(seconds=45)),
        ("90m", timedelta(minutes=90)),
        ("12h", timedelta(hours=12)),
        ("30d", timedelta(days=30)),
        ("2w", timedelta(weeks=2)),
        ("1d12h", timedelta(days=1, hours=12)),
        ("1w1d1h1m1s", timedelta(weeks=1, days=1, hours=1, minutes=1, seconds=1)),
        ("0", timedelta()),
        ("0s", timedelta()),
    ],
)
def test_durations_are_read(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected
    assert text == "0" or parse_time(text, NOW) == NOW - expected


@pytest.mark.parametrize(
    "text",
    ["", "1", "d", "1x", "1 d", "-1d", "+1d", "1.5h", "1D", "\u0661d", "1d12", "9" * 30 + "w"],
)
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("today", MIDNIGHT),
        ("yesterday", MIDNIGHT - timedelta(days=1)),
        (" today ", MIDNIGHT),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T08:09:10Z", datetime(2026, 1, 31, 8, 9, 10, tzinfo=UTC)),
        ("2026-01-31t08:09:10z", datetime(2026, 1, 31, 8, 9, 10, tzinfo=UTC)),
        ("2026-01-31 08:09:10", datetime(2026, 1, 31, 8, 9, 10, tzinfo=UTC)),
        ("2026-01-31T08:09:10.25", datetime(2026, 1, 31, 8, 9, 10, 250000, UTC)),
        ("2026-01-31T01:09:10+05:30", datetime(2026, 1, 30, 19, 39, 10, tzinfo=UTC)),
        ("2026-01-31T08:09:10-0130", datetime(2026, 1, 31, 9, 39, 10, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2017-01-01T05:29:60.5+05:30", datetime(2017, 1, 1, 0, 0, 0, 500_000, UTC)),
        ("0000000000", datetime(1970, 1, 1, tzinfo=UTC)),
        ("1769846950", datetime(2026, 1, 31, 8, 9, 10, tzinfo=UTC)),
        ("9999999999", datetime(2286, 11, 20, 17, 46, 39, tzinfo=UTC)),
        ("1769846950123", datetime(2026, 1, 31, 8, 9, 10, 123000, UTC)),
    ],
)
def test_each_form_of_a_time_is_read_in_utc(text: str, expected: datetime) -> None:
    moment = parse_time(text, NOW)
    assert moment == expected
    assert moment.utcoffset() == timedelta()


@pytest.mark.parametrize(
    "text",
    [
        "", "tomorrow", "Now", "1x", "-1d", "-5", "1.5", "176984695\u0660", "9" * 30, "9" * 5000,
        "0", "1", "2026031", "20260131", *("1769846950123456"[:n] for n in (9, 11, 12, 14)),
        "2026-02-30", "2026-1-1", "2026-01-31T", "2026-01-31Z", "2026-01-31T25:00Z",
        "2026-01-31T08:09:60Z", "2026-01-31T08:09:10+25:00", "2026-01-31T08:09:10Z\n2",
        "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "99999999w", "9" * 5000 + "s",
    ],
)  # fmt: skip
def test_a_time_that_cannot_be_read_shows_the_forms(text: str) -> None:
    with pytest.raises(UsageError, match=r"a duration back from now .* an RFC 3339 time"):
        parse_time(text, NOW)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("0", "0d"),
        ("30", "30d"),
        ("2026", "2026-01-01"),
        ("20261120", "2026-11-20"),
        ("20261320", None),
        ("99999999999", None),
        ("17698469501", None),
    ],
)
def test_another_number_alone_shows_what_was_probably_meant(text: str, meant: str | None) -> None:
    with pytest.raises(UsageError) as failure:
        parse_time(text, NOW)
    said = str(failure.value)
    assert f"{text!r}: a number alone is epoch seconds (10 digits) or milliseconds (13)." in said
    assert ("Did you mean" in said) is (meant is not None)
    assert meant is None or f"Did you mean {meant}? Write a duration back from now" in said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-07-01", "2026-07-01T04:00:00Z"),
        ("2026-01-31T08:09:10", "2026-01-31T13:09:10Z"),
        ("2026-01-31T08:09:10Z", "2026-01-31T08:09:10Z"),
        ("2026-01-31T08:09:10 GMT", "2026-01-31T08:09:10Z"),
        ("2026-01-31T08:09:10+03:00", "2026-01-31T05:09:10Z"),
        ("1769846950", "2026-01-31T08:09:10Z"),
        ("now", "2026-07-14T15:09:26.535897Z"),
        ("1d", "2026-07-13T15:09:26.535897Z"),
        ("today", "2026-07-14T04:00:00Z"),
        ("yesterday", "2026-07-13T04:00:00Z"),
        ("2026-03-08T02:30", "2026-03-08T07:30:00Z"),  # no such time: 03:30 in summer
        ("2026-11-01T01:30", "2026-11-01T05:30:00Z"),  # twice: the first, in summer
        ("2026-03-08T24:00", "2026-03-09T04:00:00Z"),  # a day of 23 hours
    ],
)
def test_a_time_without_an_offset_is_read_in_the_zone(text: str, expected: str) -> None:
    zone = ZoneInfo("America/New_York")
    assert parse_time(text, NOW, zone) == datetime.fromisoformat(expected)


def test_a_day_begins_by_the_zones_own_clocks() -> None:
    after = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)  # still the 1st in New York, a day of 25 hours
    zone = ZoneInfo("America/New_York")
    today, yesterday = (parse_time(word, after, zone) for word in ("today", "yesterday"))
    assert (today.isoformat(), yesterday.isoformat()) == (
        "2026-11-01T04:00:00+00:00",
        "2026-10-31T04:00:00+00:00",
    )
    day_after = parse_time("today", after + timedelta(days=1), zone)
    assert day_after - today == timedelta(hours=25)


@given(moments, st.sampled_from(["Africa/Dar_es_Salaam", "Europe/Berlin", "Australia/Lord_Howe"]))
def test_a_local_time_of_any_moment_is_it_or_the_first_of_two(moment: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    local = moment.astimezone(zone)
    read = parse_time(local.replace(tzinfo=None).isoformat(), NOW, zone)
    assert read == (moment if not local.fold else local.replace(fold=0).astimezone(UTC))


@given(moments, offsets)
def test_any_rfc_3339_time_is_the_same_moment(moment: datetime, offset: timezone) -> None:
    assert parse_time(moment.astimezone(offset).isoformat(), NOW) == moment


@given(moments, moments, moments, fractions)
def test_the_windows_ends_compare_with_any_time_as_numbers_do(
    since: datetime, until: datetime, moment: datetime, fraction: str
) -> None:
    time = f"{moment.replace(tzinfo=None, microsecond=0).isoformat()}.{fraction:0<3}Z"
    window = Window(since, until)
    start, end = (seconds(f"{m:%Y-%m-%dT%H:%M:%S.%f}Z".zfill(27)) for m in (since, until))
    first, last = window.span
    assert (first <= time[:-1] < last) == (start <= seconds(time) < end)
    assert (time[:-1] < first) == (seconds(time) < start)


@pytest.mark.parametrize(
    ("end", "before", "behind"),
    [
        ("2026-01-01T12:00:00.1234567Z", "12:00:00.1234566", "12:00:00.1234567"),
        ("2026-01-01T12:00:00.00000001", "12:00:00.000", "12:00:00.00000001000"),
        ("2026-01-01T12:00:00.12345600000Z", "12:00:00.123455999", "12:00:00.123456"),
        ("2026-01-01T00:00:00.0000001Z", "00:00:00.000", "00:00:00.001"),
    ],
)
def test_an_end_may_be_finer_than_a_microsecond(end: str, before: str, behind: str) -> None:
    for since, until in ("2025-12-31", end), (end, "2026-01-02"):
        window = ListOptions(since=since, until=until).window(NOW)
        first, last = window.span
        inside = [first <= f"2026-01-01T{time}" < last for time in (before, behind)]
        assert inside == [until == end, since == end]
        assert date(2026, 1, 1) in window.days()


@given(st.timedeltas(timedelta(), timedelta(9)), st.timedeltas(timedelta(-2), timedelta(9)))
def test_days_are_those_with_a_moment_inside_newest_first(
    offset: timedelta, length: timedelta
) -> None:
    since, until = MIDNIGHT + offset, MIDNIGHT + offset + length
    window = Window(since, until)
    days = [MIDNIGHT + timedelta(days=n) for n in range(20, -5, -1)]
    touched = [day.date() for day in days if max(since, day) < min(until, day + timedelta(days=1))]
    assert list(window.days()) == touched


def test_a_limit_without_a_beginning_takes_all_that_is_kept() -> None:
    limited = ListOptions(limit=1)
    assert limited.window(NOW) == Window(None, NOW)
    assert limited.window(NOW, timedelta(days=30)) == Window(NOW - timedelta(days=30), NOW)
    assert limited.but(since="1d").window(NOW) == ListOptions().window(NOW)


def test_a_default_beginning_is_named_as_such() -> None:
    with pytest.raises(UsageError, match=r"--since 1d \(the default\) is after --until 3d"):
        ListOptions(until="3d").window(NOW)


def test_an_end_may_be_the_last_moment_there_is() -> None:
    window = ListOptions(since="2026-01-01", until="9999-12-31T23:59:59.9999999Z").window(NOW)
    assert window.until is None
    assert next(window.days()) <= datetime.now(UTC).date() + timedelta(days=1)


def test_a_fraction_of_zeros_touches_no_other_day() -> None:
    window = ListOptions(since="2025-12-31", until="2026-01-01T00:00:00.000000000Z").window(NOW)
    assert list(window.days()) == [date(2025, 12, 31)]


def test_ends_in_the_wrong_order_are_told_apart_below_a_microsecond() -> None:
    since, until = (f"2025-12-01T11:04:18.12300{n}Z" for n in ("09", "01"))
    with pytest.raises(UsageError, match="is after --until"):
        ListOptions(since=since, until=until).window(NOW)
    with pytest.raises(UsageError, match="are the same instant"):
        ListOptions(since=since, until=since).window(NOW)


MOMENTS = st.integers(0, 4 * 10**15).map(lambda n: EPOCH + timedelta(microseconds=n))


@given(MOMENTS, st.timedeltas(timedelta(microseconds=1), timedelta(days=40)))
def test_what_a_server_is_asked_for_is_never_narrower_than_the_window(
    since: datetime, length: timedelta
) -> None:
    window = Window(since, since + length, ("9", "9"))
    for unit, ends in (
        (timedelta(seconds=1), window.seconds()),
        (timedelta(milliseconds=1), window.milliseconds()),
    ):
        begin, end = (EPOCH + unit * (count or 0) for count in ends)
        assert begin <= since < begin + unit
        assert end - unit <= since + length < end
    written = [datetime.fromisoformat(str(end)) for end in window.iso()]
    assert written[0] <= since < since + length < written[1]


def test_an_open_end_is_none_in_every_form() -> None:
    for window in (Window(None, None), Window(BEGINNING, END)):
        assert (window.since, window.until) == (None, None)
        assert window.iso() == window.seconds() == window.milliseconds() == (None, None)
    assert Window(MIDNIGHT, None).iso() == ("2026-07-14T00:00:00.000Z", None)


@given(st.timedeltas(timedelta(0), timedelta(days=40)), st.integers(1, 10))
def test_slices_are_short_touch_each_other_and_come_newest_first(
    length: timedelta, days: int
) -> None:
    window = Window(NOW, NOW + length, ("1", "2"))
    in_order = list(window.slices(timedelta(days=days)))[::-1]
    assert all(one.until - one.since <= timedelta(days=days) for one in in_order)  # type: ignore[operator]
    if length:
        assert (in_order[0].span[0], in_order[-1].span[1]) == window.span
    assert [one.span[1] for one in in_order[:-1]] == [one.span[0] for one in in_order[1:]]


def test_slices_of_a_window_without_a_beginning() -> None:
    length = timedelta(days=7)
    slices = Window(None, NOW).slices(length)
    assert next(slices) == Window(NOW - length, NOW)
    assert next(slices).until == NOW - length


@given(st.timedeltas(timedelta(hours=1), timedelta(days=40)), st.integers(1, 10))
def test_slices_that_overlap_go_a_unit_beyond_each_other_and_no_further(
    length: timedelta, days: int
) -> None:
    unit = timedelta(milliseconds=1)
    window = Window(NOW, NOW + length)
    in_order = list(window.slices(timedelta(days=days), unit))[::-1]
    assert all(one.until - one.since <= timedelta(days=days) for one in in_order)  # type: ignore[operator]
    assert (in_order[0].since, in_order[-1].until) == (window.since, window.until)
    for earlier, later in pairwise(in_order):
        assert earlier.until - later.since == 2 * unit  # type: ignore[operator]


def test_a_window_is_widened_at_its_beginning_alone() -> None:
    window = Window(MIDNIGHT, NOW, ("7", "8"))
    assert window.widened(timedelta(seconds=1)) == Window(
        MIDNIGHT - timedelta(seconds=1), NOW, ("", "8")
    )
    assert Window(None, NOW).widened(timedelta(seconds=1)) == Window(None, NOW)
