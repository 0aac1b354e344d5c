"""The command sync: one destination, or those of the configuration."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from auditctl import formats, registry
from auditctl.connect import connect
from auditctl.context import Context
from auditctl.errors import FailedError, IntegrityError, UsageError, failure
from auditctl.escape import escape
from auditctl.fields import parse_fields, parse_test
from auditctl.interrupts import InterruptedRunError, interrupts
from auditctl.notices import count, warn_of_clock, warn_of_events
from auditctl.parameters import duration
from auditctl.paths import Template, parse_template
from auditctl.provider import log_of, own_options
from auditctl.sync.destination import open_destination
from auditctl.sync.follow import Outage, follow
from auditctl.sync.options import SourcesOptions, SyncOptions
from auditctl.sync.profile import Profile
from auditctl.sync.report import write_table
from auditctl.sync.run import Outcome, Run
from auditctl.sync.sentences import describe_gap
from auditctl.window import needs_clock, parse_time

if TYPE_CHECKING:
    from auditctl.batch import Tally
    from auditctl.console import Console
    from auditctl.provider import Provider
    from auditctl.sync.config import Source
    from auditctl.sync.jobs import Result

GRAVEST = (1, 9, 8, 4, 6, 2, 3, 5, 7)
"""Exit statuses, gravest first: of several failures the first here is the run's."""


@dataclass(frozen=True)
class Job:
    """One destination, with its provider and options."""

    provider: type["Provider"]
    options: SyncOptions
    template: Template
    context: Context
    prefix: str = ""
    """The start of each message where there are several jobs."""

    @contextmanager
    def opened(
        self,
        *,
        pause: Callable[[float], object] = time.sleep,
        held: Callable[[], AbstractContextManager[None]] = nullcontext,
        watch: Callable[["Tally"], None],
        outage: Outage,
    ) -> Iterator[Run]:
        """Open the destination and a client."""
        options = self.options
        now = datetime.now(UTC)
        # A log whose events appear late needs more than is usual.
        late = log_of(self.provider, options.own).overlap or timedelta()
        overlap = max(duration("--overlap", options.overlap), late)
        wait = duration("--wait", options.wait).total_seconds()
        values = {"provider": registry.installed()}
        tests = [parse_test(text, now, values=values) for text in options.where]
        profile = self._profile(now)
        ready, client = connect(
            self.provider,
            options,
            self.context,
            now,
            # Else a run that gives up in the end says what the trouble was, and that is enough.
            outage.begin if options.follow else lambda _sentence: None,
        )
        try:
            with open_destination(
                profile,
                wait=wait,
                pause=pause,
                held=held,
                external_rotation=options.external_rotation,
                warn=lambda said: self.context.console.warning(f"{self.prefix}{said}"),
            ) as destination:
                yield Run(
                    ready,
                    client,
                    destination,
                    overlap,
                    _first_since(profile, destination.state.since, now),
                    tests=tests,
                    account=options.account,
                    redacted=options.redact,
                    watch=watch,
                )
        finally:
            client.close()

    @property
    def _log_name(self) -> str:
        return self.options.own.get("log_name") or next(iter(self.provider.logs))

    def _profile(self, now: datetime) -> Profile:
        options = self.options
        since = None if options.since is None else parse_time(options.since, now)
        if since is not None and since > now:
            raise UsageError(f"--since {options.since} is in the future: nothing has happened yet.")
        format_ = options.format_name()
        fields = None if options.fields is None else parse_fields(options.fields)
        own = own_options(self.provider)
        begun_with: dict[str, Any] = {
            "provider": self.provider.name,
            "demo": options.demo or None,
            "account": options.account_name(),
            "output": self.template.names,
            "format": format_,
            "fields": fields and ",".join(one.name for one in fields),
            "where": list(options.where),
            "redact": options.redact,
            "csv-guard": options.csv_guard if format_ == "csv" else None,
            **{f.metadata["flag"][2:]: list(options.own.get(f.name, ())) for f in own},
            **({"log": self._log_name} if len(self.provider.logs) > 1 else {}),
        }
        begun = (options.since, since)
        layout = formats.Layout(fields=fields, csv_guard=options.csv_guard)
        rows = formats.make(format_, layout).rows
        return Profile(begun_with, self.template, rows, rows([]), *begun)

    def gaps(self, outcome: Outcome) -> list[str]:
        """Describe the hours that a run could not read any more."""
        path, title = self.template.path, self.provider.title
        return [describe_gap(path, title, gap) for gap in outcome.gaps]

    def conclude(self, outcome: Outcome, skew: timedelta | None) -> None:
        """Report what a run found."""
        console = self.context.console
        title, path, since = self.provider.title, self.template.path, self.options.since
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
        console.info(
            f"{self.prefix}{self.template.path}: {count(outcome.records, 'new record')}, "
            f"{count(outcome.tally.pages, 'page')}."
        )


def sync(
    provider: type["Provider"],
    options: SyncOptions,
    context: Context,
) -> None:
    """Append what is not there yet; with ``--follow``, repeatedly."""
    path = parse_template(options.output, provider=provider.name, source=provider.name)
    job = Job(provider, options, path, context)
    interval = _interval(options.interval)
    watch = partial(_watch, context.console, provider.title)
    outage = Outage(context.console.warning)
    try:
        # A commit that has begun is finished, however long the disk takes.
        with job.opened(held=partial(interrupts.held, math.inf), watch=watch, outage=outage) as run:
            if options.follow:
                follow(partial(_run_once, job, run, set()), interval, outage)
            outcome = run.catch_up()
            job.conclude(outcome, run.client.skew)
            _fail_for_gaps(job, outcome)
    except InterruptedRunError:
        if not options.follow:
            raise


def together(options: SourcesOptions, context: Context) -> None:
    """Do the same for the sources of the configuration, some of them at once.

    Raises:
        FailedError: some failed; why was reported for each.

    """
    from auditctl.sync import config
    from auditctl.sync.jobs import Result, SourceRunner

    interval = _interval(options.interval)
    duration("--wait", options.wait)  # said once, not by each source
    known = config.sources(options.config, context, "sync one log: auditctl PROVIDER sync -o PATH")
    unknown = [name for name in options.sources if name not in known]
    if unknown:
        raise UsageError(
            f"There is no source {unknown[0]!r} in the configuration. There are {', '.join(known)}."
        )
    wanted = [known[name] for name in dict.fromkeys(options.sources)] or list(known.values())
    runs = SourceRunner(options.jobs)

    def one(source: "Source") -> Outcome:
        own_words = replace(
            source.options,
            wait=options.wait,
            quiet=options.quiet,
            verbose=options.verbose,
            log_format=options.log_format,
            follow=options.follow,
        )
        job = Job(source.provider, own_words, source.template, context, f"{source.name}: ")
        outage = Outage(lambda said: context.console.warning(f"{source.name}: {said}"))
        with job.opened(pause=runs.sleep, held=runs.held, watch=runs.check, outage=outage) as run:
            if options.follow:
                once = partial(runs.in_turn, partial(_run_once, job, run, set()))
                follow(once, interval, outage, sleep=runs.sleep)
            outcome = runs.in_turn(run.catch_up)
            job.conclude(outcome, run.client.skew)
            _fail_for_gaps(job, outcome)
            return outcome

    results: list[Result[Source, Outcome]] = [Result(source) for source in wanted]
    try:
        runs.all(one, results, partial(_tell, context))
    except InterruptedRunError:
        if not options.follow:
            raise
    if context.terminal and not options.quiet and not options.follow:
        write_table(
            context,
            [_result_row(result) for result in results],
            verdict="result",
            wrong=[result.error is not None for result in results],
            give_way=("pages", "new records"),
        )
    failures = [failure(result.error).status for result in results if result.error is not None]
    if failures:
        raise FailedError(min(failures, key=GRAVEST.index))


def _first_since(profile: Profile, begun: str | None, now: datetime) -> datetime | None:
    """Return where the first window begins: by --since of this run, else of the first one."""
    if profile.since_time is not None or begun is None:
        return profile.since_time
    return parse_time(begun, now)


def _interval(text: str) -> float:
    seconds = duration("--interval", text).total_seconds()
    if seconds < 1:
        raise UsageError("--interval must be a second or more.")
    return seconds


def _run_once(job: Job, run: Run, warned: set[str]) -> None:
    """Do one of many runs; warn of gaps instead of failing, so that the next run follows.

    ``warned`` are the ids that several events have and a warning was given for: each run reads
    them again until they are older than the overlap.
    """
    run.destination.check()
    outcome = run.catch_up()
    outcome.clashes = [id_ for id_ in outcome.clashes if id_ not in warned]
    warned.update(outcome.clashes)
    job.conclude(outcome, run.client.skew)
    for sentence in job.gaps(outcome):
        job.context.console.warning(f"{job.prefix}{sentence}")


def _fail_for_gaps(job: Job, outcome: Outcome) -> None:
    if outcome.gaps:
        raise IntegrityError(" ".join(job.gaps(outcome)))


def _watch(console: "Console", title: str, tally: "Tally") -> None:
    if console.live:
        back = f", back to {tally.reached[:16]}" if tally.reached else ""
        pages, found = count(tally.pages, "page"), count(tally.records, "new record")
        console.progress(f"{title}: {pages}, {found}{back}")


def _tell(context: Context, source: "Source", error: Exception) -> None:
    """Report how a source failed, as soon as it does."""
    context.console.failed(error, f"{source.name}: ")


def _result_row(result: "Result[Source, Outcome]") -> dict[str, Any]:
    outcome = result.outcome
    return {
        "source": result.source.name,
        "new records": None if outcome is None else outcome.records,
        "pages": None if outcome is None else outcome.tally.pages,
        "result": "ok" if result.error is None else f"failed ({failure(result.error).status})",
    }
