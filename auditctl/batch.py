"""The records of one page with the facts of the page, and what a run counts of them."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from auditctl.phrases import with_and
from auditctl.records.fields import Test
from auditctl.records.record import Record


class Problem(NamedTuple):
    """A problem of a record."""

    record: Record
    fields: Sequence[str]
    """Names of fields that it lacks, or that its event has in a form that cannot be read."""
    mended: bool
    """U+FFFD was put in the place of lone surrogates."""


@dataclass(eq=False, repr=False)
class Batch:
    """The records of one page, and the facts of the page that a reader of the log needs."""

    records: list[Record]
    problems: list[Problem] = field(default_factory=list)
    """Those of ``records``."""
    position: str | None = None
    """Where the log can be read on later: at the last page with events. None if nowhere, since
    events without an id that are equal are numbered from the start."""
    outside: list[str] = field(default_factory=list)
    """Times, without the Z, of the events at the page's end that are all outside the window."""
    reached: str | None = None
    """The time of the last event, in or out of the window."""
    events: int = 0
    """The number of events in the page, inside or outside the window."""
    continues: bool = False
    unconfirmed: str | None = None
    """The day asked for, if any, where an answer without a list of events was taken for empty."""
    partial: bool = False
    """See `Page` for this and ``continues``."""

    def only(self, records: list[Record]) -> "Batch":
        """Return the batch with some of its records, in their order, and their problems."""
        if len(records) == len(self.records):
            return self
        problems = self.problems
        if problems:
            kept = set(map(id, records))
            problems = [one for one in problems if id(one.record) in kept]
        return replace(self, records=records, problems=problems)

    def each(self) -> "Iterator[Found]":
        """Yield each record with its problem, so that it can leave its batch."""
        problems = {id(problem.record): problem for problem in self.problems}
        return ((record, problems.get(id(record))) for record in self.records)

    @classmethod
    def joined(cls, found: "Sequence[Found]") -> "Batch":
        """Make a batch of records that have left theirs."""
        return cls([record for record, _ in found], [one for _, one in found if one is not None])

    def matching(self, tests: Sequence[Test]) -> "Batch":
        """Return the batch with the records that pass all tests."""
        if not tests:
            return self
        return self.only([one for one in self.records if all(test(one) for test in tests)])


Found = tuple[Record, Problem | None]
"""A record with its problem, if it has one."""


class Tally:
    """Numbers for the progress line, the summary and the warnings; no decision depends on them."""

    def __init__(self) -> None:
        """Begin to count."""
        self.pages = 0
        self.records = 0
        self.reached: str | None = None
        """The time of the last event that was read, in or out of the window."""
        self.malformed = 0
        self.first_malformed = ""
        self.mended = 0
        """Records in which U+FFFD replaces lone surrogates."""
        self.unconfirmed = 0
        """Answers without a list of events that were taken for empty."""
        self.first_unconfirmed = ""
        """The first day that was asked for with such an answer."""
        self.started = time.monotonic()

    @property
    def took(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.started

    @property
    def back(self) -> str:
        """How far back was read, as the end of a progress line; empty before the first event."""
        return f", back to {self.reached[:16].replace('T', ' ')}" if self.reached else ""

    def count_page(self, batch: Batch) -> Batch:
        """Count a page as it is read; return its batch."""
        self.pages += not batch.continues
        self.reached = batch.reached or self.reached
        if batch.unconfirmed is not None:
            self.unconfirmed += 1
            self.first_unconfirmed = self.first_unconfirmed or batch.unconfirmed
        return batch

    def count_records(self, batch: Batch) -> None:
        """Count what is written; problems of other records are of no interest."""
        self.records += len(batch.records)
        for problem in batch.problems:
            self.count_problem(problem)

    def count_problem(self, problem: Problem) -> None:
        """Count what is wrong with a record that is written."""
        self.mended += problem.mended
        if problem.fields:
            self.malformed += 1
            self.first_malformed = self.first_malformed or _describe(problem)


def _describe(problem: Problem) -> str:
    return f"{with_and(problem.fields)} of {problem.record['id']}"
