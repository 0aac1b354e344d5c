"""Options of the command line that decide which records are shown, and the words about mistakes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from auditctl import formats, registry
from tests.program import result
from tests.server import Persona, Server, Upstash
from tests.world import WINDOW, every_provider, log

if TYPE_CHECKING:
    from pathlib import Path

USAGE = 2
ZONE = "Pacific/Kiritimati"
"""14 hours ahead: its days are never those of UTC."""


@every_provider
@pytest.mark.parametrize("limit", [None, 130])
def test_reverse_shows_the_same_records_the_oldest_first(name: str, limit: int | None) -> None:
    words = (name, "list", *WINDOW, *([] if limit is None else ["--limit", str(limit)]))
    with Server(log(name)) as server:
        plain = result(*words, **server.environment)
        turned = result(*words, "--reverse", **server.environment)
    assert turned.ended == (0, "")
    assert sorted(turned.ids) == sorted(plain.ids)
    times = [record["time"] for record in turned.records]
    assert times == sorted(times)
    assert limit is None or turned.ids == plain.ids[::-1]


def test_records_without_a_time_are_the_oldest_and_are_told_of() -> None:
    rows = [{"log_id": n, "timestamp": at} for n, at in [("b", 1769846950), ("x", None), ("a", 1)]]
    with Server(Upstash(rows)) as server:
        words = ("upstash", "list", "--since", "1970-01-01", "--reverse")
        found = result(*words, **server.environment)
    assert (found.status, found.ids) == (0, ["x", "a", "b"])
    assert "The first: time of x." in found.said


def test_the_window_is_read_in_the_zone_and_records_stay_in_utc() -> None:
    zone = ZoneInfo(ZONE)
    midnight = datetime.now(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    around = [midnight + timedelta(seconds=n) for n in (1, 0, -1)]
    rows = [
        {"type": "user-audit-log", "id": f"ual_{at:%S}", "attributes": {"created-at": text}}
        for at in around
        for text in [at.astimezone(UTC).isoformat(timespec="milliseconds")]
    ]
    with Server(Persona(rows)) as server:
        words = ("persona", "list", "--tz", ZONE)
        today = result(*words, "--since", "today", **server.environment)
        before = result(
            *words, "--since", "yesterday", "--until", f"{midnight:%Y-%m-%d}", **server.environment
        )
        tested = result(
            *words, "--since", "7d", "--where", f"time <= {midnight:%Y-%m-%d}", **server.environment
        )
    assert [today.ids, before.ids] == [["ual_01", "ual_00"], ["ual_59"]]
    assert tested.ids == ["ual_00", "ual_59"]
    assert today.records[1]["time"] == f"{midnight.astimezone(UTC):%Y-%m-%dT%H:%M:%S.000Z}"


def test_the_local_zone_is_the_environments() -> None:
    words = ("persona", "list", "--demo", "--since", "today", "--limit", "9", "--reverse")
    local = result(*words, "--tz", "local", TZ=ZONE)
    named = result(*words, "--tz", ZONE)
    assert (local.status, local.ids) == (0, named.ids)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("persona", "list", "--demo", "--where", "outcome=fail"),
            (
                "--where 'outcome=fail': outcome is never 'fail'. It is one of success, failure, "
                "unknown."
            ),
        ),
        (
            ("persona", "list", "--demo", "--where", "provider!=x"),
            (
                f"--where 'provider!=x': provider is never 'x'. It is one of "
                f"{', '.join(sorted(registry.installed()))}."
            ),
        ),
        (
            ("persona", "sync", "--demo", "-o", "x.jsonl", "--where", "status_code = abc"),
            (
                "--where 'status_code = abc': status_code is never 'abc'. It is a whole number, "
                "such as 404."
            ),
        ),
        (
            ("persona", "list", "-f", "json"),
            (
                "Invalid value for '-f' / '--format': 'json' is not one of "
                f"{', '.join(map(repr, formats.offered('list')))}; did you mean 'jsonl'? See "
                "auditctl persona list --help."
            ),
        ),
        (
            ("persona", "list", "-n", "x"),
            (
                "Invalid value for '-n' / '--limit': 'x' must be a whole number, 1 or more. See "
                "auditctl persona list --help."
            ),
        ),
        (
            ("persona", "list", "-n", "0"),
            (
                "Invalid value for '-n' / '--limit': 0 must be a whole number, 1 or more. See "
                "auditctl persona list --help."
            ),
        ),
        (
            ("persona", "list", "--concurrency", "65"),
            (
                "Invalid value for '--concurrency': 65 must be a whole number, from 1 to 64. See "
                "auditctl persona list --help."
            ),
        ),
    ],
)
def test_a_value_that_cannot_be_is_answered_with_those_that_can(
    words: tuple[str, ...], said: str
) -> None:
    assert result(*words).ended == (USAGE, f"auditctl: error: {said}\n")


PACKED = "a file that ends in {} cannot be written: .gz is the only compression"
AGAINST = "--format {} and a file that ends in {} contradict each other: "


@pytest.mark.parametrize("command", ["list", "sync", "get"])
@pytest.mark.parametrize(
    ("output", "words", "said"),
    [
        ("x.zst", (), PACKED.format(".zst")),
        ("x.jsonl.BZ2", (), PACKED.format(".bz2")),
        ("x.csv.xz", ("-f", "csv"), PACKED.format(".xz")),
        ("x.zip", (), PACKED.format(".zip")),
        ("x.lz4", ("-f", "jsonl"), PACKED.format(".lz4")),
        ("x.parquet.GZ", (), PACKED.format(".parquet.gz")),
        ("x.jsonl", ("-f", "csv"), AGAINST.format("csv", ".jsonl")),
        ("x.ndjson", ("-f", "csv"), AGAINST.format("csv", ".ndjson")),
        ("x.json.gz", ("-f", "csv"), AGAINST.format("csv", ".json")),
        ("x.CSV.gz", ("-f", "jsonl"), AGAINST.format("jsonl", ".csv")),
        ("s3:/bucket/x.jsonl", (), "looks like a URL, and this would be a file"),
        ("https://example.com/x.jsonl", (), "a URL"),
    ],
)
def test_a_file_whose_name_would_mislead_is_not_written(  # noqa: PLR0913, PLR0917 - fixtures
    command: str,
    output: str,
    words: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    id_ = ["ual_1"] if command == "get" else []
    found = result("persona", command, *id_, "--demo", "-o", output, *words)
    assert (found.status, found.said.count("\n")) == (USAGE, 1)
    assert said in found.said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url", ["https://alice:hunter2@h/x", "s3:/alice:hunter2@h/x", "s3://alice:hunt@er2@h/{date}"]
)
@pytest.mark.parametrize(
    "words",
    [
        "persona list --demo -o",
        "persona sync --demo -f csv -o",
        "persona sync --demo -f delta -o",
        "persona sync --demo --log-format json -f delta -o",
        "read",
    ],
)
def test_no_message_shows_the_password_of_a_url(
    words: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = result(*words.split(), url)
    assert (found.status, found.said.count("\n")) == (USAGE, 1)
    assert "hunt" not in found.said
    assert "er2" not in found.said


def test_a_table_is_neither_csv_nor_json_lines() -> None:
    for suffix in ("csv", "jsonl"):
        found = result("persona", "list", "--demo", "-f", "table", "-o", f"x.{suffix}")
        assert AGAINST.format("table", f".{suffix}") in found.said
