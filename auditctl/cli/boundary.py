"""Around every command: a failure becomes a sentence and an exit status, signals are settled."""

import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from functools import partial
from io import StringIO
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from auditctl.console import ColorChoice, Console, LogFormat
from auditctl.errors import AuditctlError, OutputError, UsageError
from auditctl.interrupts import GRACE, interrupts
from auditctl.output import ReaderGoneError, standard_output
from auditctl.phrases import alike

if TYPE_CHECKING:
    import typer

    from auditctl.context import Context
    from auditctl.options import LogOptions

Options = TypeVar("Options", bound="LogOptions")

COMPLETION = "_AUDITCTL_COMPLETE"
"""The variable with which a shell asks for completions."""
COMPLETION_OPTIONS = frozenset({"--install-completion", "--show-completion"})
NAMED_SHELL = "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"
"""The variable that makes Typer take the name of a shell behind these options."""
FORCING_COLOR = ("FORCE_COLOR", "CLICOLOR_FORCE")
"""Variables that ask for colour, also where there is no terminal; 0 asks for nothing."""
OWN_OPTIONS = "auditctl.own_options"
"""The key of a provider's own options in Typer's context; commands have no parameters for them."""


def run(app: "typer.Typer") -> NoReturn:
    """Run the command line and end the process."""
    interrupts.install()
    verbose = not {"-v", "--verbose"}.isdisjoint(sys.argv)
    color = _wants_color("auto", terminal=True)
    console = Console(log_format=_log_format(sys.argv), verbose=verbose, color=color)
    options = {word.partition("=")[0] for word in sys.argv}
    completes = COMPLETION in os.environ or not COMPLETION_OPTIONS.isdisjoint(options)
    printed = StringIO()
    # Help texts are written as records are: Typer itself takes a reader that went away for a
    # failure, and an output that cannot be written for none.
    with redirect_stdout(printed):
        status = _status(partial(_complete if completes else _run_typer, app), console)
    if text := printed.getvalue():
        status = _status(partial(_print, text), console) or status
    if interrupts.status is None:
        _flush_standard_error()
        sys.exit(status)
    interrupts.finish()
    # The interpreter would wait for whoever should read standard error, and may have stopped.
    with suppress(RuntimeError):  # there may be no thread to be had
        flush = threading.Thread(target=_flush_standard_error, daemon=True)
        flush.start()
        flush.join(GRACE)
    os._exit(status if isinstance(status, int) else 0)


@contextmanager
def command(of: type[Options], typed: "typer.Context") -> "Iterator[tuple[Options, Context]]":
    """Provide a command with its options as one value, and with its context."""
    from auditctl.context import Context

    own = typed.meta.get(OWN_OPTIONS)
    # By its name: the class is in Typer's private part.
    given = [
        name
        for name in typed.params
        if getattr(typed.get_parameter_source(name), "name", "") == "COMMANDLINE"
    ]
    options = of(**typed.params, typed=given, **({"own": own} if own else {}))
    console = Console(
        quiet=options.quiet,
        verbose=options.verbose,
        log_format=options.log_format,
        color=_wants_color(options.color, terminal=True),
        timed=getattr(options, "follow", False),
    )
    with boundary(console):
        width, terminal = shutil.get_terminal_size().columns, _is_terminal()
        color = _wants_color(options.color, terminal=terminal)
        yield options, Context(os.environ, console, terminal, width, color)


@contextmanager
def boundary(console: Console) -> Iterator[None]:
    """Turn whatever ends the block into a sentence and an exit status."""
    try:
        yield
    except ReaderGoneError:
        pass
    except Exception as error:  # noqa: BLE001 - whatever it is, it becomes a sentence and a status
        if interrupts.status is not None and not isinstance(error, AuditctlError):
            # What an interruption became on its way, in an import.
            raise SystemExit(interrupts.status) from None
        raise SystemExit(console.failed(error).status) from None
    finally:
        console.clear()


def _status(action: Callable[[], Any], console: Console) -> Any:  # noqa: ANN401 - as sys.exit takes
    """Run something within the boundary, and return the exit status."""
    try:
        with boundary(console):
            return action()
    except SystemExit as end:
        return end.code
    return None


def _run_typer(app: "typer.Typer") -> int | None:
    """Let Typer parse the arguments and run the command; return the exit status."""
    try:
        # In standalone mode Typer would say in four lines what is wrong, never as JSON.
        status: int | None = app(prog_name="auditctl", standalone_mode=False)
    except Exception as error:
        if not hasattr(error, "format_message"):  # as Typer's own have, whose classes are private
            raise
        raise UsageError(_mistake(error)) from None
    return status


def _complete(app: "typer.Typer") -> None:
    """Let Typer print or install the shell completion: of the shell that is named, or found.

    Typer lets pass whatever goes wrong in the home folder, and ends with 1 for unknown shells.
    """
    for word, following in pairwise([*sys.argv, "-"]):
        option, named, _ = word.partition("=")
        if option in COMPLETION_OPTIONS and (named or not following.startswith("-")):
            os.environ[NAMED_SHELL] = "1"
    try:
        status = _run_typer(app)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0
    except UsageError:
        raise
    except Exception as error:  # noqa: BLE001 - Typer's code and the user's files, not ours
        raise OutputError(
            f"The shell completion could not be installed: {str(error).rstrip('.')}. Print it "
            "with --show-completion, and install it by hand."
        ) from None
    if status:
        raise UsageError("There is completion for bash, zsh, fish and PowerShell only.")


def _print(text: str) -> None:
    with standard_output() as write:
        write(text.encode())


def _mistake(error: Any) -> str:  # noqa: ANN401 - a class of Typer's
    """Write what Typer found wrong with the arguments, and where to read more."""
    kind: Any = getattr(getattr(error, "param", None), "type", None)
    value = error.message.partition(" is not ")[0]  # quoted, but for a number
    if hasattr(kind, "min"):
        limits = f"{kind.min} or more" if kind.max is None else f"from {kind.min} to {kind.max}"
        error.message = f"{value} must be a whole number, {limits}."
    elif near := alike(value.strip("'"), getattr(kind, "choices", ())):
        error.message = error.message.rstrip(".") + f"; did you mean {near[0]!r}?"
    elif possible := getattr(error, "possibilities", None):
        # Typer's own are alike by the two dashes that all options have.
        near = alike(error.option_name.lstrip("-"), [name.lstrip("-") for name in possible])
        error.possibilities = [f"--{name}" for name in near]
    message: str = error.format_message()
    if not message.endswith((".", "?")):
        message += "."
    return f"{message} See {error.ctx.command_path} --help." if error.ctx else message


def _log_format(words: Sequence[str]) -> LogFormat:
    """Find ``--log-format`` among words that may not be readable as a whole."""
    json = "--log-format=json" in words or ("--log-format", "json") in pairwise(words)
    return "json" if json else "text"


def _flush_standard_error() -> None:
    """Flush now: a failure at interpreter exit would set status 120."""
    try:
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):  # a full disk, or nobody there
        sys.stderr = None


def _is_terminal() -> bool:
    try:
        return os.isatty(1)
    except OSError:
        return False


def _wants_color(choice: ColorChoice, *, terminal: bool) -> bool:
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if any(os.environ.get(name, "0") not in ("", "0") for name in FORCING_COLOR):
        return True
    return terminal and os.environ.get("TERM", "dumb") != "dumb"
