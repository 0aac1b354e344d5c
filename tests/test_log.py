"""The window that a service is asked for, by the facts of its log."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from auditctl.log import Log, Order
from auditctl.window import END, Window

NOW = datetime(2026, 7, 14, 15, 9, 26, 535897, UTC)
TOMORROW = datetime(2026, 7, 15, 15, 9, 26, tzinfo=UTC)
LOG = Log(order=Order.NEWEST_FIRST, permission="", retention="", filters_by_time=True)
MONTH = LOG._replace(keeps=timedelta(days=30))


def test_a_service_that_selects_by_time_is_always_asked_for_a_closed_window() -> None:
    everything = Window(None, None, oldest_first=True)
    asked = MONTH.asked(everything, NOW)
    assert asked == Window(NOW - timedelta(days=30), TOMORROW, oldest_first=True)
    assert LOG.asked(everything, NOW).since == NOW - timedelta(days=365)


def test_a_window_that_is_closed_is_asked_for_as_it_is_up_to_tomorrow() -> None:
    past = Window(NOW - timedelta(days=900), NOW, ("1", "2"))
    assert MONTH.asked(past, NOW) == past
    future = replace(past, until=datetime(2999, 1, 1, tzinfo=UTC))
    assert MONTH.asked(future, NOW) == Window(past.since, TOMORROW, ("1", ""))
    assert MONTH.asked(replace(past, until=END), NOW).until == TOMORROW


def test_any_other_service_is_asked_for_the_window_itself() -> None:
    everything = Window(None, None)
    assert MONTH._replace(filters_by_time=False).asked(everything, NOW) == everything


def test_a_log_reaches_back_as_far_as_it_is_kept_or_a_year_where_nobody_knows() -> None:
    days = MONTH._replace(order=Order.NEWEST_DAY_FIRST, filters_by_time=False)
    assert (MONTH.reach, MONTH.is_cut_short) == (timedelta(days=30), False)
    assert (LOG.reach, LOG.is_cut_short) == (timedelta(days=365), True)
    assert (days.reach, days.is_cut_short) == (timedelta(days=30), False)
    whole = MONTH._replace(filters_by_time=False)
    assert (whole.reach, whole.is_cut_short) == (None, False)
