"""Proof of a destination: everything in its journal and its files, read again."""

import os
import time
from collections.abc import Iterator
from contextlib import closing
from glob import glob
from typing import Any

from auditctl.errors import IntegrityError
from auditctl.paths import SUFFIX, Template
from auditctl.sync.files.chain import read_lines, unreadable, wrong_line
from auditctl.sync.files.commits import Commit, FileState
from auditctl.sync.files.integrity import Files, entries_since
from auditctl.sync.files.replay import is_held, read_state
from auditctl.sync.status import (
    alarms,
    describe_aside,
    describe_foreign_journal,
    describe_owner,
    facts,
)

POLL_SECONDS = 0.02
"""Seconds between two checks whether a run still writes."""
LONGEST_COMMIT = 2.0
"""Seconds that a commit may take between its data and its line."""


def verify(template: Template, source: str | None = None) -> dict[str, Any]:
    """Read a destination again from its first byte, and return the row of what was found.

    Raises:
        IntegrityError: something was changed; the first such thing is named.

    """
    state, begun = _read(template)
    journal, lines = template.journal, state.line + 1
    if lines and state.shape["output"] != template.names:
        raise IntegrityError(describe_foreign_journal(template, state))
    records = size = 0
    notes = []
    with closing(Files(template)) as files:
        # No further than the state above: a run may have written on meanwhile.
        for number, entry in entries_since(begun, journal, lines):
            files.prove(entry, number, count=True)
            records += entry.records
            size += entry.length
    for name, there in state.files.items():
        path = template.path_of(name)
        if _ends(path, there.length):
            continue
        if not _is_moving(journal, state) or _stays(path, journal):
            raise IntegrityError(
                f"{path} goes on at byte {there.length}, after its last commit. Either a run "
                "was killed, and the next sync sets aside what it left; or somebody added "
                "to it; or the journal lost its end."
            )
        notes.append(f"{path} is just being written to.")
    _check_unknown_files(template, state)
    return facts(template.path, source, state, alarms(template.path, state)) | {
        "records": records,
        "bytes": size,
        "files": sum(1 for file in state.files.values() if file.length),
        "moved_away": state.records - records,
        "notes": [*notes, *_notes(template, state, elsewhere=state.records - records)],
    }


def _notes(template: Template, state: FileState, *, elsewhere: int) -> Iterator[str]:
    """Describe what a person should know about a destination without a problem."""
    if elsewhere:
        yield f"{elsewhere} records are in files that were moved away, and were not checked."
    aside = template.aside(state.files)
    if unknown := [name for name in aside if name in state.aside]:
        yield describe_aside(template.path, unknown)
    if waiting := [name for name in aside if name not in state.aside]:
        yield (
            f"{', '.join(waiting)}: set aside, from after the last commit; the next run that "
            "reaches its end checks whether it is in the destination."
        )
    window = state.window
    if window is not None and window.done:
        return
    if is_held(template.journal):
        yield "The last run is still reading."
    else:
        yield "The last run ended before the end of its window; the next one continues there."


def _read(template: Template) -> tuple[FileState, dict[str, int]]:
    """Read the journal to what is its end now; lines that are whole never change.

    Return where each file that was moved away was last begun anew, too.
    """
    state, begun = FileState(), dict[str, int]()
    for offset, commit in read_lines(template.journal):
        begun |= dict.fromkeys(commit.moved, commit.line)
        _check(template.journal, commit, state)
        state.apply(commit, offset)
    if state.line < 0 and not is_held(template.journal):  # else the first run still reads
        raise IntegrityError(
            describe_owner(template)
            or f"{template.journal} is not there or empty, so nothing is known of "
            f"{template.path}. Use the PATH given to sync, with its placeholders."
        )
    return state, begun


def _is_moving(journal: str, state: FileState) -> bool:
    """Return whether a run writes, or has written since the journal was read."""
    now = read_state(journal)
    return is_held(journal) or now is None or now.head != state.head


def _stays(path: str, journal: str) -> bool:
    """Return whether nothing is written for so long that no commit can be under way."""
    before = _stamp(path), _stamp(journal)
    until = time.monotonic() + LONGEST_COMMIT
    while time.monotonic() < until:
        time.sleep(POLL_SECONDS)
        if before != (_stamp(path), _stamp(journal)):
            return False
    return True


def _check_unknown_files(template: Template, state: FileState) -> None:
    """Check that the journal knows every file under a name of this destination."""
    found = [name for name in template.there() if name not in state.files]
    if not found:
        return
    # A run may have begun it since the journal was read; and {account} takes in the names of
    # destinations beside this one.
    beside = glob(f"*{SUFFIX}", root_dir=template.folder or None, include_hidden=True)  # noqa: PTH207
    known: set[str] = set()
    for journal in beside:
        there = read_state(template.path_of(journal))
        known.update(there.files if there else ())
    for name in found:
        path = template.path_of(name)
        if name not in known and _stamp(path)[:1] != (0,):
            raise IntegrityError(
                f"{path} is there, but the journal does not know it: somebody else put it "
                "there, or put it back, or the journal is another one. Move it away."
            )


def _stamp(path: str) -> tuple[int, ...]:
    """Return what is different once a file was written to."""
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return ()
    return found.st_size, found.st_mtime_ns, found.st_ino


def _check(journal: str, commit: Commit, state: FileState) -> None:
    """Check that a line goes on where the ones before it ended."""
    number = commit.line + 1
    for name in commit.moved:
        state.files.pop(name, None)
    for entry in commit.files:
        there = state.files.get(entry.name)
        if entry.offset != (there.length if there else 0):
            what = f"it goes on at byte {entry.offset} of {entry.name}, where none ended"
            raise wrong_line(journal, number, what)
    if state.leaves_a_hole(commit.covered, commit.window):
        raise wrong_line(journal, number, "it covers hours that were not read")
    _snapshot(journal, number, commit, state)
    if commit.records != state.records + sum(entry.records for entry in commit.files):
        raise wrong_line(journal, number, "its records do not add up")


def _snapshot(journal: str, number: int, commit: Commit, before: FileState) -> None:
    """Check that a snapshot is what the lines before it come to.

    But for the files' times and inodes: they are noted anew when a file was copied back.
    """
    snapshot = commit.snapshot
    if number == 1 or snapshot is None:
        return
    said = snapshot.shape, snapshot.since, snapshot.waived, snapshot.deleted
    known = before.shape, before.since, before.waived, before.deleted
    lengths = {name: file.length for name, file in snapshot.files.items()}
    there = {name: file.length for name, file in before.files.items()}
    # What was found moved away is in a snapshot still, and is taken out by its own line.
    moved = dict.fromkeys(commit.moved, 0)
    if said != known or lengths | moved != there | moved:
        raise wrong_line(journal, number, "its state is not what the lines before it come to")


def _ends(path: str, length: int) -> bool:
    """Return whether a file ends with its last commit; what it lacks has been found before."""
    try:
        return os.stat(path).st_size <= length  # noqa: PTH116
    except FileNotFoundError:
        return True  # it has nothing
    except OSError as error:
        raise unreadable(path, error) from None
