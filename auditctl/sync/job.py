"""One destination to bring up to date, with its provider and options."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from auditctl import registry
from auditctl.commands.notices import count, warn_of_beginning, warn_of_clock, warn_of_events
from auditctl.commands.parameters import duration
from auditctl.connect import connect
from auditctl.context import Context
from auditctl.errors import IntegrityError
from auditctl.escape import escape
from auditctl.provider import log_of
from auditctl.records.fields import parse_test
from auditctl.sync.destination import open_destination
from auditctl.sync.follow import Outage
from auditctl.sync.options import SyncOptions, SyncSourcesOptions
from auditctl.sync.place import Place
from auditctl.sync.profile import Profile
from auditctl.sync.run import Outcome, Run
from auditctl.sync.sentences import describe_gap
from auditctl.sync.shape import of_account, profile_of
from auditctl.window import needs_clock, parse_time

if TYPE_CHECKING:
    from auditctl.batch import Tally
    from auditctl.config.sources import Source
    from auditctl.provider import Provider

    Watch = Callable[[Tally], None]


class Job(NamedTuple):
    """One destination, with its provider and options."""

    provider: type["Provider"]
    options: SyncOptions
    place: Place
    source: str
    context: Context
    prefix: str = ""
    """The start of each message where there are several jobs."""

    @contextmanager
    def opened(
        self,
        *,
        pause: Callable[[float], object] = time.sleep,
        held: Callable[[], AbstractContextManager[None]] = nullcontext,
        watch: "Watch",
        outage: Outage,
    ) -> Iterator[Run]:
        """Open the destination and a client."""
        options = self.options
        now = datetime.now(UTC)
        log = log_of(self.provider, options.own)
        overlap = options.overlap_or(log.overlap)
        values = {"provider": registry.installed()}
        tests = [parse_test(text, now, values=values) for text in options.where]
        base_urls: dict[str, str] = {}
        profile = profile_of(
            self.provider,
            options,
            self.place,
            source=self.source,
            environ=self.context.environ,
            now=now,
            base_urls=base_urls,
        )
        ready, client = connect(
            self.provider,
            options,
            self.context,
            now,
            # Else a run that gives up in the end says what the trouble was, and that is enough.
            outage.begin if options.follow else lambda _sentence: None,
        )
        base_urls[""] = ready.base_url
        try:
            with open_destination(
                of_account(profile, ready),
                wait=self.wait,
                pause=pause,
                held=held,
                external_rotation=options.external_rotation,
                warn=lambda said: self.context.console.warning(f"{self.prefix}{said}"),
            ) as destination:
                since = _first_since(profile, destination.state.since, now)
                if since is None and destination.state.window is None and log.is_cut_short:
                    console, path = self.context.console, f"{self.prefix}{self.place.path}"
                    watch = warn_of_beginning(self.provider.title, path, log.reach, console, watch)
                yield Run(
                    ready,
                    client,
                    destination,
                    overlap,
                    since,
                    tests=tests,
                    account=options.account,
                    redacted=options.redact,
                    watch=watch,
                )
        finally:
            client.close()

    @property
    def wait(self) -> float:
        """Seconds to wait for another run."""
        return duration("--wait", self.options.wait).total_seconds()

    def gaps(self, outcome: Outcome) -> list[str]:
        """Describe the hours that a run could not read any more."""
        path, title = self.place.path, self.provider.title
        return [describe_gap(path, title, gap) for gap in outcome.gaps]

    def fail_for_gaps(self, outcome: Outcome) -> None:
        """End the run as a failure if it found gaps.

        Raises:
            IntegrityError: it did.

        """
        if outcome.gaps:
            raise IntegrityError(" ".join(self.gaps(outcome)))

    def conclude(self, outcome: Outcome, skew: timedelta | None) -> None:
        """Report what a run found."""
        console = self.context.console
        title, path, since = self.provider.title, self.place.path, self.options.since
        warn_of_events(title, outcome.tally, console)
        if outcome.clashes:
            console.warning(
                f"{self.prefix}{count(len(outcome.clashes), 'event')} of {title} came with the id "
                "of a different event in the same answer. An id stands for one event, so only the "
                f"first with each id was written. The first such id: {escape(outcome.clashes[0])}."
            )
        if outcome.first and since is not None and needs_clock(since):
            warn_of_clock(title, f"--since {since}", skew, console, self.prefix)
        if outcome.begins is not None:
            console.warning(
                f"{self.prefix}{path} begins at {outcome.begins:%Y-%m-%d %H:%M} UTC: {title} does "
                f"not keep its log as far back as --since {since}."
            )
        if outcome.records or not self.options.follow:
            console.info(
                f"{self.prefix}{self.place.path}: {count(outcome.records, 'new record')}, "
                f"{count(outcome.tally.pages, 'page')}."
            )


def job_of(source: "Source", options: SyncSourcesOptions, context: Context) -> Job:
    """Return the job of a source of auditctl.toml, with the options that all sources share."""
    own_words = source.options.but(
        wait=options.wait,
        quiet=options.quiet,
        verbose=options.verbose,
        log_format=options.log_format,
        follow=options.follow,
    )
    prefix = f"{source.name}: "
    return Job(source.provider, own_words, source.place, source.name, context, prefix)


def _first_since(profile: Profile, begun: str | None, now: datetime) -> datetime | None:
    """Return where the first window begins: by --since of this run, else of the first one."""
    if profile.since_time is not None or begun is None:
        return profile.since_time
    return parse_time(begun, now)
