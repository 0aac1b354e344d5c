"""A run: the window not yet covered is read, and what is not in the destination is committed.

A window that was not read to its end is read on first, from the position in the journal; then the
one from the end of what is covered, less the overlap, up to now.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from auditctl.errors import AnswerError, UnreachableError
from auditctl.export import Tally, records
from auditctl.record import Malformed, Record
from auditctl.sync.archive import Archive, Progress
from auditctl.sync.state import ReadSpan, Span
from auditctl.window import Window, now_text, to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from auditctl.fields import Test
    from auditctl.provider import Page, Provider
    from auditctl.wire.client import Client

FEW = 4
"""Pages that make a commit at the latest: what a kill may cost."""
COMMIT_SHARE = 4
"""How many times as long as a commit waited for the disk is read before the next, if that is less:
where pages come slowly, or disks are fast, each page is a commit."""
ENOUGH_OLDER = 10
"""Older rows at a page's end after which none is expected to be newer; one may be dated wrongly."""
QUIET = 60.0
"""Seconds of reading that finds nothing, before it is noted how far it got."""
EARLY = timedelta(hours=1)
"""An event dated so much later than its window's end is one that will be seen again for long."""
AGREEMENT = timedelta(seconds=5)
"""So far apart two clocks are taken to agree: a ``Date`` is not even exact to the second."""
AHEAD = timedelta(days=1)
"""How much further than now is asked for."""
SLACK = timedelta(days=1)
"""A retention in months is not exact to the hour, so less than this is no gap."""
BEGINNING = datetime.min.replace(tzinfo=UTC)
END = datetime.max.replace(tzinfo=UTC)


@dataclass
class Outcome:
    """What a run has done."""

    records: int = 0
    gaps: list[Span] = field(default_factory=list)
    """Found by this run: hours that cannot be had any more."""
    tally: Tally = field(default_factory=Tally)


@dataclass(frozen=True)
class Run:
    """What a destination is kept up to date with."""

    provider: Provider
    client: Client
    archive: Archive
    overlap: timedelta
    since: datetime | None
    """Where the first run begins; None for as far back as the provider keeps its log."""
    counts_back: bool = False
    """``since`` was given as a time before now, by our clock."""
    tests: Sequence[Test] = ()
    redacted: bool = True
    watch: Callable[[Tally], None] = lambda _tally: None
    """Told after each page; what it raises ends the run between two commits."""

    def catch_up(self) -> Outcome:
        """Read what is not covered yet.

        Raises:
            AuditctlError: whatever ends the reading; what was committed stays.

        """
        outcome = Outcome()
        before = self.archive.state.records
        left = self._left()
        if left is not None and left.position is not None:
            since, until = from_text(left.since), left.until
            if self._read(since, outcome, until=until, position=left.position):
                left = None
        # Again, if the first answer shows that our clock has misled us about where to begin.
        if not self._read(self._since(left), outcome):
            self._read(self._since(left), outcome, anew=True)
        self.archive.settle()
        outcome.records = self.archive.state.records - before
        return outcome

    def _left(self) -> ReadSpan | None:
        """Give the window that was not read to its end."""
        window = self.archive.state.window
        return None if window is None or window.done else window

    def _since(self, left: ReadSpan | None) -> datetime:
        """Decide where the next window begins."""
        covered = self.archive.state.covered
        if covered is None and left is None:
            return self._beginning()
        starts = [from_text(left.since)] if left is not None else []
        if covered is not None:
            # Not from a mark that a wrong clock had set in the future, and not from before the
            # beginning, however long the overlap.
            mark = min(from_text(covered.until), datetime.now(UTC))
            starts.append(max(_before(mark, self.overlap), from_text(covered.since)))
        return min(starts)

    def _beginning(self) -> datetime:
        """Decide where the first window begins: by the provider's clock, if ours is ahead of it."""
        ahead = -min(self.client.skew or timedelta(), timedelta())
        if self.since is not None and not self.counts_back:
            return self.since
        keeps = self.provider.keeps
        begin = datetime.now(UTC) - keeps if keeps else BEGINNING
        return from_text(to_text(_before(self.since or begin, ahead)))

    def _read(
        self,
        since: datetime,
        outcome: Outcome,
        *,
        until: str | None = None,
        position: str | None = None,
        anew: bool = False,
    ) -> bool:
        """Read a window to its end.

        False if it must be begun anew, which is done once: the provider does not know the position
        any more, or its first answer shows that our clock has misled us about where a first window
        begins.
        """
        known = _Known(self.archive, since, self._kept_from())
        self.client.begin()
        self.archive.discard()  # what a run that failed had read is read again
        # What is dated in the future is delivered; only the asking ends with tomorrow.
        window = Window(since, self._now() + AHEAD)
        walk = _Walk(self.provider, self.client, window, position)
        try:
            until = self._read_on(walk, known, until, outcome, anew=anew)
        except _BeginAnewError:
            return False
        except (AnswerError, UnreachableError) as error:
            if not walk.has_lost_its_place(error):
                raise
            return False
        if walk.has_read():
            done = self._progress(since, until, outcome, done=True)
            self.archive.commit(done, known.pinned())
        # Else our clock is so far back that nothing was asked, so nothing is known of any hour.
        return True

    def _read_on(
        self, walk: _Walk, known: _Known, until: str | None, outcome: Outcome, *, anew: bool
    ) -> str:
        """Take page after page, committing now and then; give the end of what was read.

        Raises:
            _BeginAnewError: see `_read`.

        """
        since = walk.window.since
        batches = records(
            self.provider,
            walk.pages(),
            Window(since, END),
            outcome.tally,
            tests=self.tests,
            redacted=self.redacted,
        )
        committed = time.monotonic()
        for batch in batches:
            if until is None:
                if not anew and self._is_first() and since - self._beginning() > AGREEMENT:
                    raise _BeginAnewError
                until = self._end(walk)
            if walk.resumed and walk.is_empty():
                raise _BeginAnewError  # there were some events when this page was read first
            self._take(batch, known, until, outcome)
            walk.note(batch)
            del batch  # see `auditctl.export.records`
            self.watch(outcome.tally)
            if self._is_past(outcome.tally):
                break
            if self._is_due(walk, time.monotonic() - committed):
                progress = self._progress(since, until, outcome, position=walk.place())
                self.archive.commit(progress, known.pinned())
                walk.since_commit = 0
                committed = time.monotonic()
        return until or self._end(walk)

    def _take(self, batch: list[Record], known: _Known, until: str, outcome: Outcome) -> None:
        """Add what is not in the destination yet to the next commit."""
        fresh = known.drop(batch, until)
        self.archive.add(fresh)
        outcome.tally.count(fresh)

    def _kept_from(self) -> str:
        """Return the time before which the provider keeps nothing: it is never shown again."""
        keeps = self.provider.keeps
        return to_text(_before(datetime.now(UTC), keeps + SLACK)) if keeps else ""

    def _is_due(self, walk: _Walk, waited: float) -> bool:
        """Say whether it is time for a commit, so many seconds behind the last one."""
        if not self.archive.pending:
            return walk.place() is not None and waited >= QUIET
        return walk.since_commit >= FEW or waited >= COMMIT_SHARE * self.archive.waited

    def _now(self) -> datetime:
        """Give this moment; by the provider's clock, if ours is known to be ahead of it."""
        now = datetime.now(UTC)
        skew = self.client.skew
        return now if skew is None or skew > -EARLY else now + skew

    def _is_first(self) -> bool:
        """Say whether nothing has been read of the destination's first window."""
        return self.archive.state.covered is None and self.archive.state.window is None

    def _end(self, walk: _Walk) -> str:
        """Give the end of a walk's window: where it begins at the earliest, whatever clocks say."""
        return max(self._mark(walk.started, walk.window.until), to_text(walk.window.since))

    def _mark(self, started: datetime, asked_for: datetime = END) -> str:
        """Give the time up to which a walk that began then has seen everything, but for the late.

        By the provider's clock, since its events are dated by it; or by ours if that is behind.
        To take the earlier of the two costs a request, to take the later may cost events. And
        never later than what was asked for, by a clock that may have been put right since.
        """
        skew = self.client.skew or timedelta()
        return to_text(min(started, started + skew, asked_for))

    def _is_past(self, tally: Tally) -> bool:
        """Say whether what follows is older than the window.

        `records` reads on to a page that is wholly older, should rows be a little out of order.
        Where the window begins with an overlap, some rows are allowance enough.
        """
        overlaps = self.archive.state.covered is not None
        return overlaps and self.provider.order == "newest first" and tally.older >= ENOUGH_OLDER

    def _progress(
        self,
        since: datetime,
        until: str,
        outcome: Outcome,
        *,
        position: str | None = None,
        done: bool = False,
    ) -> Progress:
        """Say how far the window was read."""
        state = self.archive.state
        window = ReadSpan(from_moment(since), until, position, done)
        covered = state.covered
        gaps = self._gaps(window, outcome)
        if done:
            begin, end = since, until
            if covered is not None:
                begin = min(since, from_text(covered.since))
                skew = max(self.client.skew or timedelta(), timedelta())
                if from_text(covered.until) - datetime.now(UTC) <= skew + AGREEMENT:
                    # A clock that is wrong for once takes nothing back; a mark in the future, by
                    # the provider's clock too, was wrong itself.
                    end = max(until, covered.until)
            covered = Span(from_moment(begin), end)
        return Progress(window, covered, now_text() if done else state.success, gaps)

    def _gaps(self, window: ReadSpan, outcome: Outcome) -> tuple[Span, ...]:
        """Give the gaps not acknowledged, with one that this run finds."""
        state = self.archive.state
        keeps = self.provider.keeps
        if keeps is None:
            return state.gaps
        lost = from_text(self._mark(datetime.now(UTC))) - keeps
        if state.covered is not None:
            seen = from_text(state.covered.until)
        else:
            # If the first run was cut short, what it had to leave was to be had then.
            seen = max(from_text(window.since), _before(from_text(window.until), keeps))
        # Nor what somebody knows of already, while the window behind it has not been read yet.
        waived = [gap.until for gap in state.waived if gap.since == to_text(seen)]
        if state.covered is None or waived:
            lost -= SLACK
        seen = max([seen, *map(from_text, waived)])
        if seen >= lost:
            return state.gaps
        gap = Span(to_text(seen), to_text(lost))
        if not any(one.since == gap.since for one in outcome.gaps):
            outcome.gaps.append(gap)
        return (*(one for one in state.gaps if one.since != gap.since), gap)


class _BeginAnewError(Exception):
    """A walk has begun in the wrong place."""


class _Walk:
    """The pages of a walk, and where it is."""

    def __init__(
        self, provider: Provider, client: Client, window: Window, position: str | None
    ) -> None:
        self.window = window
        self.resumed = position is not None
        self.started = datetime.now(UTC)
        self.since_commit = 0
        self._pages = (
            provider.pages(client, window)
            if position is None
            else provider.pages_from(client, window, position)
        )
        self._position = position
        self._read = 0
        self._empty = True
        self._countable = True

    def pages(self) -> Iterator[Page]:
        for page in self._pages:
            self._read += 1
            self.since_commit += 1
            self._empty = not page.events
            if not self._empty:
                # A page is known again by its events; one that has none may not be itself.
                self._position = page.position
            yield page
            del page  # see `auditctl.export.records`

    def note(self, batch: Iterable[Record]) -> None:
        """See whether the walk can be taken up elsewhere than where it began.

        Twins of events without an id are told apart by counting from there.
        """
        self._countable = self._countable and not any(map(_lacks_id, batch))

    def has_read(self) -> bool:
        """Say whether there was a page at all."""
        return self._read > 0

    def is_empty(self) -> bool:
        """Say whether the first page, and no more was read yet, has no events."""
        return self._read == 1 and self._empty

    def has_lost_its_place(self, error: Exception) -> bool:
        """Say whether a failure means that the provider does not know the position any more.

        It may refuse it, or answer with the first page, whose links lead round to the position.
        Some fail themselves.
        """
        return self.resumed and (isinstance(error, AnswerError) or not self._read)

    def place(self) -> str | None:
        """Give where the walk can be taken up again."""
        return self._position if self._countable else None


def _lacks_id(record: Record) -> bool:
    return type(record) is Malformed and "id" in record.problems


class _Known:
    """The ids of what is in the destination already, as far back as a window reaches.

    Pinned ids are read only if there is an event that may have one: opening costs nothing that
    grows with them.
    """

    def __init__(self, archive: Archive, since: datetime, kept_from: str) -> None:
        self._ids: set[str] = set()
        self._journal = archive.journal
        self._pins = archive.state.pins
        self._since = to_text(since)
        self._kept_from = kept_from
        self._found: dict[bool, set[str]] = {}
        self._pinned: dict[str, str | None] = {}
        enough = to_text(_before(since, EARLY))
        for ids in self._journal.ids(self._since, enough):
            self._ids.update(ids)

    def drop(self, batch: Iterable[Record], until: str) -> list[Record]:
        """Give the records that are not in the destination, which they are from now on."""
        ids, pins = self._ids, self._pins
        early = to_text(from_text(until) + EARLY)[:-1]
        fresh = []
        for record in batch:
            id_, time = record["id"], record["time"]
            if id_ in ids:
                continue
            if pins is not None and pins.may_hold(time) and self._is_pinned(id_, time):
                continue
            ids.add(id_)
            fresh.append(record)
            if time is None or time[:-1] >= early:  # the look back ends there
                self._pinned[id_] = time
        return fresh

    def _is_pinned(self, id_: str, time: str | None) -> bool:
        """Return whether the line of an event pinned its id; ids are read once for each kind."""
        undated = time is None
        if undated not in self._found:
            found = self._found[undated] = set()
            for pinned in self._journal.pinned_ids(
                self._since, self._kept_from if undated else None
            ):
                found.update(pinned)
        return id_ in self._found[undated]

    def pinned(self) -> dict[str, str | None]:
        """Return the ids added since the last call that no look back by time would find."""
        pinned, self._pinned = self._pinned, {}
        return pinned


def from_moment(moment: datetime) -> str | None:
    """Write a window's beginning, to the microsecond; None is the beginning of the log."""
    return None if moment == BEGINNING else to_text(moment, exact=True)


def from_text(text: str | None) -> datetime:
    """Read what `from_moment` and `to_text` write."""
    return BEGINNING if text is None else datetime.fromisoformat(text)


def _before(moment: datetime, duration: timedelta) -> datetime:
    try:
        return moment - duration
    except OverflowError:
        return BEGINNING
