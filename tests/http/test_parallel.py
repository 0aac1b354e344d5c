import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl.http.parallel import ahead

PATIENCE = 30
"""Seconds after which something that waits for ever is given up; nothing is expected to."""


@given(st.lists(st.integers(), max_size=20), st.integers(1, 8))
def test_answers_come_in_the_order_of_the_questions(questions: list[int], most: int) -> None:
    assert list(ahead(lambda n: n * 2, questions, most)) == [n * 2 for n in questions]


def test_a_later_answer_that_is_ready_first_waits_for_its_turn() -> None:
    second = threading.Event()

    def ask(number: int) -> int:
        if number == 0:
            assert second.wait(PATIENCE)
        if number == 1:
            second.set()
        return number

    assert list(ahead(ask, range(4), 2)) == [0, 1, 2, 3]


@pytest.mark.parametrize("most", [2, 3, 8])
def test_as_many_are_under_way_as_allowed_and_never_more(most: int) -> None:
    lock = threading.Lock()
    together = threading.Barrier(most)
    under_way = 0
    highest = 0

    def ask(number: int) -> int:
        nonlocal under_way, highest
        with lock:
            under_way += 1
            highest = max(highest, under_way)
        if number < most:
            together.wait(PATIENCE)  # passes only if all of them are under way at once
        with lock:
            under_way -= 1
        return number

    assert list(ahead(ask, range(5 * most), most)) == list(range(5 * most))
    assert highest == most


@given(st.integers(1, 5), st.integers(0, 12), st.integers(0, 12))
def test_no_more_is_asked_than_may_be_under_way(most: int, size: int, taken: int) -> None:
    drawn: list[int] = []

    def questions() -> Iterator[int]:
        for number in range(size):
            drawn.append(number)
            yield number

    answers = ahead(lambda n: n, questions(), most)
    assert drawn == []
    got = [answer for _, answer in zip(range(taken), answers, strict=False)]
    assert got == list(range(min(taken, size)))
    assert len(drawn) <= (taken + most if taken else 0)
    if most == 1:
        assert drawn == got


@pytest.mark.parametrize("most", [1, 2, 4])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_comes_in_its_place(most: int, error: type[BaseException]) -> None:
    def ask(number: int) -> int:
        if number == 3:
            raise error("the third")
        return number

    answers = ahead(ask, range(10), most)
    assert [next(answers) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(error, match="the third"):
        next(answers)
    assert list(answers) == []


@pytest.mark.parametrize("most", [1, 3])
def test_an_error_of_the_questions_comes_too(most: int) -> None:
    def questions() -> Iterator[int]:
        yield 0
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        list(ahead(lambda n: n, questions(), most))
