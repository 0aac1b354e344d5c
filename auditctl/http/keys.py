"""Keys that tell rows apart: a number for each row, however many rows an answer has."""

from array import array
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

KEYS_IN_MEMORY = 100_000
"""Keys that wait in memory, 8 bytes each, before they go to disk."""


def keys_of(events: Sequence[Any], start: int, id_name: str) -> list[int]:
    """Return a key for each row: its id, counted where the answer repeats it, else its place.

    ``start`` is the place of the first row.
    """
    keys: list[int] = []
    for place, event in enumerate(events, start):
        id_ = event.get(id_name) if type(event) is dict else None
        if (type(id_) is str or type(id_) is int) and id_ != "":
            keys.append(hash(str(id_)))
        else:
            keys.append(hash((place,)))
    if len(set(keys)) < len(keys):
        times: Counter[int] = Counter()
        for place, key in enumerate(keys):
            if times[key]:
                keys[place] = hash((key, times[key]))
            times[key] += 1
    return keys


class StoredKeys:
    """The keys of an answer's rows, kept to know these rows again elsewhere; many are on disk."""

    def __init__(self) -> None:
        """Begin without any."""
        from tempfile import SpooledTemporaryFile  # help texts import this module

        self.rows = 0
        self._file = SpooledTemporaryFile(8 * KEYS_IN_MEMORY)  # noqa: SIM115 - see `close`
        self._is_lost = False

    def add(self, keys: Sequence[int]) -> None:
        """Keep the keys of further rows."""
        self.rows += len(keys)
        try:
            self._file.write(b"" if self._is_lost else array("q", keys).tobytes())
        except OSError:  # no folder for it, or no space
            self._is_lost = True

    def close(self) -> None:
        """Remove what is on disk."""
        with suppress(OSError):
            self._file.close()

    def keys(self) -> set[int] | None:
        """Return the keys; None if they could not be kept."""
        with suppress(OSError):
            self._file.seek(0)
            return None if self._is_lost else set(array("q", self._file.read()))
        return None
