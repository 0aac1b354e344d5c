"""JSON Lines: one compact JSON value a line, in UTF-8."""

from collections.abc import Sequence

from auditctl.formats import Format, Layout
from auditctl.records import exact
from auditctl.records.fields import Field
from auditctl.records.record import Record


class Jsonl(Format):
    """Whole records, the fields chosen, or the provider's own events."""

    def __init__(self, fields: Sequence[Field] | None = None, *, raw: bool = False) -> None:
        """Write ``fields`` (None: all), or with ``raw`` the events alone."""
        self._fields = fields
        self._raw = raw

    def rows(self, records: Sequence[Record]) -> bytes:
        """Write one line per record."""
        values: Sequence[object] = records
        if self._raw:
            values = [record["raw"] for record in records]
        elif self._fields is not None:
            fields = self._fields
            values = [{field.name: field.read(record) for field in fields} for record in records]
        return exact.lines(values)


def make(layout: Layout) -> Jsonl:
    """Return JSON Lines of the fields chosen, or of whole records."""
    return Jsonl(layout.fields, raw=layout.raw)
