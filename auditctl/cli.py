"""The command line: words become values, failures become sentences and exit statuses.

Nothing else in the package reads the environment, prints, exits, or has heard of Typer.
"""

import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields as dataclass_fields
from datetime import UTC, datetime, timedelta
from functools import partial
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from auditctl import registry
from auditctl.console import Console
from auditctl.destination import ReaderGoneError, Write, standard_output, whole_file
from auditctl.errors import AuditctlError, UsageError
from auditctl.escape import escape
from auditctl.options import OF_CHECK, ONLY_OF_LIST, STDOUT, Options, duration, names, parameters

if TYPE_CHECKING:
    import httpx

    from auditctl.client import Client, Exchange
    from auditctl.export import Tally
    from auditctl.formats import Format
    from auditctl.provider import Provider
    from auditctl.record import Record
    from auditctl.window import Window

SIGTERM_STATUS = 128 + signal.SIGTERM
SIGINT_STATUS = 128 + signal.SIGINT
FAULT_STATUS = 1
COLLECTED_AFTER = 20_000
"""Objects more than were let go of, before the collector looks for cycles among the new ones."""

HELP = "Export the audit logs of SaaS services: every event, once."
EXAMPLES = """\b
Examples:
  auditctl persona list --demo --since 30d
  auditctl upstash list --since 7d -f csv -o upstash.csv
  auditctl roam list --since yesterday --until today | jq .actor
  auditctl providers
"""
LIST_EXAMPLES = """\b
Examples:
  auditctl {name} list --demo --since 30d
  auditctl {name} list --since 2026-01-01 --until 2026-02-01 -o january.jsonl.gz
  auditctl {name} list --since 7d -f csv --fields time,actor,action
  auditctl {name} list --limit 20 --where outcome=failure
\b
TIME is a duration back from now (45s 90m 12h 30d 2w, 1d12h), a date, an
RFC 3339 time, epoch seconds, now, today or yesterday; all of them in UTC.
"""


class _Terminated(BaseException):
    """SIGTERM came."""


class _Root(TyperGroup):
    """The commands of our own, and one group per installed provider, made when it is named."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - Typer's own click is private
        return [*registry.installed(), *super().list_commands(ctx)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401
        if cmd_name in registry.installed():
            provider = registry.load(cmd_name, Console().warning)
            return None if provider is None else typer.main.get_command(_group(provider))
        return super().get_command(ctx, cmd_name)


def _typer(help_: str, **settings: Any) -> typer.Typer:  # noqa: ANN401
    return typer.Typer(
        help=help_,
        invoke_without_command=True,
        rich_markup_mode=None,  # plain help is faster, and eats no [default: …]
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        **settings,
    )


app = _typer(HELP, cls=_Root, epilog=EXAMPLES)


def run() -> None:
    """Run the program and end the process."""
    try:
        app(prog_name="auditctl")
    except KeyboardInterrupt:
        sys.exit(SIGINT_STATUS)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if wanted:
        from auditctl import __version__

        typer.echo(f"auditctl {__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
]


@app.callback()
def _root(ctx: typer.Context, *, version: Version = False) -> None:  # noqa: ARG001 - its callback acts
    _help_if_alone(ctx)


def _help_if_alone(ctx: typer.Context) -> None:
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@app.command("providers")
def _providers() -> None:
    """Show what each provider reads from the environment, needs and documents."""
    with _wall(Console()), standard_output() as write:
        from auditctl.overview import overview

        console = Console()
        found = (registry.load(name, console.warning) for name in registry.installed())
        write(overview([p for p in found if p], width=_width(), terminal=_is_terminal()))


@app.command("schema")
def _schema() -> None:
    """Print the JSON Schema (draft 2020-12) of one record."""
    with _wall(Console()), standard_output() as write:
        import orjson

        from auditctl.schema import json_schema

        write(orjson.dumps(json_schema(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _group(provider: type["Provider"]) -> typer.Typer:
    """Make a provider's group of commands."""
    group = _typer(f"The audit log of {provider.title}.", name=provider.name, add_completion=False)
    extras = [f for f in dataclass_fields(provider) if "flag" in f.metadata]

    @group.callback()
    def alone(ctx: typer.Context) -> None:
        _help_if_alone(ctx)

    def list_(**words: Any) -> None:  # noqa: ANN401
        given = {f.name: tuple(words.pop(f.name)) for f in extras}
        _list(provider, Options(**words), given)

    list_.__doc__ = (
        f"Export the audit log of {provider.title} ({provider.order}; "
        f"kept for: {provider.retention})."
    )
    group.command("list", epilog=LIST_EXAMPLES.format(name=provider.name))(
        _with_signature(list_, [*parameters(names()), *map(_extra, extras)])
    )
    if hasattr(provider, "retrieve"):

        def get(id: str, **words: Any) -> None:  # noqa: A002, ANN401
            _get(provider, id, Options(**words))

        get.__doc__ = f"Show one record of {provider.title} by its id."
        argument = Parameter(
            "id", Parameter.KEYWORD_ONLY, annotation=Annotated[str, typer.Argument(metavar="ID")]
        )
        rest = [name for name in names() if name not in ONLY_OF_LIST]
        group.command("get")(_with_signature(get, [argument, *parameters(rest)]))

    def check(**words: Any) -> None:  # noqa: ANN401
        _check(provider, Options(**words))

    check.__doc__ = f"Prove the settings for {provider.title}, without exporting anything."
    group.command("check")(_with_signature(check, parameters(OF_CHECK)))
    return group


def _extra(field: Any) -> Parameter:  # noqa: ANN401 - a dataclass field
    """Make a parameter of a provider's own option."""
    meta = field.metadata
    annotation = Annotated[
        list[str], typer.Option(meta["flag"], metavar=meta["metavar"], help=meta["help"])
    ]
    return Parameter(field.name, Parameter.KEYWORD_ONLY, default=[], annotation=annotation)


def _with_signature(function: Callable[..., None], params: list[Parameter]) -> Callable[..., None]:
    """Give a function the signature that Typer is to see."""
    function.__signature__ = Signature(params)  # type: ignore[attr-defined] # what inspect reads
    function.__annotations__ = {param.name: param.annotation for param in params}
    return function


def _list(provider: type["Provider"], options: Options, given: dict[str, Any]) -> None:
    console = _console(options)
    with _wall(console):
        now = datetime.now(UTC)
        window = options.window(now)
        patience = duration("--retry-for", options.retry_for)
        from auditctl.fields import parse_test

        tests = [parse_test(text) for text in options.where]
        format_ = _format(options)

        from auditctl.export import Tally, most_recent, records

        ordered = provider.order != "none documented"
        thrifty = options.limit is not None and ordered
        tally = Tally()
        ready, client = _connected(
            provider, options, given, console, now, patience, 1 if thrifty else options.concurrency
        )
        try:
            batches: Iterable[list[Record]] = records(
                ready,
                ready.pages(client, window),
                window,
                tally,
                tests=tests,
                redacted=options.redact,
            )
            if options.limit is not None:
                batches = most_recent(batches, options.limit, ordered=ordered)
            _deliver(
                _watched(batches, ready, window, tally, console), format_, options.output, console
            )
        finally:
            client.close()
        _conclude(ready, tally, console)


def _get(provider: type["Provider"], id_: str, options: Options) -> None:
    console = _console(options)
    with _wall(console):
        patience = duration("--retry-for", options.retry_for)
        format_ = _format(options)
        if not id_:
            message = "The ID is empty."
            raise UsageError(message)

        from auditctl.export import Tally, retrieved

        tally = Tally()
        ready, client = _connected(provider, options, {}, console, datetime.now(UTC), patience, 1)
        try:
            page = ready.retrieve(client, id_)  # type: ignore[attr-defined] # the command's reason
            _deliver(
                [retrieved(ready, page, tally, redacted=options.redact)],
                format_,
                options.output,
                console,
            )
        finally:
            client.close()
        _conclude(ready, tally, console)


def _check(provider: type["Provider"], options: Options) -> None:
    console = _console(options)
    with _wall(console), standard_output() as write:
        from auditctl.check import check

        patience = duration("--retry-for", options.retry_for)
        now = datetime.now(UTC)
        ready, client = _connected(provider, options, {}, console, now, patience, 1)
        try:
            for line in check(ready, client, now):
                console.clear()
                write(f"{line}\n".encode())
        finally:
            client.close()


def _connected(  # noqa: PLR0913, PLR0917 - the two commands' common ground
    provider: type["Provider"],
    options: Options,
    given: dict[str, Any],
    console: Console,
    now: datetime,
    patience: timedelta,
    concurrency: int,
) -> tuple["Provider", "Client"]:
    """Read the settings and prepare the client, or the sample data in its place."""
    from auditctl import settings

    transport: httpx.BaseTransport | None = None
    if options.demo:
        from auditctl import demo

        ready = settings.sample(provider, **given)
        try:
            transport = demo.transport(provider.name, now)
        except LookupError as error:
            raise UsageError(f"{error}.") from None
    else:
        ready = settings.load(provider, os.environ, **given)

    from auditctl.client import Client

    def on_pause(sentence: str, seconds: float) -> None:
        line = f"{sentence}; asking again in {seconds:.0f} s"
        console.detail(line, pause=seconds)
        console.progress(line, now=True)

    client = Client(
        ready,
        again=None if options.demo else partial(settings.load, provider, os.environ, **given),
        retry_for=patience,
        concurrency=concurrency,
        transport=transport,
        on_exchange=partial(_tell, console) if options.verbose else None,
        on_pause=on_pause,
    )
    # What is imported by now stays, and pages go when their last name does: the collector need
    # not look at either again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECTED_AFTER)
    return ready, client


def _tell(console: Console, exchange: "Exchange") -> None:
    console.detail(
        f"{exchange.method} {exchange.path} {exchange.status or 'no answer'} "
        f"{exchange.milliseconds:.0f} ms {exchange.size} bytes",
        method=exchange.method,
        path=exchange.path,
        status=exchange.status,
        milliseconds=round(exchange.milliseconds, 1),
        bytes=exchange.size,
    )


def _format(options: Options) -> "Format":
    """Make what writes the format chosen."""
    from auditctl.fields import field, parse_fields
    from auditctl.record import FIELDS

    name = options.format_name(terminal=_is_terminal())
    fields = None if options.fields is None else parse_fields(options.fields)
    if name == "jsonl":
        from auditctl.formats.jsonl import Jsonl

        return Jsonl(fields, raw=options.raw)
    if name == "csv":
        from auditctl.formats.csv import Csv

        return Csv(fields or [field(n) for n in FIELDS], guard=options.csv_guard)
    from auditctl.formats.table import COLUMNS, PlainTable, RichTable

    columns = fields or [field(n) for n in COLUMNS]
    if options.output == STDOUT and _is_terminal():
        return RichTable(columns, _width(), color=_wants_color())
    return PlainTable(columns)


def _deliver(
    batches: Iterable[list["Record"]], format_: "Format", output: str, console: Console
) -> None:
    """Write the records where they belong."""
    destination = standard_output() if output == STDOUT else whole_file(output)
    with destination as write:
        for batch in batches:
            _write(write, format_.rows(batch), console)
        _write(write, format_.end(), console)


def _write(write: Write, data: bytes, console: Console) -> None:
    if data:
        console.clear()  # the progress line stands where the next record goes
        write(data)


def _watched(
    batches: Iterable[list["Record"]],
    provider: "Provider",
    window: "Window",
    tally: "Tally",
    console: Console,
) -> Iterator[list["Record"]]:
    """Count what is delivered, and draw the progress line after each page."""
    started = time.monotonic()
    for batch in batches:
        tally.records += len(batch)
        yield batch
        if console.live:
            rate = tally.records / max(time.monotonic() - started, 0.001)
            back = f", back to {tally.reached[:16]}" if tally.reached else ""
            console.progress(
                f"{provider.title}: {tally.pages} pages, {tally.records} records{back} "
                f"({rate:,.0f}/s, since {window.since:%Y-%m-%d %H:%M})"
            )
    took = time.monotonic() - started
    console.info(
        f"{provider.title}: {tally.records:,} records since {window.since:%Y-%m-%d %H:%M} UTC, "
        f"{tally.pages:,} pages, {took:.1f} s."
    )


def _conclude(provider: "Provider", tally: "Tally", console: Console) -> None:
    if tally.malformed:
        console.warning(
            f"{tally.malformed} of {provider.title}'s events lack a field or have it in a form "
            "that cannot be read; they were exported with null there. The first: "
            f"{escape(tally.first_malformed)}."
        )


def _console(options: Options) -> Console:
    return Console(quiet=options.quiet, verbose=options.verbose, log_format=options.log_format)


@contextmanager
def _wall(console: Console) -> Iterator[None]:
    """Turn whatever ends a run into its sentence and its exit status."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    except ReaderGoneError:
        pass
    except AuditctlError as error:
        console.error(str(error))
        raise typer.Exit(error.status) from None
    except KeyboardInterrupt:
        console.clear()
        raise typer.Exit(SIGINT_STATUS) from None
    except _Terminated:
        console.clear()
        raise typer.Exit(SIGTERM_STATUS) from None
    except Exception as error:  # noqa: BLE001 - a defect of ours: said without the values in it
        console.error(f"This is a fault of auditctl itself: {_where(error)}. Please report it.")
        raise typer.Exit(FAULT_STATUS) from None
    finally:
        console.clear()


def _terminate(_signal: int, _frame: object) -> None:
    raise _Terminated


def _where(error: BaseException) -> str:
    """Name an exception and its place; its message and the values around it may hold secrets."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    module = trace.tb_frame.f_globals.get("__name__", "?")
    return f"{type(error).__name__} in {module}, line {trace.tb_lineno}"


def _is_terminal() -> bool:
    try:
        return os.isatty(1)
    except OSError:
        return False


def _width() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def _wants_color() -> bool:
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"
