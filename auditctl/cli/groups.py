"""Groups of commands: plain help texts, and a suggestion for a misspelled name."""

from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command_from_info

from auditctl.cli import options as o
from auditctl.errors import UsageError
from auditctl.phrases import alike

PLAIN: dict[str, Any] = {
    "invoke_without_command": True,
    "rich_markup_mode": None,  # plain help is faster, and eats no [default: …]
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}


class Group(TyperGroup):
    """Commands of which one is made, when it is named: all of them take as long as an import."""

    app: ClassVar[typer.Typer]
    """Where the commands are declared."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - Typer's click is private
        """Return the names of the commands."""
        return [str(one.name) for one in self.app.registered_commands]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002
        """Return what a list of commands shows of one: its name and its help text."""
        for one in self.app.registered_commands:
            if one.name == cmd_name:
                return TyperCommand(
                    cmd_name, callback=None, help=one.help, short_help=one.short_help
                )
        return None

    def made(self, ctx: Any, name: str) -> Any:  # noqa: ANN401, ARG002
        """Make a command, with its options and ``--version``, which this group has too."""
        (declared,) = (one for one in self.app.registered_commands if one.name == name)
        made = get_command_from_info(declared, pretty_exceptions_short=False, rich_markup_mode=None)
        made.params += [param for param in self.params if param.name == "version"]
        return made

    def parse_args(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401
        """Read the group's own options."""
        if args and not ctx.resilient_parsing and (words := self._reordered(ctx, args)):
            option = args[0].partition("=")[0]
            raise UsageError(f"Write {option} behind the command: {ctx.command_path} {words}.")
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401
        """Find the command, or fail with the name of one that is alike."""
        known = self.list_commands(ctx)
        name = args[0]
        # A completion is asked for words that may be wrong, and says nothing then.
        if not (name in known or name.startswith("-") or ctx.resilient_parsing):
            if name == "help":
                about = [word for word in args[1:2] if word in known]
                words = " ".join([ctx.command_path, *about, "--help"])
                raise UsageError(f"There is no command help. Write {words}.")
            near = alike(name, known)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}."
            ctx.fail(f"No such command {name!r}: {hint}")
        _, command, rest = super().resolve_command(ctx, args)
        command = self.made(ctx, name) if command else None
        return name if command else None, command, rest

    def _reordered(self, ctx: Any, args: list[str]) -> str:  # noqa: ANN401
        """Write the command that was meant, if its own option stands before it; else nothing.

        Only names are written: a value may be anything, and is left to the reader.
        """
        option = args[0].partition("=")[0]
        if not option.startswith("-") or option in _options_of(self):
            return ""
        command: Any = self
        names: list[str] = []
        for word in args[1:]:
            if hasattr(command, "get_command"):
                known = word in command.list_commands(ctx)
                found = command.resolve_command(ctx, [word])[1] if known else None
                command = found or command
                names += [word] if found else []
        param = _options_of(command).get(option) if names else None
        if param is None:
            return ""
        return " ".join([*names, option, *([] if param.is_flag else ["…"])])


def _options_of(command: Any) -> dict[str, Any]:  # noqa: ANN401
    options = [param for param in command.params if param.param_type_name == "option"]
    return {name: one for one in options for name in one.opts + one.secondary_opts}


def print_help(ctx: typer.Context, *, version: o.Version = False) -> None:  # noqa: ARG001 - it is Typer's
    """Print the help text of a group that was named without a command."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
