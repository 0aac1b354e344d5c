"""The requests and pages of one walk over a log, so that it does not go round in a circle."""

import threading
from array import array
from bisect import bisect_left


class Visited:
    """The questions and pages of a walk, in eight bytes each; in a set they take a hundred."""

    def __init__(self) -> None:
        """Begin without any."""
        self.over = threading.Event()
        """Set when the walk is over: threads that still ask or wait for it stop."""
        self.fruitless = 0
        """Answers in a row that brought no new event."""
        self.paths: set[str] = set()
        """The paths that were asked; a link that is followed must lead to one."""
        self.without_options: set[str] = set()
        """The paths at which the server refuses parameters that it need not know."""
        self._hashes = array("q")
        self._lock = threading.Lock()

    def before(self, *what: object) -> bool:
        """Return whether this was met before; from now on it was."""
        hash_ = hash(what)
        with self._lock:
            place = bisect_left(self._hashes, hash_)
            if place < len(self._hashes) and self._hashes[place] == hash_:
                return True
            self._hashes.insert(place, hash_)
            return False
