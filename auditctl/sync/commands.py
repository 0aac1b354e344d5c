"""The command sync: one destination, or those of the configuration."""

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from auditctl.commands.notices import STAYS, count, report_interruption, show_progress
from auditctl.commands.parameters import duration
from auditctl.commands.selection import chosen, source_of, typed_over
from auditctl.context import Context
from auditctl.errors import FailedError, UsageError, failure
from auditctl.interrupts import InterruptedRunError, interrupts
from auditctl.sync.follow import Outage, follow
from auditctl.sync.job import Job, job_of
from auditctl.sync.options import SyncOptions, SyncSourcesOptions
from auditctl.sync.place import place_of, prepare
from auditctl.sync.rival import catch_up
from auditctl.sync.run import Outcome, Run

if TYPE_CHECKING:
    from auditctl.config.sources import Source
    from auditctl.provider import Provider
    from auditctl.sync.jobs import Result


def sync(
    provider: type["Provider"],
    options: SyncOptions,
    context: Context,
) -> None:
    """Append what is not there yet; with ``--follow``, repeatedly."""
    interval = options.seconds_between()
    source = source_of(options, provider, context)
    options = options if source is None else typed_over(options, source)
    if not options.output:
        raise UsageError("Name the file to append to: -o PATH.")
    named = provider.name if source is None else source.name
    place = place_of(options, provider=provider.name, source=named)
    job = Job(provider, options, place, named, context)
    watch = partial(show_progress, context.console, provider.title)
    outage = Outage(context.console.warning)
    prepare([place], context.console)
    try:
        # A commit that has begun is finished, however long the disk takes.
        with job.opened(held=partial(interrupts.held, math.inf), watch=watch, outage=outage) as run:
            before = run.destination.state.records

            def written() -> str:
                new = count(run.destination.state.records - before, "new record")
                return f"{new} in {place.path}, and the next run continues there"

            with report_interruption(context.console, written):
                if options.follow:
                    follow(partial(_run_once, job, run, set()), interval, outage)
                outcome = catch_up(run, job.wait, time.sleep)
                job.conclude(outcome, run.client.skew)
                job.fail_for_gaps(outcome)
    except InterruptedRunError:
        if not options.follow:
            raise


def together(options: SyncSourcesOptions, context: Context) -> None:
    """Do the same for the sources of the configuration, some of them at once.

    Raises:
        FailedError: some failed; why was reported for each.

    """
    duration("--wait", options.wait)  # said once, not by each source
    if options.dask is None:
        results = _in_threads(options, context)
    else:
        from auditctl.sync.cluster import on_cluster

        results = on_cluster(options, context)
    if context.terminal and not options.quiet and not options.follow:
        from auditctl.sync.report import write_table

        write_table(
            context,
            [_result_row(result) for result in results],
            verdict="result",
            wrong=[result.error is not None for result in results],
            give_way=("pages", "new records"),
        )
    failures = [failure(result.error) for result in results if result.error is not None]
    if failures:
        raise FailedError(failures)


def _in_threads(
    options: SyncSourcesOptions, context: Context
) -> "Sequence[Result[Source, Outcome]]":
    """Run each source in a thread of this process."""
    from auditctl.sync.jobs import Result, SourceRunner

    interval = options.seconds_between()
    if options.shared_folder:
        raise UsageError("--shared-folder goes with --dask: without it all sources run here.")
    wanted = chosen(options, context, "sync -o PATH")
    prepare([source.place for source in wanted], context.console)
    runs = SourceRunner(options.jobs)

    def one(source: "Source") -> Outcome:
        job = job_of(source, options, context)
        outage = Outage(lambda said: context.console.warning(f"{source.name}: {said}"))
        with job.opened(pause=runs.sleep, held=runs.held, watch=runs.check, outage=outage) as run:
            if options.follow:
                once = partial(runs.in_turn, partial(_run_once, job, run, set(), runs.sleep))
                follow(once, interval, outage, sleep=runs.sleep)
            outcome = runs.in_turn(partial(catch_up, run, job.wait, runs.sleep))
            job.conclude(outcome, run.client.skew)
            job.fail_for_gaps(outcome)
            return outcome

    results: list[Result[Source, Outcome]] = [Result(source) for source in wanted]
    try:
        with report_interruption(context.console, lambda: STAYS):
            runs.all(one, results, partial(_tell, context))
    except InterruptedRunError:
        if not options.follow:
            raise
    return results


def _run_once(
    job: Job, run: Run, warned: set[str], pause: Callable[[float], object] = time.sleep
) -> None:
    """Do one of many runs; warn of gaps instead of failing, so that the next run follows.

    ``warned`` are the ids that several events have and a warning was given for: each run reads
    them again until they are older than the overlap.
    """
    run.destination.check()
    outcome = catch_up(run, job.wait, pause)
    outcome.clashes = [id_ for id_ in outcome.clashes if id_ not in warned]
    warned.update(outcome.clashes)
    job.conclude(outcome, run.client.skew)
    for sentence in job.gaps(outcome):
        job.context.console.warning(f"{job.prefix}{sentence}")


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
