"""The command init: it asks for what a source needs, writes it down, and checks it."""

import os
import shlex
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from itertools import pairwise

from auditctl import registry
from auditctl.commands import prompt, single
from auditctl.config import sources as config
from auditctl.config.addition import Addition
from auditctl.config.location import NAME, find
from auditctl.config.tables import Load, check_source_name
from auditctl.context import Context
from auditctl.declared import account_keys, urls
from auditctl.errors import AccessError, UsageError
from auditctl.http.origin import checked_base_url
from auditctl.http.service_account import ServiceAccount
from auditctl.interrupts import InterruptedRunError
from auditctl.options import InitOptions
from auditctl.output import standard_output
from auditctl.paths import parse_template
from auditctl.phrases import known_names
from auditctl.provider import Secret, fact_of_logs
from auditctl.settings import Given, check_value

OUTPUT = "audit/{source}/{date}.jsonl.gz"
"""The output that is proposed."""
PATIENCE = "30s"
"""How long a failing service is retried: somebody waits, and has perhaps only mistyped a key."""


def init(options: InitOptions, context: Context) -> None:
    """Ask for what a source needs, write it, and check it; or print what to write.

    Raises:
        UsageError: the configuration has a mistake, or a source of this name.
        OutputError: a file is there already, or cannot be written.
        AuditctlError: the check failed; what was written stays.

    """
    load = partial(registry.load, complain=context.console.warning)
    new = _addition(options, context, load)
    if options.print_only or not (context.terminal and prompt.is_possible()):
        with standard_output() as write:
            write(_instructions(new).encode())
        return
    new.check_free(load)
    try:
        values = _answers(new)
        new.write(values, load)
    except InterruptedRunError:
        context.console.error("Interrupted; nothing was written.")
        raise
    keys = [path for setting, path in new.key_files.items() if setting in values]
    files = f"{', '.join(keys)}, and " if keys else ""
    prompt.tell(f"Written: {files}the source {new.name} in {new.path}.")
    source = config.read(new.path, load)[new.name]
    single.check(new.provider, source.options.but(retry_for=PATIENCE), context)
    prompt.tell(f"Next: {_next(new)}")


def _addition(options: InitOptions, context: Context, load: Load) -> Addition:
    """Look at what is there."""
    provider = load(options.provider)
    if provider is None:
        hint = known_names(options.provider, registry.installed())
        raise UsageError(f"There is no provider {options.provider!r}. {hint}")
    name = provider.name if options.source is None else options.source
    check_source_name(name)
    path = NAME
    with suppress(UsageError):  # there is none so far
        path = find(options.config, context.environ)
    content = config.read_bytes(path) if os.path.lexists(path) else None
    return Addition(provider, name, path, content)


def _answers(new: Addition) -> dict[str, str]:
    """Ask for each setting, and for an output if none is set for all sources."""
    provider = new.provider
    prompt.tell(f"{provider.title} needs: {fact_of_logs(provider, 'permission')}.")
    prompt.tell(f"See {provider.docs}")
    values = _alternative(new)
    for setting, required in new.settings.items():
        if answer := _setting(new, setting, "" if required else "optional"):
            values[setting] = answer
    if not new.has_output():
        values["output"] = _answer(
            f"Output of sync [{OUTPUT}]", partial(_check_output, new), default=OUTPUT
        )
    return values


def _alternative(new: Addition) -> dict[str, str]:
    """Ask for the settings of one group, of those of which one must be set."""
    groups = new.provider.one_of
    for group, following in pairwise(groups):
        first, *others = group
        if answer := _setting(new, first, f"leave it empty for {_words(following)}"):
            return {first: answer, **{setting: _setting(new, setting) for setting in others}}
    return {setting: _setting(new, setting) for group in groups[-1:] for setting in group}


def _words(settings: Iterable[str], by: str = " and ") -> str:
    return by.join(setting.replace("_", " ") for setting in settings)


def _setting(new: Addition, setting: str, may_be_empty: str = "") -> str:
    """Ask for a setting, which may be left out if a note says so; check it as it will be."""
    provider = new.provider
    hidden = setting in new.key_files
    is_file = setting in account_keys(provider)
    check = _check_account_key if is_file else partial(check_value, provider, setting)
    notes = ["not shown"] * hidden + ["path of its JSON file"] * is_file
    notes += [may_be_empty] * bool(may_be_empty)
    note = f" ({'; '.join(notes)})" if notes else ""
    question = f"{provider.title}: {_words([setting])}{note}"
    answer = _answer(question, check, hidden=hidden, default="" if may_be_empty else None)
    # As it was typed it is relative to the working folder, and in the configuration to that's.
    return os.path.abspath(os.path.expanduser(answer)) if is_file and answer else answer  # noqa: PTH100, PTH111


def _answer(
    question: str, check: Callable[[str], object], *, hidden: bool = False, default: str | None
) -> str:
    """Ask until the answer can be used; an empty one is the default, if there is one."""
    while True:
        answer = prompt.ask(question, hidden=hidden)
        if not answer and default is not None:
            return default
        try:
            _check_printable(answer)
            check(answer)
        except UsageError as error:
            prompt.tell(str(error))
        else:
            return answer


def _check_printable(answer: str) -> None:
    if not answer:
        raise UsageError("This is needed.")
    if not answer.isprintable():
        raise UsageError("This contains a control character, or is not UTF-8. Try again.")


def _check_account_key(path: str) -> None:
    """Check that a file holds the key of a service account."""
    try:
        found = Given("This", os.path.expanduser(path), is_file=True)  # noqa: PTH111
        key = ServiceAccount(Secret(found.read(lines=True)), "", "")
        checked_base_url(key.token_url, "The key's token_uri")
    except AccessError:
        raise UsageError("There is no file at this path that can be read. Try again.") from None
    except ValueError as error:
        raise UsageError(f"The contents of this file {error}. Try again.") from None


def _check_output(new: Addition, answer: str) -> None:
    path = os.path.join(os.path.dirname(new.path), answer)  # noqa: PTH118, PTH120
    parse_template(path, provider=new.provider.name, source=new.name)


def _instructions(new: Addition) -> str:
    """Write what somebody has to do who is not asked: TOML, with the rest as comments."""
    provider = new.provider
    alternatives = [*provider.one_of]
    first = alternatives.pop(0) if alternatives else ()
    required = [setting for setting, needed in new.settings.items() if needed]
    output = {} if new.has_output() else {"output": OUTPUT}
    table = new.table({**_examples(new, [*first, *required]), **output})
    lines = [f"# Add this to {new.path} (mode 0600):", "", table[:-1]]
    for group in alternatives:
        lines.append(f"# Or, instead of the {_words(first)}:")
        lines += [f"# {member}" for member in new.members(_examples(new, group))]
    optional = [setting for setting in new.settings if setting not in required]
    lines += [f"# {member}  (optional)" for member in new.members(_examples(new, optional))]
    lines.append("")
    for path in dict.fromkeys(new.key_files.values()):
        secrets = [setting for setting, file in new.key_files.items() if file == path]
        lines += [
            f"# Write the {_words(secrets, ' or ')} to {path}, readable by you alone:",
            f'#   (umask 077; IFS= read -rs key && printf %s "$key" > {shlex.quote(path)})',
        ]
    for setting in account_keys(provider):
        path = new.beside(f"{new.name}-key")
        lines += [
            f"# Copy the key of the {_words([setting])}, a JSON file, to {path}:",
            f"#   install -m 600 KEY.json {shlex.quote(path)}",
        ]
    lines += [f"# Then: {_next(new)}", ""]
    return "\n".join(lines)


def _examples(new: Addition, settings: Iterable[str]) -> dict[str, str]:
    """Return a value for each setting that stands for the user's."""
    examples = {setting: setting.upper() for setting in settings}
    examples |= dict.fromkeys(examples.keys() & urls(new.provider), "https://HOST")
    key = f"{new.name}-key"
    return examples | dict.fromkeys(examples.keys() & account_keys(new.provider), key)


def _next(new: Addition) -> str:
    """Return the command that reads the new source for the first time."""
    found = "" if new.path == NAME else f" --config {shlex.quote(new.path)}"
    return f"auditctl sync {shlex.quote(new.name)}{found}"
