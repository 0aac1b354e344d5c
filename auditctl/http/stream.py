"""The rows of one answer as they come, and the members beside them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Self

from auditctl.errors import AuditctlError
from auditctl.http.answer import Answer

READ_AHEAD = 4 * 1024 * 1024
"""Bytes of answers that wait for their turn, of all that are under way together."""


class Reading:
    """The state of an answer that is being read.

    The generator of its rows holds it. If that held the stream itself, neither would be let go.
    """

    def __init__(self) -> None:
        """Begin before the first byte."""
        self.members: dict[str, Any] = {}
        self.read_ahead = 0
        """Bytes still to be read before their turn."""


Lists = Callable[[Reading], Iterator[Answer | None]]
"""Yields lists of rows; before them None once bytes were read ahead, if that was asked for."""


class Stream:
    """An iterator over the rows of an answer: lists of some of them, each with its bytes.

    Nothing is asked before the first list is wanted, or `begin` is called. An array without rows
    gives one empty list; an object without the named array gives none.
    """

    def __init__(self, lists: Lists, share: int) -> None:
        """Take the rows from ``lists``; ``share`` bytes are read ahead where it is wanted."""
        self._reading = Reading()
        self._share = share
        self._lists = lists(self._reading)
        self._begun = False
        self._failure: AuditctlError | None = None

    @property
    def members(self) -> Mapping[str, Any]:
        """The object's other members: those before the array once rows come, in the end all."""
        return self._reading.members

    def begin(self, *, defer_failure: bool = False) -> Self:
        """Send the request and read the answer's first bytes, in the thread that calls this.

        What is read ahead stays as bytes, and the rest is read when rows are wanted. With
        ``defer_failure``, a failure is raised then too: the reader may know what to do about it.
        """
        if not self._begun:
            self._begun = True
            self._reading.read_ahead = self._share
            try:
                next(self._lists)
            except AuditctlError as failure:
                if not defer_failure:
                    raise
                self._failure = failure
        return self

    def __iter__(self) -> Self:
        """Return itself."""
        return self

    def __next__(self) -> Answer:
        """Return the next rows."""
        self._begun = True
        if self._failure is not None:
            raise self._failure
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
