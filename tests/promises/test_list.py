"""What list and get write and say: records, fields, limits, exact values."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from auditctl.records import exact
from auditctl.records.record import FIELDS
from auditctl.records.schema import AuditRecord
from tests.program import Run, process, result
from tests.server import FIRST_ID, LOGS, Fault, Persona, Roam, Server, Upstash
from tests.world import ROWS, SPAN, TODAY, WINDOW, asked, every_provider, listed, log

USAGE, STRANGE = 2, 6

# What is said


UPSTASH_ROWS: list[Any] = [
    {"log_id": f"log-{n}", "timestamp": int(TODAY.timestamp()) - 600 + n} for n in range(10)
]


@pytest.mark.parametrize(
    ("name", "form"),
    [*((name, "jsonl") for name in LOGS), ("persona", "csv"), ("persona", "table")],
)
def test_a_run_that_goes_well_says_nothing(name: str, form: str) -> None:
    found, _ = asked(name, "-f", form, faults=[Fault(503, {"Retry-After": "0"})])
    assert (found.status, found.said) == (0, "")
    assert found.out.count(b"\n") == ROWS + (form != "jsonl")


ODD: list[Any] = [
    {"id": "ual_0", "attributes": {"created-at": f"{TODAY - SPAN:%Y-%m-%d}T10:00:00Z"}},
    {"id": "ual_1", "attributes": {"created-at": "long ago", "kept": [1, {"x": None}]}},
    "a text in an event's place",
    {"id": "ual_3", "attributes": {"created-at": f"{TODAY - SPAN:%Y-%m-%d}T10:00:00Z"}}
    | {"relationships": {"user": {"data": {"id": ["odd"]}}}},
    None,
]


def test_events_that_cannot_be_read_are_exported_whole_and_told_of_once() -> None:
    with Server(Persona(ODD)) as server:
        found = listed(server, "persona")
        raw = listed(server, "persona", "--raw")
        quiet = listed(server, "persona", "-q")
        told = listed(server, "persona", "--log-format", "json")
    assert found.status == 0
    assert [record["raw"] for record in found.records] == ODD == raw.records
    assert [record["time"] is None for record in found.records] == [False, True, True, False, True]
    assert all(AuditRecord.model_validate(record) for record in found.records)
    assert found.said.count("\n") == 1
    assert found.said.startswith("auditctl: warning: 4 of Persona's events ")
    assert "ual_1" in found.said
    assert quiet == Run(0, found.out, "")
    (line,) = map(json.loads, told.said.splitlines())
    assert line["level"] == "warning"
    assert f"auditctl: warning: {line['message']}\n" == found.said


def test_events_of_unknown_time_are_inside_every_window_and_the_oldest() -> None:
    with Server(Upstash([{"log_id": "odd"}, *UPSTASH_ROWS[:3]])) as server:
        narrow = result("upstash", "list", "--since", "1s", **server.environment)
        newest = [listed(server, "upstash", "--limit", str(n)).records for n in (3, 4)]
    assert [record["id"] for record in narrow.records] == ["odd"]
    assert ["odd" in {record["id"] for record in some} for some in newest] == [False, True]
    assert newest[1][-1]["id"] == "odd"


@pytest.mark.parametrize("quiet", [(), ("-q",)])
@pytest.mark.parametrize(
    ("words", "level"), [((), "error"), (("--since", "soon"), "error"), (("-o", "/"), "error")]
)
def test_lines_of_json_say_the_same_as_text(
    words: tuple[str, ...], level: str, quiet: tuple[str, ...]
) -> None:
    with Server(log("persona"), faults=lambda _: Fault(403)) as server:
        text = listed(server, "persona", *words, *quiet)
        lines = listed(server, "persona", *words, *quiet, "--log-format", "json")
    assert text.status == lines.status != 0
    (line,) = map(json.loads, lines.said.splitlines())
    assert line.keys() >= {"time", "level", "message"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    assert (line["level"], f"auditctl: {level}: {line['message']}\n") == (level, text.said)


# Which records, which fields


@pytest.mark.parametrize(
    ("tests", "holds"),
    [
        (["outcome=failure"], lambda r: r["outcome"] == "failure"),
        (["status_code!=200"], lambda r: r["status_code"] != 200),
        (["action~^(PATCH|POST) "], lambda r: r["action"].startswith(("PATCH ", "POST "))),
        (["actor!~^[a-d]"], lambda r: r["actor"][0] not in "abcd"),
        (["raw.attributes.method=GET"], lambda r: r["raw"]["attributes"]["method"] == "GET"),
        (["outcome=success", "target!="], lambda r: r["outcome"] == "success"),
        (["target=null"], lambda _: False),
        (["target!~."], lambda r: r["target"] is None),
        (
            ["raw.attributes.get-params.access_token=[REDACTED]"],
            lambda r: "access_token" in r["raw"]["attributes"]["get-params"],
        ),
        (["raw.attributes.context={}"], lambda r: r["raw"]["attributes"]["context"] == {}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_where_keeps_the_records_for_which_every_test_holds(
    tests: list[str], holds: Callable[[Any], bool]
) -> None:
    options = [word for test in tests for word in ("--where", test)]
    with Server(log("persona")) as server:
        whole = listed(server, "persona").records
        found = listed(server, "persona", *options)
    assert (found.status, found.said) == (0, "")
    assert found.records == [record for record in whole if holds(record)]
    assert len(found.records) < ROWS


def test_fields_are_written_in_the_order_asked_for_in_any_format() -> None:
    fields = "id,raw.attributes.response-status,time,raw.nope.x,raw.attributes.context"
    with Server(log("persona")) as server:
        whole = listed(server, "persona").records
        lines = listed(server, "persona", "--fields", fields).records
        table = listed(server, "persona", "--fields", fields, "-f", "table").out
        cells = listed(server, "persona", "--fields", fields, "-f", "csv").out
    assert [list(line) for line in lines] == [fields.split(",")] * ROWS
    for record, line in zip(whole, lines, strict=True):
        attributes = record["raw"]["attributes"]
        status, context = attributes["response-status"], attributes["context"]
        assert [*line.values()] == [record["id"], status, record["time"], None, context]
    rows = list(csv.reader(io.StringIO(cells.decode())))
    assert rows[0] == fields.split(",")
    assert rows[1][:4] == [lines[0]["id"], "200", lines[0]["time"], ""]
    assert [len(re.split(" {2,}", line)) for line in table.decode().splitlines()] == [5] * 251


@every_provider
def test_a_limit_gives_the_most_recent_records_newest_first(name: str) -> None:
    with Server(log(name)) as server:
        whole = listed(server, name).records
        newest = sorted(whole, key=lambda record: str(record["time"]), reverse=True)
        for limit in (1, 100, 101, 249, 250, 999):
            found = listed(server, name, "--limit", str(limit))
            assert (found.status, found.said) == (0, "")
            assert found.records == newest[:limit]


@every_provider
def test_a_limit_alone_goes_back_as_far_as_the_log_is_kept(name: str) -> None:
    words = (name, "list", "--demo", "--fields", "time")
    day = result(*words).records
    found = result(*words, "--limit", str(len(day) + 1))
    assert (found.status, found.said) == (0, "")
    assert len(found.records) == len(day) + 1
    assert (
        result(*words, "--limit", str(len(day) + 1), "--since", "1d").records == found.records[:-1]
    )


def test_a_limit_counts_the_records_that_pass() -> None:
    with Server(log("persona")) as server:
        words = ("--where", "outcome=failure")
        failures = listed(server, "persona", *words).records
        found = listed(server, "persona", *words, "-n", "60").records
    assert found == failures[:60]


def test_credentials_in_the_log_are_shown_only_when_asked_for() -> None:
    with Server(log("hrhis")) as server:
        shown, hidden = (listed(server, "hrhis", *w) for w in (["--no-redact"], ["--redact"]))
    assert b"live-session" in shown.out
    assert b"live-session" not in hidden.out
    assert [r["id"] for r in shown.records] == [r["id"] for r in hidden.records]
    cookies = {record["raw"]["referer"]["cookie"] for record in hidden.records}
    assert cookies == {"[REDACTED]"}


def test_a_spreadsheet_runs_no_cell_unless_asked_to() -> None:
    row = {**UPSTASH_ROWS[0], "action_string": '=HYPERLINK("x")', "entity": "a\nb,c"}
    with Server(Upstash([row])) as server:
        guarded = listed(server, "upstash", "-f", "csv").out
        bare = listed(server, "upstash", "-f", "csv", "--no-csv-guard").out
    for written, action in ((guarded, "'" + row["action_string"]), (bare, row["action_string"])):
        header, cells = csv.reader(io.StringIO(written.decode(), newline=""))
        record = dict(zip(header, cells, strict=True))
        assert (record["action"], record["target"]) == (action, "a\nb,c")
        assert b"\r" not in written


@pytest.mark.parametrize("user", [["me"], ["all"], ["user000000001", "user000000003"]])
def test_logs_of_users_have_an_actor(user: list[str]) -> None:
    options = [word for each in user for word in ("--user", each)]
    found, _ = asked("hrhis", *options)
    assert (found.status, found.said) == (0, "")
    actors = {"me": ["user0"], "all": [f"user{n}" for n in range(5)]}
    expected = actors.get(user[0], ["user1", "user3"])
    assert {record["actor"] for record in found.records} == {f"{u}@example.com" for u in expected}
    assert len(found.records) == 50 * len(expected)


# One record


def test_get_gives_the_record_that_list_gives() -> None:
    with Server(log("persona")) as server:
        expected = listed(server, "persona").records[123]
        found = result("persona", "get", expected["id"], **server.environment)
        raw = result("persona", "get", expected["id"], "--raw", **server.environment)
        old = result("persona", "get", f"ual_{FIRST_ID + ROWS - 1}", **server.environment)
    assert (found.status, found.said) == (0, "")
    assert found.records == [expected]
    assert raw.records == [expected["raw"]]
    assert old.status == 0
    assert server.requests[-1].path.endswith(f"/user-audit-logs/ual_{FIRST_ID + ROWS - 1}")


def test_get_of_an_unknown_id_is_a_question_refused(tmp_path: Path) -> None:
    words = ("-o", str(tmp_path / "log.jsonl"))
    with Server(log("persona")) as server:
        found = result("persona", "get", "ual_1", *words, **server.environment)
    assert found.status == STRANGE
    assert "404: Not Found" in found.said
    assert list(tmp_path.iterdir()) == []


def test_get_asks_below_the_list_whatever_the_id_holds() -> None:
    with Server(log("persona")) as server:
        for ident in ("../../x", "a?b=c#d", "a b"):
            result("persona", "get", ident, **server.environment)
    paths = [request.path.rpartition("/") for request in server.requests]
    assert [path[0] for path in paths] == ["/api/v1/user-audit-logs"] * 3
    assert [path[2] for path in paths] == ["..%2F..%2Fx", "a%3Fb%3Dc%23d", "a%20b"]
    for id_ in ("", ".", "..", "a\nb"):
        assert result("persona", "get", id_, **server.environment).status == USAGE


# Exactness


DEEP = 2_000
NUMBERS = (
    b"[1000000000000000000000000000000,-9223372036854775809,18446744073709551616,1e400,-1E-400,"
    b"3.1415926535897932384626433832795028841971,0.10,1.0,100E0,-0.0,0,-1,9007199254740993]"
)
TEXTS = (
    rb'["\ud800","x\udc00\ud800y","","\\ \" / \b\f\n\r\t \u0000","' + "\u2028 ü 🎉".encode() + b'"]'
)


def exact_events(name: str) -> list[bytes]:
    """Give events that tell whether anything is lost on the way, two of them the same."""
    moment = TODAY - timedelta(hours=9)
    bodies = [
        b'"numbers":' + NUMBERS,
        b'"texts":' + TEXTS,
        b'"deep":' + b"[" * DEEP + b"1e400" + b"]" * DEEP,
        b'"deep":' + b'{"a":[' * DEEP + b'"\\ud800"' + b"]}" * DEEP,
        b'"long":"' + b"a" * 300_000 + b'"',
        b'"":{"":[{},[],null,true,false]}',
    ]
    least = [json.dumps(LOGS[name].least(n, moment), separators=(",", ":")) for n in range(6)]
    events = [h[:-1].encode() + b"," + b + b"}" for h, b in zip(least, bodies, strict=True)]
    return [*events, events[0], events[0]]


class OneDay(Roam):
    """Has all that it is given in one day, without reading it: it is too deep."""

    def day(self, date: str) -> Iterable[int]:
        return range(self.total) if date == f"{TODAY - timedelta(days=1):%Y-%m-%d}" else ()


@every_provider
def test_raw_events_come_out_byte_for_byte(name: str) -> None:
    def mended(event: bytes) -> bytes:
        return re.sub(rb"\\ud[89a-f]..", exact.REPLACEMENT.encode(), event)

    events = exact_events(name)
    with Server(OneDay(events) if name == "roam" else log(name, events)) as server:
        raw = listed(server, name, "--raw")
        lines = listed(server, name)
        cells = listed(server, name, "-f", "csv")
    assert (raw.status, raw.said) == (lines.status, cells.said[:0]) == (0, "")
    assert lines.said == cells.said
    assert re.fullmatch(r"auditctl: warning: 2 of .*'s events hold half a char.*\n", lines.said)
    assert raw.out.split(b"\n")[:-1] == events
    for line, event in zip(lines.out.split(b"\n")[:-1], events, strict=True):
        assert line.endswith(b',"raw":' + mended(event) + b"}")
        assert exact.loads(line)["provider"] == name
    csv.field_size_limit(10**6)
    header, *rows = csv.reader(io.StringIO(cells.out.decode(), newline=""))
    assert (*header,) == FIELDS
    assert [row[-1].encode() for row in rows] == list(map(mended, events))
    ids = [row[header.index("id")] for row in rows]
    twins = 1 if LOGS[name].key else 3  # where there are ids, the repeated rows have the same
    assert len({ids[0], *ids[-2:]}) == twins


def test_a_lone_surrogate_is_replaced_in_every_format_and_kept_by_raw() -> None:
    row = json.dumps({**UPSTASH_ROWS[0], "actor": "a\ud800b", "\ud800": 1}, separators=(",", ":"))
    with Server(Upstash([row.encode()])) as server:
        runs = {f: listed(server, "upstash", "-f", f) for f in ("jsonl", "csv", "table")}
        raw = listed(server, "upstash", "--raw")
        kept = listed(server, "upstash", "--where", "actor=a\ufffdb")
    assert runs["jsonl"].out.decode().count('"actor":"a\ufffdb"') == 2
    assert runs["jsonl"].out.decode().count('"\ufffd":1') == 1
    assert ",a\ufffdb," in runs["csv"].out.decode()
    assert "  a\ufffdb  " in runs["table"].out.decode()
    assert kept.out == runs["jsonl"].out
    for run in runs.values():
        assert run.said == (
            "auditctl: warning: 1 of Upstash's events hold half a character, a lone surrogate, "
            "which many readers refuse; U+FFFD was written in its place. --raw keeps it.\n"
        )
    assert (raw.out, raw.said) == (row.encode() + b"\n", "")


@every_provider
def test_the_account_given_stands_where_the_events_say_none(name: str) -> None:
    with Server(log(name)) as server:
        found = listed(server, name, "--account", "acme-prod", "--where", "account~.")
        own = listed(server, name, "--account", "acme-prod", "--raw")
    assert len(found.records) == own.out.count(b"\n") > 5
    for record in found.records:
        said = name == "upstash" and record["raw"]["customer_id"]
        assert record["account"] == (said or "acme-prod")


def test_a_single_record_has_the_account_given_too() -> None:
    with Server(log("persona")) as server:
        id_ = listed(server, "persona").records[0]["id"]
        words = ("persona", "get", id_, "--account", "acme-prod")
        (record,) = result(*words, **server.environment).records
    assert (record["id"], record["account"]) == (id_, "acme-prod")


# The environment


@pytest.mark.parametrize(
    "locale",
    [
        {"LC_ALL": "C"},
        {"LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"LC_ALL": "POSIX", "PYTHONIOENCODING": "ascii"},
        {},
    ],
    ids=["C", "C, ASCII", "POSIX, ASCII", "nothing at all"],
)
def test_the_locale_changes_nothing(locale: dict[str, str]) -> None:
    row = {**UPSTASH_ROWS[0], "action_string": "Ünïcode 漢字 🎉", "entity": "x"}
    with Server(Upstash([row])) as server:
        environment = {**server.environment, **locale}
        for form in ("jsonl", "csv", "table"):
            found = process("upstash", "list", *WINDOW, "-f", form, environ=environment)
            assert (found.status, found.said) == (0, "")
            assert "Ünïcode 漢字 🎉".encode() in found.out
        failed = process("upstash", "list", "--since", "über", environ=environment)
    assert failed.status == USAGE
    shown = process("upstash", "list", "--help", environ=environment)
    assert shown == process("upstash", "list", "--help", environ={"LC_ALL": "C.UTF-8"})
    assert "…".encode() in shown.out
