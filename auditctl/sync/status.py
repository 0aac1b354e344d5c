"""The status of a destination: its last success, what it covers, and what is wrong."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from auditctl.sync.state import State
from auditctl.window import age

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditctl.sync.files.commits import Deleted

FUTURE_TOLERANCE = timedelta(minutes=5)
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
