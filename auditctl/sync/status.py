"""What became of each destination: its last success, what it covers, and what is wrong."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from auditctl.errors import AuditctlError
from auditctl.sync.journal import Journal, State, is_held, read_state
from auditctl.sync.template import Template
from auditctl.sync.verify import gaps


@dataclass(frozen=True)
class Status:
    """One destination."""

    source: str | None
    path: str
    state: State
    running: bool
    wrong: str
    """What is wrong, as a sentence; empty if nothing is."""

    def row(self) -> dict[str, Any]:
        """Give it as JSON; times are RFC 3339, a ``covered`` since null is the log's beginning."""
        state = self.state
        return {
            "path": self.path,
            "source": self.source,
            "provider": state.shape.get("provider"),
            "ok": not self.wrong,
            "problem": self.wrong or None,
            "running": self.running,
            "last_success": state.success,
            "covered": state.covered,
            "newest": state.latest,
            "records": state.records,
            "files": sum(1 for file in state.files.values() if file.length),
            "gaps": state.gaps,
            "unfinished": bool(state.window and not state.window["done"]),
            "journal_lines": state.line + 1,
            "journal_hash": state.anchor if state.line >= 0 else None,
        }


def look(
    template: Template, source: str | None, *, now: datetime, max_age: timedelta | None
) -> Status:
    """Look at a destination without reading its data."""
    path = template.path
    try:
        state = read_state(template.journal)
    except AuditctlError as error:
        return Status(source, path, State(), running=False, wrong=str(error))
    if state is None:
        wrong = f"No sync has run for {path}: {template.journal} is not there."
        return Status(source, path, State(), running=False, wrong=wrong)
    running = is_held(template.journal)
    wrong = " ".join(filter(None, (_age(path, state, now, max_age), gaps(path, state))))
    return Status(source, path, state, running=running, wrong=wrong)


def acknowledge(template: Template) -> None:
    """Note that somebody knows of the gaps, so that they are no failure any more.

    Raises:
        LockedError, IntegrityError, OutputError: see `auditctl.sync.journal.Journal`.

    """
    state = read_state(template.journal)
    if state is None or not state.gaps:
        return
    journal = Journal(template.journal, 0, time.sleep)
    try:
        journal.append(gaps=[], acknowledged=journal.state.gaps)
    finally:
        journal.close()


def _age(path: str, state: State, now: datetime, max_age: timedelta | None) -> str:
    if max_age is None:
        return ""
    if state.success is None:
        return f"{path} was never read to its end."
    age = now - datetime.fromisoformat(state.success)
    if age <= max_age:
        return ""
    return (
        f"The last success of {path} was {_duration(age)} ago, at {state.success[:19]} UTC. See "
        "what its runs say."
    )


def _duration(age: timedelta) -> str:
    hours, minutes = divmod(int(age.total_seconds()) // 60, 60)
    if hours >= 48:  # noqa: PLR2004 - two days
        return f"{hours // 24} days"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
