"""The command sync: one destination, or those of the configuration."""

import math
from functools import partial
from typing import TYPE_CHECKING, Any

# First: its imports nest deep, and deeper still they would make Python 3.11 map memory at each call
# that crosses a multiple of 16 KiB of its stack, which took a tenth of a short run.
import httpx  # noqa: F401

from auditctl.commands.notices import STAYS, report_interruption, show_progress
from auditctl.commands.selection import chosen, source_of, typed_over
from auditctl.context import Context
from auditctl.errors import FailedError, UsageError, failure
from auditctl.interrupts import InterruptedRunError, interrupts
from auditctl.options import duration
from auditctl.phrases import count
from auditctl.sync.job import Job, job_of
from auditctl.sync.kinds import place_of, prepare
from auditctl.sync.options import SyncOptions, SyncSourcesOptions
from auditctl.sync.run import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditctl.config.sources import Source
    from auditctl.provider import Provider
    from auditctl.sync.jobs import Result


def sync(provider: type["Provider"], options: SyncOptions, context: Context) -> None:
    """Append what is not there yet; with ``--follow``, repeatedly."""
    options.seconds_between()  # a mistake in it is found before anything is done
    source = source_of(options, provider, context)
    options = options if source is None else typed_over(options, source)
    if not options.output:
        raise UsageError("Name the file to append to: -o PATH.")
    named = provider.name if source is None else source.name
    place = place_of(options, provider=provider.name, source=named)
    job = Job(provider, options, place, named, context)
    job.watch = partial(show_progress, context.console, provider.title)
    # A commit that has begun is finished, however long the disk takes.
    job.held = partial(interrupts.held, math.inf)
    prepare([place], context)
    try:
        with job.opened() as run:
            before = run.destination.state.records

            def written() -> str:
                new = count(run.destination.state.records - before, "new record")
                return f"{new} in {place.path}, and the next run continues there"

            with report_interruption(context.console, written):
                job.bring_up_to_date(run)
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

    options.seconds_between()  # said once, not by each source
    if options.shared_folder:
        raise UsageError("--shared-folder goes with --dask: without it all sources run here.")
    wanted = chosen(options, context, "sync -o PATH")
    prepare([source.place for source in wanted], context)
    runs = SourceRunner(options.jobs)

    def one(source: "Source") -> Outcome:
        how = {"pause": runs.sleep, "held": runs.held, "watch": runs.check}
        job = job_of(source, options, context, in_turn=runs.in_turn, **how)
        with job.opened() as run:
            return job.bring_up_to_date(run)

    def tell(source: "Source", error: Exception) -> None:
        context.console.failed(error, f"{source.name}: ")

    results: list[Result[Source, Outcome]] = [Result(source) for source in wanted]
    try:
        with report_interruption(context.console, lambda: STAYS):
            runs.all(one, results, tell)
    except InterruptedRunError:
        if not options.follow:
            raise
    return results


def _result_row(result: "Result[Source, Outcome]") -> dict[str, Any]:
    outcome = result.outcome
    return {
        "source": result.source.name,
        "new records": None if outcome is None else outcome.records,
        "pages": None if outcome is None else outcome.tally.pages,
        "result": "ok" if result.error is None else f"failed ({failure(result.error).status})",
    }
