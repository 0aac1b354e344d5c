"""The lines of a journal: encoded with a hash, decoded into commits, read from either end."""

# A line is a sealed object, and ``prev`` is the hash of the line before it. So a line that was
# changed, dropped or added is found.

import os
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from auditctl.errors import IntegrityError
from auditctl.sync.files.commits import Commit, File, FileEntry, Pins, Snapshot
from auditctl.sync.files.disk import open_file
from auditctl.sync.seal import HASH_SIZE, parsed, plain, seal, unseal
from auditctl.sync.state import FIRST_PREV, Deleted, ReadSpan, Span, spans

BLOCK = 256 * 1024
LINE = 32 * 1024
"""Bytes read of one line at a time; most lines are shorter."""
SECTOR = 512
"""Bytes that a disk writes together, or not at all."""

_IDS = b',"ids":['
_BEGIN = b'{"line":'
_NAMES = {"snapshot": "state", "pinned": "kept", "pins": "kept_before"}
"""Members whose names in a line are those of version 0.1.0."""
_CONTROL = frozenset(range(1, 32))
_ZEROS = re.compile(rb"\0+")


def encode(commit: Commit) -> tuple[bytes, Commit]:
    """Write a commit as a line; return it with its hash."""
    members = {
        _NAMES.get(name, name): value if name == "ids" else plain(value)  # ids are plain texts
        for name, value in commit._asdict().items()
    }
    del members["hash"], members["first_edition"]
    if commit.snapshot is None:
        del members["state"]
    text, digest = seal(members)
    return text + b"\n", commit._replace(hash=digest)


def decode(text: bytes, *, ids: bool = True) -> Commit | None:
    """Read a line without its line feed; None if no run can have written it.

    ``ids``, which are most of a line, are left out unless they are wanted.
    """
    unsealed = unseal(text)
    if unsealed is None:
        return None
    body, digest = unsealed
    try:
        if not ids:
            body = body.rpartition(_IDS)[0]
        return _commit(parsed(body + b"}"))._replace(hash=digest)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None  # its hash is right, but no run has written it


class Link(NamedTuple):
    """What a search for ids reads of a line: the hash is checked, and no commit is made of it."""

    newest: str | None
    seen: str
    ids_before: int | None
    first_edition: bool


def link_of(text: bytes) -> Link | None:
    """Read the link of a line without its line feed; None if no run can have written it."""
    unsealed = unseal(text)
    if unsealed is None:
        return None
    try:
        members = parsed(unsealed[0].rpartition(_IDS)[0] + b"}")
        newest, seen = members["newest"], members["seen"] + ""
        first_edition = "kept_before" not in members
        before = None if first_edition else members["ids_before"]
    except (KeyError, TypeError, ValueError):
        return None
    return Link(newest, seen, before, first_edition)


def ids_of(text: bytes) -> tuple[str, ...]:
    """Read the ids of a line that `decode` has read without them."""
    return tuple(parsed(b"[" + text.rpartition(_IDS)[2][:-HASH_SIZE]))


def _commit(members: dict[str, Any]) -> Commit:
    covered, snapshot = members["covered"], members.get("state")
    pins = members.get("kept_before")
    pinned = {**members["kept"]}
    if snapshot is not None:
        pinned |= snapshot.get("kept", {})  # all of them, in a journal of version 0.1.0
    first_edition = "kept_before" not in members
    return Commit(
        line=members["line"] + 0,
        prev=members["prev"],
        at=members["at"],
        version=members["version"],
        state_at=members["state_at"] + 0,
        window=ReadSpan(**members["window"]),
        covered=None if covered is None else Span(**covered),
        success=members["success"],
        gaps=spans(members["gaps"]),
        records=members["records"] + 0,
        latest=members["latest"],
        seen=members["seen"] + "",
        snapshot=None if snapshot is None else _snapshot(snapshot),
        acknowledged=spans(members["acknowledged"]),
        deleted=_deleted(members),
        deleted_acknowledged=members.get("deleted_acknowledged", False),
        aside=tuple(members.get("aside", ())),
        moved=tuple(members["moved"]),
        files=tuple(FileEntry(**entry) for entry in members["files"]),
        oldest=members["oldest"],
        newest=members["newest"],
        pinned=pinned,
        pins=None if pins is None else Pins(**pins),
        ids_before=None if first_edition else members["ids_before"],
        ids=tuple(members.get("ids", ())),
        first_edition=first_edition,
    )


def _snapshot(members: dict[str, Any]) -> Snapshot:
    return Snapshot(
        shape=members["shape"],
        since=members["since"],
        waived=spans(members["waived"]),
        deleted=_deleted(members),
        files={name: File(*values) for name, values in members["files"].items()},
    )


def _deleted(members: dict[str, Any]) -> tuple[Deleted, ...]:
    return tuple(Deleted(**file) for file in members.get("deleted", ()))


def read_lines(path: str) -> Iterator[tuple[int, Commit]]:
    """Yield the first byte of each line, and its commit; nothing if there is no journal.

    A line at the end that was never finished is left out.

    Raises:
        IntegrityError: a line is not what was written, or does not follow the one before it.

    """
    head, offset = FIRST_PREV, 0
    try:
        with open(open_file(path, os.O_RDONLY), "rb") as file:  # noqa: PTH123
            for number, text in enumerate(file, 1):
                if not text.endswith(b"\n"):
                    if not is_torn(text, offset):
                        raise wrong_line(path, number, "its end was changed")
                    return
                commit = decode(text[:-1])
                if commit is None:
                    if b"\0" in text and not file.read(1) and is_torn(text, offset):
                        return
                    raise wrong_line(path, number, "it was changed")
                if commit.prev != head or commit.line != number - 1:
                    what = "lines before it were dropped, added or changed"
                    raise wrong_line(path, number, what)
                head = commit.hash
                yield offset, commit
                offset += len(text)
    except FileNotFoundError:
        return
    except OSError as error:
        raise unreadable(path, error) from None


def is_torn(text: bytes, offset: int) -> bool:
    """Return whether this is what a crash may leave of the line that begins at a byte.

    That is a prefix of it. After a power failure sectors of it, or all that is behind some byte,
    may hold zeros; a zero that leaves the rest of its sector as it was is a changed byte.
    """
    return (
        all(byte in (0, there) for byte, there in zip(text, _BEGIN, strict=False))
        and b'"}{"line":' not in text  # several lines without their ends
        and decode(text[:-1]) is None  # a line with another end
        and _CONTROL.isdisjoint(text.removesuffix(b"\n"))
        and all(
            zeros.end() == len(text)
            or all(edge == 0 or (offset + edge) % SECTOR == 0 for edge in zeros.span())
            for zeros in _ZEROS.finditer(text)
        )
    )


def backward(file: int, size: int, *, torn: bool = False) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, line) from the last line to the first.

    With ``torn`` lines keep their line feed, and one at the end that has none is given too.
    """
    buffer = b""
    start = size
    end = 0
    while start or end:
        # The line feed that ends the last line does not begin another.
        cut = buffer.rfind(b"\n", 0, max(0, end - 1))
        if cut < 0 and start:
            length = min(BLOCK, start)
            start -= length
            buffer = read_at(file, length, start) + buffer[:end]
            end = len(buffer)
            continue
        text = buffer[cut + 1 : end]
        yield start + cut + 1, text if torn else text[:-1]
        end = cut + 1


def line_at(file: int, offset: int, size: int) -> bytes:
    """Read the line that begins at a byte, without its line feed."""
    text = b""
    while offset + len(text) < size and b"\n" not in text:
        at = offset + len(text)
        text += read_at(file, min(LINE, size - at), at)
    return text.partition(b"\n")[0]


def read_at(file: int, length: int, offset: int) -> bytes:
    """Read so many bytes, fewer only at the end: network file systems may give less at once."""
    data = os.pread(file, length, offset)
    while 0 < len(data) < length:
        more = os.pread(file, length - len(data), offset + len(data))
        if not more:
            break
        data += more
    return data


def count(file: int, size: int) -> int:
    """Count the lines."""
    return sum(1 for _ in backward(file, size))


def wrong_line(path: str, number: int, what: str) -> IntegrityError:
    """Return the error for a line, counted from 1, that is not what was written."""
    return IntegrityError(
        f"{path}, line {number}: {what}. The journal is not what was written, so it proves "
        "nothing any more: restore it from a backup, or begin a new destination."
    )


def unreadable(path: str, error: OSError) -> IntegrityError:
    """Return the error for a file that cannot be read."""
    return IntegrityError(f"Cannot read {path}: {error.strerror or error}.")
