"""Text in a number of cells of a terminal: shortened where least is lost, padded, painted."""

from collections.abc import Callable, Sequence
from typing import Any

from auditctl.escape import escape
from auditctl.records.fields import as_text

NOTHING = "-"
"""Stands for null, so that every line has as many columns as the header."""
ELLIPSIS = "…"
BOLD, DIM, RED, YELLOW = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[33m"
PLAIN = "\x1b[0m"
STYLES = {"failure": RED, "unknown": DIM}
"""How an outcome is painted."""
TEXTS = {str, type(None)}
"""The types of values that are shown as they are."""


def shown(value: object, most: int | None = None) -> str:
    """Return a value as safe text; of more than twice ``most`` characters the middle is left out.

    Nobody sees that middle, and to measure a million characters takes half a second.
    """
    text = as_text(value)
    if not text:
        return NOTHING
    if most is not None and len(text) > 2 * most:
        text = f"{text[:most]}{ELLIPSIS}{text[-most:]}"
    return escape(text)


def all_shown(values: Sequence[Any], most: int | None = None) -> list[str]:
    """Return what `shown` does of each value: as it is, where all are ordinary texts or null."""
    if TEXTS.issuperset(map(type, values)):
        texts = [value or NOTHING for value in values]
        if most is None or max(map(len, texts), default=0) <= 2 * most:
            whole = "".join(texts)
            if whole.isascii() and whole.isprintable():
                return texts
    return [shown(value, most) for value in values]


def painter(*, color: bool) -> Callable[[str, str], str]:
    """Return `painted`, or without colour a function that leaves each text as it is."""
    return painted if color else lambda text, _style: text


def painted(text: str, style: str) -> str:
    """Return a text in a style, if there is one; blanks at its end stay outside."""
    end = text.rstrip(" ")
    return f"{style}{end}{PLAIN}{text[len(end) :]}" if style and end else text


def cells(text: str) -> int:
    """Return how many cells a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def fitted(text: str, width: int, name: str) -> str:
    """Return a text of a field in exactly ``width`` cells.

    What is too long loses its middle, so that the end of an action or a path can be read. Only
    times, actors and e-mail addresses lose their end: the domain goes before the name.
    """
    if text.isascii():  # a character is a cell
        if len(text) <= width:
            return text.ljust(width)
        head, tail = _shares(text, width, name)
        return f"{text[:head]}{ELLIPSIS}{text[len(text) - tail :]}"
    from rich.cells import cell_len, split_text

    size = cell_len(text)
    if size > width:
        head, tail = _shares(text, width, name)
        begin, end = split_text(text, head)[0], split_text(text, size - tail)[1] if tail else ""
        text = f"{begin}{ELLIPSIS}{end}"
    return text + " " * (width - cell_len(text))


def may_lose_end(text: str, name: str) -> bool:
    """Return whether the end of a field's text matters least."""
    return name.startswith(("actor", "time")) or (
        "@" in text and " " not in text and "/" not in text
    )


def _shares(text: str, width: int, name: str) -> tuple[int, int]:
    """Return how many cells of a text to keep before the ellipsis, and how many behind it."""
    if may_lose_end(text, name):
        return width - 1, 0
    word = text.find(" ") + 1  # a request's method, which is worth keeping whole
    head = max((width - 1) // 3, word if word <= width // 2 else 0)
    return head, width - 1 - head
