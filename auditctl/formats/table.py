"""A table for people: fitted to a terminal, whole in a pipe."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import repeat

from auditctl.escape import escape
from auditctl.formats import Layout
from auditctl.formats.cells import BOLD, ELLIPSIS, STYLES, all_shown, cells, fitted, painter
from auditctl.formats.clock import Clock
from auditctl.records.fields import Field, field
from auditctl.records.record import OF_SOURCES, Record

COLUMNS = ("time", "actor", "action", "target", "outcome")
"""Shown where no fields are chosen."""
COMFORTABLE = 100
"""From so many columns on there is room for an address, and for times as they are."""
GAP = "  "
WIDEST = 40
"""Characters of a value that pads other lines of a table in a pipe; a longer one pads none."""
WHOLE_NAME = 24
"""Cells of an actor that stay while other columns can give way; of a longer one no more do."""
SHORTEST_TIME = len("01-31 08:09:10")
PAINTED = ("outcome", "status_code")
"""The column that has the outcome's style: the first of these, else the first of all."""


class Table:
    """A header and a line per record; the first records decide how wide the columns are.

    On a terminal longer values are shortened. In a pipe they move the rest of their line: to
    shorten them would lose what ``grep`` looks for, and to wait for all would take the memory.
    """

    def __init__(
        self,
        fields: Sequence[Field],
        *,
        width: int | None = None,
        color: bool = False,
        clock: Clock | None = None,
    ) -> None:
        """Write ``fields``, on a terminal ``width`` cells wide, or in a pipe if that is None."""
        self._names = [one.name for one in fields]
        self._reads = [one.read for one in fields]
        self._shows: list[Callable[[Sequence[object]], list[str]]]
        self._shows = [partial(all_shown, most=width)] * len(fields)
        self._width = width
        self._painted = painter(color=color)
        self._clock = clock or Clock()
        self._widths: list[int] = []
        self._time = self._names.index("time") if "time" in self._names else None
        self._verdict = next((self._names.index(n) for n in PAINTED if n in self._names), 0)
        self._show_times(self._clock.exact)

    def rows(self, records: Sequence[Record]) -> bytes:
        """Write a line per record, once there is one."""
        if not records:
            return b""
        header = "" if self._widths else self._begin(records)
        columns = list(map(self._padded, self._columns(records), self._widths, self._names))
        if self._verdict < len(columns):
            styles = [STYLES.get(str(record.get("outcome")), "") for record in records]
            columns[self._verdict] = list(map(self._painted, columns[self._verdict], styles))
        lines = [f"{GAP.join(texts).rstrip(' ')}\n" for texts in zip(*columns, strict=True)]
        return "".join([header, *lines]).encode()

    def end(self) -> bytes:
        """Write the header if there was no record."""
        return b"" if self._widths else self._begin([]).encode()

    def _begin(self, records: Sequence[Record]) -> str:
        """Choose the widths of the columns, and return the header."""
        titles = [escape(name) for name in self._names]
        if self._time is not None:
            titles[self._time] = self._clock.title
        if self._width is None:
            self._widths = [
                max((len(text) for text in (title, *column) if len(text) <= WIDEST), default=0)
                for title, column in zip(titles, self._columns(records), strict=True)
            ]
        else:
            self._fit(titles, records, self._width)
        padded = map(self._padded, zip(titles), self._widths, self._names)
        header = GAP.join([title for (title,) in padded]).rstrip(" ")
        return self._painted(header, BOLD) + "\n"

    def _fit(self, titles: list[str], records: Sequence[Record], width: int) -> None:
        """Share the width among the columns; times become shorter before other values do."""
        if self._time is not None:
            self._clock.omit_year(map(self._reads[self._time], records))
        if width >= COMFORTABLE and self._share(titles, records, width, SHORTEST_TIME):
            return
        self._show_times(self._clock.short)
        self._share(titles, records, width, width)

    def _share(
        self, titles: list[str], records: Sequence[Record], width: int, shortest_time: int
    ) -> bool:
        """Share the width among the columns; return whether times are whole."""
        shown = self._columns(records)
        columns = [(title, *column) for title, column in zip(titles, shown, strict=True)]
        wanted = [max(map(cells, column)) for column in columns]
        without_domains = list(map(_without_domains, self._names, columns, wanted))
        least = list(map(_least, self._names, columns, without_domains))
        if self._time is not None:
            least[self._time] = shortest_time
        self._widths = fit(wanted, (without_domains, least, [1] * len(least)), width)
        return self._time is None or self._widths[self._time :][:1] == [wanted[self._time]]

    def _show_times(self, form: Callable[[str], str]) -> None:
        if self._time is not None:
            self._shows[self._time] = lambda times: all_shown(
                [form(time) if type(time) is str else time for time in times]
            )

    def _columns(self, records: Sequence[Record]) -> list[list[str]]:
        """Return the texts of each field. By columns, since most have nothing special in them."""
        return [
            show(list(map(read, records)))
            for show, read in zip(self._shows, self._reads, strict=True)
        ]

    def _padded(self, texts: Sequence[str], width: int, name: str) -> list[str]:
        """Return the texts of a column that there is room for, in its width."""
        if self._width is None:
            return list(map(str.ljust, texts, repeat(width)))
        return list(map(fitted, texts, repeat(width), repeat(name)))


def make(layout: Layout) -> Table:
    """Return a table of the fields chosen, or of those that there is room for."""
    narrow = layout.terminal and layout.width < COMFORTABLE
    names = [*COLUMNS, *(() if narrow else ("source_ip",))]
    if layout.with_source:
        names.insert(1, "source")
    return Table(
        layout.fields or [field(name, there=OF_SOURCES) for name in names],
        width=layout.width if layout.terminal else None,
        color=layout.color,
        clock=Clock(layout.zone, layout.window),
    )


def fit(wanted: Sequence[int], floors: Iterable[Sequence[int]], width: int) -> list[int]:
    """Share a line's cells among columns: the widest give way first, each down to its floor.

    Where the first floors are too high the next ones count, and at last the columns on the right
    are left out: a line that wraps is worse.
    """
    widths = [min(cells, width) for cells in wanted]
    for floor in floors:
        while _line_width(widths) > width:
            room = [have > need for have, need in zip(widths, floor, strict=True)]
            if not any(room):
                break
            widest = max(range(len(widths)), key=lambda column: room[column] * widths[column])
            widths[widest] -= 1
    while _line_width(widths) > width and len(widths) > 1:
        widths.pop()
    return widths


def _line_width(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _without_domains(name: str, texts: Sequence[str], wanted: int) -> int:
    """Return the cells of a column when e-mail addresses have lost their domains."""
    people = [text.partition("@")[0] for text in texts if "@" in text]
    if not people or not name.startswith("actor"):
        return wanted
    return min(wanted, max(cells(texts[0]), *map(cells, people)) + len(ELLIPSIS))


def _least(name: str, texts: Sequence[str], most: int) -> int:
    """Return the cells that a column keeps while others can give way: at least its title's."""
    if name == "outcome":
        return most
    return min(most, WHOLE_NAME) if most < max(map(cells, texts)) else cells(texts[0])
