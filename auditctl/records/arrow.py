"""Records as Arrow batches: a column for each field, of the same type whatever the data."""

# Made with arro3, which comes with the library for tables. PyArrow would add a tenth to the time
# and a third to the memory of a short run, only to be imported.

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from arro3.core import Array, DataType, Field, RecordBatch, Schema

from auditctl.records.fields import as_json, as_text

TEXT, BYTES = DataType.utf8(), DataType.binary()
TYPES = {
    "time": DataType.timestamp("us", tz="UTC"),
    "date": DataType.date32(),
    "status_code": DataType.int32(),
}
"""The types of columns that are no text."""
NUMBERS = {"time": DataType.int64(), "date": DataType.int32(), "status_code": DataType.int32()}
"""The types of their numbers: microseconds and days since 1970, and the code itself."""
LEAST, MOST = -(2**31), 2**31 - 1
"""What 32 bits hold."""

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - all times are in UTC, and read without their zone
_MICROSECOND = timedelta(microseconds=1)


def schema(names: Sequence[str]) -> Schema:
    """Return the schema of columns with these names."""
    return Schema([Field(name, TYPES.get(name, TEXT)) for name in names])


def plain(name: str, values: Sequence[Any]) -> Sequence[Any]:
    """Return the values of a field, or of a dotted path into ``raw``, as numbers or texts."""
    if name == "time":
        return [None if time is None else _microseconds(time) for time in values]
    if name == "status_code":
        return [_bounded(number) for number in values]
    if name == "raw":
        return list(map(as_json, values))
    if "." in name:  # a path into raw: any JSON value
        return list(map(as_text, values))
    return values


def batch(schema: Schema, values: Sequence[Sequence[Any]]) -> RecordBatch:
    """Return plain values, those of each column together, as a batch."""
    columns = [_column(name, of_one) for name, of_one in zip(schema.names, values, strict=True)]
    return RecordBatch(columns, schema=schema)


def _column(name: str, values: Sequence[Any]) -> Array:
    if name not in TYPES:
        return Array(values, TEXT)
    return Array(values, NUMBERS[name]).cast(TYPES[name])


def _microseconds(time: str) -> int:
    """Read a time, cut to microseconds, as their number since 1970."""
    return (datetime.fromisoformat(time[:-1]) - _EPOCH) // _MICROSECOND


def _bounded(number: int | None) -> int | None:
    return number if number is None or LEAST <= number <= MOST else None
