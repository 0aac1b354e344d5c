"""The format that was chosen, with what it needs of the options and of the terminal."""

from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from auditctl import formats
from auditctl.commands.parameters import STDOUT, OutputOptions
from auditctl.context import Context

if TYPE_CHECKING:
    from auditctl.window import Window


def chosen_format(  # noqa: PLR0913 - each by its name
    options: OutputOptions,
    context: Context,
    window: "Window | None" = None,
    *,
    zone: tzinfo = UTC,
    with_source: bool = False,
    base_urls: Mapping[str, str] | None = None,
) -> formats.Format:
    """Make the format that was chosen, for records of a window.

    ``base_urls`` may be filled until the first record is written; see `Layout`.
    """
    from auditctl.records.fields import parse_fields
    from auditctl.records.record import FIELDS, OF_SOURCES

    there = OF_SOURCES if with_source else FIELDS
    to_file = options.output != STDOUT
    layout = formats.Layout(
        fields=None if options.fields is None else parse_fields(options.fields, there=there),
        with_source=with_source,
        raw=options.raw,
        csv_guard=options.csv_guard,
        terminal=context.terminal and not to_file,
        width=context.width,
        # Variables are about what is looked at, and not about a file.
        color=options.color == "always" if to_file else context.color,
        zone=zone,
        window=window,
        ocsf_version=options.ocsf_version or formats.LAST_OCSF,
        base_urls={} if base_urls is None else base_urls,
    )
    return formats.make(options.format_name(terminal=context.terminal), layout)
