"""What an answer says: its JSON, read fast, and exactly where that makes a difference."""

from dataclasses import dataclass
from typing import Any

import orjson

from auditctl import exact


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON value as the provider sent it.

    Numbers with a fraction, an exponent or more than 64 bits are floats, which may be rounded:
    `restore` makes them exact. Almost no answer has any, so it is left to whoever finds one.
    """

    tree: Any
    body: bytes

    def restore(self) -> None:
        """Put each float's number, as it was written, in its place in the tree."""
        pairs = [(self.tree, exact.loads(self.body))]
        while pairs:
            read, written = pairs.pop()
            places = enumerate(written) if type(written) is list else written.items()
            for place, value in places:
                kind = type(read[place])
                if kind is float:
                    read[place] = value
                # What was redacted meanwhile has another type, and stays so.
                elif kind is type(value) and (kind is dict or kind is list):
                    pairs.append((read[place], value))


def parse(body: bytes) -> Answer:
    """Read an answer's body.

    Raises:
        ValueError: it is not JSON.

    """
    try:
        return Answer(orjson.loads(body), body)
    except orjson.JSONDecodeError:
        return Answer(exact.loads(body), body)
