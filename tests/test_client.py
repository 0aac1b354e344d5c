"""What the client makes sure of, whoever asks through it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from auditctl import Secret
from auditctl.check import check
from auditctl.errors import AnswerError
from auditctl.providers.persona import Persona
from auditctl.wire.client import MOST_FRUITLESS
from tests.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable

PERSONA = Persona(api_key=Secret("persona_production_example"), base_url="https://api.example.com")
NOW = datetime(2025, 12, 31, tzinfo=UTC)


def page(*events: Any, number: int | None) -> Any:
    """Make a page whose cursor is none that was there before."""
    following = None if number is None else f"/user-audit-logs?page%5Bafter%5D=c{number}"
    return {"data": list(events), "links": {"prev": None, "next": following}}


def event(id_: str | None = "ual_1") -> Any:
    return {"id": id_, "attributes": {"created-at": "2025-12-10T08:00:00.000Z"}}


def walk(of: Callable[[int], Any]) -> tuple[int, Exception | None]:
    """Walk pages made by their number to the end: how many were asked for, and how it ended."""
    service = Service(lambda _: of(len(service.asked)))
    try:
        service.export(PERSONA)
    except AnswerError as error:
        return len(service.asked), error
    return len(service.asked), None


# Pages that never end


@pytest.mark.parametrize("empty", [7, MOST_FRUITLESS - 1])
def test_empty_pages_are_no_end(empty: int) -> None:
    def of(number: int) -> Any:
        last = number == 2 * empty + 2
        rows = [event(f"ual_{number}")] if number % (empty + 1) == 0 else []
        return page(*rows, number=None if last else number)

    assert walk(of) == (2 * empty + 2, None)


@pytest.mark.parametrize(
    "rows", [[], [event(None)], [event(None), event(None)]], ids=["none", "one", "twins"]
)
def test_a_hundred_answers_in_a_row_without_a_new_event_end_the_walk(rows: list[Any]) -> None:
    asked, error = walk(lambda number: page(*rows, number=number))
    assert asked == MOST_FRUITLESS + bool(rows)
    assert "pages would never end: 100 answers in a row brought no new event" in str(error)


def test_so_do_events_that_come_in_turns() -> None:
    def of(number: int) -> Any:
        return page({"id": None, "turn": number % 3}, number=number)

    asked, error = walk(of)
    assert (asked, type(error)) == (MOST_FRUITLESS + 3, AnswerError)


def test_check_does_not_ask_for_ever_either() -> None:
    service = Service(lambda _: page(number=len(service.asked)))
    lines: list[str] = []
    with pytest.raises(AnswerError, match="never end"):
        lines.extend(check(PERSONA, service.client(PERSONA), NOW))
    assert len(service.asked) == MOST_FRUITLESS


def test_an_answer_that_is_too_large_is_no_trouble_that_passes() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b"[" * 8 * 2**20)

    service = Service(answer)
    with pytest.raises(AnswerError, match="is larger than any that is read"):
        service.client(PERSONA).get("/user-audit-logs")
    assert len(service.asked) == 1
