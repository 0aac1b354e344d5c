"""A run: the window not yet covered is read, and what is not in the destination is committed."""

# A window that was not read to its end is read on first, from the position in the journal; then the
# one from the end of what is covered, less the overlap, up to now.

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from auditctl.batch import Tally
from auditctl.errors import (
    AccessError,
    AnswerError,
    AuditctlError,
    ThrottledError,
    UnreachableError,
)
from auditctl.export import batches
from auditctl.log import ASKED_AHEAD
from auditctl.sync import coverage
from auditctl.sync.coverage import Clocks, Stretch
from auditctl.sync.state import Progress, ReadSpan, Span
from auditctl.sync.walk import Clashes, Walk
from auditctl.window import END, Window, before, from_moment, from_text, now_text, shift, to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import timedelta

    from auditctl.batch import Batch
    from auditctl.http.client import Client
    from auditctl.provider import Order, Provider
    from auditctl.records.fields import Test
    from auditctl.sync.destination import Destination

MIN_OLDER_EVENTS = 10
"""Events at a page's end that must all be older than twice the overlap before reading stops: single
ones may be dated wrongly."""


@dataclass(eq=False, repr=False)
class Outcome:
    """The outcome of a run."""

    records: int = 0
    gaps: list[Span] = field(default_factory=list)
    """Gaps that this run found."""
    first: bool = False
    """Nothing had been read before."""
    begins: datetime | None = None
    """Where what is covered begins, if the provider does not keep its log as far back as
    ``--since`` asks for; set by the run that covers it first."""
    clashes: list[str] = field(default_factory=list)
    """The ids of events not written because a different event in the same answer has that id."""
    tally: Tally = field(default_factory=Tally)


class Run(NamedTuple):
    """Brings a destination up to date with a log."""

    provider: Provider
    client: Client
    destination: Destination
    overlap: timedelta
    since: datetime | None
    """Where the first window begins; None for as far back as the provider keeps its log."""
    tests: Sequence[Test] = ()
    account: str | None = None
    """The records' account where the events name none."""
    redacted: bool = True
    watch: Callable[[Tally], None] = lambda _tally: None
    """Called after each page; what it raises ends the run between two commits."""

    def catch_up(self, outcome: Outcome) -> None:
        """Read what is not covered yet, and note in ``outcome`` what is found.

        Raises:
            AuditctlError: whatever ends the reading; what was committed stays.

        """
        before = self.destination.state.records
        outcome.first = self.destination.state.window is None
        left = self._left
        if left is not None and left.position is not None:
            window = left.stretch
            self._read(window.since, outcome, until=window.until, position=left.position)
        if not self._read(self._next(), outcome):
            self._read(self._first(), outcome)
        self.destination.finish()
        outcome.records = self.destination.state.records - before

    def _next(self) -> datetime:
        """Return where the next window begins."""
        left = self._left
        newest = self._newest_read
        return coverage.next_since(
            self._covered,
            None if left is None else left.stretch,
            None if newest is None else from_text(newest),
            first=self._first(),
            now=datetime.now(UTC),
            overlap=self.overlap,
            costs_by_length=self._order.is_by_day or self.provider.log.filters_by_time,
        )

    def _first(self) -> datetime:
        """Return where a first window begins, as far as the clocks are known."""
        return coverage.first_since(self.since, self._clocks(), self.provider.log.reach)

    def _clocks(self, ours: datetime | None = None) -> Clocks:
        """Read both clocks, as they are now or as they were at a moment of ours, as written."""
        ours = ours or datetime.now(UTC)
        skew = self.client.skew
        provider = None if skew is None else from_text(to_text(shift(ours, skew)))
        return Clocks(from_text(to_text(ours)), provider)

    @property
    def _covered(self) -> Stretch | None:
        covered = self.destination.state.covered
        return None if covered is None else covered.stretch

    @property
    def _left(self) -> ReadSpan | None:
        """The window that was not read to its end."""
        window = self.destination.state.window
        return None if window is None or window.done else window

    @property
    def _newest_read(self) -> str | None:
        """The newest event read so far, but for those dated later than their window's end.

        Journals of earlier versions do not have it, but the newest event written.
        """
        window, latest = self.destination.state.window, self.destination.state.latest
        return None if window is None else window.newest or latest

    @property
    def _order(self) -> Order:
        """The order in which events come: the oldest first, where the service gives either."""
        return self.provider.log.order.of(Window(None, None, oldest_first=True))

    def _read(
        self,
        since: datetime,
        outcome: Outcome,
        *,
        until: datetime = END,
        position: str | None = None,
    ) -> bool:
        """Read a window to its end, up to now or to ``until``.

        Return False if it must be read again: the provider does not know the position any more,
        or its clock shows that the window should have begun earlier.
        """
        walk = Walk(since, position, self._order)
        try:
            if not self._read_on(walk, until, outcome):
                return False
        except (AccessError, AnswerError, ThrottledError, UnreachableError) as error:
            if self.destination.pending:
                # What cannot be committed now is read again: it must not hide why the run fails.
                with suppress(AuditctlError):
                    self.destination.commit(self._progress(walk, outcome, done=False))
            if not walk.has_lost_its_place(error):
                raise
            return False
        if not walk.pages:
            return True  # nothing was answered, so nothing is covered
        if coverage.begins_too_late(since, self._covered, self._first(), self._clocks()):
            return False
        self.destination.commit(self._progress(walk, outcome, done=True))
        return True

    def _batches(self, walk: Walk) -> Iterator[Batch]:
        """Begin to read."""
        # What is dated in the future is delivered; only the asking ends with tomorrow. Today is
        # asked for in any case, since an answer shows whether our clock or a former one is wrong.
        now = datetime.now(UTC)
        asked = Window(min(walk.since, now), shift(now, ASKED_AHEAD), oldest_first=True)
        self.client.begin()
        return batches(
            self.provider,
            self.client,
            Window(walk.since, END, oldest_first=True),
            walk.position,
            asked=self.provider.log.asked(asked, now),
            account=self.account,
            redacted=self.redacted,
        )

    def _read_on(self, walk: Walk, until: datetime, outcome: Outcome) -> bool:
        """Read page after page, and commit now and then.

        Return False if the provider does not know the position any more.
        """
        known = self.destination.known_since(walk.since, self._kept_from)
        self.destination.discard()  # what a run that failed had read is read again
        committed = time.monotonic()
        clashes = Clashes(in_pieces=not self._order.is_documented)
        for batch in map(outcome.tally.count_page, self._batches(walk)):
            walk.note(batch)
            if walk.pages == 1:
                # All is seen up to the moment when the walk began, or the one that it goes on
                # with; by the earlier clock: the later one may cover what has not happened yet.
                ours = min(walk.started, datetime.now(UTC))  # it may have been set back since
                walk.until = max(min(self._clocks(ours).earlier, until), walk.since)
                if walk.resumed and walk.is_empty:
                    return False  # there were some events when this page was read first
            walk.note_newest(batch)
            matching = batch.matching(self.tests)
            new = matching.only(known.new(matching.records))
            # Where no record was left out, no id is there twice.
            outcome.clashes += clashes.find(matching.records, differ=new is matching)
            self.destination.add(new.records)
            outcome.tally.count_records(new)
            is_past = self._is_past(walk.since, batch)
            del batch, matching, new  # before the next page: see `auditctl.export.batches_of`
            self.watch(outcome.tally)
            if is_past:
                break
            progressed = self.destination.pending or walk.position is not None
            if progressed and self.destination.is_due(time.monotonic() - committed):
                self.destination.commit(self._progress(walk, outcome, done=False))
                committed = time.monotonic()
        return True

    def _is_past(self, since: datetime, batch: Batch) -> bool:
        """Return whether what follows is so old that a window with an overlap need not read on.

        `batches` stops behind a page that is wholly older. On a sparse log, the first page may
        reach back far behind the window, and still begin with an event inside it.
        """
        if self.destination.state.covered is None or not self._order.stops_at_since:
            return False
        last = batch.outside[-MIN_OLDER_EVENTS:]
        twice = to_text(before(since, self.overlap), exact=True)[:-1]
        return len(last) == MIN_OLDER_EVENTS and max(last) < twice

    def _progress(self, walk: Walk, outcome: Outcome, *, done: bool) -> Progress:
        """Describe how far a window was read, and what is covered after its end."""
        state = self.destination.state
        newest = max(self._newest_read or "", walk.newest or "") or None
        position = None if done else walk.position
        window = ReadSpan(from_moment(walk.since), to_text(walk.until), position, done, newest)
        gaps = self._gaps(outcome)
        if not done:
            return Progress(window, state.covered, state.success, gaps)
        since, clocks = walk.since, self._clocks()
        oldest = END if walk.oldest is None else from_text(walk.oldest)
        begins = coverage.shown_since(since, clocks, self.provider.log.keeps, oldest)
        if (
            self.since is not None
            and self._covered is None
            and begins - since > coverage.WRONG_CLOCK
        ):
            outcome.begins = begins
        # What is left of a long ago may lie before all that the provider still keeps.
        read = Stretch(min(begins, walk.until), walk.until)
        covered = coverage.extend(self._covered, read, clocks)
        return Progress(window, Span.of(covered), now_text(), gaps)

    def _gaps(self, outcome: Outcome) -> tuple[Span, ...]:
        """Return the gaps not acknowledged, with one that this run finds."""
        state = self.destination.state
        if state.covered is None:
            return state.gaps  # nothing can be lost yet, and the clocks need not be read
        acknowledged = [gap.stretch for gap in state.waived]
        found = coverage.lost(self._covered, self._clocks(), self.provider.log.keeps, acknowledged)
        if found is None:
            return state.gaps
        gap = Span.of(found)
        if not any(one.since == gap.since for one in outcome.gaps):
            outcome.gaps.append(gap)
        return (*(one for one in state.gaps if one.since != gap.since), gap)

    def _kept_from(self) -> str:
        """Return the time before which the provider keeps nothing, so never shows it again."""
        keeps = self.provider.log.keeps
        if keeps is None:
            return ""
        return to_text(before(self._clocks().earlier, keeps + coverage.RETENTION_TOLERANCE))
