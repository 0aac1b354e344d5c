"""Counts of names in bounded memory: exact while they are few, else by Misra and Gries."""

from collections import Counter
from collections.abc import Iterable
from heapq import nsmallest
from typing import Generic, TypeVar

Name = TypeVar("Name", str, tuple[str, str])

EXACT = 100_000
"""Different names up to which each is counted exactly."""
KEPT = 50_000
"""The names that stay when there are more."""


class Frequent(Generic[Name]):
    """Counts names; those that are frequent are never lost.

    Of N names counted, each one's count lacks at most N / `KEPT`.
    """

    def __init__(self) -> None:
        """Begin without names."""
        self._counts: Counter[Name] = Counter()
        self.is_exact = True

    def add(self, names: Iterable[Name]) -> None:
        """Count names."""
        self._counts.update(names)
        if len(self._counts) > EXACT:
            self._reduce()

    def __getitem__(self, name: Name) -> int:
        """Return the count of a name."""
        return self._counts[name]

    def most(self, number: int) -> list[tuple[Name, int]]:
        """Return the most frequent names with their counts; of equals, the first by name."""
        return nsmallest(number, self._counts.items(), key=lambda one: (-one[1], one[0]))

    def items(self) -> Iterable[tuple[Name, int]]:
        """Return all names that are kept, with their counts."""
        return self._counts.items()

    def _reduce(self) -> None:
        """Take the same number from each count, and drop the names whose count it exceeds.

        It is taken from more than `KEPT` names each time, so all in all at most N / `KEPT`.
        """
        self.is_exact = False
        less = sorted(self._counts.values(), reverse=True)[KEPT]
        kept = {name: count - less for name, count in self._counts.items() if count > less}
        self._counts = Counter(kept)
