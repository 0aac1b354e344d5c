"""Parquet: columns with types, compressed, in row groups of limited size."""

from collections.abc import Sequence
from io import RawIOBase
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from auditctl.formats import Layout
from auditctl.records import arrow
from auditctl.records.fields import Field
from auditctl.records.record import Record

ROW_GROUP = 32 * 1024 * 1024
"""Bytes of a row group, uncompressed; a larger row stands alone. Two of them fit into memory."""


def make(layout: Layout) -> "Parquet":
    """Return Parquet of the fields chosen, or of all."""
    return Parquet(layout.columns())


class _Sink(RawIOBase):
    """Hands on what is written, and counts it: the footer refers to places in the file."""

    def __init__(self) -> None:
        self._data: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
        self._data.append(bytes(data))
        self._size += len(data)
        return len(data)

    def tell(self) -> int:
        return self._size

    def take(self) -> bytes:
        data, self._data = b"".join(self._data), []
        return data


class Parquet:
    """A column for each field; null is null."""

    def __init__(self, fields: Sequence[Field]) -> None:
        """Write ``fields``."""
        self._fields = fields
        self._sink = _Sink()
        self._schema = arrow.schema([field.name for field in fields])
        self._writer = pq.ParquetWriter(self._sink, pa.schema(self._schema), compression="zstd")
        self._group: list[pa.RecordBatch] = []
        self._size = 0

    def rows(self, records: Sequence[Record]) -> bytes:
        """Write whole row groups; what does not fill one is kept for the next."""
        values = [arrow.plain(one.name, list(map(one.read, records))) for one in self._fields]
        self._add(pa.record_batch(arrow.batch(self._schema, values)))
        return self._sink.take()

    def end(self) -> bytes:
        """Write the last row group, and the footer."""
        self._write_group()
        self._writer.close()
        return self._sink.take()

    def _add(self, batch: pa.RecordBatch) -> None:
        if batch.nbytes > ROW_GROUP and batch.num_rows > 1:
            middle = batch.num_rows // 2
            self._add(batch.slice(0, middle))
            self._add(batch.slice(middle))
            return
        if self._size + batch.nbytes > ROW_GROUP:
            self._write_group()
        self._group.append(batch)
        self._size += batch.nbytes

    def _write_group(self) -> None:
        if self._size:
            table = pa.Table.from_batches(self._group)
            self._writer.write_table(table, row_group_size=table.num_rows)
        self._group = []
        self._size = 0
