"""The state that a run continues from, and its progress, whatever its destination is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from auditctl.sync.coverage import Stretch
from auditctl.window import from_moment, from_text, to_text

IDLE_EVERY = timedelta(minutes=10)
"""A run without news commits only if the last commit is so old."""
FIRST_PREV = "0" * 64
"""Takes the place of a hash in the first commit."""


class Span(NamedTuple):
    """A span of time; ``since`` is None for the beginning of the log."""

    since: str | None
    until: str

    @staticmethod
    def of(stretch: Stretch) -> "Span":
        """Write two points in time as a span."""
        return Span(from_moment(stretch.since), to_text(stretch.until))

    @property
    def stretch(self) -> Stretch:
        """The span as points in time."""
        return Stretch(from_text(self.since), from_text(self.until))

    def __str__(self) -> str:
        """Write it for people, to the minute."""
        return f"{(self.since or 'the beginning')[:16]} to {self.until[:16]}"


def spans(values: Iterable[Mapping[str, Any]]) -> tuple[Span, ...]:
    """Read spans of JSON."""
    return tuple(Span(**value) for value in values)


class ReadSpan(NamedTuple):
    """The window of a run, and how far it is read."""

    since: str | None
    until: str
    position: str | None
    done: bool
    newest: str | None = None
    """The newest event of all windows so far, but for those dated later than their window's end."""

    @property
    def stretch(self) -> Stretch:
        """The window as points in time."""
        return Span(self.since, self.until).stretch


class Progress(NamedTuple):
    """The progress of a run when it commits."""

    window: ReadSpan
    covered: Span | None
    success: str | None
    gaps: tuple[Span, ...]


class Deleted(NamedTuple):
    """A file that was found deleted, with what was committed to it."""

    name: str
    length: int
    at: str
    """When that was noticed."""


@dataclass(eq=False, repr=False)
class State:
    """The state after all commits."""

    line: int = -1
    """The last commit's number."""
    head: str = FIRST_PREV
    """The last commit's hash."""
    at: str | None = None
    shape: dict[str, Any] = field(default_factory=dict)
    """The options that the destination was created with; they may not change."""
    since: str | None = None
    """Where it was begun, as it was typed."""
    window: ReadSpan | None = None
    covered: Span | None = None
    """The span that all runs together have read to its end."""
    success: str | None = None
    """When a window was last read to its end."""
    latest: str | None = None
    """The newest event's time."""
    records: int = 0
    gaps: tuple[Span, ...] = ()
    """Gaps not yet acknowledged."""
    waived: tuple[Span, ...] = ()
    """The gaps that were acknowledged last."""
    deleted: tuple[Deleted, ...] = ()
    """Files that were found deleted, not yet acknowledged; a table has none."""

    @property
    def last_success(self) -> str | None:
        """When a run last came to its end."""
        return self.success

    @property
    def is_success(self) -> bool:
        """True if the last commit itself says that a window was read to its end."""
        return self.at is not None and self.at == self.success

    def is_fresh(self, now: datetime) -> bool:
        """Return whether the last commit says so, and is young."""
        if self.at is None or not self.is_success:
            return False
        return abs(now - datetime.fromisoformat(self.at)) < IDLE_EVERY

    def is_changed_by(self, progress: Progress) -> bool:
        """Return whether a run has to note more than that it reached its end."""
        return (
            not progress.window.done
            or self.window is None
            or not self.window.done
            or progress.gaps != self.gaps
            or _begins_or_ends_earlier(progress.covered, self.covered)
        )

    def leaves_a_hole(self, covered: Span | None, window: ReadSpan) -> bool:
        """Return whether the next commit covers hours that were not read."""
        if covered == self.covered:
            return False
        if covered is None or not window.done:
            return True
        ends = {window.until}
        if self.covered is not None:
            if (window.since or "") > self.covered.until:
                return True
            ends.add(max(window.until, self.covered.until))
        return covered.until not in ends


def _begins_or_ends_earlier(covered: Span | None, known: Span | None) -> bool:
    """Return whether less is covered than is known, or what begins elsewhere."""
    if covered is None or known is None:
        return covered != known
    return covered.since != known.since or covered.until < known.until
