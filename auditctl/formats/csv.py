"""CSV as RFC 4180 quotes it, but for bare line feeds, and safe to open in a spreadsheet."""

import csv
from collections.abc import Sequence
from typing import Any

from auditctl.fields import Field, as_json
from auditctl.record import Record

FORMULA_STARTS = frozenset("=+-@\t\r")
"""What makes a spreadsheet run a cell instead of showing it."""


class Csv:
    """A header, then a line per record; null is an empty cell."""

    def __init__(self, fields: Sequence[Field], *, guard: bool = True) -> None:
        """Write ``fields``; ``guard`` puts an apostrophe before texts that would be run."""
        self._fields = fields
        self._guard = guard
        self._lines: list[str] = []
        # The writer quotes every line break only if both stand in its own line end; the ends
        # are put right in `_written`.
        self._writer = csv.writer(self, lineterminator="\r\n")
        self._begun = False

    def write(self, line: str) -> None:
        """Take a line from the writer."""
        self._lines.append(line)

    def rows(self, records: Sequence[Record]) -> bytes:
        """Write a line per record."""
        if not self._begun:
            self._begun = True
            self._writer.writerow([field.name for field in self._fields])
        cell = self._cell
        for record in records:
            self._writer.writerow([cell(field, field.read(record)) for field in self._fields])
        written = "".join([line[:-2] + "\n" for line in self._lines])
        self._lines.clear()
        # Only lone surrogates cannot be encoded; they are written as their escape.
        return written.encode(errors="backslashreplace")

    def end(self) -> bytes:
        """Write the header if there was no record."""
        return b"" if self._begun else self.rows([])

    def _cell(self, field: Field, value: Any) -> str | None:  # noqa: ANN401 - JSON is any value
        if type(value) is str and field.name != "raw":
            return "'" + value if self._guard and value[:1] in FORMULA_STARTS else value
        return None if value is None else as_json(value)
