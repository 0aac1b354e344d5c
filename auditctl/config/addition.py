"""A new source for auditctl.toml, added behind what is in it, and files for its secrets."""

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from textwrap import wrap
from typing import Any

from auditctl.config import sources as config
from auditctl.config.tables import Load
from auditctl.declared import account_keys, secrets, variables
from auditctl.errors import OutputError, UsageError
from auditctl.interrupts import interrupts
from auditctl.output import MODE, cannot, write_all
from auditctl.provider import Provider
from auditctl.settings import source_keys

_is_bare = re.compile(r"[A-Za-z0-9_-]+").fullmatch
"""A name that TOML takes without quotes."""
COMMENT: dict[str, Any] = {"initial_indent": "# ", "subsequent_indent": "#   "}


@dataclass(frozen=True)
class Addition:
    """A source that is not there yet."""

    provider: type[Provider]
    name: str
    path: str
    """The configuration's."""
    content: bytes | None
    """The configuration as it is; None without one."""

    @property
    def settings(self) -> dict[str, bool]:
        """The settings without a default or an alternative, and whether each is required."""
        read = variables(self.provider).items()
        chosen = {*chain.from_iterable(self.provider.one_of)}
        return {
            name: default is None for name, (_, default) in read if not (default or name in chosen)
        }

    @property
    def key_files(self) -> dict[str, str]:
        """The settings that are secrets, and the path of the file that is written for each.

        The first is the key. Of alternatives only one is written, so each may have that name.
        """
        asked = {*self.settings, *chain.from_iterable(self.provider.one_of)}
        kept = account_keys(self.provider)  # in a file already, as it was downloaded
        hidden = [name for name in secrets(self.provider) if name in asked and name not in kept]
        files = {}
        for number, name in enumerate(hidden):
            alone = all(self._are_alternatives(name, other) for other in hidden[:number])
            end = "key" if alone else name.replace("_", "-")
            files[name] = self.beside(f"{self.name}-{end}")
        return files

    def _are_alternatives(self, one: str, other: str) -> bool:
        """Return whether two settings are in groups of which one is set, but in none together."""
        groups = self.provider.one_of
        chosen = {*chain.from_iterable(groups)}
        return {one, other} <= chosen and not any({one, other} <= {*group} for group in groups)

    def beside(self, name: str) -> str:
        """Return the path of a file beside the configuration."""
        return os.path.join(os.path.dirname(self.path), name)  # noqa: PTH118, PTH120

    def has_output(self) -> bool:
        """Return whether the configuration says where its sources are written."""
        _, tree = config.parse(self.content or b"", self.path)
        defaults = tree.get("defaults")
        return isinstance(defaults, dict) and "output" in defaults

    def table(self, values: Mapping[str, str]) -> str:
        """Write the source in TOML."""
        name = self.name if _is_bare(self.name) else _quoted(self.name)
        members = self.members({"provider": self.provider.name, **values})
        logs = [*self.provider.logs]
        if len(logs) > 1:
            members.append(f"# log = {_quoted(logs[0])}")
            members += wrap(f"The logs: {', '.join(logs)}.", 80, **COMMENT)
        return "\n".join([f"[sources.{name}]", *members, ""])

    def members(self, values: Mapping[str, str]) -> list[str]:
        """Write keys and values in TOML, with the names of files in place of secrets."""
        lines = []
        for key, value in values.items():
            if path := self.key_files.get(key):
                lines.append(f"{source_keys(key)[1]} = {_quoted(os.path.basename(path))}")  # noqa: PTH119
            elif key in account_keys(self.provider):
                lines.append(f"{source_keys(key)[1]} = {_quoted(value)}")
            else:
                lines.append(f"{key} = {_quoted(value)}")
        return lines

    def check_free(self, load: Load) -> None:
        """Check that nothing is there that would have to be replaced.

        Raises:
            OutputError: a file for a secret is.
            UsageError: a source of this name is, or the configuration has a mistake.

        """
        for path in dict.fromkeys(self.key_files.values()):
            if os.path.lexists(path):
                raise _taken(path)
        content = self.content or b""
        _, tree = config.parse(content, self.path)
        # Without a source yet, it is no mistake that there is none.
        if "sources" in tree and self.name in config.check(content, self.path, load):
            raise UsageError(
                f"{self.path} has a source {self.name} already. Name another with --source."
            )

    def write(self, values: Mapping[str, str], load: Load) -> None:
        """Write the files of the secrets and the source: all of it, or nothing.

        Raises:
            UsageError: the configuration would have a mistake.
            OutputError: a file is there already, or cannot be written.

        """
        before = self.content or b""
        space = b"\n" if before.endswith(b"\n") else b"\n\n" if before else b""
        table = space + self.table(values).encode()
        try:
            config.parse(before + table, self.path)
        except UsageError:
            raise UsageError(
                f"Nothing was written: the sources in {self.path} are not tables of their own, so "
                "none can be added behind them. Write it by hand: see --print."
            ) from None
        config.check(before + table, self.path, load)
        made: list[str] = []
        with interrupts.held():
            try:
                for setting, path in self.key_files.items():
                    if setting in values:
                        _create(path, values[setting].encode())
                        made.append(path)
                if self.content is None:
                    _create(self.path, table)
                else:
                    _append(self.path, before, table)
            except OutputError:
                for path in made:
                    with suppress(OSError):
                        os.unlink(path)  # noqa: PTH108
                raise


def _quoted(text: str) -> str:
    """Write a string of TOML: JSON's are the same, where every character is printable."""
    return json.dumps(text, ensure_ascii=False)


def _taken(path: str) -> OutputError:
    return OutputError(
        f"{path} is there already, and stays as it is. Move it away, or name another source with "
        "--source."
    )


def _create(path: str, content: bytes) -> None:
    """Write a file that is not there yet."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        file = os.open(path, flags, MODE)
    except FileExistsError:
        raise _taken(path) from None
    except OSError as error:
        raise cannot(path, error) from None
    try:
        write_all(file, content, 0)
        os.fsync(file)
    except OSError as error:
        with suppress(OSError):
            os.unlink(path)  # noqa: PTH108
        raise cannot(path, error) from None
    finally:
        os.close(file)


def _append(path: str, before: bytes, added: bytes) -> None:
    """Write behind the content of a file, if that is still what it was."""
    size = len(before)
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            if os.pread(file, size + 1, 0) != before:
                raise OutputError(f"{path} was changed meanwhile. Nothing was written; try again.")
            try:
                write_all(file, added, size)
                os.fsync(file)
            except OSError:
                os.ftruncate(file, size)
                raise
        finally:
            os.close(file)
    except OSError as error:
        raise cannot(path, error) from None
