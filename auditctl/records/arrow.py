"""Records as Arrow batches: a column for each field, of the same type whatever the data."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from auditctl.records.fields import Field, as_json, as_text
from auditctl.records.record import Record

TIME = pa.timestamp("us", tz="UTC")
TYPES = {"time": TIME, "status_code": pa.int32()}
"""The types of columns that are no text."""
LEAST, MOST = -(2**31), 2**31 - 1
"""What 32 bits hold."""


def schema(names: Sequence[str]) -> pa.Schema:
    """Return the schema of columns with these names."""
    return pa.schema([(name, TYPES.get(name, pa.string())) for name in names])


def batch(fields: Sequence[Field], records: Sequence[Record]) -> pa.RecordBatch:
    """Return the records as a batch with a column for each field."""
    columns = [column(field.name, list(map(field.read, records))) for field in fields]
    return pa.record_batch(columns, schema=schema([field.name for field in fields]))


def column(name: str, values: Sequence[Any]) -> pa.Array:
    """Return the values of a field, or of a dotted path into ``raw``, as a column."""
    if name == "time":
        # Not a cast, which imports all of Arrow's functions: that takes as long as Arrow itself.
        return pa.array(list(map(_moment, values)), pa.timestamp("us")).view(TIME)
    if name == "status_code":
        return pa.array([_bounded(value) for value in values], pa.int32())
    if name == "raw":
        return pa.array(list(map(as_json, values)), pa.string())
    if "." in name:  # a path into raw: any JSON value
        values = list(map(as_text, values))
    return pa.array(values, pa.string())


def _moment(time: str | None) -> datetime | None:
    """Read a time, cut to microseconds, without its zone."""
    return None if time is None else datetime.fromisoformat(time[:-1])


def _bounded(number: int | None) -> int | None:
    return number if number is None or LEAST <= number <= MOST else None
