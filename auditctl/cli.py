"""The command line: words become values, failures become sentences and exit statuses.

Nothing else in the package reads the environment, prints or exits, but for ``--version``, which
is answered at the door, for what a proxy is set to, and for where the user's own folders are.
"""

import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import Field
from inspect import Parameter, Signature
from io import StringIO
from itertools import cycle, islice, pairwise
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from typer.core import TyperGroup

from auditctl import commands, registry
from auditctl.commands import Surroundings
from auditctl.console import Console, LogFormat
from auditctl.destination import ReaderGoneError, standard_output
from auditctl.errors import AuditctlError, OutputError, UsageError, failure
from auditctl.interrupts import GRACE, InterruptedRunError, interrupts
from auditctl.options import OF_CHECK, OF_GET, OF_LIST, CheckOptions, Options, Words, parameters
from auditctl.provider import own_options, required

if TYPE_CHECKING:
    from auditctl.provider import Provider

W = TypeVar("W", bound=Words)

HELP = "Export the audit logs of SaaS services: every event, once."
EXAMPLES = """\b
Examples:
  auditctl {0} list --demo --since 30d
  auditctl {1} list --since 7d -f csv -o {1}.csv
  auditctl {2} list --since yesterday --until today | jq .actor
  auditctl providers
"""
NO_PROVIDERS = """No provider is installed. Each is an entry point: install auditctl with pip, or
pack its metadata with it."""
GROUP_EXAMPLES = """\b
Examples:
  auditctl {name} list --demo
  auditctl {name} check
  auditctl {name} list --since 30d

\b
{settings}
"""
LIST_EXAMPLES = """\b
Examples:
  auditctl {name} list --demo --since 30d
  auditctl {name} list --since 2026-01-01 --until 2026-02-01 -o january.csv
  auditctl {name} list --since 7d -f csv --fields time,actor,action
  auditctl {name} list --limit 20 --where outcome=failure

\b
TIME is a duration back from now (45s 90m 12h 30d 2w, 1d12h), a date, an
RFC 3339 time, epoch seconds, now, today or yesterday; all of them in UTC.

\b
{settings}
"""
SYNC_EXAMPLES = """\b
Examples:
  auditctl {name} sync --demo -o {name}.jsonl
  auditctl {name} sync -o 'audit/{name}/{{date}}.jsonl.gz' --since 2026-01-01
  auditctl {name} sync -o {name}.jsonl --follow --interval 5m
  auditctl verify {name}.jsonl

\b
{settings}
"""
GET_EXAMPLES = """\b
Examples:
  auditctl {name} get ID
  auditctl {name} get ID | jq .raw

\b
{settings}
"""
CHECK_EXAMPLES = """\b
Examples:
  auditctl {name} check
  auditctl {name} check --quiet && auditctl {name} list

\b
{settings}
"""
SETTINGS = """Settings: {variables}.
NAME_FILE names a file that holds NAME's value. See auditctl providers."""
TOGETHER_EXAMPLES = """\b
Examples:
  auditctl sync
  auditctl sync prod staging --config /etc/auditctl.toml
  auditctl sync --follow --jobs 8
"""
VERIFY_EXAMPLES = """\b
Examples:
  auditctl verify audit.jsonl
  auditctl verify 'audit/{source}/{date}.jsonl.gz' --format json
"""
STATUS_EXAMPLES = """\b
Examples:
  auditctl status
  auditctl status audit.jsonl --max-age 2h
  auditctl status 'audit/{source}/{date}.jsonl.gz' --format json
"""
PROVIDERS_EXAMPLES = """\b
Examples:
  auditctl providers
  auditctl providers | less -S
"""
SCHEMA_EXAMPLES = """\b
Examples:
  auditctl schema > auditctl.schema.json
"""


COMPLETION = "_AUDITCTL_COMPLETE"
"""The variable with which a shell asks for completions."""
COMPLETION_OPTIONS = frozenset({"--install-completion", "--show-completion"})


class _Group(TyperGroup):
    """Commands that are made when they are named: their options cost more than a start."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - Typer's click is private
        known = self.list_commands(ctx)
        name = args[0]
        if name not in known and not name.startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(name, known)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}."
            ctx.fail(f"No such command {name!r}: {hint}")
        return super().resolve_command(ctx, args)


class _Root(_Group):
    """The commands of our own, and one group per installed provider."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401
        return [*registry.installed(), *_OF_DESTINATIONS, *super().list_commands(ctx)]

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        names = registry.installed()
        self.epilog = EXAMPLES.format(*islice(cycle(names), 3)) if names else NO_PROVIDERS
        super().format_epilog(ctx, formatter)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401
        if cmd_name in _OF_DESTINATIONS:
            return _command(_OF_DESTINATIONS[cmd_name])
        if cmd_name not in registry.installed():
            return super().get_command(ctx, cmd_name)
        provider = registry.load(cmd_name, Console().warning)
        return None if provider is None else _group(provider)


class _ProviderGroup(_Group):
    """A provider's commands."""

    provider: type["Provider"]

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002
        retrieves = hasattr(self.provider, "retrieve")
        return [name for name in _OF_PROVIDER if name != "get" or retrieves]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401
        if cmd_name not in self.list_commands(ctx):
            return None
        return _command(lambda app: _OF_PROVIDER[cmd_name](app, self.provider))


def _command(add: Callable[[typer.Typer], None]) -> Any:  # noqa: ANN401
    app = _typer(add_completion=False)
    add(app)
    return typer.main.get_command(app)


def _typer(**settings: Any) -> typer.Typer:  # noqa: ANN401
    return typer.Typer(
        invoke_without_command=True,
        rich_markup_mode=None,  # plain help is faster, and eats no [default: …]
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        **settings,
    )


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if wanted:
        from auditctl import __version__

        typer.echo(f"auditctl {__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version",
        callback=_print_version,
        expose_value=False,
        is_eager=True,
        help="Show the version.",
    ),
]

app = _typer(help=HELP, cls=_Root)


def run() -> None:
    """Run the program and end the process."""
    try:
        _run()
    except SystemExit as end:
        if interrupts.status is None:
            raise
        # The interpreter would wait for whoever should read standard error, and may have stopped.
        with suppress(RuntimeError):  # there may be no thread to be had
            flush = threading.Thread(target=_settle_standard_error, daemon=True)
            flush.start()
            flush.join(GRACE)
        os._exit(end.code if isinstance(end.code, int) else 0)


def _run() -> None:
    # Help texts are written as records are: Typer itself takes a reader that went away for a
    # failure, and an output that cannot be written for none.
    interrupts.install()
    printed = StringIO()
    asks_for_completion = COMPLETION in os.environ or not COMPLETION_OPTIONS.isdisjoint(sys.argv)
    try:
        with _wall(Console(log_format=_log_format(sys.argv))), redirect_stdout(printed):
            raise SystemExit(_complete() if asks_for_completion else _run_typer())
    finally:
        if text := printed.getvalue():
            with _wall(Console()), standard_output() as write:
                write(text.encode())
        if interrupts.status is None:
            _settle_standard_error()


def _run_typer() -> int | None:
    """Let Typer read the words and run the command; return the exit status.

    Raises:
        UsageError: the words are wrong.

    """
    try:
        # Typer itself would say what is wrong with the words in four lines, never as JSON.
        status: int | None = app(prog_name="auditctl", standalone_mode=False)
    except Exception as error:
        if not hasattr(error, "format_message"):  # as Typer's own have, whose classes are private
            raise
        raise UsageError(_wrong_words(error)) from None
    return status


def _complete() -> int:
    """Let Typer print or install the shell completion.

    Typer lets pass whatever goes wrong in the home folder, and ends with 1 for unknown shells.

    Raises:
        UsageError: Typer has no completion for this shell.
        OutputError: the completion cannot be installed.

    """
    try:
        status = _run_typer()
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
    return 0


def _wrong_words(error: Any) -> str:  # noqa: ANN401 - a class of Typer's
    """Say what Typer found wrong with the words, and where to read more."""
    said: str = error.format_message()
    if not said.endswith((".", "?")):
        said += "."
    return f"{said} See {error.ctx.command_path} --help." if error.ctx else said


def _log_format(words: Sequence[str]) -> LogFormat:
    """Find how to write among words that cannot be read as a whole."""
    json = "--log-format=json" in words or ("--log-format", "json") in pairwise(words)
    return "json" if json else "text"


@app.callback()
def _alone(ctx: typer.Context, *, version: Version = False) -> None:  # noqa: ARG001 - see its callback
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


# Help texts are no docstrings: with PYTHONOPTIMIZE=2 there are none.
@app.command(
    "providers",
    help="Show what each provider reads, needs and documents.",
    epilog=PROVIDERS_EXAMPLES,
)
def _providers(*, version: Version = False) -> None:  # noqa: ARG001 - see its callback
    with _wall(Console()) as around:
        found = (registry.load(name, around.console.warning) for name in registry.installed())
        commands.providers((provider for provider in found if provider), around)


@app.command(
    "schema",
    help="Print the JSON Schema (draft 2020-12) of one record.",
    epilog=SCHEMA_EXAMPLES,
)
def _schema(*, version: Version = False) -> None:  # noqa: ARG001 - see its callback
    with _wall(Console()):
        commands.schema()


def _group(provider: type["Provider"]) -> TyperGroup:
    group = _typer(
        help=f"The audit log of {provider.title}.",
        name=provider.name,
        cls=_ProviderGroup,
        add_completion=False,
        epilog=_epilog(GROUP_EXAMPLES, provider),
    )
    group.callback()(_alone)
    made = typer.main.get_command(group)
    assert isinstance(made, _ProviderGroup)  # noqa: S101 - what cls asked for
    made.provider = provider
    return made


def _epilog(examples: str, provider: type["Provider"]) -> str:
    settings = SETTINGS.format(variables=", ".join(required(provider).values()))
    return examples.format(name=provider.name, settings=settings)


def _add_list(app: typer.Typer, provider: type["Provider"]) -> None:
    def list_(**words: Any) -> None:  # noqa: ANN401
        given = _given(words, provider)
        options = _options(words, Options)
        with _wall(_console(options)) as around:
            if options.source is not None:
                from auditctl.sync.commands import source_settings

                load = _load(around)
                around, options, its = source_settings(provider, options, around, load)  # noqa: PLW2901
                given = {name: given[name] or its[name] for name in given}
            elif options.config is not None:
                raise UsageError("--config is where a --source is looked for: give one too.")
            commands.list_(provider, options, given, around)

    _give_signature(list_, [*parameters(OF_LIST), *map(_own_parameter, own_options(provider))])
    app.command(
        "list",
        help=f"Export the audit log of {provider.title} (order: {provider.order}; "
        f"retention: {provider.retention}).",
        short_help="Export the audit log.",
        epilog=_epilog(LIST_EXAMPLES, provider),
    )(list_)


def _add_sync(app: typer.Typer, provider: type["Provider"]) -> None:
    from auditctl.sync.options import OF_SYNC, SyncOptions

    def sync(**words: Any) -> None:  # noqa: ANN401
        given = _given(words, provider)
        options = _options(words, SyncOptions)
        with _wall(_console(options)) as around:
            from auditctl.sync import commands as unattended

            unattended.sync(provider, options, given, around)

    own = map(_own_parameter, own_options(provider))
    _give_signature(sync, [*parameters(OF_SYNC, SyncOptions), *own])
    app.command(
        "sync",
        help=f"Append to files what is new in the audit log of {provider.title}, each event once.",
        short_help="Append to files what is new, each event once.",
        epilog=_epilog(SYNC_EXAMPLES, provider),
    )(sync)


def _add_get(app: typer.Typer, provider: type["Provider"]) -> None:
    def get(id: str, **words: Any) -> None:  # noqa: A002, ANN401
        options = _options(words, Options)
        with _wall(_console(options)) as around:
            commands.get(provider, id, options, around)

    argument = _argument("id", "ID", str, "The provider's id of the record.")
    _give_signature(get, [argument, *parameters(OF_GET)])
    app.command(
        "get",
        help=f"Export one record of {provider.title} by its id.",
        epilog=_epilog(GET_EXAMPLES, provider),
    )(get)


def _add_check(app: typer.Typer, provider: type["Provider"]) -> None:
    def check(**words: Any) -> None:  # noqa: ANN401
        options = _options(words, CheckOptions)
        with _wall(_console(options)) as around:
            commands.check(provider, options, around)

    _give_signature(check, parameters(OF_CHECK, CheckOptions))
    app.command(
        "check",
        help=f"Prove the settings for {provider.title}, without exporting anything.",
        epilog=_epilog(CHECK_EXAMPLES, provider),
    )(check)


def _add_together(app: typer.Typer) -> None:
    from auditctl.sync.options import OF_TOGETHER, TogetherOptions

    def sync(source: list[str], **words: Any) -> None:  # noqa: ANN401
        options = _options(words, TogetherOptions)
        with _wall(_console(options)) as around:
            from auditctl.sync import commands as unattended

            unattended.together(source, options, around, _load(around))

    named = _argument("source", "[SOURCE]...", list[str], "Only these; else all.", default=[])
    _give_signature(sync, [named, *parameters(OF_TOGETHER, TogetherOptions)])
    app.command(
        "sync",
        help="Bring the sources of auditctl.toml up to date: those named, or all of them.",
        short_help="Bring the sources of auditctl.toml up to date.",
        epilog=TOGETHER_EXAMPLES,
    )(sync)


def _add_verify(app: typer.Typer) -> None:
    from auditctl.sync.options import OF_VERIFY, ReportOptions

    def verify(path: str, **words: Any) -> None:  # noqa: ANN401
        options = _options(words, ReportOptions)
        with _wall(_console(options)):
            from auditctl.sync import reports

            reports.verify(path, options)

    argument = _argument("path", "PATH", str, "The one given to sync, placeholders and all.")
    _give_signature(verify, [argument, *parameters(OF_VERIFY, ReportOptions)])
    app.command(
        "verify", help="Read what a sync has written again, and prove it.", epilog=VERIFY_EXAMPLES
    )(verify)


def _add_status(app: typer.Typer) -> None:
    from auditctl.sync.options import OF_STATUS, ReportOptions

    def status(path: list[str], **words: Any) -> None:  # noqa: ANN401
        options = _options(words, ReportOptions)
        with _wall(_console(options)) as around:
            from auditctl.sync import reports

            reports.status(path, options, around, _load(around))

    about = "Those given to sync; without any, all of auditctl.toml."
    argument = _argument("path", "[PATH]...", list[str], about, default=[])
    _give_signature(status, [argument, *parameters(OF_STATUS, ReportOptions)])
    app.command(
        "status", help="Show the last success and the gaps of destinations.", epilog=STATUS_EXAMPLES
    )(status)


_OF_PROVIDER: dict[str, Callable[[typer.Typer, type["Provider"]], None]] = {
    "list": _add_list,
    "sync": _add_sync,
    "get": _add_get,
    "check": _add_check,
}
_OF_DESTINATIONS: dict[str, Callable[[typer.Typer], None]] = {
    "sync": _add_together,
    "verify": _add_verify,
    "status": _add_status,
}


def _load(around: Surroundings) -> Callable[[str], type["Provider"] | None]:
    """Give what loads an installed provider by its name."""

    def load(name: str) -> type["Provider"] | None:
        return registry.load(name, around.console.warning) if name in registry.installed() else None

    return load


def _argument(
    name: str,
    metavar: str,
    kind: Any,  # noqa: ANN401
    about: str,
    default: Any = Parameter.empty,  # noqa: ANN401
) -> Parameter:
    annotation = Annotated[kind, typer.Argument(metavar=metavar, help=about)]
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _own_parameter(field: Field[Any]) -> Parameter:
    """Make a parameter of a provider's own option."""
    meta = field.metadata
    annotation = Annotated[
        list[str], typer.Option(meta["flag"], metavar=meta["metavar"], help=meta["help"])
    ]
    return Parameter(field.name, Parameter.KEYWORD_ONLY, default=[], annotation=annotation)


def _give_signature(function: Callable[..., None], params: list[Parameter]) -> None:
    """Give a function the parameters that Typer is to see; ``--version`` is everywhere."""
    params = [
        *params,
        Parameter("version", Parameter.KEYWORD_ONLY, default=False, annotation=Version),
    ]
    function.__signature__ = Signature(params)  # type: ignore[attr-defined] # what inspect reads
    function.__annotations__ = {param.name: param.annotation for param in params}


def _given(words: dict[str, Any], provider: type["Provider"]) -> dict[str, tuple[str, ...]]:
    """Take the provider's own options out of the words."""
    return {option.name: tuple(words.pop(option.name)) for option in own_options(provider)}


def _options(words: dict[str, Any], of: type[W]) -> W:
    del words["version"]  # its callback has acted
    return of(**words)


def _console(options: Words) -> Console:
    return Console(quiet=options.quiet, verbose=options.verbose, log_format=options.log_format)


@contextmanager
def _wall(console: Console) -> Iterator[Surroundings]:
    """Lend what a command needs; turn whatever ends it into a sentence and an exit status."""
    try:
        yield Surroundings(os.environ, console, _is_terminal(), _width(), _wants_color())
    except ReaderGoneError:
        pass
    except InterruptedRunError as interrupted:
        raise SystemExit(interrupted.status) from None
    except Exception as error:  # noqa: BLE001 - whatever it is, it becomes a sentence and a status
        if interrupts.status is not None and not isinstance(error, AuditctlError):
            # What an interruption became on its way, in an import.
            raise SystemExit(interrupts.status) from None
        failed = failure(error)
        for said in failed.args:
            console.error(said)
        raise SystemExit(failed.status) from None
    finally:
        console.clear()


def _settle_standard_error() -> None:
    """See that nothing is left to be said when the process ends: it would end with 120."""
    try:
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):  # a full disk, or nobody there
        sys.stderr = None


def _is_terminal() -> bool:
    try:
        return os.isatty(1)
    except OSError:
        return False


def _width() -> int:
    return shutil.get_terminal_size().columns


def _wants_color() -> bool:
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"
