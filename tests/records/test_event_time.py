from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from auditctl.records.event_time import MILLISECONDS_FROM, are_instants, instant
from auditctl.records.exact import Number

moments = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive
offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda m: timezone(timedelta(minutes=m)))
fractions = st.from_regex(r"[0-9]{1,12}", fullmatch=True).filter(str.isascii)


def seconds(time: str) -> Fraction:
    """Count the seconds since 1970, to the last digit."""
    whole, fraction = time[:-1].split(".")
    return int(datetime.fromisoformat(f"{whole}Z").timestamp()) + Fraction(f"0.{fraction}")


@given(moments, offsets, fractions)
def test_an_offset_is_normalised_and_no_digit_of_its_fraction_lost(
    moment: datetime, offset: timezone, fraction: str
) -> None:
    whole = moment.replace(microsecond=0)
    local = whole.astimezone(offset).isoformat()
    time = instant(f"{local[:19]}.{fraction}{local[19:]}")
    assert time is not None
    assert len(time.split(".")[1]) == max(3, len(fraction)) + len("Z")
    assert seconds(time) == int(whole.timestamp()) + Fraction(f"0.{fraction}")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-31T08:09:10Z", "2026-01-31T08:09:10.000Z"),
        ("2026-01-31T08:09:10.1Z", "2026-01-31T08:09:10.100Z"),
        ("2026-01-31T08:09:10.123456789Z", "2026-01-31T08:09:10.123456789Z"),
        ("2026-01-31T08:09:10,5+02:00", "2026-01-31T06:09:10.500Z"),
        ("2026-01-31T08:09:10.120", "2026-01-31T08:09:10.120Z"),
        ("2026-01-31T08:09:10.1234", "2026-01-31T08:09:10.1234Z"),  # as long as the usual form
        ("2026-01-31T08:09", "2026-01-31T08:09:00.000Z"),
        ("2026-01-31T08", "2026-01-31T08:00:00.000Z"),
        ("2026-11-26T08:00:00+00", "2026-11-26T08:00:00.000Z"),
        ("2026-11-26 08:00:00.123+03", "2026-11-26T05:00:00.123Z"),
        ("2026-11-26T08:00:00.123+0300", "2026-11-26T05:00:00.123Z"),
        ("2026-11-26T08:00:00 +03:00", "2026-11-26T05:00:00.000Z"),
        ("2026-11-26T08:00:00\u221203:00", "2026-11-26T11:00:00.000Z"),
        ("2026-11-26t08:00:00z", "2026-11-26T08:00:00.000Z"),
        ("2026-11-26 08:00:00 UTC", "2026-11-26T08:00:00.000Z"),
        ("2026-11-26 08:00:00 GMT", "2026-11-26T08:00:00.000Z"),
        ("2026-11-26T08:00:00UTC+03:00", "2026-11-26T05:00:00.000Z"),
        ("2026-11-26 08:00:00.123456789 +0000 UTC", "2026-11-26T08:00:00.123456789Z"),
        ("2026-11-26T08:00:00+01:00[Europe/Berlin]", "2026-11-26T07:00:00.000Z"),
        (" 2026-11-26T08:00:00Z\n", "2026-11-26T08:00:00.000Z"),
        ("20261126T080000Z", "2026-11-26T08:00:00.000Z"),
        ("20261126T080000,123+0300", "2026-11-26T05:00:00.123Z"),
        ("20261126T0800", "2026-11-26T08:00:00.000Z"),
        ("20261126", "2026-11-26T00:00:00.000Z"),
        ("20261126080000", "2026-11-26T08:00:00.000Z"),
        ("20260131080910+0300", "2026-01-31T05:09:10.000Z"),
        ("20261126080000.0Z", "2026-11-26T08:00:00.000Z"),
        ("2026/11/26 08:00:00", "2026-11-26T08:00:00.000Z"),
        ("2026-W48-4T08:00:00Z", "2026-11-26T08:00:00.000Z"),
        ("2026W484T080000Z", "2026-11-26T08:00:00.000Z"),
        ("2026-330T08:00:00Z", "2026-11-26T08:00:00.000Z"),
        ("2024-366", "2024-12-31T00:00:00.000Z"),
        ("2026-12-31T24:00:00Z", "2027-01-01T00:00:00.000Z"),
        ("2026-12-31T24:00:00.000+01:00", "2026-12-31T23:00:00.000Z"),
        ("20261231T24", "2027-01-01T00:00:00.000Z"),
        ("Thu, 26 Nov 2026 08:00:00 +0300", "2026-11-26T05:00:00.000Z"),
        ("Thu, 26 Nov 2026 08:00:00 GMT", "2026-11-26T08:00:00.000Z"),
        ("6 Nov 2026 08:00", "2026-11-06T08:00:00.000Z"),
        ("26/Nov/2026:08:00:00 -0500", "2026-11-26T13:00:00.000Z"),
        ("Thu Nov  6 08:00:00 2026", "2026-11-06T08:00:00.000Z"),
        ("Thu Nov 26 08:00:00 UTC 2026", "2026-11-26T08:00:00.000Z"),
        ("Thu Nov 26 2026 08:00:00 GMT+0300 (East Africa Time)", "2026-11-26T05:00:00.000Z"),
        ("1795701433", "2026-11-26T13:57:13.000Z"),
        ("1795701433.5", "2026-11-26T13:57:13.500Z"),
        ("1795701433123", "2026-11-26T13:57:13.123Z"),
        ("1795701433123456", "2026-11-26T13:57:13.123456Z"),
        ("1795701433123456789", "2026-11-26T13:57:13.123456789Z"),
        (1795701433123456, "2026-11-26T13:57:13.123456Z"),
        (1795701433123456789, "2026-11-26T13:57:13.123456789Z"),
        (1795701433123.25, "2026-11-26T13:57:13.12325Z"),
        (Number("1795701433123456.789"), "2026-11-26T13:57:13.123456789Z"),
        (Number("1.795701433123456789e9"), "2026-11-26T13:57:13.123456789Z"),
        (Number("-1.5"), "1969-12-31T23:59:58.500Z"),
        ("2026-01-31", "2026-01-31T00:00:00.000Z"),
        ("0999-01-31T08:09:10Z", "0999-01-31T08:09:10.000Z"),
        ("2016-12-31T23:59:60.123Z", "2017-01-01T00:00:00.123Z"),
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.000Z"),
        (1769846950, "2026-01-31T08:09:10.000Z"),
        (1769846950123, "2026-01-31T08:09:10.123Z"),
        (MILLISECONDS_FROM, "1973-03-03T09:46:40.000Z"),
        (MILLISECONDS_FROM - 1, "5138-11-16T09:46:39.000Z"),
        (Number("1769846950.123456789"), "2026-01-31T08:09:10.123456789Z"),
        (1769846950.0, "2026-01-31T08:09:10.000Z"),
        (1769846950.25, "2026-01-31T08:09:10.250Z"),
    ],
)
def test_an_events_own_time_becomes_canonical(value: object, expected: str) -> None:
    assert instant(value) == expected


@given(st.integers(-62_135_596_800, MILLISECONDS_FROM - 1))
def test_epoch_seconds_are_that_moment(number: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
    assert instant(number) == f"{moment.replace(tzinfo=None).isoformat()}.000Z"


@given(st.integers(MILLISECONDS_FROM, MILLISECONDS_FROM * 10**9 - 1), fractions)
def test_epoch_numbers_tell_their_unit_by_their_size(number: int, fraction: str) -> None:
    unit = 10 ** (3 + 3 * sum(number >= MILLISECONDS_FROM * 1000**n for n in (1, 2)))
    whole, exact = instant(number), instant(Number(f"{number}.{fraction}"))
    assert whole is not None
    assert exact is not None
    assert seconds(whole) == Fraction(number, unit)
    assert seconds(exact) == Fraction(f"{number}.{fraction}") / unit
    assume(number // 10**12 not in (19, 20))  # as a text, that is 20260131080910
    assert (instant(str(number)), instant(f"{number}.{fraction}")) == (whole, exact)


@pytest.mark.parametrize(
    "value",
    [
        None, True, [], {}, ["2026-01-31"], "", "NA", "yesterday", "2026", "12345678", 10**30,
        -(10**400), "9" * 30, "9" * 5_000, Number("1e400"), Number("1e-400"), "1e9", "-1769846950",
        "2026-366", "2026-000", "2026-W54-1", "2026-11-26T24:00:01Z", "2026-11-26T24:01",
        "2026-11-26T08:00:00 EAT", "2026-11-26T08:00:00[Europe/Berlin]", "2026-11-26T08:00:00+25",
        "26 Foo 2026 08:00:00", "Thu Nov 26 08:00:00 EAT 2026",
        "Sat Jan 31 08:" + "1" * 10**6 + "\n",
        "11/26/2026 08:00:00", "2026-11/26", "2026-11-26T8:00", "\u06622026-11-26",
        "2026-02-30T00:00:00Z", "2026-02-30T00:00:00.000Z", "2026-01-31T08:09:60.000Z",
        "2026-01-31T08:09.5Z", "2026-01-31T.5Z",  # a fraction of a minute, or of nothing
        "0001-01-01T00:00+01:00", float("inf"), float("-inf"), float("nan"),
    ],
)  # fmt: skip
def test_what_is_no_time_is_unknown(value: object) -> None:
    assert instant(value) is None


@given(st.text() | st.integers() | st.floats())
def test_a_canonical_time_reads_as_itself(value: object) -> None:
    time = instant(value)
    assert time is None or instant(time) == time


USUAL = "2026-01-31T08:09:10.123Z"


@given(st.lists(moments, min_size=1, max_size=5))
def test_times_in_the_usual_form_are_seen_together(some: list[datetime]) -> None:
    usual = [
        f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z" for moment in some
    ]
    assert are_instants(usual)
    assert not are_instants([*usual, USUAL[:-1]])


@given(
    st.lists(
        st.tuples(
            st.integers(0, 24), st.integers(0, 3), st.text("0123456789TZ:.-, W\0", max_size=3)
        )
    )
)
@example([(11, 2, "24")])
@example([(17, 2, "60")])
@example([(24, 0, "2026"), (0, 4, "")])
@example([(19, 1, ",")])
@example([(20, 3, "Z\0\x1b")])
def test_what_is_seen_together_needs_no_change(edits: list[tuple[int, int, str]]) -> None:
    times = [USUAL[:at] + text + USUAL[at + length :] for at, length, text in edits]
    if are_instants(times):
        assert list(map(instant, times)) == times


@pytest.mark.parametrize("value", [None, 1769846950, 1769846950.5, b"2026", ["2026"], {}])
def test_what_is_no_text_is_no_time_in_the_usual_form(value: object) -> None:
    assert not are_instants([USUAL, value])


class _Word(str):
    """A text as some libraries give it, of XML for one."""

    __slots__ = ()


@pytest.mark.parametrize("others", [[], ["31 Jan 2026 08:09:10"]])
def test_a_text_of_a_class_of_its_own_is_a_time_whatever_is_beside_it(others: list[str]) -> None:
    times = [_Word(USUAL), *others]
    assert are_instants(times) is not bool(others)
    assert instant(times[0]) == USUAL
