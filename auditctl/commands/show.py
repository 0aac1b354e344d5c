"""The commands providers and schema, which show what is installed."""

from auditctl import registry
from auditctl.context import Context
from auditctl.options import ReportOptions
from auditctl.output import standard_output


def providers(options: ReportOptions, context: Context) -> None:
    """Show what each installed provider needs."""
    from auditctl.commands.overview import overview

    loaded = [registry.load(name, context.console.warning) for name in registry.installed()]
    found = list(filter(None, loaded))
    with standard_output() as write:
        write(overview(found, options.format, width=context.width, terminal=context.terminal))


def schema() -> None:
    """Write the JSON Schema of one record."""
    import orjson

    from auditctl.records.schema import json_schema

    with standard_output() as write:
        write(orjson.dumps(json_schema(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
