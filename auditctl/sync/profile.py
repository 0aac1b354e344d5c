"""The profile of a destination: the options that it was created with, which may not change."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from auditctl.errors import UsageError
from auditctl.formats import Stable
from auditctl.paths import Template
from auditctl.records.record import Record
from auditctl.sync.delta.path import TablePath
from auditctl.sync.state import State
from auditctl.window import parse_time, to_text

Render = Callable[[Sequence[Record]], bytes]
"""Returns the bytes of records."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Profile:
    """The options that decide what is in a destination; they never change."""

    options: dict[str, Any]
    """As a commit notes them: the option's name without its dashes -> its value."""
    since: str | None = None
    """Where the first run begins, as it was typed."""
    since_time: datetime | None = None
    """The point in time that this means now."""
    stable: Stable | None = None

    @property
    def name(self) -> str:
        """The name of the destination in messages."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class FileProfile(Profile):
    """The profile of files."""

    template: Template
    render: Render
    header: bytes = b""
    """A file begins with it."""

    @property
    def name(self) -> str:
        """The PATH of the files."""
        return self.template.path


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TableProfile(Profile):
    """The profile of one source of a table."""

    table: TablePath
    source: str
    environ: Mapping[str, str]
    """Leads to the store."""

    @property
    def name(self) -> str:
        """The PATH of the table, and the source."""
        return f"{self.table.path}, source {self.source},"


def compare(profile: Profile, state: State) -> None:
    """Check that a run would write what the destination was begun with.

    Raises:
        UsageError: it would write something else.

    """
    begun = state.shape
    if not begun:
        return
    options = profile.options
    for name in {**begun, **options}:
        was, is_ = begun.get(name), options.get(name)
        if was != is_:
            raise UsageError(
                f"{profile.name} was begun with {_said(name, was)}; this run has "
                f"{_said(name, is_)}. Use the same options as before, or give another PATH."
            )
    # A duration is the same as long as it is written the same: each run of a crontab has it.
    if profile.since_time is None or profile.since == state.since:
        return
    first = state.covered or state.window
    begun_at = first and first.since
    # What is covered may begin later: where the provider can have shown something.
    typed = state.since and parse_time(state.since, datetime.now(UTC))
    if profile.since_time != typed and to_text(profile.since_time, exact=True) != begun_at:
        raise UsageError(
            f"{profile.name} was begun with {_said('since', state.since)}; this run has "
            f"{_said('since', profile.since)}. Leave it out, or give another PATH."
        )


def _said(name: str, value: Any) -> str:  # noqa: ANN401 - any JSON value
    if name == "provider":
        return f"the log of {value}"
    if name.isupper():  # a variable
        return f"no {name}" if value is None else f"{name}={value}"
    if value is None or value == []:
        return f"no --{name}"
    if value is True:
        return f"--{name}"
    if value is False:
        return f"--no-{name}"
    values = value if type(value) is list else [value]
    return " ".join(f"--{name} {one}" for one in values)
