"""What a shell may complete that only auditctl knows: the names of fields and of sources."""

import os
from collections.abc import Iterable
from typing import Any

INTO_RAW = "raw."
"""The beginning of a path, whose rest only the provider knows."""
OPERATORS = ("=", "!=", "~", "!~")


def complete_fields(incomplete: str) -> list[str]:
    """Complete the last of several fields; those before it are not offered again."""
    *before, last = incomplete.split(",")
    taken = "".join([f"{name}," for name in before])
    return [f"{taken}{name}" for name in _fields(last) if name not in before]


def complete_test(incomplete: str) -> list[str]:
    """Complete the name of a field; one that is alone is offered with its operators, too.

    Else a shell would put a blank behind it.
    """
    names = _fields(incomplete)
    if len(names) == 1:
        names += [f"{name}{sign}" for name in names for sign in OPERATORS]
    return names


def complete_source(ctx: Any, incomplete: str) -> list[str]:  # noqa: ANN401 - Typer's own is private
    """Complete the name of a source; without any that can be read, the shell offers files."""
    import tomllib

    from auditctl.config.location import find

    try:
        with open(find(ctx.params.get("config"), os.environ), "rb") as file:  # noqa: PTH123
            return _beginning(tomllib.load(file)["sources"], incomplete)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, another command says it better
        return []


def _fields(incomplete: str) -> list[str]:
    from auditctl.records.record import FIELDS

    return _beginning([*FIELDS, INTO_RAW], incomplete)


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
