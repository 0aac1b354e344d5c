"""The line that a commit of a table carries: what a journal's line says, and the content so far."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from auditctl.sync.seal import parsed, seal, unseal
from auditctl.sync.state import ReadSpan, Span, State

NO_DIGEST = "0" * 64

_SPANS = ("gaps", "waived")


@dataclass
class TableState(State):
    """The state of one source of a table after all of its commits."""

    digest: str = NO_DIGEST
    """The sum of the digests of all rows; see `auditctl.sync.delta.rows.digests`."""


class Line(NamedTuple):
    """The line of one commit; docs/lake.md describes its members."""

    line: int
    prev: str
    at: str
    version: str
    source: str
    shape: dict[str, Any]
    since: str | None
    window: ReadSpan
    covered: Span | None
    success: str | None
    gaps: tuple[Span, ...]
    waived: tuple[Span, ...]
    added: int
    """The number of rows of this commit."""
    records: int
    digest: str
    latest: str | None
    hash: str = ""

    @property
    def state(self) -> TableState:
        """The state after this commit: all of it is in the line."""
        return TableState(
            line=self.line,
            head=self.hash,
            at=self.at,
            shape=self.shape,
            since=self.since,
            window=self.window,
            covered=self.covered,
            success=self.success,
            latest=self.latest,
            records=self.records,
            gaps=self.gaps,
            waived=self.waived,
            digest=self.digest,
        )


def encode(line: Line) -> tuple[str, Line]:
    """Write a line; return it with its hash."""
    members = line._asdict()
    del members["hash"]
    members["window"] = line.window._asdict()
    members["covered"] = line.covered and line.covered._asdict()
    for name in _SPANS:
        members[name] = [gap._asdict() for gap in members[name]]
    text, digest = seal(members)
    return text.decode(), line._replace(hash=digest)


def decode(text: str) -> Line | None:
    """Read a line; None if no run can have written it."""
    unsealed = unseal(text.encode())
    if unsealed is None:
        return None
    body, digest = unsealed
    try:
        members = parsed(body + b"}")
        covered = members["covered"]
        members["window"] = ReadSpan(**members["window"])
        members["covered"] = None if covered is None else Span(**covered)
        for name in _SPANS:
            members[name] = tuple(Span(**gap) for gap in members[name])
        return Line(**members, hash=digest)
    except (KeyError, TypeError, ValueError):
        return None  # its hash is right, but no run has written it
