"""The JSON of an answer, read fast, and exactly where that makes a difference."""

import re
from typing import Any

import httpx
import orjson

from auditctl.records import exact

_NEGATIVE_ZERO = re.compile(rb"-0[,}\]\s]")
"""Also inside a text now and then, which costs time only."""


# Not compiled here: most services have no such links.
_LINKS = r'<([^>]*)>((?:[^<",]|"[^"]*")*)'
_PARAMETERS = r';\s*([^\s=;,"]+)\s*=\s*(?:"([^"]*)"|([^\s;,"]+))'


class Answer:
    """A JSON value as the provider sent it.

    Numbers with a fraction, an exponent or more than 64 bits are floats, which may be rounded, and
    ``-0`` has lost its sign: `restore` makes them exact. Almost no answer has any, so the code
    that finds one calls it; it reads the body again.
    """

    def __init__(
        self,
        tree: Any,  # noqa: ANN401 - JSON is any value
        body: bytes,
        *,
        is_exact: bool = False,
        status: int = 200,
        headers: httpx.Headers | None = None,
    ) -> None:
        """Take the value and the body that it was read from.

        ``is_exact`` is set if `exact.loads` read it; only such a tree may hold a lone surrogate.
        """
        self.tree = tree
        self.body = body
        self.is_exact = is_exact
        self.status = status
        self.headers = headers

    def header(self, name: str) -> str | None:
        """Return the value of a header, whatever the case of its name; None if it is missing."""
        return None if self.headers is None else self.headers.get(name)

    def link(self, relation: str) -> str | None:
        """Return the target of the ``Link`` header with this relation (RFC 8288), such as next."""
        for header in [] if self.headers is None else self.headers.get_list("Link"):
            for target, parameters in re.findall(_LINKS, header):
                for name, quoted, plain in re.findall(_PARAMETERS, parameters):
                    if name.lower() == "rel" and relation in (quoted or plain).lower().split():
                        return str(target)
        return None

    @property
    def may_have_negative_zero(self) -> bool:
        """Return whether there may be a ``-0``, which cannot be seen in the tree any more."""
        return _NEGATIVE_ZERO.search(self.body) is not None

    def restore(self) -> None:
        """Put each number that is not exact, as it was written, in its place in the tree."""
        pairs = [(self.tree, exact.loads(self.body))]
        while pairs:
            read, written = pairs.pop()
            places = enumerate(written) if type(written) is list else written.items()
            for place, value in places:
                kind = type(read[place])
                if kind is float or (kind is int and type(value) is exact.Number and not value):
                    read[place] = value
                # What was redacted meanwhile has another type, and stays so.
                elif kind is type(value) and (kind is dict or kind is list):
                    pairs.append((read[place], value))


def parse(body: bytes, status: int = 200, headers: httpx.Headers | None = None) -> Answer:
    """Read an answer's body.

    Raises:
        ValueError: it is not JSON.

    """
    try:
        return Answer(orjson.loads(body), body, status=status, headers=headers)
    except orjson.JSONDecodeError:
        return Answer(exact.loads(body), body, is_exact=True, status=status, headers=headers)
