"""The command init: it asks for what a source needs, writes it down, and checks it."""

import os
import shlex
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from auditctl import registry
from auditctl.commands import prompt, single
from auditctl.commands.parameters import InitOptions
from auditctl.config import sources as config
from auditctl.config.addition import Addition
from auditctl.config.location import NAME, find
from auditctl.config.tables import Load, is_source_name
from auditctl.context import Context
from auditctl.errors import UsageError
from auditctl.http.origin import checked_base_url
from auditctl.interrupts import InterruptedRunError
from auditctl.output import standard_output
from auditctl.paths import parse_template
from auditctl.provider import said_of_logs

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
    prompt.tell(f"Written: {', '.join(keys)}, and the source {new.name} in {new.path}.")
    source = config.read(new.path, load)[new.name]
    single.check(new.provider, replace(source.options, retry_for=PATIENCE), context)
    prompt.tell(f"Next: {_next(new)}")


def _addition(options: InitOptions, context: Context, load: Load) -> Addition:
    """Look at what is there."""
    provider = load(options.provider)
    if provider is None:
        known = ", ".join(registry.installed())
        raise UsageError(f"There is no provider {options.provider!r}. There are {known}.")
    name = provider.name if options.source is None else options.source
    if not is_source_name(name):
        raise UsageError("A source's name has letters, digits, '-', '_' and '.' only.")
    path = NAME
    with suppress(UsageError):  # there is none so far
        path = find(options.config, context.environ)
    content = config.read_bytes(path) if os.path.lexists(path) else None
    return Addition(provider, name, path, content)


def _answers(new: Addition) -> dict[str, str]:
    """Ask for each setting, and for an output if none is set for all sources."""
    provider = new.provider
    prompt.tell(f"{provider.title} needs: {said_of_logs(provider, 'permission')}.")
    prompt.tell(f"See {provider.docs}")
    values: dict[str, str] = {}
    for setting, required in new.settings.items():
        check: Callable[[str], object] = _check_printable
        if setting == "base_url":
            check = partial(checked_base_url, named="This address")
        hidden = setting in new.key_files
        note = " (not shown)" if hidden else ""
        note += "" if required else " (optional)"
        question = f"{provider.title}: {setting.replace('_', ' ')}{note}"
        answer = _answer(question, check, hidden=hidden, default=None if required else "")
        if answer:
            values[setting] = answer
    if not new.has_output():
        values["output"] = _answer(
            f"Output of sync [{OUTPUT}]", partial(_check_output, new), default=OUTPUT
        )
    return values


def _answer(
    question: str, check: Callable[[str], object], *, hidden: bool = False, default: str | None
) -> str:
    """Ask until the answer can be used; an empty one is the default, if there is one."""
    while True:
        answer = prompt.ask(question, hidden=hidden)
        if not answer and default is not None:
            return default
        try:
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


def _check_output(new: Addition, answer: str) -> None:
    _check_printable(answer)
    path = os.path.join(os.path.dirname(new.path), answer)  # noqa: PTH118, PTH120
    parse_template(path, provider=new.provider.name, source=new.name)


def _instructions(new: Addition) -> str:
    """Write what somebody has to do who is not asked: TOML, with the rest as comments."""
    values = {setting: "" for setting, required in new.settings.items() if required}
    optional = {setting: "" for setting, required in new.settings.items() if not required}
    output = {} if new.has_output() else {"output": OUTPUT}
    lines = [f"# Add this to {new.path} (mode 0600):", "", new.table({**values, **output})[:-1]]
    lines += [f"# {member}  (optional)" for member in new.members(optional)]
    lines.append("")
    for setting, path in new.key_files.items():
        lines += [
            f"# Write the {setting.replace('_', ' ')} to {path}, readable by you alone:",
            f'#   (umask 077; IFS= read -rs key && printf %s "$key" > {shlex.quote(path)})',
        ]
    lines += [f"# Then: {_next(new)}", ""]
    return "\n".join(lines)


def _next(new: Addition) -> str:
    """Return the command that reads the new source for the first time."""
    found = "" if new.path == NAME else f" --config {shlex.quote(new.path)}"
    return f"auditctl sync {shlex.quote(new.name)}{found}"
