"""One destination to bring up to date, with its provider and options."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from auditctl import registry
from auditctl.commands.notices import warn_of_beginning, warn_of_clock, warn_of_events
from auditctl.connect import connect
from auditctl.context import Context
from auditctl.errors import IntegrityError, LockedError
from auditctl.escape import escape
from auditctl.options import duration
from auditctl.phrases import count
from auditctl.provider import log_of
from auditctl.records.fields import parse_test
from auditctl.sync.destination import Destination, Opening
from auditctl.sync.kinds import Place, open_destination
from auditctl.sync.options import SyncOptions, SyncSourcesOptions
from auditctl.sync.profile import of_account, profile_of
from auditctl.sync.run import Outcome, Run
from auditctl.window import needs_clock, parse_time

if TYPE_CHECKING:
    from auditctl.batch import Tally
    from auditctl.config.sources import Source
    from auditctl.provider import Provider
    from auditctl.sync.follow import Outage

    Watch = Callable[[Tally], None]

Pause = Callable[[float], object]


@dataclass(eq=False, repr=False)
class Job:
    """One destination, with its provider and options."""

    provider: type["Provider"]
    options: SyncOptions
    place: Place
    source: str
    context: Context
    prefix: str = ""
    """The start of each message where there are several jobs."""
    watch: "Watch" = lambda _tally: None
    """See `Run`."""
    pause: Pause = time.sleep
    held: Callable[[], AbstractContextManager[None]] = nullcontext
    """See `Opening` for this and ``pause``."""
    in_turn: Callable[[Callable[[], Outcome]], Outcome] = lambda once: once()
    """Runs when there is room, where there are several jobs."""
    _warned: set[str] = field(default_factory=set)
    """Ids of several events that a warning named: with --follow they are read again and again."""

    @contextmanager
    def opened(self) -> Iterator[Run]:
        """Open the destination and a client."""
        options, watch = self.options, self.watch
        now = datetime.now(UTC)
        log = log_of(self.provider, options.own)
        overlap = log.overlap
        if options.overlap is not None:
            overlap = duration("--overlap", options.overlap)
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
            self._outage.begin if options.follow else lambda _sentence: None,
        )
        base_urls[""] = ready.base_url
        try:
            rotation = options.external_rotation
            opening = Opening(self._wait, self.pause, self.held, rotation, self._warn)
            with open_destination(of_account(profile, ready), opening) as destination:
                since = profile.since_time
                begun = destination.state.since
                if since is None and begun is not None:
                    since = parse_time(begun, now)
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

    def bring_up_to_date(self, run: Run) -> Outcome:
        """Do a run, or with ``--follow`` one after another, and report what it found.

        Raises:
            IntegrityError: events were lost before a run asked for them.

        """
        if self.options.follow:
            from auditctl.sync.follow import follow

            once = partial(self.in_turn, partial(self._follow_once, run))
            follow(once, self.options.seconds_between(), self._outage, sleep=self.pause)
        outcome = self.in_turn(partial(self._catch_up, run))
        if outcome.gaps:
            raise IntegrityError(" ".join(self._gaps(outcome)))
        return outcome

    def _follow_once(self, run: Run) -> Outcome:
        """Do one of many runs; warn of gaps instead of failing, so that the next run follows."""
        run.destination.check()
        outcome = self._catch_up(run)
        for sentence in self._gaps(outcome):
            self._warn(sentence)
        return outcome

    def _catch_up(self, run: Run) -> Outcome:
        outcome = catch_up(run, self._wait, self.pause, self._warn_of_events)
        self._report(outcome, run)
        return outcome

    @cached_property
    def _outage(self) -> "Outage":
        from auditctl.sync.follow import Outage

        return Outage(self._warn)

    @property
    def _wait(self) -> float:
        """Seconds to wait for another run."""
        return duration("--wait", self.options.wait).total_seconds()

    def _warn(self, sentence: str) -> None:
        self.context.console.warning(f"{self.prefix}{sentence}")

    def _gaps(self, outcome: Outcome) -> list[str]:
        """Describe the hours that a run could not read any more."""
        if not outcome.gaps:
            return []
        from auditctl.sync.status import describe_gap

        path, title = self.place.path, self.provider.title
        return [describe_gap(path, title, gap) for gap in outcome.gaps]

    def _warn_of_events(self, outcome: Outcome) -> None:
        """Warn of events that a run has read, though it failed: no later run reads them again."""
        title = self.provider.title
        warn_of_events(title, outcome.tally, self.context.console)
        clashes = [id_ for id_ in outcome.clashes if id_ not in self._warned]
        self._warned.update(clashes)
        if clashes:
            self._warn(
                f"{count(len(clashes), 'event')} of {title} came with the id "
                "of a different event in the same answer. An id stands for one event, so only the "
                f"first with each id was written. The first such id: {escape(clashes[0])}."
            )

    def _report(self, outcome: Outcome, run: Run) -> None:
        """Report what a run found that came to its end."""
        console = self.context.console
        title, path, since = self.provider.title, self.place.path, self.options.since
        if outcome.first and since is not None and needs_clock(since):
            warn_of_clock(title, f"--since {since}", run.client.skew, console, self.prefix)
        if outcome.begins is not None:
            self._warn(
                f"{path} begins at {outcome.begins:%Y-%m-%d %H:%M} UTC: {title} does "
                f"not keep its log as far back as --since {since}."
            )
        if outcome.records or not self.options.follow:
            console.info(
                f"{self.prefix}{path}: {count(outcome.records, 'new record')}, "
                f"{count(outcome.tally.pages, 'page')}."
            )


def job_of(
    source: "Source",
    options: SyncSourcesOptions,
    context: Context,
    **how: Any,  # noqa: ANN401 - fields of `Job`
) -> Job:
    """Return the job of a source of auditctl.toml, with the options that all sources share."""
    shared = source.options.but(
        wait=options.wait,
        quiet=options.quiet,
        verbose=options.verbose,
        log_format=options.log_format,
        follow=options.follow,
        interval=options.interval,
    )
    name = source.name
    return Job(source.provider, shared, source.place, name, context, f"{name}: ", **how)


POLL_SECONDS = 1.0
"""Between two looks at what the other run does."""
SILENT_SECONDS = 45.0
"""A run that has not committed for so long was killed: it commits every 30 seconds."""


def catch_up(
    run: Run,
    wait: float,
    pause: Callable[[float], object],
    tell: Callable[[Outcome], object] = lambda _outcome: None,
    clock: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Do a run; begin it again for up to ``wait`` seconds, each time when the other run has ended.

    ``tell`` is called with the outcome of each, whether it fails or not.

    Raises:
        LockedError: another run has committed again after that time.

    """
    until = clock() + wait
    while True:
        outcome = Outcome()
        try:
            run.catch_up(outcome)
        except LockedError:
            if clock() >= until:
                raise
        else:
            return outcome
        finally:
            tell(outcome)
        _await_end(run.destination, until, pause, clock)


def _await_end(
    destination: Destination,
    until: float,
    pause: Callable[[float], object],
    clock: Callable[[], float],
) -> None:
    """Wait until the other run has read its window to the end, or does not go on."""
    head, moved = "", 0.0
    while True:
        destination.check()
        state = destination.state
        if state.head != head:
            head, moved = state.head, clock()
        ended = state.window is None or state.window.done or clock() - moved >= SILENT_SECONDS
        if ended or clock() >= until:
            return
        pause(POLL_SECONDS)
