"""Records as Arrow batches: a column for each field, of the same type whatever the data."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from auditctl.records.fields import Field, as_json, as_text
from auditctl.records.record import Record

TIME = pa.timestamp("us", tz="UTC")
TYPES = {"time": TIME, "status_code": pa.int32()}
"""The types of columns that are no text."""
LEAST, MOST = -(2**31), 2**31 - 1
"""What 32 bits hold."""
TO_MICROSECONDS = len("2026-01-31T08:09:10.123456")


def schema(names: Sequence[str]) -> pa.Schema:
    """Return the schema of columns with these names."""
    return pa.schema([(name, TYPES.get(name, pa.string())) for name in names])


def batch(fields: Sequence[Field], records: Sequence[Record]) -> pa.RecordBatch:
    """Return the records as a batch with a column for each field."""
    columns = [_column(field, [field.read(record) for record in records]) for field in fields]
    return pa.record_batch(columns, schema=schema([field.name for field in fields]))


def _column(field: Field, values: list[Any]) -> pa.Array:
    if field.name == "time":
        return pa.array(list(map(_cut, values)), pa.string()).cast(TIME)
    if field.name == "status_code":
        return pa.array([_bounded(value) for value in values], pa.int32())
    if field.name == "raw":
        return pa.array(list(map(as_json, values)), pa.string())
    if "." in field.name:  # a path into raw: any JSON value
        values = list(map(as_text, values))
    return pa.array(values, pa.string())


def _cut(time: str | None) -> str | None:
    """Cut a time to microseconds, which is as fine as Arrow reads it."""
    if time is None or len(time) <= TO_MICROSECONDS + 1:
        return time
    return f"{time[:TO_MICROSECONDS]}Z"


def _bounded(number: int | None) -> int | None:
    return number if number is None or LEAST <= number <= MOST else None
