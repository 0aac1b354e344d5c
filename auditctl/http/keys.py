"""Keys that tell rows apart: a number for each row, however many rows an answer has."""

from array import array
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any

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
    """The keys of an answer's rows, kept to know these rows again elsewhere."""

    def __init__(self) -> None:
        """Begin without any."""
        self.rows = 0
        self._keys = array("q")
        self._file: IO[bytes] | None = None
        self._is_lost = False

    def add(self, keys: Sequence[int]) -> None:
        """Keep the keys of further rows."""
        self.rows += len(keys)
        if not self._is_lost:
            self._keys.extend(keys)
            if len(self._keys) >= KEYS_IN_MEMORY:
                self._write()

    def _write(self) -> None:
        from tempfile import TemporaryFile

        try:
            self._file = self._file or TemporaryFile()  # noqa: SIM115 - see `close`
            self._keys.tofile(self._file)
        except OSError:  # no folder for it, or no space
            self._is_lost = True
        del self._keys[:]

    def close(self) -> None:
        """Remove what is on disk."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()

    def keys(self) -> set[int] | None:
        """Return the keys; None if they could not be kept."""
        keys = set(self._keys)
        if self._file is not None:
            try:
                self._file.seek(0)
                while block := self._file.read(8 * KEYS_IN_MEMORY):
                    keys.update(array("q", block))
            except OSError:
                return None
        return None if self._is_lost else keys
