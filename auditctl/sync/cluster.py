"""The sources of the configuration as tasks of a Dask cluster, each run by one of its workers."""

import os
import pickle
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import StringIO
from math import inf
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from auditctl.commands.notices import STAYS, report_interruption
from auditctl.commands.selection import chosen
from auditctl.config.location import find
from auditctl.config.sources import Source
from auditctl.console import NARROW, Console
from auditctl.context import Context
from auditctl.errors import AuditctlError, OutputError, UsageError
from auditctl.extras import require
from auditctl.options import duration, is_url
from auditctl.phrases import count
from auditctl.sync.delta.path import TablePath
from auditctl.sync.job import job_of
from auditctl.sync.jobs import Result, StoppedError
from auditctl.sync.options import SyncSourcesOptions
from auditctl.sync.run import Outcome

if TYPE_CHECKING:
    from distributed import Client, Future

    from auditctl.batch import Tally

SCHEMES = ("tcp", "tls", "ws", "wss")
REPORTED = 1.0
"""Seconds between two reports of how far a task has got."""
ANSWERED = 30.0
"""Seconds that a scheduler may take until it has answered."""
WARNED = 60.0
"""Seconds between two warnings that there is no worker."""


@dataclass(frozen=True)
class Ended:
    """The end of a task: its outcome or failure, and the messages that it would have written."""

    outcome: Outcome | None
    error: AuditctlError | None
    messages: Sequence[tuple[str, str, dict[str, Any]]]


@dataclass
class Call:
    """A call of `run_source` that happens where its pickle is loaded.

    So a task consists of what every Python has. Dask lets a worker die, and not only the task fail,
    if auditctl is not installed there; and the scheduler would need it too.
    """

    source: Source
    options: SyncSourcesOptions
    topic: str

    def __reduce__(self) -> tuple[Callable[..., Ended], tuple[Source, SyncSourcesOptions, str]]:
        """Be the call instead of an object."""
        return run_source, (self.source, self.options, self.topic)


class Relay(Console):
    """Keeps messages for the console of whoever waits for the task."""

    def __init__(self, *, verbose: bool) -> None:
        """Begin without messages."""
        super().__init__(verbose=verbose, stream=StringIO())
        self.messages: list[tuple[str, str, dict[str, Any]]] = []

    def info(self, message: str) -> None:
        """Keep a line in any case: whether a person is watching is known elsewhere."""
        self._line("info", message)

    def _line(self, level: str, message: str, **facts: Any) -> None:  # noqa: ANN401
        self.messages.append((level, message, facts))


def on_cluster(
    options: SyncSourcesOptions, context: Context
) -> "Sequence[Result[Source, Outcome]]":
    """Run each source as a task, as many at once as the workers have threads.

    Raises:
        UsageError: the options do not go with a cluster, or a destination does not.
        OutputError: the scheduler cannot be reached.

    """
    address = _checked_address(options)
    require("dask", "--dask")
    # What the sources name is found by the workers, wherever they were started.
    path = os.path.abspath(find(options.config, context.environ, "run auditctl PROVIDER sync"))  # noqa: PTH100
    wanted = chosen(options.but(config=path), context, "sync -o PATH")
    for source in wanted:
        if not is_url(source.place.path) and not options.shared_folder:
            raise UsageError(
                f"{source.name}: the output {source.place.path} is a path, and another worker may "
                "see another folder there. Use the URL of a table, or add --shared-folder if all "
                "workers see the same."
            )
    results: list[Result[Source, Outcome]] = [Result(source) for source in wanted]
    with report_interruption(context.console, lambda: STAYS), _connected(address) as client:
        _run(client, results, options, context.console)
    context.console.clear()
    return results


def _checked_address(options: SyncSourcesOptions) -> str:
    address = options.dask or ""
    try:
        parts = urlsplit(address)
        right = parts.scheme in SCHEMES and parts.hostname and parts.port and "@" not in address
    except ValueError:
        right = False
    if not right:
        raise UsageError("--dask takes the address of a scheduler, such as tcp://scheduler:8786.")
    if options.follow:
        raise UsageError("--follow does not go with --dask: run the command again and again.")
    if "jobs" in options.typed:
        raise UsageError(
            "--jobs does not go with --dask: as many sources run at once as the workers have "
            "threads."
        )
    return address


def _connected(address: str) -> "Client":
    """Connect to a scheduler."""
    import asyncio
    import logging
    import warnings

    from distributed import Client, Security
    from distributed.comm.core import connect

    async def greet() -> None:
        comm = await connect(address, **Security().get_connection_args("client"))
        comm.abort()

    # What goes wrong is said once, and by auditctl.
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other versions, also of what is not used
            # A client alone would wait for ever if something else listens there, such as the
            # scheduler's own dashboard, and a minute more for the end of what has not begun.
            asyncio.run(asyncio.wait_for(greet(), ANSWERED))
            return Client(address, set_as_default=False)
    except Exception as error:  # noqa: BLE001 - Dask documents none
        raise OutputError(
            f"The scheduler {address} cannot be reached ({type(error).__name__}). Check that it "
            "runs, that it is no other server, and Dask's own configuration."
        ) from None


def _run(
    client: "Client",
    results: Sequence[Result[Source, Outcome]],
    options: SyncSourcesOptions,
    console: Console,
) -> None:
    """Run all tasks to their end, and report the failures as they happen."""
    from uuid import uuid4

    from distributed import as_completed

    topic = f"auditctl-{uuid4().hex}"
    progress: dict[str, tuple[int, int]] = {}  # of each source: its pages and its new records
    ended = 0

    def draw() -> None:
        pages, records = map(sum, zip((0, 0), *progress.values(), strict=True))
        console.progress(
            f"{ended} of {count(len(results), 'source')}, {count(pages, 'page')}, "
            f"{count(records, 'new record')}",
            now=True,  # each source reports once a second at most, and the next may not come soon
        )

    def report(event: tuple[float, tuple[str, int, int]]) -> None:
        _, (name, pages, records) = event
        progress[name] = pages, records
        draw()

    if console.draws:
        client.subscribe_topic(topic, report)
    tasks = {
        # A key of its own for each run: Dask knows the results of old ones by theirs.
        client.submit(
            pickle.loads,
            pickle.dumps(Call(result.source, options, topic)),
            key=f"{topic}-{result.source.name}",
        ): result
        for result in results
    }
    draw()
    _await_worker(client, options.wait, console)
    for task in as_completed(tasks, loop=client.loop):
        result = tasks[task]
        end = _end_of(task, result.source.name)
        result.outcome, result.error = end.outcome, end.error
        _say(console, end.messages)
        ended += 1
        draw()


def _await_worker(client: "Client", wait: str, console: Console) -> None:
    """Wait for the first worker, which a cluster may start only when it has tasks.

    Raises:
        OutputError: there is none in the time that ``--wait`` gives, or no scheduler any more.

    """
    left = duration("--wait", wait).total_seconds() or inf
    while not client.scheduler_info()["workers"]:
        if not left:
            raise OutputError("The cluster has no worker. Start one; nothing was done.")
        console.warning("The cluster has no worker yet. The sources wait for one.")
        seconds = min(left, WARNED)
        left -= seconds
        try:
            client.wait_for_workers(1, timeout=seconds)
        except TimeoutError:
            continue
        except OSError:
            raise OutputError(f"The scheduler has ended; {STAYS}.") from None


def _end_of(task: "Future[Ended]", name: str) -> Ended:
    """Return the end of a task, also where the cluster could not run it."""
    if task.status == "finished":
        return task.result()
    error = task.exception() if task.status == "error" else None
    cause = type(error).__name__
    if error is None:
        why = "the scheduler has dropped its task, or cannot be reached any more"
    elif cause == "KilledWorker":
        why = "each worker that ran it died. Read the logs of the workers"
    else:
        why = (
            f"the cluster cannot run it ({cause}). Install the same version of auditctl[dask] here "
            "and for all workers"
        )
    said = f"{why}; {STAYS}."
    return Ended(None, OutputError(said), [("error", f"{name}: {said}", {})])


def _say(console: Console, messages: Sequence[tuple[str, str, dict[str, Any]]]) -> None:
    say: dict[str, Callable[..., None]] = {
        "error": console.error,
        "warning": console.warning,
        "info": console.info,
        "debug": console.detail,
    }
    for level, message, facts in messages:
        say[level](message, **facts)


def run_source(source: Source, options: SyncSourcesOptions, topic: str) -> Ended:
    """Bring one source up to date on a worker, with the secrets and variables that are there.

    It runs in the worker's own process: nothing goes on writing when that is killed.
    """
    from distributed import get_worker

    worker: Any = get_worker()
    key = worker.get_current_task()
    reported = time.monotonic()

    def watch(tally: "Tally") -> None:
        nonlocal reported
        # Dask cannot end a thread: what nobody waits for any more has to look itself.
        if worker.state.tasks[key].state == "cancelled":
            raise StoppedError
        if time.monotonic() - reported >= REPORTED:
            reported = time.monotonic()
            worker.log_event(topic, (source.name, tally.pages, tally.records))

    console = Relay(verbose=options.verbose)
    # The command line's boundary is at the other end: this is where the process is looked at.
    context = Context(os.environ, console, terminal=False, width=NARROW, color=False)
    try:
        if isinstance(source.place, TablePath):
            require("lake", f"The worker {worker.address}")
        job = job_of(source, options, context, watch=watch)
        with job.opened() as run:
            outcome = job.bring_up_to_date(run)
    except Exception as error:  # noqa: BLE001 - reported with the others
        return Ended(None, console.failed(error, f"{source.name}: "), console.messages)
    return Ended(outcome, None, console.messages)
