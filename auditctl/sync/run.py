"""A run: the window not yet covered is read, and what is not in the destination is committed.

A window that was not read to its end is read on first, from the position in the journal; then the
one from the end of what is covered, less the overlap, up to now.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from auditctl import exact
from auditctl.errors import AnswerError, UnreachableError
from auditctl.export import Tally, records
from auditctl.record import Malformed, Record
from auditctl.sync import coverage
from auditctl.sync.archive import Archive, Progress
from auditctl.sync.coverage import Clocks, Span
from auditctl.window import BEGINNING, END, Window, now_text, shift, to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from auditctl.fields import Test
    from auditctl.provider import Page, Provider
    from auditctl.sync.lines import Line
    from auditctl.wire.client import Client

FEW = 4
"""Pages that make a commit at the latest: what a kill may cost."""
COMMIT_SHARE = 4
"""How many times as long as a commit waited for the disk is read before the next, if that is less:
where pages come slowly, or disks are fast, each page is a commit."""
ENOUGH_OLDER = 10
"""Rows at a page's end that must all be older than twice the overlap before reading stops: single
ones may be dated wrongly."""
QUIET = 60.0
"""Seconds of reading that finds nothing, before it is noted how far it got."""
EARLY = timedelta(hours=1)
"""An event dated so much later than its window's end is one that will be seen again for long."""
AHEAD = timedelta(days=1)
"""How much further than now is asked for."""
_TELLING = ("time", "actor", "action", "target", "status_code", "source_ip")
"""Fields by which two events are told apart without comparing them whole."""


@dataclass
class Outcome:
    """What a run has done."""

    records: int = 0
    gaps: list[Line] = field(default_factory=list)
    """Found by this run: hours that cannot be had any more."""
    first: bool = False
    """Nothing had been read before."""
    begins: datetime | None = None
    """Where what is covered begins, if the provider does not keep its log as far back as
    ``--since`` asks for; set by the run that covers it first."""
    clashes: int = 0
    """Events that were not written because a different event in the same answer has their id."""
    first_clash: str = ""
    """The first such id."""
    tally: Tally = field(default_factory=Tally)


@dataclass(frozen=True)
class Run:
    """What a destination is kept up to date with."""

    provider: Provider
    client: Client
    archive: Archive
    overlap: timedelta
    since: datetime | None
    """Where the first window begins; None for as far back as the provider keeps its log."""
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
        outcome.first = self.archive.state.window is None
        left = self._left
        if left is not None and left["position"] is not None:
            self._read(
                from_text(left["since"]),
                outcome,
                until=from_text(left["until"]),
                position=left["position"],
            )
        if not self._read(self._next(), outcome):
            self._read(self._first(), outcome)
        outcome.records = self.archive.state.records - before
        return outcome

    def _next(self) -> datetime:
        """Return where the next window begins."""
        left = self._left
        newest = self._newest_read
        return coverage.next_since(
            self._covered,
            None if left is None else _span(left),
            None if newest is None else from_text(newest),
            first=self._first(),
            now=datetime.now(UTC),
            overlap=self.overlap,
            by_day=self._by_day,
        )

    def _first(self) -> datetime:
        """Return where a first window begins, as far as the clocks are known."""
        keeps = self.provider.keeps
        return coverage.first_since(self.since, self._clocks(), keeps, by_day=self._by_day)

    def _clocks(self, ours: datetime | None = None) -> Clocks:
        """Read both clocks, as they are now or as they were at a moment of ours."""
        ours = ours or from_text(now_text())  # as exact as it will be written
        skew = self.client.skew
        return Clocks(ours, None if skew is None else shift(ours, skew))

    @property
    def _covered(self) -> Span | None:
        covered = self.archive.state.covered
        return None if covered is None else _span(covered)

    @property
    def _left(self) -> Line | None:
        """The window that was not read to its end."""
        window = self.archive.state.window
        return None if window is None or window["done"] else window

    @property
    def _newest_read(self) -> str | None:
        """The newest event read so far, but for those dated later than their window's end.

        Journals of earlier versions do not have it, but the newest event written.
        """
        window, latest = self.archive.state.window, self.archive.state.latest
        return None if window is None else window.get("newest", latest)

    @property
    def _by_day(self) -> bool:
        return self.provider.order == "newest day first"

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
        known = _Known(self.archive, since, outcome, self.provider)
        self.client.begin()
        self.archive.discard()  # what a run that failed had read is read again
        # What is dated in the future is delivered; only the asking ends with tomorrow.
        window = Window(since, shift(datetime.now(UTC), AHEAD))
        walk = _Walk(self.provider, self.client, window, position)
        try:
            if not self._read_on(walk, known, until, outcome):
                return False
        except (AnswerError, UnreachableError) as error:
            if not walk.has_lost_its_place(error):
                raise
            return False
        if not walk.has_read():
            return True  # our clock is so far behind that nothing was asked: nothing is covered
        if coverage.begins_too_late(since, self._covered, self._first(), self._clocks()):
            return False
        self.archive.commit(self._done(walk, outcome), known.kept())
        return True

    def _read_on(self, walk: _Walk, known: _Known, until: datetime, outcome: Outcome) -> bool:
        """Read page after page, and commit now and then.

        Return False if the provider does not know the position any more.
        """
        since = walk.window.since
        batches = records(
            self.provider,
            walk.pages(),
            Window(since, END),
            outcome.tally,
            redacted=self.redacted,
        )
        committed = time.monotonic()
        for batch in batches:
            if walk.is_first():
                # All is seen up to the moment when the walk began, or the one that it goes on
                # with; by the earlier clock: the later one may cover what has not happened yet.
                ours = min(walk.started, datetime.now(UTC))  # it may have been set back since
                walk.until = max(min(self._clocks(ours).earlier, until), since)
            if walk.resumed and walk.is_empty():
                return False  # there were some events when this page was read first
            self._take(batch, walk, known, outcome)
            del batch  # see `auditctl.export.records`
            self.watch(outcome.tally)
            if self._is_past(since, outcome.tally):
                break
            if self._is_due(walk, time.monotonic() - committed):
                self.archive.commit(self._progress(walk, outcome), known.kept())
                walk.since_commit = 0
                committed = time.monotonic()
        return True

    def _take(self, batch: list[Record], walk: _Walk, known: _Known, outcome: Outcome) -> None:
        """Add what is not in the destination yet to the next commit."""
        walk.note(batch)
        if self.tests:
            batch = [record for record in batch if all(test(record) for test in self.tests)]
        fresh = known.drop(batch, walk.until)
        self.archive.add(fresh)
        outcome.tally.count(fresh)

    def _is_due(self, walk: _Walk, waited: float) -> bool:
        """Say whether it is time for a commit, so many seconds behind the last one."""
        if not self.archive.pending:
            return walk.place() is not None and waited >= QUIET
        return walk.since_commit >= FEW or waited >= COMMIT_SHARE * self.archive.waited

    def _is_past(self, since: datetime, tally: Tally) -> bool:
        """Return whether what follows is so old that a window with an overlap need not read on.

        `records` stops behind a page that is wholly older. On a sparse log, the first page may
        reach back far behind the window, and still begin with an event inside it.
        """
        if self.archive.state.covered is None or self.provider.order != "newest first":
            return False
        last = tally.outside[-ENOUGH_OLDER:]
        twice = to_text(shift(since, -self.overlap), exact=True)[:-1]
        return len(last) == ENOUGH_OLDER and max(last) < twice

    def _progress(self, walk: _Walk, outcome: Outcome) -> Progress:
        """Describe how far a window was read that is not at its end."""
        state = self.archive.state
        gaps = self._gaps(outcome)
        return Progress(self._window(walk, done=False), state.covered, state.success, gaps)

    def _done(self, walk: _Walk, outcome: Outcome) -> Progress:
        """Describe a window that was read to its end."""
        since, clocks = walk.window.since, self._clocks()
        gaps = self._gaps(outcome)
        reached = outcome.tally.reached
        oldest = END if reached is None else from_text(reached)
        begins = coverage.shown_since(since, clocks, self.provider.keeps, oldest)
        if self.since is not None and self._covered is None and begins - since > coverage.DOUBT:
            outcome.begins = begins
        covered = coverage.extend(self._covered, Span(begins, walk.until), clocks)
        return Progress(self._window(walk, done=True), _line(covered), now_text(), gaps)

    def _window(self, walk: _Walk, *, done: bool) -> Line:
        newest = max(filter(None, (self._newest_read, walk.newest)), default=None, key=_sortable)
        return {
            **_line(Span(walk.window.since, walk.until)),
            "position": None if done else walk.place(),
            "done": done,
            "newest": newest,
        }

    def _gaps(self, outcome: Outcome) -> list[Line]:
        """Return the gaps not acknowledged, with one that this run finds."""
        state = self.archive.state
        acknowledged = [_span(gap) for gap in state.waived]
        found = coverage.lost(self._covered, self._clocks(), self.provider.keeps, acknowledged)
        if found is None:
            return state.gaps
        gap = _line(found)
        if not any(one["since"] == gap["since"] for one in outcome.gaps):
            outcome.gaps.append(gap)
        others = [one for one in state.gaps if one["since"] != gap["since"]]
        return [*others, gap]


class _Walk:
    """The pages of a walk, and where it is."""

    def __init__(
        self, provider: Provider, client: Client, window: Window, position: str | None
    ) -> None:
        self.window = window
        self.until = END
        """Up to when everything was seen, from the first answer on."""
        self.newest: str | None = None
        """The newest event, but for those dated later than that."""
        self.resumed = position is not None
        self.started = datetime.now(UTC)
        self.since_commit = 0
        self._in_order = provider.order != "none documented"
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

    def note(self, batch: Sequence[Record]) -> None:
        """Note the newest event, and whether the walk can be taken up elsewhere than at its start.

        Twins of events without an id are told apart by counting from there.
        """
        self._countable = self._countable and not any(map(_lacks_id, batch))
        if self.newest is not None and self._in_order:
            return
        times = [record["time"] for record in batch if record["time"] is not None]
        until = _sortable(to_text(self.until))
        seen = [time for time in times if _sortable(time) <= until]
        self.newest = max([*seen, *filter(None, [self.newest])], default=None, key=_sortable)

    def has_read(self) -> bool:
        """Say whether there was a page at all."""
        return self._read > 0

    def is_first(self) -> bool:
        """Return whether one page was read, and no more."""
        return self._read == 1

    def is_empty(self) -> bool:
        """Return whether the first page, and no more was read yet, has no events."""
        return self.is_first() and self._empty

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
    """The ids of what is in the destination already, as far back as a window reaches."""

    def __init__(
        self, archive: Archive, since: datetime, outcome: Outcome, provider: Provider
    ) -> None:
        self._ids: set[str] = set()
        self._old = archive.state.kept
        self._kept: dict[str, str | None] = {}
        self._outcome = outcome
        # Without an order, one answer may come in many pieces: each id's first event is remembered.
        self._contents: dict[str, int] | None = {} if provider.order == "none documented" else None
        enough = to_text(shift(since, -EARLY))
        for ids in archive.journal.ids(to_text(since), enough):
            self._ids.update(ids)

    def drop(self, batch: Sequence[Record], until: datetime) -> list[Record]:
        """Give the records that are not in the destination, which they are from now on."""
        if self._contents is not None or len({record["id"] for record in batch}) < len(batch):
            self._find_clashes(batch)
        ids, old = self._ids, self._old
        early = to_text(shift(until, EARLY))[:-1]
        fresh = []
        for record in batch:
            id_ = record["id"]
            if id_ in ids or id_ in old:
                continue
            ids.add(id_)
            fresh.append(record)
            time = record["time"]
            if time is None or time[:-1] >= early:  # the look back ends there
                self._kept[id_] = time
        return fresh

    def _find_clashes(self, batch: Sequence[Record]) -> None:
        """Count different events under one id in one answer: only the first of them is written.

        Between two answers an event may be changed, so nothing is said about these.
        """
        here: dict[str, Record] = {}
        for record in batch:
            id_ = record["id"]
            first = here.setdefault(id_, record)
            if first is not record:
                # As JSON: to compare what is nested deep would end in a RecursionError.
                clash = exact.dumps(first["raw"]) != exact.dumps(record["raw"])
            elif self._contents is not None:
                content = hash((*map(record.get, _TELLING),))
                clash = self._contents.setdefault(id_, content) != content
            else:
                continue
            if clash:
                self._outcome.clashes += 1
                self._outcome.first_clash = self._outcome.first_clash or id_

    def kept(self) -> dict[str, str | None]:
        """Give the ids dropped in since the last call that no look back would find one day."""
        kept, self._kept = self._kept, {}
        return kept


def _sortable(time: str) -> str:
    """Return a time without its Z: a coarse time is then less than a finer one within it."""
    return time[:-1]


def _span(line: Line) -> Span:
    return Span(from_text(line["since"]), from_text(line["until"]))


def _line(span: Span) -> Line:
    return {"since": from_moment(span.since), "until": to_text(span.until)}


def from_moment(moment: datetime) -> str | None:
    """Write a window's beginning, to the microsecond; None is the beginning of the log."""
    return None if moment == BEGINNING else to_text(moment, exact=True)


def from_text(text: str | None) -> datetime:
    """Read what `from_moment` and `to_text` write."""
    return BEGINNING if text is None else datetime.fromisoformat(text)
