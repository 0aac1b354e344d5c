"""The sources of auditctl.toml that a command line chooses, and the options with their settings."""

from typing import TYPE_CHECKING, TypeVar

from auditctl import registry
from auditctl.context import Context
from auditctl.errors import UsageError
from auditctl.options import FetchOptions, SourcesOptions
from auditctl.phrases import known_names

if TYPE_CHECKING:
    from auditctl.config.sources import Source
    from auditctl.provider import Provider
    from auditctl.sync.options import SyncOptions

Options = TypeVar("Options", bound=FetchOptions)


def chosen(options: SourcesOptions, context: Context, command: str) -> "list[Source]":
    """Return the sources that are named, or all; ``command`` is what a provider's is called."""
    from auditctl.config import location
    from auditctl.config import sources as config

    providers = registry.installed().keys() & set(options.sources)
    known: dict[str, Source] = {}
    try:
        path = location.find(options.config, context.environ, f"run auditctl PROVIDER {command}")
    except UsageError:
        if not providers:
            raise
    else:
        known = config.sources(path, context)
    for name in options.sources:
        if name in known:
            continue
        if name in providers:
            raise UsageError(
                f"{name} is a provider, and no source of auditctl.toml has that name. "
                f"Write auditctl {name} {command}."
            )
        hint = known_names(name, known)
        raise UsageError(f"There is no source {name!r} in the configuration. {hint}")
    return [known[name] for name in dict.fromkeys(options.sources)] or list(known.values())


def with_source(options: Options, provider: type["Provider"], context: Context) -> Options:
    """Return the options with the settings of the source that ``--source`` names, if it does."""
    source = source_of(options, provider, context)
    return options if source is None else with_settings(options, source)


def source_of(
    options: FetchOptions, provider: type["Provider"], context: Context
) -> "Source | None":
    """Return the source that ``--source`` names."""
    name = options.source
    if name is None:
        if options.config is not None:
            raise UsageError("--config is where a --source is looked for: give one too.")
        return None
    from auditctl.config import sources as config

    sources = config.sources(options.config, context, "leave --source out")
    source = sources.get(name)
    if source is None or source.provider is not provider:
        what = "no such source" if source is None else f"a source of {source.provider.name}"
        there = [one.name for one in sources.values() if one.provider is provider]
        raise UsageError(
            f"--source {name}: {what}. Sources of {provider.name}: {', '.join(there) or 'none'}."
        )
    return source


def with_settings(options: Options, source: "Source") -> Options:
    """Return the options with the settings of a source; what was typed goes before."""
    typed = {option: values for option, values in options.own.items() if values}
    return options.but(
        account=source.options.account if options.account is None else options.account,
        demo=options.demo or source.options.demo,
        own={**source.options.own, **typed},
        settings=source.options.settings,
    )


def typed_over(options: "SyncOptions", source: "Source") -> "SyncOptions":
    """Return the options of a source, but for those that were typed."""
    typed = {name: getattr(options, name) for name in options.typed}
    if options.output:  # the source's format belongs to the source's output
        typed["format"] = options.format
    given = {name: values for name, values in options.own.items() if values}
    own = {**source.options.own, **given}
    return source.options.but(**typed, own=own, typed=options.typed)
