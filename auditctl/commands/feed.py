"""A log to list, of a provider or of a source of auditctl.toml: its options, client and numbers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from auditctl.batch import Batch, Tally
from auditctl.commands.notices import warn_of_clock, warn_of_events
from auditctl.commands.parameters import ListOptions
from auditctl.connect import connect
from auditctl.context import Context
from auditctl.export import batches
from auditctl.provider import log_of
from auditctl.window import Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditctl.http.client import Client
    from auditctl.provider import Log, Provider
    from auditctl.records.fields import Test


@dataclass(eq=False)
class Feed:
    """One of the logs that a command lists together."""

    provider: type["Provider"]
    options: ListOptions
    tests: "Sequence[Test]" = ()
    source: str = ""
    """The name of the source; empty if the log is a provider's own."""
    tally: Tally = field(default_factory=Tally)
    client: "Client | None" = None
    """Set when the log is read."""
    error: Exception | None = None
    """What ended the reading."""

    @property
    def title(self) -> str:
        """The name in messages."""
        return self.source or self.provider.title

    @property
    def log(self) -> "Log":
        """The log that is read."""
        return log_of(self.provider, self.options.own)

    def connect(
        self,
        context: Context,
        now: datetime,
        on_trouble: Callable[[str], None] = lambda _sentence: None,
    ) -> "tuple[Provider, Client]":
        """Return the provider and a client, as `auditctl.connect` does."""
        ready, self.client = connect(self.provider, self.options, context, now, on_trouble)
        return ready, self.client

    def read(
        self, ready: "Provider", client: "Client", window: Window, asked: Window | None = None
    ) -> Iterator[Batch]:
        """Read the log as `auditctl.export` does; the records have the name of the source."""
        options = self.options
        read = batches(
            ready,
            client,
            window,
            asked=self.log.asked(asked or window, datetime.now(UTC)),
            account=options.account_name(),
            redacted=options.redact,
            verbatim=options.raw,
        )
        return map(self._with_source, map(self.tally.count_page, read))

    def matching(self, batch: Batch) -> Batch:
        """Return the batch with the records that pass the tests."""
        return batch.matching(self.tests)

    def warn(self, context: Context) -> None:
        """Warn of what the reading has found."""
        warn_of_events(self.title, self.tally, context.console)
        words = self.options.clock_words()
        if words and self.client is not None:
            warn_of_clock(self.title, words, self.client.skew, context.console)

    def _with_source(self, batch: Batch) -> Batch:
        # In place: the problems of a batch know their records by identity.
        for record in batch.records if self.source else ():
            fields = {"time": None, "provider": None, "source": self.source, **record}
            record.clear()
            record.update(fields)
        return batch
