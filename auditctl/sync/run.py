"""A run: the window not yet covered is read, and what is not in the destination is committed.

A window that was not read to its end is read on first, from the position in the journal; then the
one from the end of what is covered, less the overlap, up to now.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from auditctl.client import Client
from auditctl.errors import AnswerError
from auditctl.export import Tally, records
from auditctl.fields import Test
from auditctl.provider import Page, Provider
from auditctl.record import Record
from auditctl.sync.archive import Archive, Progress
from auditctl.sync.journal import Line, now_text, to_text
from auditctl.window import Window

COMMIT_SHARE = 10
"""How many times as long as a commit waited for the disk is read before the next one, so that a
slow disk does not make a slow run. Where disks are fast, each page is a commit."""
QUIET = 1.0
"""Seconds of reading that finds nothing, before it is noted how far it got."""
MOST_PENDING = 50_000
"""Records held at most before they are committed, however slow the disk is."""
EARLY = timedelta(hours=1)
"""An event dated so much later than its window's end is one that will be seen again for long."""
SLACK = timedelta(days=1)
"""A retention in months is not exact to the hour, so less than this is no gap."""
BEGINNING = datetime.min.replace(tzinfo=UTC)
END = datetime.max.replace(tzinfo=UTC)


@dataclass
class Outcome:
    """What a run has done."""

    records: int = 0
    gaps: list[Line] = field(default_factory=list)
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
        left = self._left()
        if left is not None and left["position"] is not None:
            since, until = from_text(left["since"]), left["until"]
            if self._read(since, outcome, until=until, position=left["position"]):
                left = None
        self._read(self._since(left), outcome)
        return outcome

    def _left(self) -> Line | None:
        """Give the window that was not read to its end."""
        window = self.archive.state.window
        return None if window is None or window["done"] else window

    def _since(self, left: Line | None) -> datetime:
        """Decide where the next window begins."""
        covered = self.archive.state.covered
        if covered is None and left is None:
            if self.since is not None:
                return self.since
            keeps = self.provider.keeps
            return BEGINNING if keeps is None else datetime.now(UTC) - keeps
        starts = [from_text(left["since"])] if left is not None else []
        if covered is not None:
            # Not from a mark that a wrong clock had set in the future.
            mark = min(from_text(covered["until"]), datetime.now(UTC))
            starts.append(_before(mark, self.overlap))
        return min(starts)

    def _read(
        self,
        since: datetime,
        outcome: Outcome,
        *,
        until: str | None = None,
        position: str | None = None,
    ) -> bool:
        """Read a window to its end; false if the provider does not know the position any more."""
        known = _Known(self.archive, since)
        outcome.tally.reached = None
        self.client.begin()
        started = datetime.now(UTC)
        resumed = position is not None
        first = True
        empty = True

        def noted(pages: Iterable[Page]) -> Iterator[Page]:
            nonlocal position, empty
            for page in pages:
                empty = not page.events
                # A page is known again by its events; one that has none may not be itself.
                position = position if empty else page.position
                yield page
                del page  # see `auditctl.export.records`

        # What is dated in the future is delivered; only the asking ends with tomorrow.
        asked = Window(since, started + timedelta(days=1))
        batches = records(
            self.provider,
            noted(
                self.provider.pages(self.client, asked)
                if position is None
                else self.provider.pages_from(self.client, asked, position)
            ),
            Window(since, END),
            outcome.tally,
            tests=self.tests,
            redacted=self.redacted,
        )
        begin = Window(since, since).span[0]
        committed = time.monotonic()
        try:
            for batch in batches:
                if resumed and first and empty:
                    return False  # there were some when this page was read first
                first = False
                until = until or self._mark(started)
                fresh = known.drop(batch, until)
                self.archive.add(fresh)
                outcome.tally.count(fresh)
                outcome.records += len(fresh)
                del batch, fresh  # see `auditctl.export.records`
                self.watch(outcome.tally)
                if self._is_past(begin, outcome.tally.reached):
                    break
                waited = time.monotonic() - committed
                pending = self.archive.pending
                enough = COMMIT_SHARE * self.archive.waited if pending else QUIET
                if waited >= enough or pending >= MOST_PENDING:
                    progress = self._progress(since, until, outcome, position=position)
                    self.archive.commit(progress, known.kept())
                    committed = time.monotonic()
        except AnswerError:
            # Refused, or answered with the first page, whose links lead round to the position.
            if not resumed:
                raise
            return False
        until = until or self._mark(started)
        done = self._progress(since, until, outcome, done=True)
        self.archive.commit(done, known.kept())
        return True

    def _mark(self, started: datetime) -> str:
        """Give the time up to which a walk that began then has seen everything, but for the late.

        By the provider's clock, since its events are dated by it; or by ours if that is behind.
        To take the earlier of the two costs a request, to take the later may cost events.
        """
        skew = self.client.skew
        return to_text(started if skew is None else min(started, started + skew))

    def _is_past(self, begin: str, reached: str | None) -> bool:
        """Say whether what follows is older than the window.

        `records` reads on to a page that is wholly older, should rows be a little out of order.
        Where the window begins with an overlap, that is allowance enough.
        """
        overlaps = self.archive.state.covered is not None
        newest_first = self.provider.order == "newest first"
        return overlaps and newest_first and reached is not None and reached[:-1] < begin

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
        window = {
            "since": from_moment(since),
            "until": until,
            "position": position,
            "done": done,
        }
        covered = state.covered
        gaps = self._gaps(window, outcome)
        if done:
            begin = since if covered is None else min(since, from_text(covered["since"]))
            covered = {"since": from_moment(begin), "until": until}
        return Progress(window, covered, now_text() if done else state.success, gaps)

    def _gaps(self, window: Line, outcome: Outcome) -> list[Line]:
        """Give the gaps not acknowledged, with one that this run finds."""
        state = self.archive.state
        keeps = self.provider.keeps
        if keeps is None:
            return state.gaps
        now = datetime.now(UTC)
        if state.covered is not None:
            seen = from_text(state.covered["until"])
            lost = now + (self.client.skew or timedelta()) - keeps
        else:
            # If the first run was cut short, what it had to leave was to be had then.
            seen = max(from_text(window["since"]), _before(from_text(window["until"]), keeps))
            lost = from_text(self._mark(now)) - keeps - SLACK
        if seen >= lost:
            return state.gaps
        gap = {"since": to_text(seen), "until": to_text(lost)}
        if not any(one["since"] == gap["since"] for one in outcome.gaps):
            outcome.gaps.append(gap)
        others = [one for one in state.gaps if one["since"] != gap["since"]]
        return [*others, gap]


class _Known:
    """The ids of what is in the destination already, as far back as a window reaches."""

    def __init__(self, archive: Archive, since: datetime) -> None:
        self._ids: set[str] = set()
        self._old = archive.state.kept
        self._kept: dict[str, str | None] = {}
        enough = to_text(_before(since, EARLY))
        for ids in archive.journal.ids(to_text(since), enough):
            self._ids.update(ids)

    def drop(self, batch: Iterable[Record], until: str) -> list[Record]:
        """Give the records that are not in the destination, which they are from now on."""
        ids, old = self._ids, self._old
        early = to_text(from_text(until) + EARLY)
        fresh = []
        for record in batch:
            id_ = record["id"]
            if id_ in ids or id_ in old:
                continue
            ids.add(id_)
            fresh.append(record)
            time = record["time"]
            if time is None or time > early:
                self._kept[id_] = time
        return fresh

    def kept(self) -> dict[str, str | None]:
        """Give the ids dropped in since the last call that no look back would find one day."""
        kept, self._kept = self._kept, {}
        return kept


def from_moment(moment: datetime) -> str | None:
    """Write a window's beginning; None is the beginning of the log."""
    return None if moment == BEGINNING else to_text(moment)


def from_text(text: str | None) -> datetime:
    """Read what `from_moment` and `to_text` write."""
    return BEGINNING if text is None else datetime.fromisoformat(text)


def _before(moment: datetime, duration: timedelta) -> datetime:
    try:
        return moment - duration
    except OverflowError:
        return BEGINNING
