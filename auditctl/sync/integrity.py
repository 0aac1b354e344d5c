"""Whether the data files hold what the journal says of them."""

import os
from collections.abc import Collection, Iterable, Mapping
from hashlib import sha256
from typing import Self

from auditctl.errors import IntegrityError
from auditctl.sync.lines import read_lines, unreadable
from auditctl.sync.state import FileEntry
from auditctl.sync.template import Template

CHUNK = 1024 * 1024
MOST_OPEN = 64
"""Files held open at once while many are read in turns."""


class Files:
    """The files of one destination, read in turns."""

    def __init__(self, template: Template, moved: Mapping[str, str] = {}) -> None:
        """Read the files of a destination; ``moved`` are the names that some have now."""
        self._folder = template.folder
        self._moved = moved
        self._compressed = template.compressed
        self._open: dict[str, int] = {}

    def __enter__(self) -> Self:
        """Open nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close them all."""
        for file in self._open.values():
            os.close(file)

    def path(self, name: str) -> str:
        """Give the path of a file."""
        return os.path.join(self._folder, self._moved.get(name, name))  # noqa: PTH118

    def prove(self, entry: FileEntry, number: int, *, count: bool) -> None:
        """Read what a line says was written, with ``count`` its records too.

        Raises:
            IntegrityError: it is not there, or is something else.

        """
        path = self.path(entry.name)
        digest = sha256()
        parts: list[bytes] = []
        left, offset = entry.length, entry.offset
        try:
            file = self._file(entry.name)
            while left:
                chunk = os.pread(file, min(CHUNK, left), offset)
                if not chunk:
                    end = offset
                    raise IntegrityError(
                        f"{path} ends at byte {end}, but {entry.end} bytes "
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
            found = _records(entry, b"".join(parts), compressed=self._compressed)
            if found != entry.records:
                raise IntegrityError(
                    f"{path} has {found} records from byte {entry.offset} on, but line "
                    f"{number} of the journal says {entry.records}."
                )

    def _file(self, name: str) -> int:
        file = self._open.get(name)
        if file is None:
            if len(self._open) == MOST_OPEN:
                os.close(self._open.pop(next(iter(self._open))))
            file = os.open(self.path(name), os.O_RDONLY | os.O_CLOEXEC)
            self._open[name] = file
        return file


def prove_files(template: Template, names: Collection[str], moved: Mapping[str, str] = {}) -> None:
    """Prove some of the files from where each was last begun; ``moved`` as in `Files`.

    Raises:
        IntegrityError: one of them is not what was written.

    """
    begun: dict[str, int] = {}
    for _, commit in read_lines(template.journal):
        begun |= dict.fromkeys(commit.moved, commit.line)
    with Files(template, moved) as files:
        for _, commit in read_lines(template.journal):
            for entry in commit.files:
                if entry.name in names and commit.line >= begun.get(entry.name, 0):
                    files.prove(entry, commit.line + 1, count=False)


def _records(entry: FileEntry, data: bytes, *, compressed: bool) -> int:
    """Count the records in what one commit wrote."""
    if compressed:
        import gzip
        import zlib

        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            return -1
    if entry.header is None:
        return data.count(b"\n")
    return sum(1 for _ in _rows(data)) - entry.header


def _rows(data: bytes) -> Iterable[list[str]]:
    """Read CSV, where a line feed between quotes ends no row."""
    import csv
    from io import StringIO

    csv.field_size_limit(max(csv.field_size_limit(), len(data)))
    # Not splitlines, which would end a row at U+2028 too.
    return csv.reader(StringIO(data.decode(errors="replace"), newline=""))
