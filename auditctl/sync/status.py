"""The status of a destination: its last success, what it covers, and what is wrong."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from auditctl.errors import AuditctlError, LockedError
from auditctl.paths import Template
from auditctl.sync.journal import Journal
from auditctl.sync.replay import is_held, read_state
from auditctl.sync.sentences import alarms, describe_foreign_journal, describe_owner
from auditctl.sync.state import State
from auditctl.window import age

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditctl.sync.commits import Deleted

CLOCK_TOLERANCE = timedelta(minutes=5)
"""A success may be this far in the future before a clock is taken to be wrong."""


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
    deleted: "Sequence[Deleted]" = ()
    aside: "Sequence[str]" = ()
    """Names of files with bytes that were set aside."""
    uncommitted: "Sequence[str]" = ()
    """Those of them whose bytes are known not to be in the destination."""
    unreachable: bool = False
    """The store did not answer, so what is wrong may not be the destination."""

    def row(self) -> dict[str, Any]:
        """Return it as JSON; times are RFC 3339, and since null is the beginning of the log."""
        state = self.state
        return {
            "path": self.path,
            "source": self.source,
            "provider": state.shape.get("provider"),
            "ok": not self.wrong,
            "problem": self.wrong or None,
            "running": self.running,
            "last_success": state.last_success,
            "covered": state.covered and state.covered._asdict(),
            "newest": state.latest,
            "records": state.records,
            "files": self.files,
            "gaps": [gap._asdict() for gap in state.gaps],
            "deleted": [file._asdict() for file in self.deleted],
            "set_aside": list(self.aside),
            "unfinished": bool(state.window and not state.window.done),
            "journal_lines": state.line + 1,
            "journal_hash": state.head if state.line >= 0 else None,
        }


def read_status(
    template: Template, source: str | None, *, now: datetime, max_age: timedelta | None
) -> Status:
    """Read the status of a destination, without its data."""
    path = template.path
    try:
        state = read_state(template.journal)
    except AuditctlError as error:
        return Status(source, path, State(), running=False, wrong=str(error))
    if state is None:
        wrong = describe_owner(template)
        wrong = wrong or f"No sync has run for {path}: {template.journal} is not there."
        return Status(source, path, State(), running=False, wrong=wrong)
    if state.shape and state.shape["output"] != template.names:
        return Status(
            source, path, state, running=False, wrong=describe_foreign_journal(template, state)
        )
    running = is_held(template.journal)
    if state.line < 0 and not running:
        wrong = f"No sync has committed anything to {path} yet. See its runs' output."
        return Status(source, path, state, running=running, wrong=wrong)
    found = describe_age(path, state, now, max_age), alarms(path, state, state.deleted)
    aside = template.aside(state.files)
    return Status(
        source,
        path,
        state,
        running=running,
        wrong=" ".join(filter(None, found)),
        files=sum(1 for file in state.files.values() if file.length),
        deleted=state.deleted,
        aside=aside,
        uncommitted=[name for name in aside if name in state.aside],
    )


def acknowledge(template: Template) -> None:
    """Note that gaps and deleted files are known, so that they are no failure any more.

    Raises:
        LockedError: a run holds it.
        IntegrityError, OutputError: see `auditctl.sync.journal.Journal`.

    """
    state = read_state(template.journal)
    if state is None or not (state.gaps or state.deleted):
        return
    try:
        journal = Journal(template.journal, 0, time.sleep)
    except LockedError:
        raise LockedError(
            f"A run holds {template.journal}, so its gaps stay as they are. Acknowledge them when "
            "it has ended; a service must be stopped for that."
        ) from None
    try:
        journal.append(gaps=(), acknowledged=journal.state.gaps, deleted_acknowledged=True)
    finally:
        journal.close()


def describe_age(path: str, state: State, now: datetime, max_age: timedelta | None) -> str:
    """Describe a last success that is too old; empty if it is not."""
    if max_age is None:
        return ""
    last = state.last_success
    if last is None:
        return f"{path} was never read to its end."
    success = datetime.fromisoformat(last)
    if success > now + CLOCK_TOLERANCE:
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
