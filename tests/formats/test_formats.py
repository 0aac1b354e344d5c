import csv
import io
import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from auditctl.escape import escape
from auditctl.formats import FORMATS, Format, Layout, make, offered
from auditctl.formats.csv import Csv
from auditctl.formats.jsonl import Jsonl
from auditctl.formats.table import Table
from auditctl.records import exact
from auditctl.records.fields import Field, field, parse_fields
from auditctl.records.record import FIELDS, Record
from tests.conftest import STRINGS, TEXTS, utf8

ALL = [field(name) for name in FIELDS]
TWO = parse_fields("actor,action")
TEXT_FIELDS = [name for name in FIELDS if name not in ("status_code", "raw")]


def record(**values: Any) -> Record:
    return {**dict.fromkeys(FIELDS), "provider": "persona", "outcome": "unknown", **values}


texts = st.none() | STRINGS | st.text(st.sampled_from("ab 漢字é\u0301🎉-\x1b\t\u202e\u2028[]"))
events = TEXTS.map(lambda text: exact.loads(utf8(text)))
records = st.builds(
    lambda values, status, event: record(**{**values, "status_code": status, "raw": event}),
    st.dictionaries(st.sampled_from(TEXT_FIELDS), texts, max_size=5),
    st.none() | st.integers(0, 999),
    events | st.just({"a": 'x,"y"'}),
)
runs = st.lists(st.lists(records, max_size=3), max_size=3)


# All of them


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_made_of_any_layout(name: str) -> None:
    ada = record(actor="ada@example.com", actor_email="ada@example.com", source="x")
    for terminal in (True, False):
        layout = Layout(terminal=terminal, width=80, color=terminal, with_source=True)
        made = make(name, layout)
        assert b"ada@example.com" in output(made, [[ada]])


@pytest.mark.parametrize("name", offered("sync"))
@given(batches=runs)
def test_what_sync_appends_does_not_depend_on_what_it_appended_before(
    name: str, batches: list[list[Record]]
) -> None:
    whole, parts = make(name, Layout()), make(name, Layout())
    header = parts.rows([])
    assert header == make(name, Layout()).rows([])
    every = [one for batch in batches for one in batch]
    written = [parts.rows(batch) for batch in batches]
    assert header + b"".join(written) == whole.rows(every)


def test_a_format_is_offered_where_it_can_be_written() -> None:
    offers = {command: offered(command) for command in ("list", "get", "sync")}
    assert offers == {
        "list": ("jsonl", "csv", "table", "summary", "parquet"),
        "get": ("jsonl", "csv", "table"),
        "sync": ("jsonl", "csv"),
    }


@pytest.mark.parametrize("name", ["csv", "jsonl"])
def test_in_lines_of_several_sources_theirs_stands_behind_the_provider(name: str) -> None:
    one = {"time": None, "provider": "x", "source": "eu", **record(provider="x")}
    written = output(make(name, Layout(with_source=True)), [[one]]).decode()
    assert re.search('"provider":"x","source":"eu"|provider,source,account.*\n,x,eu,', written)


def output(format_: Format, batches: Sequence[Sequence[Record]]) -> bytes:
    return b"".join([*map(format_.rows, batches), format_.end()])


# JSON Lines


def test_a_line_of_json_is_the_record_compact_and_in_order() -> None:
    one = record(time="2026-01-31T08:09:10.000Z", id="ü", status_code=200, raw={"n": 1.5, "a": []})
    assert (
        output(Jsonl(), [[one]])
        == (
            '{"time":"2026-01-31T08:09:10.000Z","provider":"persona","account":null,"id":"ü","actor":null,'
            '"actor_id":null,"actor_name":null,"actor_email":null,"action":null,"target":null,'
            '"outcome":"unknown","status_code":200,"source_ip":null,"user_agent":null,"session_id":null,'
            '"raw":{"n":1.5,"a":[]}}\n'
        ).encode()
    )


@given(TEXTS)
def test_an_event_leaves_as_it_came(text: str) -> None:
    event = exact.loads(utf8(text))
    assert output(Jsonl(raw=True), [[record(raw=event)]]) == utf8(text) + b"\n"
    line = utf8('{"raw":' + text + ',"actor":null}') + b"\n"
    assert output(Jsonl(parse_fields("raw,actor")), [[record(raw=event)]]) == line


@given(runs)
def test_each_record_is_one_line_of_json(batches: list[list[Record]]) -> None:
    lines = output(Jsonl(), batches).split(b"\n")
    assert lines.pop() == b""
    every = [one for batch in batches for one in batch]
    assert [exact.dumps(exact.loads(line)) for line in lines] == [exact.dumps(r) for r in every]
    assert [list(json.loads(line)) for line in lines] == [list(FIELDS)] * len(every)


def test_no_record_is_no_byte() -> None:
    assert output(Jsonl(), [[], []]) == b""


# CSV


def cell(value: Any) -> str:
    """Say what a cell of CSV must hold, unguarded."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else exact.dumps(value).decode()
    return text.encode(errors="backslashreplace").decode()


@given(runs)
def test_python_reads_the_same_values_out_of_csv(batches: list[list[Record]]) -> None:
    written = output(Csv(ALL, guard=False), batches)
    header, *rows = csv.reader(io.StringIO(written.decode(), newline=""))
    assert header == list(FIELDS)
    every = [one for batch in batches for one in batch]
    for row, one in zip(rows, every, strict=True):
        assert row[:-1] == [cell(one[name]) for name in FIELDS[:-1]]
        if not isinstance(one["raw"], str):
            assert row[-1] == cell(one["raw"])


@given(runs)
def test_the_rows_of_csv_do_not_depend_on_those_beside_them(batches: list[list[Record]]) -> None:
    every = [one for batch in batches for one in batch]
    assert output(Csv(ALL), [every]) == output(Csv(ALL), [[one] for one in every])


@given(runs)
def test_the_guard_puts_an_apostrophe_before_what_would_run(batches: list[list[Record]]) -> None:
    guarded, bare = (
        list(csv.reader(io.StringIO(output(Csv(ALL[:-1], guard=on), batches).decode(), newline="")))
        for on in (True, False)
    )
    assert guarded == [
        [f"'{text}" if text.startswith(tuple("=+-@\t\r")) else text for text in row] for row in bare
    ]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain", "plain"),
        ("a,b", '"a,b"'),
        ('say "x"', '"say ""x"""'),
        ("a\nb", '"a\nb"'),
        ("a\rb", '"a\rb"'),
        ("a\r\nb", '"a\r\nb"'),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        ("\rx", '"\'\rx"'),
        ('=a,"b', '"\'=a,""b"'),
        ("a=1", "a=1"),
        ("'x", "'x"),
        (None, ""),
        ("", ""),
        ("\ud800", "\\ud800"),
        ("ü\u2028", "ü\u2028"),
    ],
)
def test_a_cell_is_quoted_as_rfc_4180_says_and_guarded(value: str | None, written: str) -> None:
    assert output(Csv(TWO), [[record(actor=value, action="x")]]) == (
        f"actor,action\n{written},x\n".encode()
    )


def test_on_a_terminal_csv_shows_control_characters_escaped() -> None:
    evil = record(actor="\x1b[31m\n\u202e", action="\t=1", raw={"\x9b": "\x7f"})
    written = output(make("csv", Layout(parse_fields("actor,action,raw"), terminal=True)), [[evil]])
    line = rb"\x1b[31m\n\u202e,'\t=1," + rb'"{""\x9b"":""\x7f""}"'
    assert written == b"actor,action,raw\n" + line + b"\n"


@pytest.mark.parametrize(
    ("name", "layout"), [("jsonl", {}), ("jsonl", {"raw": True}), ("ocsf", {}), ("ecs", {})]
)
def test_on_a_terminal_json_is_the_same_value_and_moves_nothing(
    name: str, layout: dict[str, Any]
) -> None:
    evil = record(provider="persona", actor="\x9b2J\x7f\u202e", raw={"é\ufeff": "\u2028"})
    shown = output(make(name, Layout(terminal=True, **layout)), [[evil]]).decode()
    piped = output(make(name, Layout(**layout)), [[evil]]).decode()
    assert [escape(line) for line in shown.split("\n")] == shown.split("\n")
    assert set(json.loads(shown)) == set(json.loads(piped))
    assert json.loads(shown).get("raw") == json.loads(piped).get("raw")
    assert "é\ufeff" in piped


@pytest.mark.parametrize(
    ("event", "written"),
    [({"a": [1]}, '"{""a"":[1]}"'), (-5, "-5"), (None, ""), ("x", '"""x"""')],
)  # fmt: skip
def test_raw_is_json_text_in_csv(event: Any, written: str) -> None:
    fields = parse_fields("raw,actor")
    assert output(Csv(fields), [[record(raw=event)]]) == f"raw,actor\n{written},\n".encode()
    last = output(Csv(parse_fields("actor,raw")), [[record(raw=event)]])
    assert last == f"actor,raw\n,{written}\n".encode()


@pytest.mark.parametrize(("batches", "lines"), [([], 0), ([[]], 0), ([[], [record()], []], 1)])
@pytest.mark.parametrize("make", [Csv, Table, lambda f: Table(f, width=80)])
def test_there_is_one_header_even_over_nothing(make: Any, batches: Any, lines: int) -> None:
    header, *rows = output(make(TWO), batches).decode().splitlines()
    assert header.replace(",", " ").split() == ["actor", "action"]
    assert len(rows) == lines


# Tables


def test_a_plain_table_is_aligned_and_whole() -> None:
    first = [record(actor="ada@example.com", action="x"), record(action="[red]y[/]")]
    later = [record(actor="a" * 20, action="long"), record(actor="b", action="")]
    assert output(Table(TWO), [[], first, later]) == (
        b"actor            action\n"
        b"ada@example.com  x\n"
        b"-                [red]y[/]\n"
        b"aaaaaaaaaaaaaaaaaaaa  long\n"
        b"b                -\n"
    )


@pytest.mark.parametrize("character", ["\U0001f600", "\x1b", "\u0301", "\u200b"])
def test_a_huge_value_is_cropped_before_it_is_measured(character: str) -> None:
    # Measured as a whole, these would take minutes.
    batch = [record(actor=character * 10**6, action="x")] * 50
    lines = output(Table(TWO, width=80), [batch, batch]).decode().splitlines()
    assert len(lines) == 101
    assert all("…" in line and len(line) < 500 for line in lines[1:])


@given(runs)
def test_a_plain_table_has_a_safe_line_per_record_with_every_value(
    batches: list[list[Record]],
) -> None:
    written = output(Table(ALL), batches).decode()
    every = [one for batch in batches for one in batch]
    lines = written.split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(written.splitlines()) == 1 + len(every)
    assert not [c for c in written if c != "\n" and _moves_the_cursor(c)]
    for line, one in zip(lines[1:], every, strict=True):
        for name in TEXT_FIELDS:
            if one[name] and not any(map(_moves_the_cursor, one[name])):
                assert one[name].rstrip() in line


@given(runs)
def test_the_lines_of_a_table_do_not_depend_on_those_beside_them(
    batches: list[list[Record]],
) -> None:
    first = record(actor="a" * 9)
    every = [one for batch in batches for one in batch]
    for width in (None, 80):
        together, apart = Table(ALL, width=width), Table(ALL, width=width)
        assert output(together, [[first], every]) == output(apart, [[first], *([e] for e in every)])


@given(st.lists(st.lists(st.text("abc", min_size=1), min_size=3, max_size=3), min_size=1))
def test_columns_of_a_plain_table_are_two_spaces_or_more_apart(rows: list[list[str]]) -> None:
    fields = parse_fields("actor,action,target")
    batch = [record(actor=a, action=b, target=c) for a, b, c in rows]
    for batches in ([batch], [[one] for one in batch]):
        lines = output(Table(fields), batches).decode().splitlines()
        assert [[cell.strip() for cell in line.split("  ") if cell] for line in lines[1:]] == rows


def _moves_the_cursor(character: str) -> bool:
    return not character.isprintable() and (
        ord(character) < 0xA0 or character in "\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c"
        "\u202d\u202e\u2066\u2067\u2068\u2069\ufeff" or 0xD800 <= ord(character) < 0xE000
    )  # fmt: skip


@pytest.mark.parametrize("make", [Table, lambda f: Table(f, width=200)])
def test_what_a_stranger_wrote_is_shown_and_does_nothing(make: Any) -> None:
    evil = record(actor="[red]x[/red] :smile:", action="\x1b[31m\n\u202eb\u2028\ud800\x07")
    table = make(TWO)
    for shown in (table.rows([evil]), table.rows([evil])):  # at the top, and further down
        assert b"[red]x[/red] :smile:" in shown
        assert rb"\x1b[31m\n\u202eb\u2028\ud800\x07" in shown


widths = st.sampled_from([20, 80, 200])
columns = st.sampled_from([ALL, TWO, ALL[:6], [field("raw")]])


@given(st.lists(records, min_size=1, max_size=3), st.lists(records, max_size=3), widths, columns)
def test_a_rich_table_fits_its_width_and_later_records_its_columns(
    batch: list[Record], others: list[Record], width: int, fields: list[Field]
) -> None:
    table = Table(fields, width=width)
    assert table.rows([]) == b""
    header, *first = table.rows(batch).decode().split("\n")
    starts = [match.start() for match in re.finditer(r"\S+", header)]
    assert table.rows(batch).decode().split("\n") == first
    later = table.rows(others).decode().split("\n")
    assert (len(first), len(later)) == (len(batch) + 1, len(others) + 1)
    assert "\x1b" not in "".join([header, *first, *later])
    for line in [header, *first[:-1], *later[:-1]]:
        assert cell_len(line) <= width
        for start in starts[1:]:
            assert _cells(line + " " * width, start - 2, start) == "  "
    assert table.end() == b""


def _cells(line: str, start: int, end: int) -> str:
    """Give what stands in these cells of a line, where a wide character takes two."""
    shown = "".join(c + "\0" * (cell_len(c) - 1) for c in line if cell_len(c))
    return shown[start:end]


def test_a_rich_table_crops_with_an_ellipsis_what_is_too_long() -> None:
    table = Table(TWO, width=20)
    batch = [record(actor="a" * 30, action="漢" * 30), record(actor="bb", action="漢字")]
    assert table.rows(batch).decode() == (
        "actor      action\naaaaaaaa…  漢…漢漢漢\nbb         漢字\n"
    )  # fmt: skip


@pytest.mark.parametrize("make", [Csv, Jsonl, Table, lambda f: Table(f, width=80)])
def test_a_field_whose_name_is_no_utf_8_can_be_asked_for(make: Any) -> None:
    # What Python makes of the byte 0xFF among the arguments.
    assert rb"\udcff" in output(make(parse_fields("raw.a\udcff,actor")), [[record(actor="x")]])
