from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from auditctl import zone
from auditctl.errors import UsageError
from auditctl.zone import parse_zone

SUMMER = datetime(2026, 7, 1, tzinfo=UTC)
WRITE = "Write local, UTC, or a name such as Africa/Dar_es_Salaam."


@pytest.mark.parametrize("text", ["UTC", "utc"])
def test_utc_needs_no_database(text: str) -> None:
    assert parse_zone(text, {}) is UTC


def test_a_zone_is_found_by_its_name() -> None:
    assert parse_zone("Africa/Dar_es_Salaam", {}) == ZoneInfo("Africa/Dar_es_Salaam")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Nairobi", "Africa/Nairobi"),
        ("dar es salaam", "Africa/Dar_es_Salaam"),
        ("europe/berlin", "Europe/Berlin"),
        ("Europe/Berln", "Europe/Berlin"),
    ],
)
def test_an_unknown_zone_shows_the_one_that_was_meant(text: str, meant: str) -> None:
    with pytest.raises(UsageError) as failure:
        parse_zone(text, {})
    said = f"There is no time zone {text!r}. Did you mean {meant}? {WRITE}"
    assert str(failure.value) == said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Mars",
        "+03:00",
        "Africa",
        "../etc/passwd",
        "/etc/localtime",
        "a\0b",
        "\udcff",
        "x" * 5000,
    ],
)
def test_what_is_no_zone_is_answered_with_a_sentence(text: str) -> None:
    with pytest.raises(UsageError) as failure:
        parse_zone(text, {})
    assert str(failure.value) == f"There is no time zone {text[:100]!r}. {WRITE}"


@pytest.mark.parametrize(
    ("value", "hours"), [("Africa/Nairobi", 3), (":America/New_York", -4), ("", 0), ("EST5EDT", -4)]
)
def test_local_is_the_zone_that_the_variable_names(value: str, hours: int) -> None:
    offset = SUMMER.astimezone(parse_zone("local", {"TZ": value})).utcoffset()
    assert offset is not None
    assert offset.total_seconds() == hours * 3600


def test_local_is_else_the_zone_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zone, "SYSTEM", str(tmp_path / "localtime"))
    assert parse_zone("local", {}) is UTC, "as the C library has it where there is no such file"
    (tmp_path / "localtime").write_bytes(b"TZif of another world")
    assert parse_zone("local", {}) is UTC
    # From the package that brings the zones where the system has none.
    tokyo = resources.files("tzdata.zoneinfo").joinpath("Asia", "Tokyo").read_bytes()
    (tmp_path / "localtime").write_bytes(tokyo)
    assert SUMMER.astimezone(parse_zone("local", {})).hour == 9


def test_a_variable_without_a_name_is_an_error() -> None:
    with pytest.raises(UsageError, match="the variable TZ names no zone"):
        parse_zone("local", {"TZ": "<+03>-3"})
