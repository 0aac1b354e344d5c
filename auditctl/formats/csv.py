"""CSV as RFC 4180 quotes it, but for bare line feeds, and safe to open in a spreadsheet."""

from collections.abc import Sequence
from operator import itemgetter

from auditctl.escape import escape
from auditctl.formats import Layout
from auditctl.records import exact
from auditctl.records.fields import Field, as_json
from auditctl.records.record import Record

FORMULA_STARTS = frozenset("=+-@\t\r")
"""First characters that make a spreadsheet run a cell instead of showing it."""

_start = itemgetter(slice(1))


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
        self._begun = False

    def rows(self, records: Sequence[Record]) -> bytes:
        """Write a line per record."""
        if len(records) > exact.MOST_LINES:  # with ``--reverse`` they come all at once
            parts = range(0, len(records), exact.MOST_LINES)
            return b"".join([self.rows(records[n : n + exact.MOST_LINES]) for n in parts])
        lines = [] if self._begun else [",".join(self._written([one.name for one in self._fields]))]
        self._begun = True
        # By columns: most have nothing special in them, which one look at all of it finds out.
        columns = [self._column(one, records) for one in self._fields]
        lines += map(",".join, zip(*columns, strict=True))
        # Only lone surrogates cannot be encoded; they are written as their escape.
        return "\n".join([*lines, ""]).encode(errors="backslashreplace")

    def end(self) -> bytes:
        """Write the header if there was no record."""
        return b"" if self._begun else self.rows([])

    def _column(self, field: Field, records: Sequence[Record]) -> list[str]:
        """Return the cells of a field."""
        values = list(map(field.read, records))
        if field.name == "raw":
            lines = exact.lines(values).decode().split("\n")[:-1]
            return self._written(["" if line == "null" else line for line in lines])
        cells = [one if type(one) is str else "" if one is None else as_json(one) for one in values]
        if self._guard and not FORMULA_STARTS.isdisjoint(map(_start, cells)):
            cells = [
                f"'{cell}" if cell[:1] in FORMULA_STARTS and type(value) is str else cell
                for cell, value in zip(cells, values, strict=True)
            ]
        return self._written(cells)

    def _written(self, cells: list[str]) -> list[str]:
        """Return cells as they are written: those in quotes that need them."""
        if self._escaped:
            cells = list(map(escape, cells))
        text = ",".join(cells)
        if text.count(",") >= len(cells) or '"' in text or "\n" in text or "\r" in text:
            cells = list(map(_quoted, cells))
        return cells if len(self._fields) > 1 else [cell or '""' for cell in cells]


def _quoted(cell: str) -> str:
    """Return a cell in quotes if it needs them."""
    if "," in cell or '"' in cell or "\n" in cell or "\r" in cell:
        doubled = cell.replace('"', '""')
        return f'"{doubled}"'
    return cell


def make(layout: Layout) -> Csv:
    """Return CSV of the fields chosen, or of all."""
    return Csv(layout.columns(), guard=layout.csv_guard, escaped=layout.terminal)
