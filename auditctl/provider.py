"""The contract that every provider fulfils: facts, settings, and how its log is read.

A provider is one frozen dataclass in one file. Its class attributes are facts about the service,
its fields are settings, and it has three short methods: `credentials` says how a request proves
who asks, `pages` walks the log, `normalize` reads one event. Everything else (patience, one
origin, redaction, the window, the record's form) is attached around it and cannot be forgotten.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import Field, dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from auditctl.errors import AnswerError

if TYPE_CHECKING:  # help texts can do without httpx, orjson and the rest
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import timedelta

    from auditctl.http.answer import Answer
    from auditctl.http.client import Client
    from auditctl.record import Event, Fields
    from auditctl.window import Window

MOST_EVENTS = 100_000
"""Events of a page; one of 64 KB, which is what is read of a stream at once, can hold 64,000."""

Order = Literal["newest first", "newest day first", "none documented"]


class Secret:
    """A value that shows itself only when asked."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Hold ``value``."""
        self._value = value

    def reveal(self) -> str:
        """Give the value itself."""
        return self._value

    def __repr__(self) -> str:
        """Show nothing."""
        return "Secret([REDACTED])"


def setting(default: str | None = None) -> Any:  # noqa: ANN401 - a field of any type
    """Declare a field that is read from ``<NAME>_<FIELD>``; without a default it is required."""
    return field(metadata={"variables": (), "default": default, "secret": False})


def secret(*also: str) -> Any:  # noqa: ANN401
    """Declare a `Secret` that is read from ``<NAME>_<FIELD>``, else from a variable in ``also``."""
    return field(metadata={"variables": also, "default": None, "secret": True})


def option(flag: str, metavar: str, help: str) -> Any:  # noqa: A002, ANN401 - the CLI's word
    """Declare a field filled by a repeatable option of ``list``: a tuple of texts."""
    return field(default=(), metadata={"flag": flag, "metavar": metavar, "help": help})


@dataclass(frozen=True, slots=True)
class Page:
    """The events of one answer, and what else the answer said that reading them needs.

    ``answers`` are those that the events stand in; with them, numbers that a float cannot hold
    are written as they came. ``day`` is the one that was asked for (2026-01-31), where one was:
    events that tell neither id nor time get their ids by it. ``position`` is where the page was
    read, for those whose walk can be taken up again there (see `Provider.pages_from`).
    ``continues`` is set where it is the rest of an answer of which a part was given before, and
    ``partial`` where the rest of the list stands on pages in no known order: `check` asks for none.
    ``complete`` is unset where a day has further pages. ``unconfirmed`` is set where an answer has
    no list of events and does not say that there are none: it is taken for empty, and counted.
    """

    events: list[Event]
    context: Any = None
    answers: Sequence[Answer] = ()
    day: str | None = None
    position: str | None = None
    continues: bool = False
    complete: bool = True
    unconfirmed: bool = False
    partial: bool = False

    def __post_init__(self) -> None:
        """Make sure that the page can be held in memory, with all that is made of its events.

        Raises:
            AnswerError: it has far more events than any page; a few bytes may hold very many.

        """
        if len(self.events) > MOST_EVENTS:
            message = (
                f"A page has {len(self.events):,} events, more than the {MOST_EVENTS:,} that are "
                "read at once. Check that the base URL is the API's address."
            )
            raise AnswerError(message)


@dataclass(frozen=True, kw_only=True)
class Provider(ABC):
    """One service whose audit log can be read."""

    name: ClassVar[str]
    """The subcommand, and the prefix of the variables."""
    title: ClassVar[str]
    """The service's name as its vendor writes it."""
    order: ClassVar[Order]
    """What the vendor documents; "newest first" lets reading stop where the window begins."""
    has_ids: ClassVar[bool] = True
    """Events carry an id of the provider's."""
    tells_strangers_apart: ClassVar[bool] = True
    """401 means wrong credentials and 403 that they do not suffice; else 403 may mean either."""
    headers: ClassVar[Mapping[str, str]] = {}
    """Sent with every request."""
    permission: ClassVar[str]
    """What the credentials must be allowed, and of which kind they must be."""
    retention: ClassVar[str]
    rate_limit: ClassVar[str]
    docs: ClassVar[str]
    """Where the vendor documents the log."""
    keeps: ClassVar[timedelta | None] = None
    """How long an event can be had; None if for good, or if nobody says."""
    hints: ClassVar[Mapping[int, str]] = {}
    """What to do about a status, said behind the vendor's own words."""

    base_url: str
    setting_names: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """Where each setting was found, by field, in the user's words: ACME_API_KEY_FILE."""

    @abstractmethod
    def credentials(self) -> Mapping[str, str]:
        """Give the headers that prove who asks."""

    @abstractmethod
    def pages(self, client: Client, window: Window) -> Iterator[Page]:
        """Walk the log lazily, an answer at a time.

        The window serves thrift only: what lies outside it is dropped by the pipeline.
        """

    def pages_from(self, client: Client, window: Window, position: str) -> Iterator[Page]:  # noqa: ARG002
        """Walk on from a page that an earlier walk had got to; if there is no way, from the start.

        What was delivered before is known by its id and dropped, so this too serves thrift only.
        """
        return self.pages(client, window)

    @abstractmethod
    def normalize(self, event: Mapping[str, Any], context: object) -> Fields:
        """Read an event that is an object; ``context`` is the page's. Pure, and never raises."""

    def status(self, status: int, answer: object) -> int:  # noqa: ARG002 - for those who need it
        """Give the answer's true HTTP status, where a vendor hides it in the body."""
        return status

    def names(self) -> dict[str, str]:
        """Return what messages call each setting: where it was found, else its variables."""
        read = variables(type(self)).items()
        return {
            field: self.setting_names.get(field, " or ".join(names)) for field, (names, _) in read
        }

    def named_hints(self) -> dict[int, str]:
        """Return the hints, with the name of a setting in place of its {field}."""
        hints = dict(self.hints)
        for setting, name in self.names().items():
            hints = {code: text.replace(f"{{{setting}}}", name) for code, text in hints.items()}
        return hints


def basic(user: str, password: str) -> dict[str, str]:
    """Give the header of HTTP Basic authentication (RFC 7617, in UTF-8).

    Raises:
        ValueError: the user name cannot be told from the password.

    """
    import base64

    if ":" in user:
        # It would end the user name and begin the password.
        message = "a colon in the user name"
        raise ValueError(message)
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}"}


def variables(provider: type[Provider]) -> dict[str, tuple[tuple[str, ...], str | None]]:
    """Give what a provider reads: field -> (the variables that may hold it, its default)."""
    return {
        field.name: (
            (f"{provider.name}_{field.name}".upper(), *field.metadata["variables"]),
            field.metadata["default"],
        )
        for field in fields(provider)
        if "variables" in field.metadata
    }


def required(provider: type[Provider]) -> dict[str, str]:
    """Give what must be set: field -> its variable, or several of which one will do."""
    read = variables(provider).items()
    return {field: " or ".join(names) for field, (names, default) in read if default is None}


def is_name(value: str) -> bool:
    """Say whether a value may be put into a path: there is something, and it leads nowhere else."""
    return value.strip(".") != "" and value.isprintable()


def own_options(provider: type[Provider]) -> list[Field[Any]]:
    """Give the fields of a provider that are options of its own."""
    return [field for field in fields(provider) if "flag" in field.metadata]
