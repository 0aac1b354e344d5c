"""How long a provider wants to be left alone, in all the forms that it may say so in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl.http.waits import LONGEST_UNTIL_RESET, LONGEST_WAIT, clock, wait_asked

NOW = datetime(2026, 11, 26, 8, 0, 0, tzinfo=UTC)
EPOCH = int(NOW.timestamp())
DATE = ("Date", format_datetime(NOW, usegmt=True))
RESETS = "RateLimit-Reset", "X-RateLimit-Reset", "X-Rate-Limit-Reset", "X-RateLimit-Reset-After"


def after(seconds: float) -> str:
    return format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)


def asked(*headers: tuple[str, str]) -> float | None:
    return wait_asked(httpx.Headers([DATE, *headers], "latin-1"))


@pytest.mark.parametrize("header", ["Retry-After", *RESETS])
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("2", 2),
        (" 1.5 ", 1.5),
        (f"{EPOCH + 30}", 30),
        (f"{EPOCH + 30}.5", 30.5),
        (f"{EPOCH + 30}000", 30),
        (f"{EPOCH + 30}000000", 30),
        (f"{EPOCH + 30}000000000", 30),
        (f"{EPOCH - 30}", 0),
        (after(30), 30),
        (after(-30), 0),
        ("2026-11-26T08:00:30Z", 30),
        ("2026-11-26T11:00:30.500+03:00", 30.5),
        ("2026-11-26 08:00:30", 30),
        ("2, 7", 7),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("1e400", None),
        ("\N{SUPERSCRIPT TWO}", None),
        ("Fri, 99 Dec 9999", None),
    ],
)
def test_each_form_is_read(header: str, text: str, seconds: float | None) -> None:
    assert asked((header, text)) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ('"default";r=0;t=2', 2),
        ("default;r=0;t=2", 2),
        ('"burst";r=0;t=2, "day";r=900;t=3000', 2),
        ('"burst";r=0;t=2, "day";r=0;t=3000', 3000),
        ('"a;t=99, r=0";r=0;t=2', 2),
        ('"default";r=7;t=9', 9),
        ("limit=100, remaining=0, reset=50", 50),
        ("limit=10;w=1, remaining=0, reset=7", 7),
        ('"default";r=0', None),
        ('"default";r=0;t=soon', None),
    ],
)
def test_the_draft_is_read_and_of_its_limits_those_used_up(
    text: str, seconds: float | None
) -> None:
    assert asked(("RateLimit", text)) == seconds


def test_of_a_header_sent_twice_the_larger_counts() -> None:
    assert asked(("Retry-After", "9"), ("Retry-After", "2")) == 9
    assert asked(("Retry-After", after(4)), ("Retry-After", "2")) == 4
    assert asked(("RateLimit-Reset", "2"), ("X-RateLimit-Reset", f"{EPOCH + 9}")) == 9


def test_retry_after_goes_before_all_others_if_it_can_be_read() -> None:
    assert asked(("RateLimit-Reset", "900"), ("Retry-After", "2")) == 2
    assert asked(("RateLimit-Reset", "900"), ("Retry-After", "soon")) == 900


@pytest.mark.parametrize(
    "text", ["10000000000", "1" + "0" * 11, "1" + "0" * 12, "9" * 400, after(10**11), "9" * 16]
)
def test_only_a_retry_after_is_believed_for_more_than_an_hour(text: str) -> None:
    long = asked(("Retry-After", text))
    assert long is not None
    assert 10**9 < long <= LONGEST_WAIT
    for name in RESETS:
        doubted = asked((name, text))
        assert doubted in (0, LONGEST_UNTIL_RESET)  # it may also be long past


@pytest.mark.parametrize("name", RESETS)
def test_a_number_of_nine_digits_is_a_point_in_time(name: str) -> None:
    assert asked((name, "99999999")) == LONGEST_UNTIL_RESET
    assert asked((name, "100000000")) == 0


def test_a_date_that_no_offset_makes_a_date_is_far_away_all_the_same() -> None:
    last = "Fri, 31 Dec 9999 23:59:59 "
    for offset in ("GMT", "-1400", "+1400", "-0000"):
        assert (asked(("Retry-After", last + offset)) or 0) > 10**11


@pytest.mark.parametrize(
    "date",
    [
        "Fri, 31 Dec 9999 23:59:59 -1400",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Mon, 01 Jan 1900 00:00:00 +1400",
        "Thu, 26 Nov 2026 08:00:00 +9999999999",
        "soon",
        "",
        None,
    ],
)
def test_a_clock_that_shows_what_no_clock_does_is_none(date: str | None) -> None:
    assert clock(date) is None


def test_a_clock_that_is_only_wrong_is_one() -> None:
    assert clock("Fri, 01 Jan 2038 00:00:00 GMT") == datetime(2038, 1, 1, tzinfo=UTC)
    assert clock("Thu, 01 Jan 1970 00:00:00 GMT") == datetime(1970, 1, 1, tzinfo=UTC)


NAMES = st.sampled_from(["Date", "Retry-After", "RateLimit", *RESETS])
TEXTS = (
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=40)
    | st.integers().map(str)
    | st.floats().map(str)
    | st.datetimes().map(str)
    | st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,3} [A-Z][a-z]{2} [0-9]{1,5} [0-9:]{5,9} [-+0-9]{1,9}")
)


@given(st.lists(st.tuples(NAMES, TEXTS), max_size=4))
def test_whatever_is_said_is_a_wait_or_none(headers: list[tuple[str, str]]) -> None:
    raw = [(name.encode(), text.encode("latin-1", "ignore")) for name, text in headers]
    wait = wait_asked(httpx.Headers(raw))
    assert wait is None or 0 <= wait <= LONGEST_WAIT
    for _, text in headers:
        moment = clock(text)
        assert moment is None or moment + timedelta(days=365 * 900)
