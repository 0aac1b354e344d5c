"""What a run of the program came to: its exit status and all that it wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Run:
    """How the program ended, and all that it said."""

    status: int
    out: bytes
    said: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def ended(self) -> tuple[int, str]:
        return self.status, self.said


class Program(Protocol):
    """Runs a command line, with nothing in its environment but this."""

    def __call__(self, *words: str, **environment: str) -> Run: ...
