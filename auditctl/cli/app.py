# Longer than 300 lines: all commands of the program have their options here, a line each.
"""The commands of the program, as Typer has them; those of a provider are in `provider_app`."""

from typing import Any

import typer
from typer.core import TyperCommand

from auditctl import registry
from auditctl.cli import help as examples
from auditctl.cli import options as o
from auditctl.cli import provider_app
from auditctl.cli.boundary import command
from auditctl.cli.groups import PLAIN, Group, print_help
from auditctl.console import Console

own = typer.Typer()


class Root(Group):
    """The commands of `own`, and one group per installed provider, imported when it is named."""

    app = own

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401
        """Name the providers first."""
        return [*registry.installed(), *super().list_commands(ctx)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401
        """Return a command; of a provider only what the list of commands shows."""
        reference = registry.installed().get(cmd_name)
        if reference is None:
            return super().get_command(ctx, cmd_name)
        title = registry.titles().get(reference, cmd_name)
        return TyperCommand(cmd_name, callback=None, help=f"The audit log of {title}.")

    def made(self, ctx: Any, name: str) -> Any:  # noqa: ANN401
        """Make a command; if it is a provider's, import that. If that is broken, say why."""
        if name not in registry.installed():
            return super().made(ctx, name)
        if ctx.resilient_parsing:
            provider = registry.load(name, Console().warning)
        else:
            provider = registry.require(name)
        return provider and provider_app.commands_of(provider)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Write examples with the names of providers that are installed."""
        self.epilog = examples.of_root(registry.installed())
        super().format_epilog(ctx, formatter)


app = typer.Typer(
    cls=Root,
    help="Export the audit logs of SaaS services: every event, once.",
    **PLAIN,
)
app.callback()(print_help)


@own.command(
    "list",
    help="Export the logs of the sources of auditctl.toml as one timeline, newest first: those "
    "named, or all of them.",
    short_help="Export the logs of several sources as one timeline.",
    epilog=examples.LIST_SOURCES,
)
def list_sources(
    ctx: typer.Context,
    *,
    sources: o.Sources = [],
    config: o.Config = None,
    jobs: o.Jobs = 4,
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
    color: o.Color = "auto",
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    log_format: o.LogFormat = "text",
    version: o.Version = False,
) -> None:
    from auditctl.commands import several
    from auditctl.commands.source_parameters import ListSourcesOptions

    with command(ListSourcesOptions, ctx) as (options, context):
        several.list_(options, context)


@own.command(
    "check",
    help="Prove the settings of the sources of auditctl.toml: those named, or all of them.",
    short_help="Prove the settings of several sources.",
    epilog=examples.CHECK_SOURCES,
)
def check_sources(
    ctx: typer.Context,
    *,
    sources: o.Sources = [],
    config: o.Config = None,
    jobs: o.Jobs = 4,
    retry_for: o.RetryFor = "30s",
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    log_format: o.LogFormat = "text",
    version: o.Version = False,
) -> None:
    from auditctl.commands import several
    from auditctl.commands.source_parameters import CheckSourcesOptions

    with command(CheckSourcesOptions, ctx) as (options, context):
        several.check(options, context)


@own.command(
    "init",
    help="Add a source to auditctl.toml: ask for its settings, write them, check them.",
    short_help="Add a source to auditctl.toml.",
    epilog=examples.INIT,
)
def init(
    ctx: typer.Context,
    *,
    provider: o.ProviderName,
    source: o.NewSource = None,
    config: o.Config = None,
    print_only: o.PrintOnly = False,
    version: o.Version = False,
) -> None:
    from auditctl.commands import init
    from auditctl.commands.parameters import InitOptions

    with command(InitOptions, ctx) as (options, context):
        init.init(options, context)


@own.command(
    "sync",
    help="Bring the sources of auditctl.toml up to date: those named, or all of them.",
    short_help="Bring the sources of auditctl.toml up to date.",
    epilog=examples.SOURCES,
)
def sync_sources(
    ctx: typer.Context,
    *,
    sources: o.Sources = [],
    config: o.Config = None,
    jobs: o.Jobs = 4,
    dask: o.Dask = None,
    shared_folder: o.SharedFolder = False,
    follow: o.Follow = False,
    interval: o.Interval = "60s",
    wait: o.Wait = "0",
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    log_format: o.LogFormat = "text",
    version: o.Version = False,
) -> None:
    from auditctl.sync import commands
    from auditctl.sync.options import SyncSourcesOptions

    with command(SyncSourcesOptions, ctx) as (options, context):
        commands.together(options, context)


@own.command(
    "verify", help="Read what a sync has written again, and prove it.", epilog=examples.VERIFY
)
def verify(
    ctx: typer.Context,
    *,
    paths: o.Paths = [],
    config: o.Config = None,
    format: o.ReportFormat = "table",
    color: o.Color = "auto",
    quiet: o.Quiet = False,
    log_format: o.LogFormat = "text",
    version: o.Version = False,
) -> None:
    from auditctl.sync import report
    from auditctl.sync.options import VerifyOptions

    with command(VerifyOptions, ctx) as (options, context):
        report.verify(options, context)


@own.command(
    "status", help="Show the last success and the gaps of destinations.", epilog=examples.STATUS
)
def status(
    ctx: typer.Context,
    *,
    paths: o.Paths = [],
    max_age: o.MaxAge = None,
    acknowledge_gaps: o.AcknowledgeGaps = False,
    tz: o.Tz = "UTC",
    config: o.Config = None,
    format: o.ReportFormat = "table",
    color: o.Color = "auto",
    quiet: o.Quiet = False,
    log_format: o.LogFormat = "text",
    version: o.Version = False,
) -> None:
    from auditctl.sync import report
    from auditctl.sync.options import StatusOptions

    with command(StatusOptions, ctx) as (options, context):
        report.status(options, context)


@own.command(
    "read",
    help="Read records back from files that list or sync has written.",
    epilog=examples.READ,
)
def read(
    ctx: typer.Context,
    *,
    paths: o.Files,
    since: o.ReadSince = None,
    until: o.ReadUntil = None,
    tz: o.Tz = "UTC",
    format: o.Format = None,
    output: o.Output = "-",
    limit: o.Limit = None,
    reverse: o.Reverse = False,
    fields: o.Fields = None,
    where: o.Where = [],
    color: o.Color = "auto",
    quiet: o.Quiet = False,
    log_format: o.LogFormat = "text",
    version: o.Version = False,
) -> None:
    from auditctl.commands import read
    from auditctl.commands.read_parameters import ReadOptions

    with command(ReadOptions, ctx) as (options, context):
        read.read(options, context)


@own.command(
    "sources",
    help="Show the sources of auditctl.toml: name, provider, log and output.",
    short_help="Show the sources of auditctl.toml.",
    epilog=examples.LISTED_SOURCES,
)
def sources(
    ctx: typer.Context,
    *,
    config: o.Config = None,
    format: o.ReportFormat = "table",
    color: o.Color = "auto",
    version: o.Version = False,
) -> None:
    from auditctl.sync import report
    from auditctl.sync.options import ConfigurationOptions

    with command(ConfigurationOptions, ctx) as (options, context):
        report.sources(options, context)


@own.command(
    "providers",
    help="Show what each provider reads, needs and documents.",
    epilog=examples.PROVIDERS,
)
def providers(
    ctx: typer.Context, *, format: o.ReportFormat = "table", version: o.Version = False
) -> None:
    from auditctl.commands import show
    from auditctl.commands.parameters import ReportOptions

    with command(ReportOptions, ctx) as (options, context):
        show.providers(options, context)


@own.command(
    "schema", help="Print the JSON Schema (draft 2020-12) of one record.", epilog=examples.SCHEMA
)
def schema(ctx: typer.Context, *, version: o.Version = False) -> None:
    from auditctl.commands import show
    from auditctl.commands.parameters import LogOptions

    with command(LogOptions, ctx):
        show.schema()
