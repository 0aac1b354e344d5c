"""Proof of a destination: everything in its journal and its files, read again."""

import os
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from glob import glob
from itertools import islice

from auditctl.errors import IntegrityError
from auditctl.sync.integrity import Files
from auditctl.sync.journal import POLL, is_held, read_state
from auditctl.sync.lines import Line, read_lines, unreadable, wrong_line
from auditctl.sync.state import State
from auditctl.sync.template import SUFFIX, Template

LONGEST_COMMIT = 2.0
"""Seconds that a commit in hand may take between its data and its line."""
AGAIN = 9
"""How often a journal is read again that was written to while it was read."""


@dataclass
class Proof:
    """What was found right, and what a person should know beside it."""

    path: str
    state: State = field(default_factory=State)
    lines: int = 0
    files: int = 0
    records: int = 0
    size: int = 0
    elsewhere: int = 0
    """Records in files that were moved away; they were not looked at."""
    notes: list[str] = field(default_factory=list)


@dataclass
class _Told:
    """What the journal tells beside its state."""

    stamp: tuple[int, ...]
    """Of the journal before it was read."""
    written: dict[str, int] = field(default_factory=dict)
    """How many records each file has."""
    records: int = 0
    """How many there are in all files, also in those that were moved away."""
    begun: dict[str, int] = field(default_factory=dict)
    """The line where a file that was moved away was last begun anew."""
    last: int = 0
    """The last line that tells of data."""


def verify(template: Template) -> Proof:
    """Read a destination again from its first byte.

    Raises:
        IntegrityError: something is not what was written: the first such thing.

    """
    proof, told = _read(template)
    journal = template.journal
    if proof.lines and proof.state.shape["output"] != template.names:
        raise IntegrityError(others(template, proof.state))
    with Files(template) as files:
        # No further: the lines behind the last that tells of data may be written anew meanwhile.
        for number, line in islice(read_lines(journal), told.last):
            for entry in line["files"]:
                if entry["length"] and number >= told.begun.get(entry["name"], 0):
                    files.prove(entry, number, count=True)
                    proof.records += entry["records"]
                    proof.size += entry["length"]
        for name, there in proof.state.files.items():
            proof.files += bool(there.length)
            path = files.path(name)
            if _ends(path, there.length):
                continue
            if not _is_moving(journal, told) or _stays(path, journal):
                raise IntegrityError(
                    f"{path} goes on at byte {there.length}, after its last commit. Either a run "
                    "was killed, and the next sync cuts off what it left; or somebody added to it; "
                    "or the journal lost its end."
                )
            proof.notes.append(f"{path} is just being written to.")
        _strangers(template, proof.state)
    proof.notes += _notes(proof, journal)
    return proof


def _notes(proof: Proof, journal: str) -> Iterator[str]:
    """Say what a person should know of what was found right."""
    if proof.elsewhere:
        yield f"{proof.elsewhere} records are in files that were moved away, and were not checked."
    window = proof.state.window
    if window is not None and window["done"]:
        return
    if is_held(journal):
        yield "The last run is still reading."
    else:
        yield "The last run ended before it had read all it should; the next one goes on there."


def others(template: Template, state: State) -> str:
    """Say that a journal is another destination's."""
    return (
        f"{template.journal} is the journal of {state.shape['output']}, not of {template.names}: "
        "it was copied or renamed, and proves nothing here."
    )


def _read(template: Template) -> tuple[Proof, _Told]:
    """Read the journal, again if a run has written to it meanwhile.

    What was read then may be half the old last line and half the new one.
    """
    for again in range(AGAIN, -1, -1):
        proof, told = Proof(template.path), _Told(_stamp(template.journal))
        try:
            for number, line in read_lines(template.journal):
                _add(template.journal, number, line, proof, told)
            break
        except IntegrityError:
            if not again or not _is_moving(template.journal, told):
                raise
            time.sleep(POLL)
    if not proof.lines and not is_held(template.journal):  # else the first run is still reading
        raise IntegrityError(
            f"{template.journal} is not there or empty, so nothing is known of {template.path}. "
            "Give the PATH that was given to sync, placeholders and all."
        )
    return proof, told


def _is_moving(journal: str, told: _Told) -> bool:
    """Say whether a run writes, or has written since the journal was read."""
    return is_held(journal) or _stamp(journal) != told.stamp


def _stays(path: str, journal: str) -> bool:
    """Say whether nothing is written for so long that no commit can be in hand."""
    before = _stamp(path), _stamp(journal)
    until = time.monotonic() + LONGEST_COMMIT
    while time.monotonic() < until:
        time.sleep(POLL)
        if before != (_stamp(path), _stamp(journal)):
            return False
    return True


def _strangers(template: Template, state: State) -> None:
    """See that there is no file under a name of this destination that the journal does not know."""
    found = [name for name in template.there() if name not in state.files]
    if not found:
        return
    # A run may have begun it since the journal was read; and {account} takes in the names of
    # destinations beside this one.
    beside = glob(f"*{SUFFIX}", root_dir=template.folder or None, include_hidden=True)  # noqa: PTH207
    known: set[str] = set()
    for journal in beside:
        there = read_state(os.path.join(template.folder, journal))  # noqa: PTH118
        known.update(there.files if there else ())
    for name in found:
        path = os.path.join(template.folder, name)  # noqa: PTH118
        if name not in known and _stamp(path)[:1] != (0,):
            raise IntegrityError(
                f"{path} is there, and the journal does not tell of it: somebody else put it "
                "there, or put it back, or the journal is another one. Move it away."
            )


def _stamp(path: str) -> tuple[int, ...]:
    """Give what is different once a file was written to."""
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return ()
    return found.st_size, found.st_mtime_ns, found.st_ino


def _add(journal: str, number: int, line: Line, proof: Proof, told: _Told) -> None:
    """Go on behind a line, if it goes on where the one before it ended."""
    try:
        proof.lines = number
        for name in line["moved"]:
            proof.elsewhere += told.written.pop(name, 0)
            proof.state.files.pop(name, None)
            told.begun[name] = number
        for entry in line["files"]:
            name = entry["name"]
            there = proof.state.files.get(name)
            if entry["offset"] != (there.length if there else 0):
                what = f"it goes on at byte {entry['offset']} of {name}, where none ended"
                raise wrong_line(journal, number, what)
            told.written[name] = told.written.get(name, 0) + entry["records"]
            told.last = number
            told.records += entry["records"]
        _windows(journal, number, line, proof.state)
        _state(journal, number, line, proof.state)
        proof.state.apply(line)
        if line["records"] != told.records:
            raise wrong_line(journal, number, "its records do not add up")
    except (KeyError, TypeError, ValueError, AttributeError):
        # Its hash is right, but it is none that a sync has written.
        raise wrong_line(journal, number, "it was changed") from None


def gaps(path: str, state: State) -> str:
    """Say which hours are missing; empty if none is."""
    if not state.gaps:
        return ""
    spans = ", ".join(f"{gap['since'][:16]} to {gap['until'][:16]}" for gap in state.gaps)
    return (
        f"{path}: events are missing from {spans} UTC: the provider did not keep them until they "
        "were asked for. When this is known, say so with: auditctl status "
        f"{shlex.quote(path)} --acknowledge-gaps"
    )


def _windows(journal: str, number: int, line: Line, before: State) -> None:
    """See that what is covered has no hole that is not told of."""
    covered, window = line["covered"], line["window"]
    if covered == before.covered:
        return
    begin = window["since"] or ""
    end = window["until"]
    hole = False
    if before.covered is not None:
        hole = begin > before.covered["until"]
        end = max(end, before.covered["until"])
    if hole or not window["done"] or covered["until"] not in (end, window["until"]):
        raise wrong_line(journal, number, "it covers hours that were not read")


def _state(journal: str, number: int, line: Line, before: State) -> None:
    """See that a line with the whole state has the one that the lines before it come to.

    But for the files' times and inodes: they are noted anew when a file was copied back.
    """
    if number == 1 or "state" not in line:
        return
    said, known = ({**whole, "files": None} for whole in (line["state"], before.whole()))
    lengths = {name: values[0] for name, values in line["state"]["files"].items()}
    there = {name: file.length for name, file in before.files.items()}
    # What was found moved away is in a state still, and is taken out by its own line.
    moved = dict.fromkeys(line["moved"], 0)
    if said != known or lengths | moved != there | moved:
        raise wrong_line(journal, number, "its state is not what the lines before it come to")


def _ends(path: str, length: int) -> bool:
    """Say whether a file ends with its last commit; what it lacks has been found before."""
    try:
        return os.stat(path).st_size <= length  # noqa: PTH116
    except FileNotFoundError:
        return True  # it has nothing
    except OSError as error:
        raise unreadable(path, error) from None
