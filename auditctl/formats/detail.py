"""Records for people, whole: a field a line, the event as indented JSON."""

from collections.abc import Sequence

import orjson

from auditctl.escape import escape_json
from auditctl.formats import Format, Layout
from auditctl.formats.cells import BOLD, STYLES, painter, shown
from auditctl.formats.clock import Clock
from auditctl.records import exact
from auditctl.records.record import FIELDS, Record

MARGIN = max(map(len, FIELDS)) + 2


class Detail(Format):
    """The fields of each record one below the other, and an empty line between two records."""

    def __init__(self, clock: Clock, *, color: bool) -> None:
        """Show times by ``clock``."""
        self._clock = clock
        self._painted = painter(color=color)
        self._begun = False

    def rows(self, records: Sequence[Record]) -> bytes:
        """Write the lines of each record."""
        lines: list[str] = []
        for record in records:
            lines += [""] if self._begun else []
            self._begun = True
            for name in FIELDS[:-1]:
                value = record[name]
                text = shown(self._clock.exact(value) if name == "time" and value else value)
                style = STYLES.get(value, "") if name == "outcome" else ""
                lines.append(f"{self._title(name)}{self._painted(text, style)}")
            lines += [self._title("raw").rstrip(" "), *_indented(record["raw"])]
        return "".join([f"{line}\n" for line in lines]).encode()

    def _title(self, name: str) -> str:
        return self._painted(name.ljust(MARGIN), BOLD)


def make(layout: Layout) -> Detail:
    """Return it with each time's own offset, as there is no title to say it."""
    return Detail(Clock(layout.zone, has_title=False), color=layout.color)


def _indented(event: object) -> list[str]:
    """Return an event as JSON over several lines; what is nested too deep for that on one."""
    return escape_json(exact.dumps(event, orjson.OPT_INDENT_2)).decode().split("\n")
