"""The commands that every provider has, as Typer has them."""

from copy import copy
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup, TyperOption

from auditctl.cli import help as examples
from auditctl.cli import options as o
from auditctl.cli.boundary import OWN_OPTIONS, command
from auditctl.cli.groups import PLAIN, Group, made, print_help
from auditctl.declared import own_options
from auditctl.errors import UsageError
from auditctl.provider import checked_log

if TYPE_CHECKING:
    from dataclasses import Field

    from auditctl.provider import Provider

app = typer.Typer(
    cls=Group,
    help="The audit log of {title}.",
    epilog=examples.PROVIDER,
    add_completion=False,
    **PLAIN,
)
"""The provider is the context's object, and its facts are put into the texts: see `commands_of`."""

app.callback()(print_help)


@app.command(
    "list",
    help="Export the audit log of {title} (order: {order}; retention: {retention}).",
    short_help="Export the audit log.",
    epilog=examples.LIST,
)
def list_(
    ctx: typer.Context,
    *,
    since: o.Since = None,
    until: o.Until = "now",
    tz: o.Tz = "UTC",
    format: o.Format = None,
    output: o.Output = "-",
    limit: o.Limit = None,
    reverse: o.Reverse = False,
    fields: o.Fields = None,
    where: o.Where = [],
    raw: o.Raw = False,
    schema: o.Schema = "record",
    ocsf_version: o.Ocsf = None,
    redact: o.Redact = True,
    csv_guard: o.CsvGuard = True,
    concurrency: o.Concurrency = 4,
    retry_for: o.RetryFor = "5m",
    account: o.Account = None,
    follow: o.FollowList = False,
    interval: o.IntervalList = "10s",
    demo: o.Demo = False,
    source: o.Source = None,
    config: o.Config = None,
    color: o.Color = "auto",
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    log_format: o.LogFormat = "text",
    version: o.Version = False,
) -> None:
    from auditctl.commands.parameters import ListOptions

    with command(ListOptions, ctx) as (options, context):
        if options.follow:
            from auditctl.commands import live

            live.list_(ctx.obj, options, context)
        else:
            from auditctl.commands import single

            single.list_(ctx.obj, options, context)


@app.command(
    "sync",
    help="Append to files what is new in the audit log of {title}, each event once.",
    short_help="Append to files what is new, each event once.",
    epilog=examples.SYNC,
)
def sync(
    ctx: typer.Context,
    *,
    output: o.Destination = "",
    format: o.FileFormat = None,
    since: o.Beginning = None,
    overlap: o.Overlap = None,
    external_rotation: o.ExternalRotation = False,
    follow: o.Follow = False,
    interval: o.Interval = "60s",
    wait: o.Wait = "0",
    fields: o.Fields = None,
    where: o.Where = [],
    schema: o.Schema = "record",
    ocsf_version: o.Ocsf = None,
    redact: o.Redact = True,
    csv_guard: o.CsvGuard = True,
    concurrency: o.Concurrency = 4,
    retry_for: o.RetryFor = "5m",
    account: o.Account = None,
    demo: o.Demo = False,
    source: o.Source = None,
    config: o.Config = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    log_format: o.LogFormat = "text",
    version: o.Version = False,
) -> None:
    from auditctl.sync import commands
    from auditctl.sync.options import SyncOptions

    with command(SyncOptions, ctx) as (options, context):
        commands.sync(ctx.obj, options, context)


@app.command("get", help="Export one record of {title} by its id.", epilog=examples.GET)
def get(
    ctx: typer.Context,
    *,
    id: o.RecordId,
    format: o.OneFormat = None,
    output: o.Output = "-",
    fields: o.Fields = None,
    raw: o.Raw = False,
    redact: o.Redact = True,
    csv_guard: o.CsvGuard = True,
    retry_for: o.RetryFor = "5m",
    account: o.Account = None,
    demo: o.Demo = False,
    color: o.Color = "auto",
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    log_format: o.LogFormat = "text",
    version: o.Version = False,
) -> None:
    from auditctl.commands import single
    from auditctl.commands.parameters import GetOptions

    with command(GetOptions, ctx) as (options, context):
        single.get(ctx.obj, options, context)


@app.command(
    "check",
    help="Prove the settings for {title}, and export nothing.",
    epilog=examples.CHECK,
)
def check(
    ctx: typer.Context,
    *,
    retry_for: o.RetryFor = "30s",
    demo: o.Demo = False,
    source: o.Source = None,
    config: o.Config = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    log_format: o.LogFormat = "text",
    version: o.Version = False,
) -> None:
    from auditctl.commands import single
    from auditctl.commands.parameters import FetchOptions

    with command(FetchOptions, ctx) as (options, context):
        single.check(ctx.obj, options, context)


def commands_of(provider: type["Provider"]) -> TyperGroup:
    """Return the commands of a provider, with its name in the texts and its own options."""
    facts = examples.facts(provider)
    has_demo = provider.sample is not None
    shared = made(app)
    group: TyperGroup = _with(facts, shared, has_demo=has_demo)
    group.context_settings = {**shared.context_settings, "obj": provider}
    group.commands = {
        name: _with(facts, shared.commands[name], has_demo=has_demo) for name in shared.commands
    }
    if not hasattr(provider, "retrieve"):
        del group.commands["get"]
    own = [_own_option(option) for option in own_options(provider)]
    log = [_log_option(provider)] if len(provider.logs) > 1 else []
    for name, one in group.commands.items():
        *params, version = one.params
        if provider.sample is None:
            params = [param for param in params if param.name != "demo"]
        one.params = [*params, *log, *(own if name in ("list", "sync") else []), version]
    return group


def _with(facts: dict[str, str], shared: Any, *, has_demo: bool) -> Any:  # noqa: ANN401
    """Return a copy of a command with a provider's facts in its texts."""
    made = copy(shared)
    made.help = shared.help.format_map(facts)
    lines = shared.epilog.format_map(facts).splitlines(keepends=True)
    made.epilog = "".join(line for line in lines if has_demo or "--demo" not in line)
    return made


def _log_option(provider: type["Provider"]) -> TyperOption:
    """Make the option that chooses one of a provider's logs."""

    def keep(ctx: Any, _param: object, name: str | None) -> None:  # noqa: ANN401
        if name is not None:
            try:
                checked_log(provider, name)
            except UsageError as error:
                raise typer.BadParameter(str(error)) from None
            ctx.meta.setdefault(OWN_OPTIONS, {})["log_name"] = name

    titles = (f"{name} ({log.title})" if log.title else name for name, log in provider.logs.items())
    return TyperOption(
        param_decls=["log", "--log"],
        metavar="NAME",
        help=f"Which log: {', '.join(titles)}. The first, if it is left out.",
        expose_value=False,
        callback=keep,
    )


def _own_option(option: "Field[Any]") -> TyperOption:
    """Make the parameter of a provider's own option, which may be repeated."""

    def keep(ctx: Any, _param: object, values: tuple[str, ...]) -> None:  # noqa: ANN401
        ctx.meta.setdefault(OWN_OPTIONS, {})[option.name] = values

    meta = option.metadata
    return TyperOption(
        param_decls=[option.name, meta["flag"]],
        metavar=meta["metavar"],
        help=meta["help"],
        multiple=True,
        expose_value=False,
        callback=keep,
    )
