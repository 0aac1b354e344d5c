"""Proof of a destination: everything in its journal and its files, read again."""

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

from auditctl.errors import IntegrityError
from auditctl.sync.integrity import Files, live
from auditctl.sync.journal import (
    FIRST_PREV,
    Line,
    State,
    is_held,
    opened,
    read_lines,
    unreadable,
    wrong_line,
)
from auditctl.sync.template import Template


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


def verify(template: Template) -> Proof:
    """Read a destination again from its first byte.

    Raises:
        IntegrityError: something is not what was written: the first such thing.

    """
    proof = Proof(template.path)
    held = is_held(template.journal)
    written = _lines(template, proof)
    with Files(template.folder) as files:
        for number, entry in live(template.journal, written):
            files.prove(entry, number, count=True)
            proof.records += entry["records"]
            proof.size += entry["length"]
        for name, there in proof.state.files.items():
            proof.files += bool(there.length)
            _end(files, name, there.length, proof, held=held)
    state = proof.state
    if proof.elsewhere:
        proof.notes.append(
            f"{proof.elsewhere} records are in files that were moved away, and were not checked."
        )
    if state.window is not None and not state.window["done"]:
        proof.notes.append(
            "The last run is still reading."
            if held
            else "The last run ended before it had read all it should; the next one goes on there."
        )
    return proof


def _lines(template: Template, proof: Proof) -> dict[str, int]:
    """Read the journal; give how many records each file has."""
    written: dict[str, int] = {}
    for number, line in _chain(template.journal):
        proof.lines = number
        for name in line["moved"]:
            proof.elsewhere += written.pop(name, 0)
            proof.state.files.pop(name, None)
        for entry in line["files"]:
            name = entry["name"]
            there = proof.state.files.get(name)
            if entry["offset"] != (there.length if there else 0):
                what = f"it goes on at byte {entry['offset']} of {name}, where none ended"
                raise wrong_line(template.journal, number, what)
            written[name] = written.get(name, 0) + entry["records"]
        _windows(template.journal, number, line, proof.state)
        _state(template.journal, number, line, proof.state)
        proof.state.apply(line)
        if line["records"] != sum(written.values()) + proof.elsewhere:
            raise wrong_line(template.journal, number, "its records do not add up")
    if not proof.lines:
        raise IntegrityError(
            f"{template.journal} is not there or empty: no sync has committed anything to "
            f"{template.path}. Check the PATH; it is the one given to sync."
        )
    return written


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


def _chain(journal: str) -> Iterator[tuple[int, Line]]:
    """Give each line with its number, counted from 1, if each is linked to the one before it."""
    head = FIRST_PREV
    for number, (_, text) in enumerate(read_lines(journal), 1):
        line = opened(text)
        if line is None:
            raise wrong_line(journal, number, "it was changed")
        if line["prev"] != head or line["line"] != number - 1:
            raise wrong_line(journal, number, "lines before it were dropped, added or changed")
        head = line["hash"]
        yield number, line


def _state(journal: str, number: int, line: Line, before: State) -> None:
    """See that a line with the whole state has the one that the lines before it come to.

    But for the files' times and inodes: they are noted anew when a file was copied back.
    """
    if number == 1 or "state" not in line:
        return
    said, known = ({**whole, "files": None} for whole in (line["state"], before.whole()))
    lengths = {name: values[0] for name, values in line["state"]["files"].items()}
    there = {name: file.length for name, file in before.files.items()} | dict.fromkeys(
        line["moved"], 0
    )
    if said != known or lengths | dict.fromkeys(line["moved"], 0) != there:
        raise wrong_line(journal, number, "its state is not what the lines before it come to")


def _windows(journal: str, number: int, line: Line, before: State) -> None:
    """See that what is covered has no hole that is not told of."""
    covered, window = line["covered"], line["window"]
    if covered == before.covered:
        return
    begin = window["since"] or ""
    hole = before.covered is not None and begin > before.covered["until"]
    if hole or not window["done"] or covered["until"] != window["until"]:
        raise wrong_line(journal, number, "it covers hours that were not read")


def _end(files: Files, name: str, length: int, proof: Proof, *, held: bool) -> None:
    """See that a file ends with its last commit."""
    path = files.path(name)
    try:
        size = os.stat(path).st_size  # noqa: PTH116
    except FileNotFoundError:
        return  # it has nothing, or `Files.prove` would have said so
    except OSError as error:
        raise unreadable(path, error) from None
    if size == length:
        return
    if held:
        proof.notes.append(f"{path} is just being written to.")
        return
    raise IntegrityError(
        f"{path} goes on at byte {length}, behind its last commit. Either a run was killed, and "
        "the next sync cuts off what it left; or somebody added to it; or the journal lost its end."
    )
