"""The commands of the program, as Typer has them; those of a provider are in `provider_cli`."""

from typing import Any

import typer

from auditctl import help as examples
from auditctl import options as o
from auditctl import provider_cli, registry
from auditctl.boundary import command
from auditctl.console import Console
from auditctl.groups import PLAIN, Group, made, print_help


class Root(Group):
    """The commands of `own`, and one group per installed provider, imported when it is named."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002
        """Name the providers first."""
        return [*registry.installed(), *(str(one.name) for one in own.registered_commands)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002
        """Return a command; a provider that is broken has none, and a warning says why."""
        if cmd_name not in registry.installed():
            return made(own).commands.get(cmd_name)
        provider = registry.load(cmd_name, Console().warning)
        return provider and provider_cli.commands_of(provider)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401
        """Find the command; if it is that of a broken provider, fail and say why."""
        if args[0] in registry.installed() and not ctx.resilient_parsing:
            registry.require(args[0])
        return super().resolve_command(ctx, args)

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

own = typer.Typer(add_completion=False, **PLAIN)


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
    follow: o.Follow = False,
    interval: o.Interval = "60s",
    wait: o.Wait = "0",
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    log_format: o.LogFormat = "text",
    version: o.Version = False,
) -> None:
    from auditctl.sync import commands
    from auditctl.sync.options import SourcesOptions

    with command(SourcesOptions, ctx) as (options, context):
        commands.together(options, context)


@own.command(
    "verify", help="Read what a sync has written again, and prove it.", epilog=examples.VERIFY
)
def verify(
    ctx: typer.Context,
    *,
    path: o.Path,
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
    config: o.Config = None,
    tz: o.Tz = "UTC",
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
    "providers",
    help="Show what each provider reads, needs and documents.",
    epilog=examples.PROVIDERS,
)
def providers(ctx: typer.Context, *, version: o.Version = False) -> None:
    from auditctl import commands
    from auditctl.parameters import LogOptions

    with command(LogOptions, ctx) as (_, context):
        commands.providers(context)


@own.command(
    "schema",
    help="Print the JSON Schema (draft 2020-12) of one record.",
    epilog=examples.SCHEMA,
)
def schema(ctx: typer.Context, *, version: o.Version = False) -> None:
    from auditctl import commands
    from auditctl.parameters import LogOptions

    with command(LogOptions, ctx):
        commands.schema()
