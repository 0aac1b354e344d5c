"""Questions on the terminal, with answers that can be hidden while they are typed."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from auditctl.errors import OutputError, UsageError
from auditctl.escape import escape

STANDARD_INPUT = 0


def is_possible() -> bool:
    """Return whether somebody can read questions and type answers."""
    try:
        return os.isatty(STANDARD_INPUT) and sys.stderr is not None and sys.stderr.isatty()
    except (OSError, ValueError):
        return False


def ask(question: str, *, hidden: bool = False) -> str:
    """Ask, and return the answer without blanks around it.

    Raises:
        UsageError: the input has ended.
        OutputError: the terminal cannot hide what is typed.

    """
    with _without_echo() if hidden else nullcontext():
        return _read(question)


def tell(line: str) -> None:
    """Write a line that belongs to a question."""
    sys.stderr.write(f"{escape(line)}\n")
    sys.stderr.flush()


def _read(question: str) -> str:
    sys.stderr.write(f"{escape(question)}: ")
    sys.stderr.flush()
    typed = bytearray()
    # Byte by byte: a buffer would keep what is typed ahead from the next program.
    while not typed.endswith(b"\n"):
        byte = os.read(STANDARD_INPUT, 1)
        if not byte:
            tell("")
            raise UsageError("The input ended before everything was answered.")
        typed += byte
    return typed.decode(errors="surrogateescape").strip()


@contextmanager
def _without_echo() -> Iterator[None]:
    import termios

    try:
        before = termios.tcgetattr(STANDARD_INPUT)
        hidden = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
        termios.tcsetattr(STANDARD_INPUT, termios.TCSADRAIN, hidden)
    except termios.error:
        raise OutputError(
            "The terminal cannot hide what is typed. Write the file yourself: see --print."
        ) from None
    try:
        yield
    finally:
        termios.tcsetattr(STANDARD_INPUT, termios.TCSADRAIN, before)
        tell("")  # the line feed was not shown either
