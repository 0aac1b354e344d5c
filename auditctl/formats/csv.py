"""CSV as RFC 4180 quotes it, but for bare line feeds, and safe to open in a spreadsheet."""

import csv
from collections.abc import Sequence
from typing import Any

from auditctl.escape import escape
from auditctl.formats import Layout
from auditctl.records.fields import Field, as_json
from auditctl.records.record import Record

FORMULA_STARTS = frozenset("=+-@\t\r")
"""First characters that make a spreadsheet run a cell instead of showing it."""


class Csv:
    """A header, then a line per record; null is an empty cell."""

    def __init__(
        self, fields: Sequence[Field], *, guard: bool = True, escaped: bool = False
    ) -> None:
        """Write ``fields``; ``guard`` puts an apostrophe before texts that would be run.

        ``escaped`` is for a terminal, which would obey control characters.
        """
        self._fields = fields
        self._guard = guard
        self._escaped = escaped
        self._lines: list[str] = []
        # The writer quotes every line break only if both are in its own line end, which `write`
        # puts right.
        self._writer = csv.writer(self, lineterminator="\r\n")
        self._begun = False

    def write(self, line: str) -> None:
        """Take a line from the writer."""
        self._lines.append(line[:-2])

    def rows(self, records: Sequence[Record]) -> bytes:
        """Write a line per record."""
        if not self._begun:
            self._begun = True
            names = [one.name for one in self._fields]
            self._writer.writerow(map(escape, names) if self._escaped else names)
        cell, lines = self._cell, self._lines
        raw = -1 if self._fields[-1].name == "raw" else None
        commas = len(self._fields[:raw]) - 1
        for record in records:
            cells = [cell(one, one.read(record)) for one in self._fields]
            if self._escaped:
                cells = list(map(escape, cells))
            # Where no text has anything special in it, and that is the common case, the writer
            # would take four times as long to do the same.
            texts = ",".join(cells[:raw])
            if texts.count(",") != commas or not texts.isprintable() or '"' in texts or not texts:
                self._writer.writerow(cells)
            elif raw is None:
                lines.append(texts)
            else:
                json = cells[-1].replace('"', '""')
                lines.append(f'{texts},"{json}"' if json else f"{texts},")
        written = "\n".join([*lines, ""])
        lines.clear()
        # Only lone surrogates cannot be encoded; they are written as their escape.
        return written.encode(errors="backslashreplace")

    def end(self) -> bytes:
        """Write the header if there was no record."""
        return b"" if self._begun else self.rows([])

    def _cell(self, field: Field, value: Any) -> str:  # noqa: ANN401 - JSON is any value
        if type(value) is str and field.name != "raw":
            return "'" + value if self._guard and value[:1] in FORMULA_STARTS else value
        return "" if value is None else as_json(value)


def make(layout: Layout) -> Csv:
    """Return CSV of the fields chosen, or of all."""
    return Csv(layout.columns(), guard=layout.csv_guard, escaped=layout.terminal)
