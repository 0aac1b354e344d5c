"""The status of a destination: its last success, what it covers, and what is wrong."""

import os
import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from auditctl.errors import IntegrityError
from auditctl.paths import Template, journals_of
from auditctl.sync.files.replay import read_state
from auditctl.sync.state import Span, State
from auditctl.window import age

FUTURE_TOLERANCE = timedelta(minutes=5)
"""A success may be this far in the future before a clock is taken to be wrong."""
MOST_NAMES = 10
"""Names of files that one sentence holds."""


@dataclass(frozen=True)
class Status:
    """One destination."""

    source: str | None
    path: str
    state: State
    running: bool | None
    """None if nothing can tell."""
    wrong: str
    """The problem as a sentence; empty without one."""
    files: int | None = None
    aside: Sequence[str] = ()
    """Names of files with bytes that were set aside."""
    uncommitted: Sequence[str] = ()
    """Those of them whose bytes are known not to be in the destination."""
    unreachable: bool = False
    """The store did not answer, so what is wrong may not be the destination."""

    def row(self) -> dict[str, Any]:
        """Return it as JSON."""
        state = self.state
        return facts(self.path, self.source, state, self.wrong) | {
            "provider": state.shape.get("provider"),
            "running": self.running,
            "last_success": state.last_success,
            "newest": state.latest,
            "files": self.files,
            "set_aside": list(self.aside),
            "unfinished": bool(state.window and not state.window.done),
        }


def facts(path: str, source: str | None, state: State, problem: str) -> dict[str, Any]:
    """Return what `verify` and `status` both write of a destination as JSON.

    Times are RFC 3339, and since null is the beginning of the log.
    """
    return {
        "path": path,
        "source": source,
        "ok": not problem,
        "problem": problem or None,
        "records": state.records,
        "covered": state.covered and state.covered._asdict(),
        "gaps": [gap._asdict() for gap in state.gaps],
        "deleted": [file._asdict() for file in state.deleted],
        "journal_lines": state.line + 1,
        "journal_hash": state.head if state.line >= 0 else None,
    }


def unproved(path: str, source: str | None, problem: str) -> dict[str, Any]:
    """Return the row of `verify` for what is not what was written."""
    return {"path": path, "source": source, "ok": False, "problem": problem}


def describe_age(path: str, state: State, now: datetime, max_age: timedelta | None) -> str:
    """Describe a last success that is too old; empty if it is not."""
    if max_age is None:
        return ""
    last = state.last_success
    if last is None:
        return f"{path} was never read to its end."
    success = datetime.fromisoformat(last)
    if success > now + FUTURE_TOLERANCE:
        return (
            f"The last success of {path} is said to be at {last[:19]} UTC, which is in "
            "the future: this machine's clock was wrong then, or is now."
        )
    if now - success <= max_age:
        return ""
    return (
        f"The last success of {path} was {age(last, now)} ago, at {last[:19]} "
        "UTC. See its runs' output."
    )


def describe_unknown(path: str) -> str:
    """Describe a PATH that means no destination."""
    return f"No sync has run for {path}: there is no journal."


def describe_unbegun(path: str, source: str | None) -> str:
    """Describe a table that a source has not committed to; without a name, that none has."""
    of_source = "" if source is None else f" of the source {source}"
    return f"No sync has committed anything{of_source} to {path} yet."


def describe_owner(template: Template) -> str:
    """Describe a file without a journal that is one of a destination; empty if it is not."""
    owner = _owner(template.path)
    return owner and (
        f"{template.path} is one of the files of {owner}, and has no journal of its own. Use the "
        f"PATH given to sync: {shlex.quote(owner)}"
    )


def _owner(path: str) -> str:
    """Return the PATH of the destination that has this file; empty if none is known to."""
    with suppress(OSError, IntegrityError):
        real = os.path.realpath(path)
        for journal in journals_of(real):
            state = read_state(journal)
            folder = os.path.dirname(journal)  # noqa: PTH120
            if state is not None and os.path.relpath(real, folder) in state.files:
                owner = os.path.join(folder, state.shape["output"])  # noqa: PTH118
                return owner if os.path.isabs(path) else os.path.relpath(owner)  # noqa: PTH117
    return ""


def alarms(path: str, state: State) -> str:
    """Describe what stays wrong until somebody acknowledges it; empty if nothing is."""
    found = []
    if state.gaps:
        found.append(
            f"{path}: events are missing from {', '.join(map(str, state.gaps))} UTC: the provider "
            "did not keep them until they were asked for."
        )
    if state.deleted:
        found.append(_deleted(path, [file.name for file in state.deleted]))
    return f"{' '.join(found)} {_acknowledge(path)}" if found else ""


def describe_gap(path: str, title: str, gap: Span) -> str:
    """Describe the hours that a run could not read any more, and say what to do."""
    return (
        f"{path}: events from {gap} UTC are lost: {title} does not keep them for so long, and no "
        "run has asked for them in time. All that there is was written. "
        f"{_acknowledge(path)}"
    )


def describe_deletion(path: str, names: Sequence[str]) -> str:
    """Describe files that a run finds deleted, and say what to do."""
    return f"{_deleted(path, names)} {_acknowledge(path)}"


def _deleted(path: str, names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    shown = ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
    was, them = ("was", "it") if len(names) == 1 else ("were", "them")
    return (
        f"{path}: {shown} {was} deleted, and no file in the same folder holds what was committed "
        f"to {them}."
    )


def _acknowledge(path: str) -> str:
    return (
        f"When this is known, say so with: auditctl status {shlex.quote(path)} --acknowledge-gaps"
    )


def describe_aside(path: str, names: Sequence[str]) -> str:
    """Describe files with bytes that were set aside and are not in the destination."""
    return (
        f"{path}: {', '.join(names)} has bytes from after the last commit that are not in "
        "the destination: somebody else wrote them, or the journal is older than the file. Look "
        "at them, then move them away."
    )


def describe_foreign_journal(template: Template, state: State) -> str:
    """Describe a journal that belongs to another destination."""
    return (
        f"{template.journal} is the journal of {state.shape['output']}, not of {template.names}: "
        "it was copied or renamed, and proves nothing here."
    )
