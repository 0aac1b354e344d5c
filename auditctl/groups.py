"""Groups of commands: plain help texts, and a suggestion for a misspelled name."""

from functools import cache
from typing import Any

import typer
from typer.core import TyperGroup

from auditctl import options as o

PLAIN: dict[str, Any] = {
    "invoke_without_command": True,
    "rich_markup_mode": None,  # plain help is faster, and eats no [default: …]
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}


class Group(TyperGroup):
    """Commands that know which of them was meant."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - Typer's click is private
        """Find the command, or fail with the name of one that is similar."""
        known = self.list_commands(ctx)
        name = args[0]
        # A completion is asked for words that may be wrong, and says nothing then.
        if not (name in known or name.startswith("-") or ctx.resilient_parsing):
            from difflib import get_close_matches

            near = get_close_matches(name, known)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}."
            ctx.fail(f"No such command {name!r}: {hint}")
        return super().resolve_command(ctx, args)


@cache
def made(app: typer.Typer) -> TyperGroup:
    """Make the commands of an app, which takes 2 ms: not at import, but when one is named."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)  # noqa: S101 - there are several
    return group


def print_help(ctx: typer.Context, *, version: o.Version = False) -> None:  # noqa: ARG001 - it is Typer's
    """Print the help text of a group that was named without a command."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
