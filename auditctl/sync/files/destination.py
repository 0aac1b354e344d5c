"""A destination of files that records are appended to; a line of its journal is the commit."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from itertools import chain

from auditctl.errors import IntegrityError, OutputError
from auditctl.output import COMPRESSION, cannot, write_pieces
from auditctl.records.record import Record
from auditctl.sync.destination import Known, Opening
from auditctl.sync.files.commits import Commit, File, FileEntry, FileState
from auditctl.sync.files.datafiles import DataFiles
from auditctl.sync.files.disk import foreign, inspect, make_folder, open_file
from auditctl.sync.files.journal import Journal
from auditctl.sync.profile import FileProfile, compare
from auditctl.sync.state import Progress
from auditctl.window import before, from_text, shift, to_text

MAX_PAGES_PER_COMMIT = 8
"""The most pages that a kill may cost."""
READING_PER_COMMIT = 8
"""A commit is due after 8 times as long as the last one took: where pages come slowly, as over a
network, each page is a commit."""
MAX_QUIET_SECONDS = 60.0
"""A walk that finds nothing new commits how far it got after this time."""
PINNED_AHEAD = timedelta(hours=1)
"""Ids of events dated over an hour ahead are pinned: later windows will show them again."""


@dataclass(eq=False, repr=False)
class _Part:
    """The bytes that one file gets with the next commit."""

    data: list[bytes] = field(default_factory=list)
    records: int = 0


@dataclass(eq=False, repr=False)
class FileDestination:
    """The files and the journal that a run holds; see `Destination`."""

    profile: FileProfile
    journal: Journal
    files: DataFiles
    held: Callable[[], AbstractContextManager[None]]
    _took: float = 0.0
    """Seconds that the last commit took."""
    _pages: int = 0
    """Pages added since the last commit."""
    _parts: dict[str, _Part] = field(default_factory=dict)
    _ids: list[str] = field(default_factory=list)
    """The id of each record added."""
    _times: list[str] = field(default_factory=list)
    """The time of each, without the Z: so they sort whatever their precision; empty without one."""

    @property
    def state(self) -> FileState:
        """The state after all commits."""
        return self.journal.state

    def known_since(self, time: datetime, kept_from: Callable[[], str]) -> Known:
        """Read the ids of events from the journal, and the pinned ones when they are needed."""
        journal, since = self.journal, to_text(time)
        ids = set(chain.from_iterable(journal.ids(since, to_text(before(time, PINNED_AHEAD)))))
        if (pins := journal.state.pins) is None:
            return Known(ids)

        @cache
        def pinned(*, undated: bool) -> set[str]:
            found = journal.pinned_ids(since, kept_from() if undated else None)
            return set(chain.from_iterable(found))

        def is_pinned(record: Record) -> bool:
            time = record["time"]
            return pins.may_hold(time) and record["id"] in pinned(undated=time is None)

        return Known(ids, is_pinned)

    def add(self, records: list[Record]) -> None:
        """Take records for the next commit, rendered now: to hold them until then is slower."""
        self._pages += 1
        groups = self.profile.template.groups(records)
        for name, group in groups.items():
            part = self._parts.setdefault(name, _Part())
            part.data.append(self.profile.render(group))
            part.records += len(group)
        self._ids += [record["id"] for record in records]
        self._times += [(record["time"] or "")[:-1] for record in records]

    def discard(self) -> None:
        """Drop what was added and not committed."""
        self._pages = 0
        self._parts = {}
        self._ids = []
        self._times = []

    @property
    def pending(self) -> int:
        """The number of records that wait for the next commit."""
        return len(self._ids)

    def is_due(self, seconds: float) -> bool:
        """Return whether a kill should cost no more than what was added by now."""
        if not self._ids:
            return seconds >= MAX_QUIET_SECONDS
        return self._pages >= MAX_PAGES_PER_COMMIT or seconds >= READING_PER_COMMIT * self._took

    def commit(self, progress: Progress) -> None:
        """Append what was added, and sync it to the disk.

        A run that found nothing only leaves a sign of life, if the last line is young.

        The data is on the disk before the journal's line is written, and that line is the commit:
        what was written without one is set aside by the next run.
        """
        started = time.monotonic()
        files, state = self.files, self.state
        is_news = bool(self._parts or files.moved or files.renewed) or state.is_changed_by(progress)
        with self.held():
            if not is_news and self.journal.heartbeat():
                return
            self._begin(self._parts, progress)
            entries: list[FileEntry] = []
            newest = max(self._times, default="")
            try:
                for name, part in self._parts.items():
                    entries.append(self._write(name, part, progress))
                self._append(
                    state.next()._replace(
                        **progress._asdict(),
                        files=tuple(entries),
                        records=state.records + len(self._ids),
                        oldest=_dated(min(filter(None, self._times), default="")),
                        newest=_dated(newest),
                        latest=_dated(max(newest, (state.latest or "")[:-1])),
                        ids=tuple(self._ids),
                        pinned=self._pinned(progress.window.until, newest),
                    )
                )
            except OutputError:
                # As if there had been none; the next run sets aside what cannot be taken back.
                for entry in () if self.journal.torn else entries:
                    with suppress(OSError, IntegrityError):
                        files.take_back(entry)
                raise
            if self.files.aside:
                from auditctl.sync.files.aside import rows_of

                for part in self._parts.values():
                    self.files.find(rows_of(part.data, csv=bool(self.profile.header)))
            self.discard()
        self._took = time.monotonic() - started

    def _pinned(self, until: str, newest: str) -> dict[str, str | None]:
        """Return the ids of events that no later run finds by their time."""
        early = to_text(shift(from_text(until), PINNED_AHEAD))[:-1]
        if newest < early and all(self._times):
            return {}  # nearly always, and faster
        found = zip(self._ids, self._times, strict=True)
        return {id_: _dated(time) for id_, time in found if not time or time >= early}

    def _append(self, commit: Commit) -> None:
        """Write a line of the journal, with what was found of the files."""
        state, files = self.state, self.files
        begins = state.line < 0
        if begins:
            state.shape = self.profile.options
            state.since = self.profile.since
        commit = commit._replace(moved=tuple(files.moved), deleted=tuple(files.deleted))
        self.journal.append(commit, snapshot=begins or files.renewed)
        files.moved, files.deleted, files.renewed = [], [], False

    def _begin(self, names: Iterable[str], progress: Progress) -> None:
        """Make new files, empty, and name them in the journal before anything is written to them.

        So one that has another inode, or no name in the journal, is somebody else's, and never
        what is left of a run that was killed.
        """
        for name in names:
            self.files.check_file(name)
        fresh = [name for name in names if self.files.is_fresh(name)]
        if fresh:
            begun: dict[str, File] = {}
            for name in fresh:
                begun[name] = self.files.create(name, begun)
            nothing = sha256().hexdigest()
            entries = tuple(
                FileEntry(name, 0, 0, 0, nothing, file.mtime_ns, file.inode)
                for name, file in begun.items()
            )
            # Nothing has been committed yet, so the window is read no further than before.
            window = self.state.window or progress.window._replace(position=None, done=False)
            self._append(self.state.next()._replace(window=window, files=entries))

    def _write(self, name: str, part: _Part, progress: Progress) -> FileEntry:
        path = self.profile.template.path_of(name)
        try:
            descriptor = self.files.open(name)
            if descriptor is None:  # somebody was faster than the look at it
                self._begin([name], progress)
                descriptor = open_file(path, os.O_WRONLY)
            file = self.state.files[name]
            begins = not file.length
            pieces = [self.profile.header, *part.data] if begins else part.data
            if self.profile.template.compressed:
                import gzip

                # A member of its own, so that what was committed can be read at any time.
                pieces = [gzip.compress(b"".join(pieces), COMPRESSION, mtime=0)]
            digest = sha256()
            for piece in pieces:
                digest.update(piece)
            try:
                write_pieces(descriptor, pieces, file.length)
                os.fsync(descriptor)
                found = os.fstat(descriptor)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(descriptor, file.length)
                raise
            finally:
                os.close(descriptor)
        except OSError as error:
            raise cannot(path, error) from None
        return FileEntry(
            name,
            file.length,
            sum(map(len, pieces)),
            part.records,
            digest.hexdigest(),
            found.st_mtime_ns,
            found.st_ino,
            header=begins if self.profile.header else None,
        )

    def finish(self) -> None:
        """Remove what was set aside if all of it is in the destination; else note that it stays."""
        with self.held():
            if stays := self.files.clear_aside():
                paths = {name: self.profile.template.path_of(name) for name in self.state.aside}
                there = [name for name, path in paths.items() if os.path.exists(path)]  # noqa: PTH110
                self._append(self.state.next()._replace(aside=(*there, *stays)))

    def check(self) -> None:
        """Check that all files are as they were left."""
        for name in self.state.files:
            self.files.check_file(name)
        self.note_deleted()

    def note_deleted(self) -> None:
        """Write to the journal which files were found deleted: the run may fail before a commit."""
        if self.files.deleted:
            with self.held():
                self._append(self.state.next())


@contextmanager
def open_files(profile: FileProfile, opening: Opening) -> Iterator[FileDestination]:
    """Open files and their journal; see `auditctl.sync.kinds.open_destination`."""
    template = profile.template
    # Before a journal lies there, as if the file were sync's. The file is looked at first: another
    # run that begins just now makes its journal before it.
    there = None if template.several else inspect(template.path)
    if not os.path.exists(template.journal):  # noqa: PTH110
        if there and there.st_size:
            raise foreign(template.path)
        try:
            make_folder(template.folder)
        except OSError as error:
            raise cannot(template.folder, error) from None
    journal = Journal(template.journal, opening.wait, opening.pause)
    try:
        files = DataFiles(profile, journal.state, opening)
        compare(profile, journal.state)
        files.recover()
        destination = FileDestination(profile, journal, files, opening.held)
        destination.note_deleted()
        yield destination
    finally:
        journal.close()


def _dated(text: str) -> str | None:
    return f"{text}Z" if text else None
