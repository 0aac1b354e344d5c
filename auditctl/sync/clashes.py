"""Different events that one answer has under the same id."""

from collections.abc import Iterator, Sequence

from auditctl.records import exact
from auditctl.records.record import Record


class Clashes:
    """The events of one walk, compared within each answer.

    Between two answers an event may have been changed, so those are not compared.
    """

    def __init__(self, *, in_pieces: bool) -> None:
        """Compare whole batches too if one answer may come in many (``in_pieces``)."""
        self._contents: dict[str, int] | None = {} if in_pieces else None

    def find(self, records: Sequence[Record]) -> Iterator[str]:
        """Yield the id of each event of a batch that an earlier and different one has as well."""
        if self._contents is not None:
            # What is most telling of each event: all of it would cost more than all else here.
            here = {one["id"]: hash((one["time"], one["action"], one["target"])) for one in records}
            before = self._contents
            yield from (id_ for id_ in before.keys() & here.keys() if before[id_] != here[id_])
            before.update(here)
        if len({record["id"] for record in records}) == len(records):
            return
        first: dict[str, Record] = {}
        for record in records:
            other = first.setdefault(record["id"], record)
            # As JSON: to compare what is nested deep would end in a RecursionError.
            if other is not record and exact.dumps(other["raw"]) != exact.dumps(record["raw"]):
                yield record["id"]
