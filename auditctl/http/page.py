"""A page: the events of one answer, with what else is needed to read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditctl.errors import AnswerError

if TYPE_CHECKING:  # help texts can do without httpx, orjson and the rest
    from collections.abc import Sequence

    from auditctl.http.answer import Answer

MOST_EVENTS = 100_000
"""Events of a page; one of 64 KB, which is what is read of a stream at once, can hold 64,000."""


@dataclass
class Page:
    """The events of one answer, or of a part of it.

    Attributes:
        events: as they came; `Client.pages` may make several of one row.
        context: what `normalize` is called with beside each event.
        answers: those that hold the events. They allow numbers that a float cannot hold to be
            written as they came.
        day: the one that was asked for (2026-01-31), where a day was: events that have neither id
            nor time get their ids by it.
        position: where the page was read, for providers with `pages_from`.
        continues: it is the rest of an answer of which an earlier page had a part.
        complete: unset where its day has further pages.
        unconfirmed: the answer has no list of events and does not say that there are none: it is
            taken for empty, and counted.
        partial: the rest of the list is on pages in no known order; `check` asks for none.

    """

    events: list[Any]
    context: Any = None
    answers: Sequence[Answer] = ()
    day: str | None = None
    position: str | None = None
    continues: bool = False
    complete: bool = True
    unconfirmed: bool = False
    partial: bool = False

    def __post_init__(self) -> None:
        """Check that the page fits into memory, with all that is made of its events.

        Raises:
            AnswerError: it has far more events than any page; a few bytes may hold very many.

        """
        if len(self.events) > MOST_EVENTS:
            raise AnswerError(
                f"A page has {len(self.events):,} events, more than the {MOST_EVENTS:,} that are "
                "read at once. Check that the base URL is the API's address."
            )
