"""The protocol of destinations: what a run does with one, and how it opens it."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import NamedTuple, Protocol

from auditctl.records.record import Record
from auditctl.sync.state import Progress, State


class Known(NamedTuple):
    """The events that a destination has, as far back as a window reaches."""

    ids: set[str]
    is_apart: Callable[[Record], bool] | None = None
    """Looks for an event among those that are not found by their time, if there are any.

    They are read only when an event comes that may be one: opening costs nothing that grows with
    them.
    """

    def new(self, records: list[Record]) -> list[Record]:
        """Return the records that are not known by their id; they are from now on."""
        ids, is_apart = self.ids, self.is_apart
        here = [record["id"] for record in records]
        if is_apart is None and ids.isdisjoint(here):  # nearly always, and several times as fast
            count = len(ids) + len(here)
            ids.update(here)
            if len(ids) == count:
                return records
            ids.difference_update(here)  # one of them is there twice
        new = []
        for record in records:
            id_ = record["id"]
            if id_ in ids or (is_apart is not None and is_apart(record)):
                continue
            ids.add(id_)
            new.append(record)
        return new


class Destination(Protocol):
    """Takes records in commits: each is there as a whole, with its progress, or not at all."""

    @property
    def state(self) -> State:
        """The state after all commits."""

    @property
    def pending(self) -> int:
        """The number of records that wait for the next commit."""

    def is_due(self, seconds: float) -> bool:
        """Return whether to commit, so many seconds after the last commit."""

    def known_since(self, time: datetime, kept_from: Callable[[], str]) -> Known:
        """Return what is known of events dated from ``time`` on, or without a time.

        ``kept_from`` returns the time before which the provider keeps nothing.
        """

    def add(self, records: list[Record]) -> None:
        """Take records for the next commit."""

    def commit(self, progress: Progress) -> None:
        """Make what was added last, and the progress with it.

        Raises:
            LockedError: another run has committed to it.
            IntegrityError: what is there was changed by somebody else.
            OutputError: it cannot be written. What was committed before stays.

        """

    def discard(self) -> None:
        """Drop what was added and not committed: a run that failed leaves it."""

    def check(self) -> None:
        """Check that what was committed is unchanged, before a run of many.

        Raises:
            IntegrityError: it is not.

        """

    def finish(self) -> None:
        """Tidy up at the end of a run.

        Raises:
            OutputError: that is not possible.

        """


class Opening(NamedTuple):
    """How a run opens a destination."""

    wait: float = 0.0
    """Seconds to wait for another run."""
    pause: Callable[[float], object] = time.sleep
    held: Callable[[], AbstractContextManager[None]] = nullcontext
    """Returns a block that is not interrupted: a commit that has begun is finished."""
    external_rotation: bool = False
    """Files are moved away on purpose, so a missing one is not reported."""
    warn: Callable[[str], object] = lambda _sentence: None
    """Called with warnings about the destination."""
