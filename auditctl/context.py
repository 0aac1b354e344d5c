"""The context of a command: the environment, the console, the terminal."""

from collections.abc import Mapping
from typing import NamedTuple

from auditctl.console import Console


class Context(NamedTuple):
    """Handed to every command, so that only the boundary looks at the process itself."""

    environ: Mapping[str, str]
    console: Console
    terminal: bool
    """Standard output is one."""
    width: int
    """The terminal's columns."""
    color: bool
    """Text on standard output may be coloured."""
