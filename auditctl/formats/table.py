"""A table for people: rich and cropped on a terminal, plain and whole in a pipe."""

from collections.abc import Sequence

from auditctl.escape import escape
from auditctl.fields import Field, as_text
from auditctl.record import Record

COLUMNS = ("time", "source", "actor", "action", "target", "outcome", "source_ip")
"""Shown where no fields are chosen, as far as the records have them."""
GAP = "  "
HEIGHT = 25
"""Rows of no consequence: without them rich takes a TERM=dumb for one of 80 columns."""
NOTHING = "-"
"""Stands for null, so that every line has as many columns as the header."""
TO_SECONDS = 20
"""Cells of a time without a fraction."""
WIDEST = 200
"""Characters up to which a plain column is padded: one value of a megabyte would blow up all."""
NARROWEST = {"time": TO_SECONDS}
"""Cells that a column keeps while others can give way: a time down to its seconds. For the rest
it is the title's width."""


class PlainTable:
    """A header and a line per record, values whole, so that ``grep`` and ``awk`` see them.

    The first records decide how wide the columns are; a longer value later on moves the rest of
    its line, since cropping would lose it and waiting for all would take all of the memory.
    """

    def __init__(self, fields: Sequence[Field]) -> None:
        """Write ``fields``."""
        self._fields = fields
        self._widths: list[int] = []

    def rows(self, records: Sequence[Record]) -> bytes:
        """Write a line per record, once there is one."""
        if not records:
            return b""
        lines = [[_text(field, record) for field in self._fields] for record in records]
        if not self._widths:
            lines.insert(0, [escape(field.name) for field in self._fields])
            self._widths = [
                min(WIDEST, max(map(len, column))) for column in zip(*lines, strict=True)
            ]
        return "".join([self._line(cells) for cells in lines]).encode()

    def end(self) -> bytes:
        """Write the header if there was no record."""
        if self._widths:
            return b""
        return (GAP.join(escape(field.name) for field in self._fields) + "\n").encode()

    def _line(self, cells: list[str]) -> str:
        padded = [cell.ljust(width) for cell, width in zip(cells, self._widths, strict=True)]
        return GAP.join(padded).rstrip(" ") + "\n"


class RichTable:
    """Columns that fit the terminal, fixed by the first records; longer values end in an ellipsis.

    The first records are rich's, whose rules about widths and colours are the ones people know;
    the rest are plain lines in the same columns, since rich takes half a millisecond a row.
    """

    def __init__(self, fields: Sequence[Field], width: int, *, color: bool) -> None:
        """Write ``fields`` on a terminal so many cells wide."""
        self._fields = fields
        self._width = width
        self._color = color
        self._widths: list[int] = []

    def rows(self, records: Sequence[Record]) -> bytes:
        """Write a line per record, once there is one."""
        if not records:
            return b""
        # Nothing is seen of what is longer, and rich takes half a second for a million characters.
        most = 4 * self._width
        lines = [[_text(field, record, most) for field in self._fields] for record in records]
        if self._widths:
            return "".join([self._line(cells) for cells in lines]).encode()
        return self._first(lines)

    def end(self) -> bytes:
        """Write the header if there was no record."""
        return b"" if self._widths else self._first([])

    def _first(self, lines: list[list[str]]) -> bytes:
        from io import StringIO

        from rich.cells import cell_len
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        titles = [escape(field.name) for field in self._fields]
        wanted = [max(map(cell_len, column)) for column in zip(titles, *lines, strict=True)]
        self._widths = fit(wanted, titles, self._width)
        self._fields = self._fields[: len(self._widths)]
        table = Table(box=None, pad_edge=False, padding=(0, len(GAP), 0, 0), header_style="bold")
        for title, width in zip(titles, self._widths, strict=False):
            style = "dim" if title == "time" else ""
            table.add_column(title, width=width, no_wrap=True, overflow="ellipsis", style=style)
        for cells in lines:
            # As Text: a str would be read as markup, and logs may contain "[red]".
            table.add_row(*map(Text, self._shortened(cells)))
        page = StringIO()
        console = Console(
            file=page,
            width=max(self._width, 1),
            height=HEIGHT,
            force_terminal=True,
            color_system="standard" if self._color else None,
            no_color=not self._color,
            legacy_windows=False,
        )
        console.print(table)
        lines_out = [line.rstrip(" ") for line in page.getvalue().split("\n")[:-1]]
        return "".join([line + "\n" for line in lines_out]).encode()

    def _shortened(self, cells: list[str]) -> list[str]:
        """Leave the fraction of a time out where there is no room for it."""
        shown = cells[: len(self._widths)]
        width = self._widths[0]
        if self._fields[0].name == "time" and TO_SECONDS <= width < len(shown[0]):
            shown[0] = f"{shown[0][: TO_SECONDS - 1]}Z"
        return shown

    def _line(self, cells: list[str]) -> str:
        cells = self._shortened(cells)
        shown = [_cropped(cell, width) for cell, width in zip(cells, self._widths, strict=True)]
        if self._color and self._fields[0].name == "time":
            shown[0] = f"\x1b[2m{shown[0]}\x1b[0m"
        return GAP.join(shown).rstrip(" ") + "\n"


def fit(wanted: Sequence[int], titles: Sequence[str], width: int) -> list[int]:
    """Share a line's cells among columns: the widest give way first, down to their titles.

    Where that is not enough they shrink further, and at last the columns on the right are left
    out: a line that wraps is worse.
    """
    widths = [min(cells, width) for cells in wanted]
    for least in ([NARROWEST.get(title, len(title)) for title in titles], [1] * len(widths)):
        while _line_width(widths) > width:
            room = [have > need for have, need in zip(widths, least, strict=True)]
            if not any(room):
                break
            widest = max(range(len(widths)), key=lambda column: room[column] * widths[column])
            widths[widest] -= 1
    while _line_width(widths) > width and len(widths) > 1:
        widths.pop()
    return widths


def _line_width(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _text(field: Field, record: Record, most: int | None = None) -> str:
    text = as_text(field.read(record))
    if most is not None and text is not None and len(text) > most:
        text = f"{text[:most]}…"
    return NOTHING if text is None or text == "" else escape(text)


def _cropped(cell: str, width: int) -> str:
    if cell.isascii():  # a character is a cell
        return cell.ljust(width) if len(cell) <= width else cell[: width - 1] + "…"
    from rich.cells import cell_len, set_cell_size

    if cell_len(cell) <= width:
        return set_cell_size(cell, width)
    return set_cell_size(cell, width - 1) + "…"
