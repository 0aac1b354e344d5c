"""PagerDuty's rules: windows of 31 days at most, and cursors that belong to one of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.vendors import VENDORS, ask, spread

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_year_is_read_in_windows_of_a_month_and_only_as_far_back_as_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vendor = VENDORS["pagerduty"](spread(73, days=365))
    assert len(ask(vendor, monkeypatch, "list", "--since", "366d").ids) == 73
    assert len(vendor.asked) == 12
    del vendor.asked[:]
    assert ask(vendor, monkeypatch, "list", "--limit", "8").ids == [
        f"PDRECORD{n}" for n in range(72, 64, -1)
    ]
    assert len(vendor.asked) == 2


def test_an_interrupted_year_goes_on_in_its_month(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    vendor = VENDORS["pagerduty"](spread(4_000, days=360))
    words = ("sync", "-q", "-o", str(tmp_path / "log.jsonl"))
    vendor.interrupted_at = 30
    assert ask(vendor, monkeypatch, *words).status == 6
    vendor.interrupted_at = vendor.served = 0
    assert ask(vendor, monkeypatch, *words).ended == (0, "")
    assert vendor.served < 2_000
    lines = (tmp_path / "log.jsonl").read_bytes().splitlines()
    assert len(set(lines)) == len(lines) == 4_000


def test_a_record_of_the_moment_where_two_windows_meet_comes_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    until = datetime(2026, 6, 1, tzinfo=UTC)
    meeting = until - (timedelta(days=31) - timedelta(milliseconds=4))
    step = timedelta(milliseconds=1)
    moments = [meeting + n * step for n in range(-3, 4)]
    for counts_ends in (True, False):
        vendor = VENDORS["pagerduty"](moments, counts_ends=counts_ends)
        window = ("--since", "2026-04-01", "--until", "2026-06-01")
        found = ask(vendor, monkeypatch, "list", *window)
        assert found.ended == (0, "")
        assert found.ids == [f"PDRECORD{n}" for n in range(6, -1, -1)]
        assert len(vendor.asked) == 2
    lone = VENDORS["pagerduty"]([meeting])
    assert ask(lone, monkeypatch, "list", *window).ids == ["PDRECORD0"]


def test_months_without_a_record_are_no_pages_without_an_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vendor = VENDORS["pagerduty"](spread(1, days=1))
    assert ask(vendor, monkeypatch, "list", "--since", "3650d").ended == (0, "")
    assert len(vendor.asked) == 118


def test_a_quiet_account_costs_one_request_a_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    vendor = VENDORS["pagerduty"](spread(1, days=200))
    words = ("sync", "-q", "-o", str(tmp_path / "log.jsonl"))
    assert ask(vendor, monkeypatch, *words).ended == (0, "")
    del vendor.asked[:]
    assert ask(vendor, monkeypatch, *words).ended == (0, "")
    assert len(vendor.asked) == 1
