"""A log to list, of a provider or of a source of auditctl.toml: its options, client and numbers."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from auditctl.batch import Batch, Tally
from auditctl.commands.notices import warn_of_clock, warn_of_events
from auditctl.connect import connect
from auditctl.context import Context
from auditctl.export import batches
from auditctl.options import ListOptions
from auditctl.provider import log_of
from auditctl.window import Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditctl.http.client import Client
    from auditctl.provider import Log, Provider
    from auditctl.records.fields import Test


class Feed:
    """One of the logs that a command lists together."""

    def __init__(
        self,
        provider: type["Provider"],
        options: ListOptions,
        tests: "Sequence[Test]" = (),
        source: str = "",
    ) -> None:
        """List the log of a provider; ``source`` is the name of its source, if it has one."""
        self.provider = provider
        self.options = options
        self.tests = tests
        self.source = source
        self.tally = Tally()
        self.client: Client | None = None
        """Set when the log is read."""
        self.error: Exception | None = None
        """What ended the reading."""

    @property
    def title(self) -> str:
        """The name in messages."""
        return self.source or self.provider.title

    @property
    def log(self) -> "Log":
        """The log that is read."""
        return log_of(self.provider, self.options.own)

    @contextmanager
    def connected(
        self,
        context: Context,
        now: datetime,
        base_urls: dict[str, str],
        on_trouble: Callable[[str], None] = lambda _sentence: None,
    ) -> "Iterator[tuple[Provider, Client]]":
        """Provide the provider and a client, and note the base URL of the source."""
        order = self.log.order.of(Window(None, None))
        if self.options.limit is not None and order.is_newest_first:
            # What is fetched ahead may be what the limit makes superfluous.
            self.options = self.options.but(concurrency=1)
        ready, self.client = connect(self.provider, self.options, context, now, on_trouble)
        base_urls[self.source] = ready.base_url
        with closing(self.client):
            yield ready, self.client

    def read(
        self,
        ready: "Provider",
        client: "Client",
        window: Window,
        now: datetime,
        asked: Window | None = None,
    ) -> Iterator[Batch]:
        """Read the log as `auditctl.export` does; the records have the name of the source."""
        options = self.options
        read = batches(
            ready,
            client,
            window,
            asked=self.log.asked(asked or window, now),
            account=options.account_name(),
            redacted=options.redact,
            verbatim=options.raw,
        )
        counted = map(self.tally.count_page, read)
        return map(self._with_source, counted) if self.source else counted

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
        for record in batch.records:
            fields = {"time": None, "provider": None, "source": self.source, **record}
            record.clear()
            record.update(fields)
        return batch
