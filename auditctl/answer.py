"""What an answer says: its JSON, exact, and whether it holds anything to redact."""

from dataclasses import dataclass
from typing import Any

import orjson

from auditctl import exact
from auditctl.redact import survey


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON value as the provider sent it; ``clean`` if it was proven to hold no credential."""

    tree: Any
    clean: bool


def parse(body: bytes) -> Answer:
    """Read an answer's body.

    Raises:
        ValueError: it is not JSON.

    """
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Answer(tree := exact.loads(body), clean=not survey(tree)[0])
    return judge(tree, body)


def judge(tree: Any, body: bytes) -> Answer:  # noqa: ANN401 - JSON is any value
    """Survey what orjson read from ``body``; read it again where orjson may have rounded."""
    secret, inexact = survey(tree)
    return Answer(exact.loads(body) if inexact else tree, clean=not secret)
