"""Parquet: the types of columns, the size of row groups, and where such a file may go."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditctl.formats import parquet
from auditctl.formats.parquet import Parquet
from auditctl.records import exact
from auditctl.records.fields import parse_fields
from auditctl.records.record import FIELDS
from tests.conftest import TEXTS, utf8
from tests.program import process, result
from tests.server import Fault, Persona, Server

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

USAGE = 2
MIB = 2**20
ALL = ",".join(FIELDS)


def record(**fields: Any) -> dict[str, Any]:
    own = {"time": "2026-01-31T08:09:10.123Z", "provider": "persona", "outcome": "unknown"}
    return {**dict.fromkeys(FIELDS), **own, "raw": {}, **fields}


def written(*pages: Sequence[dict[str, Any]], fields: str = ALL) -> pq.ParquetFile:
    format_ = Parquet(parse_fields(fields))
    data = b"".join([format_.rows(page) for page in pages])
    return pq.ParquetFile(io.BytesIO(data + format_.end()))


def values(file: pq.ParquetFile, name: str) -> list[Any]:
    found: list[Any] = file.read().column(name).to_pylist()
    return found


def test_columns_have_the_same_types_whatever_the_data() -> None:
    full = record(**{name: "x" for name in FIELDS if name not in ("time", "raw", "status_code")})
    for page in ([], [dict.fromkeys(FIELDS) | {"raw": None}], [full | {"status_code": 200}]):
        schema = written(page).schema_arrow
        assert tuple(schema.names) == FIELDS
        types = {name: schema.field(name).type for name in FIELDS}
        assert types.pop("time") == pa.timestamp("us", tz="UTC")
        assert types.pop("status_code") == pa.int32()
        assert set(types.values()) == {pa.string()}


def test_times_are_cut_to_microseconds() -> None:
    times = ["0001-01-01T00:00:00.000Z", "2026-01-31T08:09:10.123456789Z",
             "9999-12-31T23:59:59.999999Z", None]  # fmt: skip
    found = values(written([record(time=time) for time in times]), "time")
    assert found == [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(2026, 1, 31, 8, 9, 10, 123456, UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, UTC),
        None,
    ]


def test_a_number_that_32_bits_cannot_hold_is_null() -> None:
    codes = [200, -(2**31), 2**31 - 1, 2**31, -(2**31) - 1, 2**70, None]
    found = values(written([record(status_code=code) for code in codes]), "status_code")
    assert found == [200, -(2**31), 2**31 - 1, None, None, None, None]


@given(TEXTS.map(lambda text: exact.loads(utf8(text))))
@settings(max_examples=60)
def test_raw_is_the_exact_json_of_the_event(raw: Any) -> None:
    event = {"event": raw}
    exact.replace_surrogates(event)
    (found,) = values(written([record(raw=event)]), "raw")
    assert found.encode() == exact.dumps(event)


@given(st.lists(st.text(st.characters(codec="utf-8")) | st.none(), max_size=5))
@settings(max_examples=60)
def test_texts_are_what_they_were(texts: list[str | None]) -> None:
    pages = [[record(actor=text)] for text in texts]
    assert values(written(*pages), "actor") == texts


def test_fields_are_columns_in_their_order_and_paths_are_text() -> None:
    raws = [{"a": {"b": 1.10}}, {"a": {"b": "x"}}, {"a": None}, {"a": {"b": [True]}}]
    file = written([record(raw=raw) for raw in raws], fields="raw.a.b,time,raw")
    assert file.schema_arrow.names == ["raw.a.b", "time", "raw"]
    assert values(file, "raw.a.b") == ["1.1", "x", None, "[true]"]
    assert values(file, "raw")[1] == '{"a":{"b":"x"}}'


def test_row_groups_are_small_and_a_large_row_stands_alone() -> None:
    pages = [[record(raw="x" * MIB) for _ in range(20)] for _ in range(4)]
    pages.insert(2, [record(), record(raw="y" * (70 * MIB)), record()])
    metadata = written(*pages).metadata
    assert metadata.num_rows == 83
    groups = [metadata.row_group(n) for n in range(metadata.num_row_groups)]
    assert [group.num_rows for group in groups if group.total_byte_size > 64 * MIB] == [1]
    assert len(groups) < 12
    assert groups[0].column(0).compression == "ZSTD"


def test_a_page_larger_than_a_row_group_is_divided() -> None:
    with patch.object(parquet, "ROW_GROUP", MIB):
        metadata = written([record(raw="x" * 1000)] * 5000).metadata
    assert metadata.num_rows == 5000
    assert 5 <= metadata.num_row_groups <= 16


# Where it goes


def test_it_goes_to_a_file_and_to_a_pipe_alike(tmp_path: Path) -> None:
    path = tmp_path / "audit.parquet"
    with Server(Persona(250)) as server:
        words = ("persona", "list", "--since", "2026-01-01")
        by_name = process(*words, "-o", str(path), environ=server.environment)
        piped = process(*words, "-f", "parquet", environ=server.environment)
        lines = process(*words, "-f", "jsonl", environ=server.environment)
    assert (by_name.status, by_name.said) == (0, "")
    assert path.read_bytes() == piped.out
    assert path.stat().st_mode & 0o777 == 0o600
    table = pq.read_table(path).to_pylist()
    assert [row["id"] for row in table] == lines.ids
    assert [orjson.loads(row["raw"]) for row in table] == [r["raw"] for r in lines.records]


def test_a_lone_surrogate_becomes_the_sign_for_it(tmp_path: Path) -> None:
    path = tmp_path / "audit.parquet"
    edit = lambda body: body.replace(b'"user-audit-log"', b'"\\ud800"', 1)  # noqa: E731
    with Server(Persona(3), faults=[Fault(edit=edit)]) as server:
        words = ("persona", "list", "--since", "2020-01-01", "-o", str(path))
        assert result(*words, **server.environment).status == 0
    assert "\ufffd" in "".join(pq.read_table(path).column("raw").to_pylist())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--raw", "-f", "parquet"), "--raw"),
        (("--raw", "-o", "x.parquet"), "--raw"),
        (("-f", "parquet", "-o", "x.gz"), "Parquet files have their own"),
    ],
)
def test_what_does_not_go_with_it_is_a_usage_error(words: tuple[str, ...], said: str) -> None:
    found = result("persona", "list", "--demo", *words)
    assert (found.status, said in found.said) == (USAGE, True)


def test_it_does_not_go_to_a_terminal() -> None:
    with patch("auditctl.cli.boundary._is_terminal", return_value=True):
        found = result("persona", "list", "--demo", "-f", "parquet")
    assert found.status == USAGE
    assert "not for a terminal" in found.said


def test_without_the_extra_it_is_said_what_to_install(tmp_path: Path) -> None:
    path = tmp_path / "audit.parquet"
    with patch.dict(sys.modules, {"pyarrow": None}):
        found = result("persona", "list", "--demo", "-o", str(path))
    assert found.status == USAGE
    assert "pip install 'auditctl[lake]'" in found.said
    assert not path.exists()


@pytest.mark.parametrize(
    ("words", "imported"),
    [
        ("persona list --demo", []),
        ("persona sync --demo -o x.jsonl", []),
        ("status x.jsonl", []),
        ("persona sync --demo -f delta -o lake", ["deltalake"]),
    ],
)
def test_what_does_not_need_it_does_not_import_it(
    words: str, imported: list[str], tmp_path: Path
) -> None:
    script = (
        "import sys; sys.argv[1:] = sys.argv[1].split(); from auditctl.__main__ import main\n"
        "try: main()\n"
        "finally: print(sorted({'pyarrow', 'deltalake'} & set(sys.modules)), file=sys.stderr)"
    )
    found = process(words, command=(sys.executable, "-c", script), cwd=tmp_path)
    assert found.said.splitlines()[-1] == str(imported)
