"""The check of data files against their journal."""

import os
import zlib
from collections.abc import Callable, Collection, Container, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from io import BufferedIOBase
from itertools import islice

from auditctl.errors import IntegrityError
from auditctl.paths import Template
from auditctl.sync.files.aside import rows_of, unpacked
from auditctl.sync.files.chain import read_at, read_lines, unreadable
from auditctl.sync.files.commits import FileEntry
from auditctl.sync.files.disk import close, open_file

CHUNK = 1024 * 1024
MOST_OPEN = 64
"""Files held open at once while many are read in turns."""


@dataclass
class Files:
    """The files of one destination, read in turns."""

    template: Template
    _open: dict[str, int] = field(default_factory=dict)

    def close(self) -> None:
        """Close them all."""
        for file in self._open.values():
            close(file)

    def prove(self, entry: FileEntry, number: int, *, count: bool) -> None:
        """Read what a line says was written, with ``count`` its records too.

        Raises:
            IntegrityError: it is not there, or is something else.

        """
        path = self.template.path_of(entry.name)
        digest = sha256()
        parts: list[bytes] = []
        left, offset = entry.length, entry.offset
        try:
            file = self._file(entry.name)
            while left:
                chunk = os.pread(file, min(CHUNK, left), offset)
                if not chunk:
                    raise IntegrityError(
                        f"{path} ends at byte {offset}, but {entry.end} bytes "
                        f"were committed (line {number} of the journal). It was cut or replaced; "
                        "nothing was overwritten. Restore it from a backup, or move it away."
                    )
                digest.update(chunk)
                if count:
                    parts.append(chunk)
                left -= len(chunk)
                offset += len(chunk)
        except FileNotFoundError:
            raise IntegrityError(
                f"{path} is gone, and with it what was committed to it, from line {number} of the "
                "journal on. Restore it from a backup; if it was moved away on purpose, the next "
                "sync notes that and begins it anew."
            ) from None
        except OSError as error:
            raise unreadable(path, error) from None
        if digest.hexdigest() != entry.sha256:
            raise IntegrityError(
                f"{path} is not what was written: a byte from {entry.offset} to "
                f"{entry.end - 1} was changed (line {number} of the journal has their SHA-256). "
                "Nothing was overwritten. Restore it from a backup, or move it away."
            )
        if count and entry.length:
            found = _records(entry, b"".join(parts), compressed=self.template.compressed)
            if found != entry.records:
                raise IntegrityError(
                    f"{path} has {found} records from byte {entry.offset} on, but line "
                    f"{number} of the journal says {entry.records}."
                )

    def rows(self, entry: FileEntry, *, csv: bool) -> Iterator[bytes]:
        """Yield the rows of what a line says was written; nothing if it is not there any more."""
        with suppress(OSError, IntegrityError, zlib.error):
            data = read_at(self._file(entry.name), entry.length, entry.offset)
            yield from rows_of(unpacked([data], compressed=self.template.compressed), csv=csv)

    def _file(self, name: str) -> int:
        file = self._open.get(name)
        if file is None:
            if len(self._open) == MOST_OPEN:
                close(self._open.pop(next(iter(self._open))))
            file = open_file(self.template.path_of(name), os.O_RDONLY)
            self._open[name] = file
        return file


def prove_files(template: Template, names: Collection[str]) -> None:
    """Prove some of the files from where each was last begun.

    Raises:
        IntegrityError: one of them was changed.

    """
    begun: dict[str, int] = {}
    for _, commit in read_lines(template.journal):
        begun |= dict.fromkeys(commit.moved, commit.line)
    with closing(Files(template)) as files:
        for number, entry in entries_since(begun, template.journal):
            if entry.name in names:
                files.prove(entry, number, count=False)


def entries_since(
    begun: Mapping[str, int], journal: str, lines: int | None = None
) -> Iterator[tuple[int, FileEntry]]:
    """Yield what each file has since it was ``begun`` anew, if it was, with the lines' numbers."""
    for _, commit in islice(read_lines(journal), lines):
        for entry in commit.files:
            if entry.length and commit.line >= begun.get(entry.name, 0):
                yield commit.line + 1, entry


def find_contents(
    template: Template, names: Collection[str], known: Container[str]
) -> dict[str, str]:
    """Find where files have gone: each to one in its folder that begins with all its content.

    It may have been compressed. Names that are ``known`` are those of the destination's files.

    Raises:
        OSError: a folder cannot be read.

    """
    first: dict[str, tuple[int, FileEntry]] = {}
    for _, commit in read_lines(template.journal):
        for name in commit.moved:
            first.pop(name, None)
        for entry in commit.files:
            if entry.length and entry.name in names:
                first.setdefault(entry.name, (commit.line, entry))

    def entries(name: str) -> Iterator[FileEntry]:
        line, entry = first[name]
        yield entry  # most files differ from it, so the journal need not be read again for each
        for _, commit in read_lines(template.journal):
            if commit.line > line:
                yield from (one for one in commit.files if one.name == name and one.length)

    found = {}
    for name in first:
        there = _beside(template.folder, name, known)
        if path := next((one for one in there if _holds(one, partial(entries, name))), None):
            found[name] = path
    return found


def _beside(folder: str, name: str, known: Container[str]) -> Iterator[str]:
    """Yield the files in the folder of a file that are not the destination's."""
    within = os.path.dirname(name)  # noqa: PTH120
    there: list[str] = []
    with suppress(FileNotFoundError):  # the whole folder may be gone
        there = os.listdir(os.path.join(folder, within) or ".")  # noqa: PTH118, PTH208
    for other in sorted(there):
        path = os.path.join(folder, within, other)  # noqa: PTH118
        if os.path.join(within, other) not in known and os.path.isfile(path):  # noqa: PTH113, PTH118
            yield path


def _holds(path: str, entries: Callable[[], Iterator[FileEntry]]) -> bool:
    """Return whether a file, as it is or decompressed, begins with what was committed."""
    import gzip

    for opened in (open, gzip.open):
        # What cannot be read, or is no gzip, does not hold it.
        with suppress(OSError, EOFError, zlib.error), opened(path, "rb") as file:
            if all(_digest(file, entry.length) == entry.sha256 for entry in entries()):
                return True
    return False


def _digest(file: BufferedIOBase, length: int) -> str:
    """Return the hash of the next bytes, as far as there are some."""
    digest = sha256()
    while length and (chunk := file.read(min(CHUNK, length))):
        digest.update(chunk)
        length -= len(chunk)
    return digest.hexdigest()


def _records(entry: FileEntry, data: bytes, *, compressed: bool) -> int:
    """Count the records in what one commit wrote; -1 if it is not in the form of its file."""
    try:
        data = b"".join(unpacked([data], compressed=compressed))
    except zlib.error:
        return -1
    if entry.header is None:
        return data.count(b"\n")
    return sum(1 for _ in rows_of([data], csv=True)) - entry.header
