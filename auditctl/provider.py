"""The contract that every provider fulfils: facts, settings, and how its log is read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

from auditctl.declared import (
    option,
    origin,
    origins,
    required,
    secret,
    secrets,
    service_account_key,
    setting,
    variables,
)
from auditctl.errors import UsageError
from auditctl.facts import REQUIRED_OF_A_LOG, check_facts
from auditctl.http.auth import Auth, Basic, Bearer, ClientCredentials, KeyHeaders, Secret
from auditctl.log import DEFAULT_OVERLAP, Log, Order
from auditctl.phrases import known_names

if TYPE_CHECKING:  # help texts can do without httpx, orjson and the rest
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import timedelta

    from auditctl.http.answer import Answer
    from auditctl.http.client import Client
    from auditctl.http.errors import Subject
    from auditctl.http.numbered import NumberedPage, read_numbered, read_once
    from auditctl.http.page import Page
    from auditctl.http.parts import read_days, walk_slices
    from auditctl.http.service_account import ServiceAccount
    from auditctl.http.stream import Stream
    from auditctl.records.record import Event, Fields
    from auditctl.window import Window

# What a provider is, and how it declares what it needs; how it asks; what it gives.
__all__ = ["Log", "Order", "Provider", "Secret"]
__all__ += ["option", "origin", "secret", "service_account_key", "setting"]
__all__ += ["Auth", "Basic", "Bearer", "ClientCredentials", "KeyHeaders", "ServiceAccount"]
__all__ += ["Answer", "Client", "NumberedPage", "Stream", "Window"]
__all__ += ["read_days", "read_numbered", "read_once", "walk_slices"]
__all__ += ["Event", "Fields", "Page"]
_LATER = {
    "Page": "http.page",
    "Window": "window",
    "Client": "http.client",
    "Answer": "http.answer",
    "Stream": "http.stream",
    "NumberedPage": "http.numbered",
    "read_numbered": "http.numbered",
    "read_once": "http.numbered",
    "ServiceAccount": "http.service_account",
    "read_days": "http.parts",
    "walk_slices": "http.parts",
    "Event": "records.record",
    "Fields": "records.record",
}
"""Names that help texts do not need, imported when they are first used."""


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"auditctl.{_LATER[name]}"), name)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Provider(ABC):
    """A service with an audit log, or several.

    Each provider is a frozen dataclass in a module of its own: its class attributes are facts about
    the service, its fields are settings. The facts of `Log` belong to the class if it has one log.
    """

    name: ClassVar[str]
    """The subcommand, and the prefix of the variables."""
    title: ClassVar[str]
    """The service's name as its vendor writes it."""
    order: ClassVar[Order]
    permission: ClassVar[str]
    retention: ClassVar[str]
    rate_limit: ClassVar[str]
    docs: ClassVar[str]
    """Where the vendor documents the log."""

    keeps: ClassVar[timedelta | None] = None
    overlap: ClassVar[timedelta] = DEFAULT_OVERLAP
    has_ids: ClassVar[bool] = True
    filters_by_time: ClassVar[bool] = False
    logs: ClassVar[Mapping[str, Log]] = {}
    """By the names that ``--log`` takes; the first is read by default."""
    headers: ClassVar[Mapping[str, str]] = {}
    """Sent with every request."""
    hints: ClassVar[Mapping[int, str]] = {}
    """What to do about a status; messages add it to the vendor's own words."""
    forbids_wrong_credentials: ClassVar[bool] = False
    """403 may also mean that the credentials are wrong."""
    sample: ClassVar[str | None] = None
    """The function that answers requests for ``--demo``, as ``module:function``."""
    one_of: ClassVar[Sequence[tuple[str, ...]]] = ()
    """Groups of optional settings, of which one must be set whole: (("org",), ("enterprise",))."""
    only_one: ClassVar[bool] = False
    """Two groups of ``one_of`` must not be set; else the provider chooses."""

    base_url: str
    log_name: str = ""
    """Which of the logs is read; the first by default."""
    setting_names: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """Where each setting was found, by field, in the user's words: ACME_API_KEY_FILE."""

    def __post_init__(self) -> None:
        """Choose the first log, if none was."""
        if self.log_name not in self.logs:
            object.__setattr__(self, "log_name", next(iter(self.logs)))

    def __init_subclass__(cls) -> None:
        """Check the facts."""
        super().__init_subclass__()
        check_facts(cls)
        if "order" in vars(cls):
            cls.order = Order(cls.order)
        if "logs" not in vars(cls) and all(hasattr(cls, fact) for fact in REQUIRED_OF_A_LOG):
            facts = {name: getattr(cls, name) for name in Log._fields if name != "title"}
            cls.logs = {"": Log(**facts)}

    @property
    def log(self) -> Log:
        """The log that is read."""
        return self.logs[self.log_name]

    @property
    def wording(self) -> Subject:
        """The names of the service and its settings in the messages of `auditctl.http`."""
        from auditctl.http.errors import Subject

        names = self.names()
        must = {*required(type(self)), *chain.from_iterable(self.one_of)} - {"base_url"}
        base_url = names.get("base_url", f"{self.name.upper()}_BASE_URL")
        tokens = {names[field]: getattr(self, field) for field in origins(type(self))}
        values = {field: getattr(self, field) for field in variables(type(self))}
        return Subject(
            title=self.title,
            permission=self.log.permission,
            hints=self.named_hints(),
            base_url=base_url,
            settings={
                names[field]: value.reveal() if isinstance(value, Secret) else value
                for field, value in values.items()
                if field in must and value
            },
            secrets=[value.reveal() for value in values.values() if isinstance(value, Secret)],
            origins={**tokens, base_url: self.base_url},
        )

    def auth(self) -> Auth:
        """Return what proves who asks: the one secret there is, as a bearer token."""
        (secret,) = secrets(type(self))
        return Bearer(getattr(self, secret))

    def pages(self, client: Client, window: Window) -> Iterator[Page]:
        """Walk the log lazily, an answer at a time. A provider has this method or the next one.

        The window may save requests; the pipeline drops what is outside.
        """
        return self.pages_from(client, window, None)

    def pages_from(
        self,
        client: Client,
        window: Window,
        position: Any,  # noqa: ANN401, ARG002 - a text; None too, where there is no `pages`
    ) -> Iterator[Page]:
        """Walk on from the position of an earlier page; None is the start.

        The pipeline drops events that it has had before, so this too only saves requests.
        """
        return self.pages(client, window)

    @abstractmethod
    def normalize(self, event: Mapping[str, Any], context: object) -> Fields:
        """Read an event that is an object; ``context`` is the page's. Pure, and never raises."""

    def true_status(self, answer: Answer) -> int:
        """Return the HTTP status that an answer means, where the vendor sends another."""
        return answer.status

    def is_harmless(self, name: str, parent: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """Return whether a member of an event holds no credential, though its name sounds so.

        It is asked about objects and lists, which are walked then instead of being replaced whole.
        """
        return False

    def lacking(self, client: Client) -> Mapping[str, str]:  # noqa: ARG002
        """Return the permission that the credentials lack for a log, by the log's name.

        Only `check` asks, and only where the service can tell.
        """
        return {}

    def names(self) -> dict[str, str]:
        """Return what messages call each setting: where it was found, else its variables."""
        read = variables(type(self)).items()
        return {
            field: self.setting_names.get(field, " or ".join(names)) for field, (names, _) in read
        }

    def named_hints(self) -> dict[int, str]:
        """Return the hints, with the name of a setting in place of its {field}."""
        hints = dict(self.hints)
        for declared, name in self.names().items():
            hints = {code: text.replace(f"{{{declared}}}", name) for code, text in hints.items()}
        return hints


def log_name_of(provider: type[Provider], options: Mapping[str, Any]) -> str:
    """Return the name of the log that a provider with these options reads: the first by default."""
    return options.get("log_name") or next(iter(provider.logs))


def log_of(provider: type[Provider], options: Mapping[str, Any]) -> Log:
    """Return the log that a provider with these options reads."""
    return provider.logs[log_name_of(provider, options)]


def checked_log(provider: type[Provider], name: str) -> str:
    """Accept the name of one of a provider's logs."""
    if name not in provider.logs:
        hint = known_names(name, provider.logs)
        raise UsageError(f"{provider.title} has no log {name!r}. {hint}")
    return name


def fact_of_logs(provider: type[Provider], fact: str, write: Callable[[Any], str] = str) -> str:
    """Write a fact of a provider's logs: once if it is the same of all, else for each log."""
    facts = {name: write(getattr(log, fact)) for name, log in provider.logs.items()}
    if len(set(facts.values())) == 1:
        return next(iter(facts.values()))
    return "; ".join(f"{name}: {value}" for name, value in facts.items())
