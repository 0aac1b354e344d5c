"""A destination: the files that records are appended to, and the journal that is the commit."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from auditctl.destination import COMPRESSION, MODE, cannot, sync_folder, write_all
from auditctl.errors import IntegrityError, OutputError, UsageError
from auditctl.record import Record
from auditctl.sync.integrity import prove_files
from auditctl.sync.journal import Journal
from auditctl.sync.state import File, FileEntry, ReadSpan, Span, State
from auditctl.sync.template import Template
from auditctl.window import parse_time, to_text

FOLDER_MODE = 0o700

Render = Callable[[Sequence[Record]], bytes]
"""Gives the bytes of records."""


@dataclass(frozen=True)
class Shape:
    """What a destination is made of; it stays the same for as long as it lives."""

    words: dict[str, Any]
    """As they are noted in the journal: the option's name without its dashes -> its value."""
    template: Template
    render: Render
    header: bytes = b""
    """A file begins with it."""
    since: str | None = None
    """Where the first run begins, as it was typed."""
    since_time: datetime | None = None
    """What that means now."""


@dataclass(frozen=True)
class Progress:
    """How far a run is when it commits."""

    window: ReadSpan
    covered: Span | None
    success: str | None
    gaps: tuple[Span, ...]


@dataclass
class _Part:
    """What one file gets with the next commit."""

    data: list[bytes] = field(default_factory=list)
    records: int = 0


@dataclass
class Archive:
    """A destination that this run holds; see `hold`."""

    shape: Shape
    journal: Journal
    held: Callable[[], AbstractContextManager[None]] = nullcontext
    """Lends a block that is not interrupted: a commit that has begun is to be finished."""
    moved: list[str] = field(default_factory=list)
    """Files found moved away, which the next line will say."""
    cut: dict[str, int] = field(default_factory=dict)
    """How many bytes after its last commit were cut off a file."""
    renewed: bool = False
    """Files were found to be what they should, in another place; the next line notes which."""
    waited: float = 0.0
    """Seconds that the last commit waited for the disk."""
    _parts: dict[str, _Part] = field(default_factory=dict)
    _ids: list[str] = field(default_factory=list)
    _oldest: str | None = None
    """As a record's time, but without the Z: so they sort whatever their precision."""
    _newest: str | None = None

    @property
    def state(self) -> State:
        """What the journal comes to."""
        return self.journal.state

    def add(self, records: Sequence[Record]) -> None:
        """Take records for the next commit, as the bytes that will be written.

        Not as records: kept until then, they would cost more time than all else does, since what
        is made for one page would never be in the processor's cache for the next.
        """
        groups = self.shape.template.groups(records)
        for name, group in groups.items():
            part = self._parts.setdefault(name, _Part())
            part.data.append(self.shape.render(group))
            part.records += len(group)
        self._ids += [record["id"] for record in records]
        times = [record["time"][:-1] for record in records if record["time"] is not None]
        if times:
            self._oldest = min(self._oldest or times[0], *times)
            self._newest = max(self._newest or times[0], *times)

    def discard(self) -> None:
        """Forget what was added and not committed: a run that failed leaves it behind."""
        self._parts = {}
        self._ids = []
        self._oldest = self._newest = None

    @property
    def pending(self) -> int:
        """How many records wait for the next commit."""
        return len(self._ids)

    def commit(self, progress: Progress, pinned: dict[str, str | None]) -> None:
        """Append what was added and make it last; ``pinned`` are ids that no time leads back to.

        A run that found nothing only leaves a sign of life, if the last line is young.

        The data is on the disk before the journal's line is written, and that line is the commit:
        what was written without one is cut off by the next run.

        Raises:
            IntegrityError: a file was changed by somebody else.
            OutputError: a file cannot be written. What was committed before stays.

        """
        self.waited = 0.0
        with self.held():
            if not self._is_news(progress) and self.journal.beat():
                return
            self._begin(self._parts, progress)
            entries: list[FileEntry] = []
            try:
                for name, part in self._parts.items():
                    entries.append(self._write(name, part, progress))
                latest = (self.state.latest or "")[:-1]
                self._append(
                    **vars(progress),
                    files=tuple(entries),
                    records=self.state.records + len(self._ids),
                    oldest=_dated(self._oldest),
                    newest=_dated(self._newest),
                    latest=_dated(max(self._newest or "", latest)),
                    ids=tuple(self._ids),
                    pinned=pinned,
                )
            except OutputError:
                if not self.journal.torn:
                    self._undo(entries)
                raise
            self.discard()

    def _is_news(self, progress: Progress) -> bool:
        """Return whether a run has something to say but that it came to its end."""
        state = self.state
        return (
            bool(self._parts or self.moved or self.renewed)
            or not progress.window.done
            or state.window is None
            or not state.window.done
            or progress.gaps != state.gaps
            or _begins_or_ends_earlier(progress.covered, state.covered)
        )

    def _undo(self, entries: Iterable[FileEntry]) -> None:
        """Take back what was written for a commit that has failed, as if there had been none."""
        for entry in entries:
            path = self._path(entry.name)
            with suppress(OSError):  # then the next run cuts it off
                os.truncate(path, entry.offset)
                _set_changed(path, self.state.files[entry.name].mtime_ns)

    def _append(self, **own: Any) -> None:  # noqa: ANN401
        state = self.state
        moved, self.moved = tuple(self.moved), []
        begins = state.line < 0
        snapshot, self.renewed = begins or self.renewed, False
        if begins:
            state.shape = self.shape.words
            state.since = self.shape.since
        self.journal.append(moved=moved, **own, snapshot=snapshot)
        self.waited += self.journal.waited

    def _begin(self, names: Iterable[str], progress: Progress) -> None:
        """Name new files in the journal before they are made.

        So one that is there and has no name in the journal is somebody else's, never what is left
        of a run that was killed.
        """
        for name in names:
            self._look(name)
        fresh = [name for name in names if name not in self.state.files or name in self.moved]
        for name in fresh:
            path = self._path(name)
            if _size(path):
                raise _foreign(path)
        if fresh:
            begun = tuple(_entry(name, File(), b"", 0) for name in fresh)
            # Nothing has been committed yet, so the window is read no further than before.
            window = self.state.window or replace(progress.window, position=None, done=False)
            self._append(window=window, files=begun)

    def _look(self, name: str) -> None:
        """See whether a file is still as it was left.

        Raises:
            IntegrityError: it is not.

        """
        file = self.state.files.get(name)
        if file is None or not file.length or name in self.moved:
            return
        found = self._found(name, file)
        if found is None:
            self.moved.append(name)
            return
        if found.st_size != file.length:
            raise IntegrityError(
                f"{self._path(name)} has {found.st_size} bytes, but {file.length} were committed: "
                "somebody else writes to it. Nothing was overwritten; restore it from a backup, or "
                "move it away."
            )
        if File(found.st_size, found.st_mtime_ns, found.st_ino) != file:
            self._prove([name])

    def _found(self, name: str, file: File) -> os.stat_result | None:
        """Look at a file; None if it was moved away."""
        path = self._path(name)
        try:
            found = os.stat(path)  # noqa: PTH116
        except FileNotFoundError:
            return None
        except OSError as error:
            raise cannot(path, error) from None
        # An empty file in its place is what logrotate's "create" puts there.
        return found if found.st_size or found.st_ino == file.inode else None

    def _write(self, name: str, part: _Part, progress: Progress) -> FileEntry:
        path = self._path(name)
        try:
            descriptor = self._open(name)
            if descriptor is None:  # somebody was faster than the look at it
                self._begin([name], progress)
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, MODE)
            file = self.state.files[name]
            begins = not file.length
            data = b"".join([self.shape.header, *part.data] if begins else part.data)
            if self.shape.template.compressed:
                import gzip

                # A member of its own, so that what was committed can be read at any time.
                data = gzip.compress(data, COMPRESSION, mtime=0)
            try:
                write_all(descriptor, data, file.length)
                started = time.monotonic()
                os.fsync(descriptor)
                self.waited += time.monotonic() - started
                found = os.fstat(descriptor)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(descriptor, file.length)
                raise
            finally:
                os.close(descriptor)
            if begins:
                sync_folder(os.path.dirname(path))  # noqa: PTH120
        except OSError as error:
            raise cannot(path, error) from None
        written = File(file.length, found.st_mtime_ns, found.st_ino)
        header = begins if self.shape.header else None
        return _entry(name, written, data, part.records, header=header)

    def _open(self, name: str) -> int | None:
        """Open a file at the end of which to write; None if it is not the one it was."""
        path = self._path(name)
        file = self.state.files[name]
        if not file.length:
            make_folder(os.path.dirname(path))  # noqa: PTH120
            return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, MODE)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        found = os.fstat(descriptor)
        if (found.st_size, found.st_ino) == (file.length, file.inode):
            return descriptor
        os.close(descriptor)
        return None

    def recover(self) -> None:
        """Cut off what was written without a commit, and see what became of the files meanwhile.

        A file with the size, the time of change and the inode that were noted is taken for
        unchanged; any other is read again from its first byte.

        Raises:
            IntegrityError: a file is shorter than what was committed, or was changed.

        """
        doubtful = []
        for name, file in self.state.files.items():
            found = self._found(name, file)
            if found is None:
                if file.length:
                    self.moved.append(name)
                    self._cut_moved(name)
                continue
            now = File(found.st_size, found.st_mtime_ns, found.st_ino)
            if now != file:
                doubtful.append(name)
        if doubtful:
            self._prove(doubtful)

    def look(self) -> None:
        """See whether all files are still as they were left, since somebody may look after them.

        Raises:
            IntegrityError: one of them is not.

        """
        for name in self.state.files:
            self._look(name)

    def _cut_moved(self, name: str) -> None:
        """Cut off what was written without a commit where a file has gone, within its folder.

        logrotate renames it, and what the tail holds comes again in the file begun anew. Elsewhere
        it cannot be found again.
        """
        file = self.state.files[name]
        folder = os.path.dirname(name)  # noqa: PTH120
        with suppress(OSError, IntegrityError), os.scandir(self._path(folder) or ".") as entries:
            for entry in entries:
                if entry.inode() != file.inode or entry.stat().st_size <= file.length:
                    continue
                new = os.path.join(folder, entry.name)  # noqa: PTH118
                prove_files(self.shape.template, [name], {name: new})  # else it is another's
                self.cut[self._path(new)] = entry.stat().st_size - file.length
                os.truncate(self._path(new), file.length)

    def _prove(self, names: Sequence[str]) -> None:
        """Read files again that do not look as they were left.

        Raises:
            IntegrityError: one is not what was written.

        """
        prove_files(self.shape.template, names)
        for name in names:
            self._cut(name)

    def _cut(self, name: str) -> None:
        path = self._path(name)
        file = self.state.files[name]
        try:
            size = _size(path)
            if size > file.length:
                os.truncate(path, file.length)
                self.cut[path] = size - file.length
            if file.length:
                # It is now what was noted, so the next run need not read it again.
                _set_changed(path, file.mtime_ns)
            inode = os.stat(path).st_ino  # noqa: PTH116
            self.renewed |= inode != file.inode
            self.state.files[name] = replace(file, inode=inode)
        except OSError as error:
            raise cannot(path, error) from None

    def _path(self, name: str) -> str:
        return os.path.join(self.shape.template.folder, name)  # noqa: PTH118


@contextmanager
def hold(
    shape: Shape,
    *,
    wait: float = 0.0,
    pause: Callable[[float], object] = time.sleep,
    held: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Iterator[Archive]:
    """Lend a destination, locked, and as its last commit left it.

    Raises:
        UsageError: it was begun with another shape.
        LockedError, IntegrityError, OutputError: see `Journal` and `Archive.recover`.

    """
    template = shape.template
    # Before a journal lies there, as if the file were sync's. The file is looked at first: another
    # run that begins just now makes its journal before it.
    there = not template.several and _size(template.path) > 0
    if there and not os.path.exists(template.journal):  # noqa: PTH110
        raise _foreign(template.path)
    try:
        make_folder(template.folder)
    except OSError as error:
        raise cannot(template.folder, error) from None
    journal = Journal(template.journal, wait, pause)
    try:
        archive = Archive(shape, journal, held)
        _compare(archive)
        archive.recover()
        yield archive
    finally:
        journal.close()


def _compare(archive: Archive) -> None:
    state, shape = archive.state, archive.shape
    begun = state.shape
    if not begun:
        return
    words = shape.words
    for name in {**begun, **words}:
        was, is_ = begun.get(name), words.get(name)
        if was != is_:
            raise UsageError(
                f"{shape.template.path} was begun with {_said(name, was)}; this run has "
                f"{_said(name, is_)}. Use the same options as before, or give another PATH."
            )
    # A duration is the same as long as it is written the same: each run of a crontab has it.
    if shape.since_time is None or shape.since == state.since:
        return
    first = state.covered or state.window
    begun_at = first and first.since
    # What is covered may begin later: where the provider can have shown something.
    typed = state.since and parse_time(state.since, datetime.now(UTC))
    if shape.since_time != typed and to_text(shape.since_time, exact=True) != begun_at:
        raise UsageError(
            f"{shape.template.path} was begun with {_said('since', state.since)}; this run has "
            f"{_said('since', shape.since)}. Leave it out, or give another PATH."
        )


def _said(name: str, value: Any) -> str:  # noqa: ANN401 - any JSON value
    if name == "provider":
        return f"the log of {value}"
    if value is None or value == []:
        return f"no --{name}"
    if value is True:
        return f"--{name}"
    if value is False:
        return f"--no-{name}"
    values = value if type(value) is list else [value]
    return " ".join(f"--{name} {one}" for one in values)


def _begins_or_ends_earlier(covered: Span | None, known: Span | None) -> bool:
    """Return whether less is covered than the journal says, or what begins elsewhere."""
    if covered is None or known is None:
        return covered != known
    return covered.since != known.since or covered.until < known.until


def _entry(
    name: str, file: File, data: bytes, records: int, *, header: bool | None = None
) -> FileEntry:
    digest = sha256(data).hexdigest()
    length = len(data)
    return FileEntry(name, file.length, length, records, digest, file.mtime_ns, file.inode, header)


def make_folder(path: str) -> None:
    """Make a folder and those above it, for the owner alone."""
    if not path or os.path.isdir(path):  # noqa: PTH112
        return
    above = os.path.dirname(path)  # noqa: PTH120
    make_folder(above)
    with suppress(FileExistsError):  # another run made it meanwhile
        os.mkdir(path, FOLDER_MODE)  # noqa: PTH102
    sync_folder(above)


def _foreign(path: str) -> IntegrityError:
    return IntegrityError(
        f"{path} is there already, and no sync wrote it. Nothing was overwritten: move it away, or "
        "choose another PATH."
    )


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise cannot(path, error) from None


def _set_changed(path: str, mtime_ns: int) -> None:
    os.utime(path, ns=(os.stat(path).st_atime_ns, mtime_ns))  # noqa: PTH116


def _dated(text: str | None) -> str | None:
    return f"{text}Z" if text else None
