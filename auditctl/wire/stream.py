"""The rows of one answer as they come, and the members that stand beside them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self

from auditctl.wire.answer import Answer
from auditctl.wire.connection import Params

READ_AHEAD = 4 * 1024 * 1024
"""Bytes of answers that wait for their turn, of all that are under way together."""

Lists = Callable[["Stream"], Iterator[Answer | None]]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and how: see `Client.stream`."""

    path: str
    params: Params | None
    rows: str | None
    again: bool
    tries: int | None


class Stream:
    """An iterator over the rows of an answer: lists of some of them, each with its bytes.

    Nothing is asked before the first list is wanted, or `begin` is called. An array without rows
    gives one empty list; an object without the named array gives none.
    """

    def __init__(self, lists: Lists, share: int) -> None:
        """Take the rows from ``lists``, which reads ``share`` bytes ahead where it is wanted."""
        self.members: dict[str, Any] = {}
        """The object's other members: those before the array once rows come, in the end all."""
        self.read_ahead = 0
        self._share = share
        self._lists = lists(self)

    def begin(self) -> Self:
        """Send the request and read the answer's first bytes, in the thread that calls this."""
        self.read_ahead = self._share
        next(self._lists, None)
        return self

    def __iter__(self) -> Self:
        """Return itself."""
        return self

    def __next__(self) -> Answer:
        """Return the next rows."""
        for answer in self._lists:
            if answer is not None:
                return answer
        raise StopIteration


def head(chunks: Iterable[bytes], size: int) -> tuple[list[bytes], bool]:
    """Read ``size`` bytes, or all there are; return them and whether these are all."""
    read: list[bytes] = []
    left = size
    for chunk in chunks:
        read.append(chunk)
        left -= len(chunk)
        if left <= 0:
            return read, False
    return read, True
