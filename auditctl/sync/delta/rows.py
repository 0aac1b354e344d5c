"""The rows of a table: records as columns, and a digest of their content."""

from collections.abc import Sequence
from datetime import date
from hashlib import sha256
from typing import Any

import orjson
import pyarrow as pa

from auditctl.records import arrow
from auditctl.records.record import FIELDS, Record

COLUMNS = (*FIELDS[:2], "source", *FIELDS[2:], "date")
PARTITIONS = ("provider", "date")
MODULUS = 2**256

_AS_NUMBERS = {"time": pa.int64(), "date": pa.int32()}

SCHEMA = pa.schema([
    pa.field(name, pa.date32()) if name == "date" else arrow.schema([name]).field(name)
    for name in COLUMNS
])  # fmt: skip


def batch(records: Sequence[Record], source: str) -> pa.RecordBatch:
    """Return the records of a source as a batch with the columns of a table."""
    # Records have their fields in this order: to look each up takes three times as long.
    found = list(zip(*map(dict.values, records), strict=True)) or [()] * len(FIELDS)
    values = dict(zip(FIELDS, found, strict=True))
    columns = {name: arrow.column(name, values[name]) for name in FIELDS}
    columns["source"] = pa.array([source] * len(records), pa.string())
    days = [time and date.fromisoformat(time[:10]) for time in values["time"]]
    columns["date"] = pa.array(days, pa.date32())
    return pa.record_batch([columns[name] for name in COLUMNS], schema=SCHEMA)


def digests(batch: pa.RecordBatch) -> list[int]:
    """Return the digest of each row: the SHA-256 of its values as a compact JSON array.

    A time is its microseconds and a date its days since 1970, a status code is a number, and
    everything else is text or null. The order is that of `COLUMNS`.
    """
    values: list[Any] = []
    for name in COLUMNS:
        column = batch.column(name)
        if name in _AS_NUMBERS:
            column = column.view(_AS_NUMBERS[name])
        values.append(column.to_pylist())
    dumps, number = orjson.dumps, int.from_bytes
    return [number(sha256(dumps(row)).digest()) for row in zip(*values, strict=True)]


def add(digest: str, numbers: Sequence[int]) -> str:
    """Add digests to the digest of other rows.

    A sum, so that neither the order of rows nor the files that they are in make a difference. Not
    an exclusive or, in which a row that is there three times counts as one.
    """
    return f"{(int(digest, 16) + sum(numbers)) % MODULUS:064x}"
