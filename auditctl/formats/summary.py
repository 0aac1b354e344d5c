"""Records counted: how many, when, who and what most, what failed, what is new."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import compress
from operator import itemgetter
from typing import Any

from auditctl.escape import escape
from auditctl.formats import Layout, frequent
from auditctl.formats.cells import BOLD, NOTHING, RED, TEXTS, cells, fitted, painter, shown
from auditctl.formats.clock import Clock
from auditctl.formats.frequent import Frequent
from auditctl.formats.histogram import Histogram
from auditctl.phrases import count
from auditctl.records.fields import Field, as_text, field
from auditctl.records.record import Record
from auditctl.window import Window, shift, to_text

TITLES = {"actor": "actors", "action": "actions", "target": "targets", "source_ip": "addresses"}
"""The fields that are counted where none are chosen."""
WIDTH = 80
BLOCK = "█"
LONGEST_TITLE = 20
"""Cells of a field's name in front of a name that is new."""
TOP = 10
"""The most frequent names that are shown."""
LONGEST = 200
"""Characters of a name that are kept; of a longer one the beginning, and a hash of it all."""
HASHED = 32
LAST_PART = 10
"""What was seen first in this part of the window, counted from its end, is new."""
LATEST = "~"
"""Behind every time."""


class _Column:
    """The names in one field: how often each is there, and since when."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self.counts = Frequent[str]()
        self.first: dict[str | None, str] = {}
        """The earliest time of each name; empty once there are more than can be kept."""

    def add(self, records: Sequence[Record], times: Sequence[str], *, goes_back: bool) -> None:
        """Count the names in records, which come newest first.

        ``goes_back``: none is newer than any that was counted before.
        """
        names = _names(list(map(self.field.read, records)))
        self.counts.add(filter(None, names))
        if not self.counts.is_exact:
            self.first = {}
            return
        first = self.first
        earliest = zip(names, times, strict=True)
        if goes_back:
            first.update(earliest)
            return
        for name, time in dict(earliest).items():
            if time < first.get(name, LATEST):
                first[name] = time

    def new(self, since: str) -> list[tuple[str, int]]:
        """Return the names first seen at ``since`` or later, with counts, frequent ones first."""
        first = self.first.items()
        names = [(name, self.counts[name]) for name, time in first if name and time >= since]
        return sorted(names, key=lambda one: (-one[1], self.first[one[0]], one[0]))


class Summary:
    """Counts records as they come, and writes what there is to say at the end.

    The text is the same on a terminal and in a pipe: it needs 80 columns.
    """

    def __init__(
        self, columns: Sequence[tuple[str, Field]], clock: Clock, window: Window, *, color: bool
    ) -> None:
        """Count the fields of ``columns``, each with its title, in a window."""
        self._titles = [title for title, _ in columns]
        self._columns = [_Column(field) for _, field in columns]
        self._clock = clock
        self._window = window
        self._painted = painter(color=color)
        self._histogram = Histogram(clock)
        self._records = self._failures = 0
        self._oldest = self._reached = LATEST
        """The earliest time so far, and the same with the empty one of undated records."""
        self._newest = ""
        self._failed_by = Frequent[str]()
        self._failed_at = Frequent[str]()
        self._failed = Frequent[tuple[str, str]]()

    def rows(self, records: Sequence[Record]) -> bytes:
        """Count some records."""
        if not records:
            return b""
        times = [(record["time"] or "Z")[:-1] for record in records]
        if times != sorted(times, reverse=True):
            pairs = sorted(zip(times, records, strict=True), key=itemgetter(0), reverse=True)
            times, records = [time for time, _ in pairs], [record for _, record in pairs]
        fails = [record["outcome"] == "failure" for record in records]
        failed = list(compress(records, fails))
        self._records += len(records)
        self._failures += len(failed)
        dated = list(filter(None, times))
        if dated:
            self._newest, self._oldest = max(self._newest, dated[0]), min(self._oldest, dated[-1])
        self._histogram.add(dated, list(filter(None, compress(times, fails))))
        goes_back = times[0] <= self._reached
        self._reached = min(self._reached, times[-1])
        for column in self._columns:
            column.add(records, times, goes_back=goes_back)
        if failed:
            who, what = (
                [name or NOTHING for name in _names([one[field] for one in failed])]
                for field in ("actor", "action")
            )
            self._failed_by.add(who)
            self._failed_at.add(what)
            self._failed.add(zip(who, what, strict=True))
        return b""

    def end(self) -> bytes:
        """Write the summary."""
        return "".join([f"{line.rstrip()}\n" for line in self._lines()]).encode()

    def _lines(self) -> Iterator[str]:
        yield f"{count(self._records, 'record')}, {count(self._failures, 'failure')}"
        ends = [f"{time}Z" for time in (self._oldest, self._newest) if time.strip(LATEST)]
        self._clock.omit_year(ends)
        if ends:
            oldest, newest = map(self._clock.full, ends)
            yield f"from {oldest} to {newest}{self._clock.name}"
        since = self._window.since or _moment(self._oldest)
        newest_moment = _moment(self._newest)
        until = self._window.until or (newest_moment and shift(newest_moment, timedelta.resolution))
        in_window = since is not None and until is not None and since < until
        if since and until and in_window:
            yield from self._bars(since, until)
        for title, column in zip(self._titles, self._columns, strict=True):
            yield from self._most(title, column.counts, "records", self._records)
        yield from self._failing()
        if since and until and in_window:
            yield from self._new(until - (until - since) / LAST_PART)

    def _bars(self, since: datetime, until: datetime) -> Iterator[str]:
        """Write the histogram, and how many records have no place in it."""
        bars = self._histogram.bars(since, until)
        unit = self._histogram.unit(since, until)
        most = max(bar.records for bar in bars)
        start = max(len(unit), *(len(bar.start) for bar in bars))
        room = WIDTH - len(f"{'':{start}}  {most:>7}  {most:>8}  ")
        yield from self._heading(f"{unit:{start}}  records  failures")
        for bar in bars:
            size = -(-bar.records * room // (most or 1))
            red = -(-bar.failures * size // (bar.records or 1))
            blocks = self._painted(BLOCK * red, RED) + BLOCK * (size - red)
            failures = self._painted(f"{bar.failures:>8}", RED if bar.failures else "")
            yield f"{bar.start:>{start}}  {bar.records:>7}  {failures}  {blocks}"
        undated = self._records - sum(bar.records for bar in bars)
        if undated:
            yield f"without a time: {count(undated, 'record')}"

    def _most(self, title: str, counts: Frequent[str], of: str, total: int) -> Iterator[str]:
        """Write the most frequent names, how often each is there, and its share of all."""
        room = WIDTH - len("  about 1234567  100.0%")
        yield from self._heading(f"{fitted(title, room, '')}  {of:>13}  {'share':>6}")
        about = "" if counts.is_exact else "about "
        for name, number in counts.most(TOP):
            share = f"{100 * number / total:.1f}%"
            yield f"{fitted(_whole(name), room, title)}  {f'{about}{number}':>13}  {share:>6}"
        if not counts.most(1):
            yield NOTHING

    def _failing(self) -> Iterator[str]:
        """Write who failed most, at what mostly, and what failed most."""
        if not self._failures:
            return
        worst = self._failed_by.most(TOP)
        mostly = {who: (0, "") for who, _ in worst}
        for (who, what), number in self._failed.items():
            if who in mostly:
                mostly[who] = min(mostly[who], (-number, what))
        about = "" if self._failed_by.is_exact and self._failed.is_exact else "about "
        who_room, count_room = 26, 14
        what_room = WIDTH - who_room - count_room - 4
        yield from self._heading(f"{'failed most':{who_room}}  {'failures':>14}  most often at")
        for who, failures in worst:
            number, what = mostly[who]
            times = f" ({about}{-number})"
            name = fitted(_whole(who), who_room, "actor")
            action = fitted(_whole(what), what_room - len(times), "action").rstrip(" ")
            failed = self._painted(f"{about}{failures}".rjust(count_room), RED)
            yield f"{name}  {failed}  {action}{times}"
        yield from self._most("failed actions", self._failed_at, "failures", self._failures)

    def _new(self, border: datetime) -> Iterator[str]:
        """Write what was seen for the first time in the last part of the window."""
        since = Window(border, None).span[0]
        yield from self._heading(
            f"first seen since {self._clock.short(to_text(border))}, the last tenth of the window"
        )
        kind = min(LONGEST_TITLE, max(map(cells, self._titles)))
        room = WIDTH - kind - len("  ") - len("  12-31 23:59:59  1234567")
        found = False
        for name, column in zip(self._titles, self._columns, strict=True):
            title = fitted(name, kind, "")
            if not column.counts.is_exact:
                yield f"{title}  cannot tell: more than {frequent.EXACT:,} different ones"
                found = True
                continue
            new = column.new(since)
            for text, number in new[:TOP]:
                time = self._clock.short(f"{column.first[text]}Z")
                yield f"{title}  {fitted(_whole(text), room, name)}  {time}  {number:>7}"
            if new[TOP:]:
                yield f"{title}  and {len(new) - TOP:,} more"
            found = found or bool(new)
        if not found:
            yield NOTHING

    def _heading(self, text: str) -> Iterator[str]:
        yield ""
        yield self._painted(text, BOLD)


def make(layout: Layout) -> Summary:
    """Return a summary that counts the fields chosen, or actors, actions, targets, addresses."""
    columns = [(escape(one.name), one) for one in layout.fields or ()]
    window = layout.window or Window(None, None)
    return Summary(
        columns or [(title, field(name)) for name, title in TITLES.items()],
        Clock(layout.zone, layout.window),
        window,
        color=layout.color,
    )


def _names(values: list[Any]) -> list[str | None]:
    """Return values as text, long ones as keys of limited length that are as different."""
    if not TEXTS.issuperset(map(type, values)):
        values = list(map(as_text, values))
    if max(map(len, filter(None, values)), default=0) > LONGEST:
        values = [_key(name) if name and len(name) > LONGEST else name for name in values]
    return values


def _key(name: str) -> str:
    digest = sha256(name.encode(errors="surrogatepass")).hexdigest()
    return name[:LONGEST] + digest[:HASHED]


def _whole(name: str) -> str:
    """Return a name, or what is kept of a long one, as safe text."""
    return shown(name[:LONGEST] + "…" if len(name) > LONGEST else name)


def _moment(time: str) -> datetime | None:
    """Return the point in time of a record's; None if there was none that can be read."""
    try:
        return datetime.fromisoformat(time).replace(tzinfo=UTC)
    except ValueError:
        return None
