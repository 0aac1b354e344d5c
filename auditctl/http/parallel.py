"""Independent requests, several under way at once, their answers in the order asked."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import Generic, TypeVar

A = TypeVar("A")
Q = TypeVar("Q")


def ahead(ask: Callable[[Q], A], questions: Iterable[Q], most: int) -> Iterator[A]:
    """Yield ``ask(question)`` for each question in order, at most ``most`` under way.

    With ``most`` 1 nothing is asked before its answer is wanted. An exception of ``ask`` is
    raised in its place in the order.
    """
    if most == 1:
        yield from map(ask, questions)
        return
    flights: deque[Flight[A]] = deque()
    for question in questions:
        if len(flights) == most:
            answer = flights.popleft().land()
            flights.append(Flight(ask, question))
            yield answer
        else:
            flights.append(Flight(ask, question))
    while flights:
        yield flights.popleft().land()


class Flight(Generic[A]):
    """One question under way on a thread of its own.

    The thread is a daemon, which an executor's are not: an interrupted run ends at once instead
    of waiting for answers that nobody will read.
    """

    def __init__(self, ask: Callable[[Q], A], question: Q) -> None:
        """Ask."""
        self._thread = threading.Thread(target=self._fly, args=(ask, question), daemon=True)
        self._started = False
        with suppress(RuntimeError):  # the platform has no thread: it is asked when it lands
            self._thread.start()
            self._started = True
        self._ask = partial(ask, question)

    def _fly(self, ask: Callable[[Q], A], question: Q) -> None:
        try:
            self._answer = ask(question)
        except BaseException as error:  # noqa: BLE001 - raised again by `land`, on the caller's thread
            self._error: BaseException | None = error
        else:
            self._error = None

    def land(self) -> A:
        """Wait for the answer, and return it or raise what `ask` raised."""
        if not self._started:
            return self._ask()
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._answer
