"""The commits of a journal, one per line, and the state that they add up to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from auditctl import __version__
from auditctl.sync.state import Deleted, ReadSpan, Span, State
from auditctl.window import now_text

SNAPSHOT_EVERY = 64 * 1024
"""Bytes of lines after which a snapshot of the state is written, or more where it is large."""
SNAPSHOT_SHARE, BYTES_PER_FILE = 8, 128
"""A snapshot is written after 8 times its own size; each file takes about 128 bytes in it."""


class FileEntry(NamedTuple):
    """The bytes that one commit appended to one file."""

    name: str
    offset: int
    length: int
    records: int
    sha256: str
    mtime_ns: int
    inode: int
    header: bool | None = None
    """CSV only: the bytes begin with the header line."""

    @property
    def end(self) -> int:
        """The length of the file after the commit."""
        return self.offset + self.length

    def as_json(self) -> dict[str, Any]:
        """Return its members; without ``header``, where there can be none."""
        return {
            name: one for name, one in self._asdict().items() if (name, one) != ("header", None)
        }


class File(NamedTuple):
    """A data file as its last commit left it."""

    length: int = 0
    mtime_ns: int = 0
    inode: int = 0

    def as_json(self) -> list[int]:
        """Return an array, which is shorter: a snapshot has one for each file."""
        return list(self)


class Pins(NamedTuple):
    """Where the newest line that pins ids begins, and the times of all events pinned so far.

    A run finds the id of an event by its time. The id of an event without a time, or dated long
    after its window, cannot be found so: its line is linked to the line before it that has some.
    """

    at: int
    since: str | None = None
    until: str | None = None

    def may_hold(self, time: str | None) -> bool:
        """Return whether an event with this time can be among them."""
        if time is None:
            return True
        if self.since is None or self.until is None:
            return False
        return self.since[:-1] <= time[:-1] <= self.until[:-1]


class Snapshot(NamedTuple):
    """The state after the lines before it, beside the members that each line has."""

    shape: dict[str, Any]
    """The options that the destination was created with; they may not change."""
    since: str | None
    """Where it was begun, as it was typed."""
    waived: tuple[Span, ...]
    deleted: tuple[Deleted, ...]
    files: Mapping[str, File]


NOT_BEGUN = ReadSpan(None, "", None, done=False)
"""The window before the first commit."""


class Commit(NamedTuple):
    """One line of a journal, its members in their order; docs/sync.md describes them."""

    line: int
    prev: str
    at: str
    version: str
    state_at: int = 0
    snapshot: Snapshot | None = None
    window: ReadSpan = NOT_BEGUN
    covered: Span | None = None
    success: str | None = None
    gaps: tuple[Span, ...] = ()
    acknowledged: tuple[Span, ...] = ()
    deleted: tuple[Deleted, ...] = ()
    """Files that were found deleted before this line was written."""
    deleted_acknowledged: bool = False
    """Those that lines before it tell of are acknowledged."""
    aside: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    files: tuple[FileEntry, ...] = ()
    records: int = 0
    latest: str | None = None
    oldest: str | None = None
    newest: str | None = None
    pinned: Mapping[str, str | None] = {}
    pins: Pins | None = None
    """The pinned ids of the lines before it."""
    seen: str = ""
    ids_before: int | None = None
    """Where the last line before it begins that has the ids of events with a time."""
    ids: tuple[str, ...] = ()
    """Last, so that they can be passed over unread."""
    hash: str = ""
    first_edition: bool = False
    """Written by a version whose lines did not link ids, and could be replaced."""


@dataclass(eq=False, repr=False)
class FileState(State):
    """The state of files after all lines of their journal."""

    files: dict[str, File] = field(default_factory=dict)
    seen: str = ""
    """The latest end of any window: what is dated before it may have been seen by now."""
    aside: tuple[str, ...] = ()
    """Files with bytes that were set aside and are not in the destination."""
    pins: Pins | None = None
    ids_at: int | None = None
    """Where the last line begins that has the ids of events with a time."""
    first_edition: bool = False
    """The last line was written by version 0.1.0."""
    touched: str | None = None
    """The journal's time of change, where it proves that a later run found nothing."""

    def apply(self, commit: Commit, offset: int) -> None:
        """Go on to the state after a line that begins at this byte."""
        if (snapshot := commit.snapshot) is not None:
            self.shape = snapshot.shape
            self.since = snapshot.since
            self.waived = snapshot.waived
            self.files = dict(snapshot.files)
            self.deleted = snapshot.deleted
            self.pins = None
        for name in commit.moved:
            self.files.pop(name, None)
        for entry in commit.files:
            self.files[entry.name] = File(entry.end, entry.mtime_ns, entry.inode)
        if not commit.first_edition:
            self.pins = commit.pins
        self.pins = extend(self.pins, offset, commit.pinned)
        has_ids = commit.first_edition or commit.newest is not None
        self.ids_at = offset if has_ids else commit.ids_before
        self.waived = commit.acknowledged or self.waived
        self.head = commit.hash
        self.deleted = (() if commit.deleted_acknowledged else self.deleted) + commit.deleted
        self.line = commit.line
        self.at = commit.at
        self.window = commit.window
        self.covered = commit.covered
        self.seen = commit.seen
        self.success = commit.success
        self.latest = commit.latest
        self.records = commit.records
        self.gaps = commit.gaps
        self.aside = commit.aside
        self.first_edition = commit.first_edition

    def snapshot(self) -> Snapshot:
        """Return what a line with a snapshot holds beside its other members."""
        return Snapshot(self.shape, self.since, self.waived, self.deleted, dict(self.files))

    def next(self) -> Commit:
        """Return the commit that follows if a run changes nothing."""
        return Commit(
            line=self.line + 1,
            prev=self.head,
            at=now_text(),
            version=__version__,
            window=self.window or NOT_BEGUN,
            covered=self.covered,
            success=self.success,
            gaps=self.gaps,
            aside=self.aside,
            records=self.records,
            latest=self.latest,
            pins=self.pins,
            seen=self.seen,
            ids_before=self.ids_at,
        )

    @property
    def snapshot_every(self) -> int:
        """The bytes of lines after which a snapshot is worth writing."""
        files = len(self.files) + len(self.deleted)
        return max(SNAPSHOT_EVERY, SNAPSHOT_SHARE * BYTES_PER_FILE * files)

    @property
    def last_success(self) -> str | None:
        """When a run last came to its end: as a line says, or a sign of life after it."""
        if self.success is None or self.touched is None:
            return self.success
        return max(self.success, self.touched)


def extend(pins: Pins | None, offset: int, pinned: Mapping[str, str | None]) -> Pins | None:
    """Return the pins after a line at this byte, which pins these ids."""
    if not pinned:
        return pins
    before = () if pins is None else (pins.since, pins.until)
    times: Iterable[str] = filter(None, [*pinned.values(), *before])
    ordered = sorted(times, key=lambda time: time[:-1])
    return Pins(offset, ordered[0], ordered[-1]) if ordered else Pins(offset)
