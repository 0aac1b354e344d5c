"""Tables as the tests make them, look at them, and tamper with them."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from auditctl.records.record import FIELDS
from auditctl.sync.delta.destination import TableDestination
from auditctl.sync.delta.path import TablePath
from auditctl.sync.destination import Opening
from auditctl.sync.kinds import open_destination
from auditctl.sync.profile import TableProfile
from auditctl.sync.state import Progress, ReadSpan, Span
from auditctl.window import now_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

UNTIL = "2026-01-02T00:00:00.000Z"
READING = Progress(ReadSpan(None, UNTIL, None, done=False), None, None, ())


def done(success: str | None = None) -> Progress:
    """A window that was read to its end."""
    covered = Span(None, UNTIL)
    return Progress(ReadSpan(None, UNTIL, None, done=True), covered, success or now_text(), ())


def record(n: int, **fields: Any) -> dict[str, Any]:
    time = f"2026-01-01T00:{n // 60:02}:{n % 60:02}.000Z"
    own = {"time": time, "provider": "persona", "id": f"id-{n}", "raw": {"n": n}}
    return {**dict.fromkeys(FIELDS), **own, **fields}


def opened(
    path: Path | str, source: str = "prod", environ: Mapping[str, str] | None = None
) -> AbstractContextManager[TableDestination]:
    profile = TableProfile(
        options={"provider": "persona"},
        table=TablePath(str(path)),
        source=source,
        environ=environ or {},
    )

    @contextmanager
    def of_its_kind() -> Iterator[TableDestination]:
        with open_destination(profile, Opening()) as found:
            assert isinstance(found, TableDestination)
            yield found

    return of_its_kind()


def write(destination: TableDestination, *numbers: int, progress: Progress = READING) -> None:
    destination.add([record(n) for n in numbers])
    destination.commit(progress)


def rows(path: Path | str, options: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """Read all rows with what anybody would read them with."""
    table = DeltaTable(str(path), storage_options=options)
    reader = pa.RecordBatchReader.from_stream(table.scan())
    found: list[dict[str, Any]] = reader.read_all().to_pylist()
    return found


def ids(path: Path | str) -> Sequence[str]:
    return sorted(row["id"] for row in rows(path))


def put_bytes_for_ids(path: Path) -> None:
    """Replace the ids of a file by bytes that are no UTF-8, and its size in the log."""
    commit = path / "_delta_log" / f"{1:020}.json"
    actions = [json.loads(line) for line in commit.read_text().splitlines()]
    (added, *_) = [one["add"] for one in actions if "add" in one]
    file = path / added["path"]
    table = pq.ParquetFile(file).read()
    broken = pa.array([b"\xff"] * len(table))
    pq.write_table(table.set_column(table.schema.get_field_index("id"), "id", broken), file)
    added["size"] = file.stat().st_size
    commit.write_text("".join(f"{json.dumps(one)}\n" for one in actions))
