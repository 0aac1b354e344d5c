"""The commands that every provider has, as Typer has them."""

from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperOption

from auditctl.cli import help as examples
from auditctl.cli import options as o
from auditctl.cli.boundary import OWN_OPTIONS, command
from auditctl.cli.groups import PLAIN, Group, print_help
from auditctl.errors import UsageError

if TYPE_CHECKING:
    from auditctl.provider import Provider

app = typer.Typer()
"""The provider is the context's object, and its facts are put into the texts: see `Commands`."""


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
) -> None:
    from auditctl.options import ListOptions

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
) -> None:
    from auditctl.commands import single
    from auditctl.options import GetOptions

    with command(GetOptions, ctx) as (options, context):
        single.get(ctx.obj, options, context)


@app.command(
    "check", help="Prove the settings for {title}, and export nothing.", epilog=examples.CHECK
)
def check(
    ctx: typer.Context,
    *,
    retry_for: o.RetryFor = "30s",
    demo: o.Demo = False,
    source: o.Source = None,
    config: o.Config = None,
    color: o.Color = "auto",
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    log_format: o.LogFormat = "text",
) -> None:
    from auditctl.commands import single
    from auditctl.options import FetchOptions

    with command(FetchOptions, ctx) as (options, context):
        single.check(ctx.obj, options, context)


class Commands(Group):
    """The commands of a provider, with its facts in the texts and its own options."""

    app = app
    provider: type["Provider"]

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401
        """Leave out what the provider cannot do."""
        names = super().list_commands(ctx)
        return [name for name in names if name != "get" or hasattr(self.provider, "retrieve")]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401
        """Return what a list of commands shows of one, about the provider."""
        shown = super().get_command(ctx, cmd_name)
        if shown:
            shown.help = shown.help.format_map(examples.facts(self.provider))
        return shown

    def made(self, ctx: Any, name: str) -> Any:  # noqa: ANN401
        """Make a command, with the provider's facts and options."""
        from auditctl.declared import own_options

        provider = self.provider
        made = _filled(super().made(ctx, name), provider)
        *params, version = made.params
        if provider.sample is None:
            params = [param for param in params if param.name != "demo"]
        if len(provider.logs) > 1:
            params.append(_log_option(provider))
        if name in ("list", "sync"):
            params += [
                _option(one.name, **one.metadata, check=tuple) for one in own_options(provider)
            ]
        made.params = [*params, version]
        return made


def commands_of(provider: type["Provider"]) -> Commands:
    """Return the commands of a provider."""
    group = typer.Typer(
        cls=Commands,
        help="The audit log of {title}.",
        epilog=examples.PROVIDER,
        add_completion=False,
        **PLAIN,
    )
    group.callback()(print_help)
    made: Commands = _filled(typer.main.get_command(group), provider)
    made.context_settings = {**made.context_settings, "obj": provider}
    made.provider = provider
    return made


def _filled(command: Any, provider: type["Provider"]) -> Any:  # noqa: ANN401
    """Write a provider's facts into the texts of a command."""
    facts = examples.facts(provider)
    command.help = command.help.format_map(facts)
    lines = command.epilog.format_map(facts).splitlines(keepends=True)
    has_demo = provider.sample is not None
    command.epilog = "".join(line for line in lines if has_demo or "--demo" not in line)
    return command


def _log_option(provider: type["Provider"]) -> TyperOption:
    """Make the option that chooses one of a provider's logs."""
    from auditctl.provider import checked_log

    def check(name: str) -> str:
        try:
            return checked_log(provider, name)
        except UsageError as error:
            raise typer.BadParameter(str(error)) from None

    titles = (f"{name} ({log.title})" if log.title else name for name, log in provider.logs.items())
    about = f"Which log: {', '.join(titles)}. The first, if it is left out."
    return _option("log_name", flag="--log", metavar="NAME", help=about, check=check)


def _option(field: str, *, flag: str, metavar: str, help: str, check: Any) -> TyperOption:  # noqa: ANN401
    """Make the parameter of a provider's own option, whose value is noted under its field."""

    def keep(ctx: Any, _param: object, value: Any) -> None:  # noqa: ANN401
        if value is not None:
            ctx.meta.setdefault(OWN_OPTIONS, {})[field] = check(value)

    return TyperOption(
        param_decls=[field, flag],
        metavar=metavar,
        help=help,
        multiple=check is tuple,
        expose_value=False,
        callback=keep,
    )
