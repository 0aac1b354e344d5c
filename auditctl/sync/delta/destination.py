"""A source of a Delta table as a destination: a transaction carries the rows and the progress."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from deltalake import (
    ColumnProperties,
    CommitProperties,
    Transaction,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError

from auditctl import __version__
from auditctl.errors import LockedError
from auditctl.records import arrow
from auditctl.records.record import Record
from auditctl.sync.delta import log, rows
from auditctl.sync.delta.log import Line, encode
from auditctl.sync.delta.store import Store, cannot_write, is_of_library
from auditctl.sync.destination import Known
from auditctl.sync.profile import TableProfile, compare
from auditctl.sync.state import IDLE_EVERY, Progress, Span
from auditctl.window import BEGINNING, before, now_text

MAX_RECORDS = 10_000
MAX_RAW = 32 * 1024 * 1024
"""Bytes of ``raw`` that a commit may have, since it is held in memory until then."""
MAX_SECONDS = 30.0
"""Of reading between two commits: each makes a file or more, and readers have to open all."""
MAX_COMMITS_PER_LOAD = 100
"""The library's table grows with each commit; loaded anew it is small again."""
ATTEMPTS = 50
"""Of a commit that others come before: each attempt fails only because one of theirs succeeded."""
MAX_RETRIES = 100
"""The library's own, for commits of others that do not conflict."""
RAW = rows.COLUMNS.index("raw")
MARGIN = timedelta(seconds=1)
"""The log's statistics of a file are cut to milliseconds, and may leave out its last rows."""
WRITING = WriterProperties(
    compression="ZSTD",
    # Not of each page: 10,000 rows of a column are mostly one.
    default_column_properties=ColumnProperties(statistics_enabled="CHUNK"),
    column_properties={
        # Their values are all different.
        "time": ColumnProperties(dictionary_enabled=False),
        "id": ColumnProperties(dictionary_enabled=False),
        "raw": ColumnProperties(dictionary_enabled=False, statistics_enabled="NONE"),
    },
)


class TableDestination:
    """One source of a table, as a run holds it; see `Destination`.

    Nobody is locked out. The library refuses a commit if another one of the same source came after
    the version that this one was made for. So the table is loaded only where the state is compared
    with the one that the run began with.
    """

    def __init__(
        self,
        profile: TableProfile,
        store: Store,
        held: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """Begin with the state of the source's last commit."""
        self.profile = profile
        self._store = store
        self._held = held
        self.discard()
        self._commits = 0
        self.state = self._last()

    def _last(self) -> Line:
        """Return the source's last commit, as of the version that is loaded."""
        return log.last_line(self._store, self.profile.source) or Line()

    @property
    def pending(self) -> int:
        """The number of records that wait for the next commit."""
        return len(self._columns[0])

    def is_due(self, seconds: float) -> bool:
        """Return whether a commit is large enough, or its reading has taken long enough."""
        pending = self.pending
        if not pending:
            return seconds >= IDLE_EVERY.total_seconds()
        return pending >= MAX_RECORDS or self._raw >= MAX_RAW or seconds >= MAX_SECONDS

    def known_since(self, time: datetime, kept_from: Callable[[], str]) -> Known:  # noqa: ARG002
        """Read the ids of rows dated from ``time`` on; the others when an undated event comes."""
        dated = "date IS NOT NULL"
        if time != BEGINNING:
            begin = before(time, MARGIN)
            # As it is in the table: a text alone would be read in nanoseconds, from 1677 on.
            moment = f"arrow_cast('{begin.isoformat()}', 'Timestamp(Microsecond, Some(\"UTC\"))')"
            dated = f"date >= '{begin.date().isoformat()}' AND time >= {moment}"
        undated = cache(lambda: self._ids("date IS NULL"))
        return Known(
            self._ids(dated), lambda record: record["time"] is None and record["id"] in undated()
        )

    def _ids(self, test: str) -> set[str]:
        """Read the ids of the source's rows that pass a test."""
        provider, source = self.profile.options["provider"], self.profile.source
        own = f"provider = {_quoted(provider)} AND source = {_quoted(source)}"
        batches = self._store.batches(["id"], f"{own} AND {test}")
        # Through bytes, so that what is not UTF-8 becomes null: only somebody else can have written
        # it, `verify` finds it, and here the library would panic.
        columns = (batch.column("id").cast(arrow.BYTES).cast(arrow.TEXT) for batch in batches)
        return {id_ for column in columns for id_ in column.to_pylist()}

    def discard(self) -> None:
        """Drop what was added and not committed."""
        self._columns: list[list[Any]] = [[] for _ in rows.COLUMNS]
        self._digests: list[int] = []
        self._raw = 0
        self._newest = ""

    def add(self, records: list[Record]) -> None:
        """Take records for the next commit."""
        if not records:
            return
        columns = rows.columns(records, self.profile.source)
        for pending, more in zip(self._columns, columns, strict=True):
            pending.extend(more)
        self._digests += rows.digests(columns)
        self._raw += sum(map(len, map(str.encode, columns[RAW])))
        # Without the Z, or a coarse time would be later than a finer one that it begins.
        times = [record["time"][:-1] for record in records if record["time"] is not None]
        self._newest = max([*times, self._newest])

    def commit(self, progress: Progress) -> None:
        """Write what was added and the progress, in one transaction; see `Destination`."""
        with self._held():
            state = self.state
            is_news = self.pending or state.is_changed_by(progress)
            if is_news or not state.is_fresh(datetime.now(UTC)):
                self._append(progress)
                self.discard()

    def acknowledge(self) -> None:
        """Note that gaps are known, so that they are no failure any more."""
        state = self.state
        if state.gaps and state.window:
            with self._held():
                progress = Progress(state.window, state.covered, state.success, ())
                self._append(progress, waived=state.gaps)

    def check(self) -> None:
        """Load the newest version, in which other runs may have gone on."""
        self._store.load()
        self.state = self._last()

    def finish(self) -> None:
        """Do nothing: a run leaves nothing behind."""

    def _append(self, progress: Progress, *, waived: tuple[Span, ...] = ()) -> None:
        """Commit what was added with a line."""
        state, success = self.state, progress.success
        begins = state.line < 0
        latest = max(self._newest, (state.latest or "")[:-1])
        line = Line(
            line=state.line + 1,
            prev=state.head,
            # The same moment: so the line tells whether it is itself that of a success.
            at=success if success and success != state.success else now_text(),
            version=__version__,
            source=self.profile.source,
            shape=self.profile.options if begins else state.shape,
            since=self.profile.since if begins else state.since,
            **progress._asdict(),
            waived=waived or state.waived,
            added=self.pending,
            records=state.records + self.pending,
            digest=rows.add(state.digest, self._digests),
            latest=f"{latest}Z" if latest else None,
        )
        text = encode(line)
        self._move_up()
        self._write(text, line)
        self.state = line

    def _move_up(self) -> None:
        """Go on to the newest version, so that the commit will be found next to it.

        Raises:
            LockedError: another run has committed to the same source.

        """
        self._store.load(anew=self._commits % MAX_COMMITS_PER_LOAD == 0)
        self._commits += 1
        # To find a source's last commit the library reads all since the last checkpoint, in as many
        # threads. The newest is mostly the one.
        last = log.newest_line(self._store, self.profile.source) or self._last()
        if last.head != self.state.head:
            raise self._lost()

    def _write(self, text: str, line: Line) -> None:
        """Write the rows and the line; if that seems to fail, look whether it was done."""
        for _ in range(ATTEMPTS):
            try:
                self._write_once(text, begins=line.line == 0)
            except BaseException as error:
                if not is_of_library(error):
                    raise
                failed = error
            else:
                return
            self._store.load()
            there = self._last().head
            if there == line.head:  # only the answer was lost
                return
            if there != self.state.head:
                raise self._lost()
            if not isinstance(failed, CommitFailedError):
                break
        raise cannot_write(self._store.path, failed)

    def _write_once(self, text: str, *, begins: bool) -> None:
        store = self._store
        app_ids = [log.of_source(self.profile.source)]
        if begins:
            app_ids.append(log.of_slot(log.free_slot(store)))
        write_deltalake(
            store.table,
            arrow.batch(rows.SCHEMA, self._columns),
            mode="append",
            writer_properties=WRITING,
            commit_properties=CommitProperties(
                custom_metadata={log.KEY: text},
                max_commit_retries=MAX_RETRIES,
                app_transactions=[Transaction(app_id, store.version) for app_id in app_ids],
            ),
        )

    def _lost(self) -> LockedError:
        return LockedError(
            f"Another run has committed to {self.profile.name} while this one was reading. Nothing "
            "of this commit was written; let the other run go on, or wait for it with --wait."
        )


@contextmanager
def open_table(
    profile: TableProfile,
    held: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Iterator[TableDestination]:
    """Open a source of a table; see `open_destination`."""
    store = Store(profile.table, profile.environ)
    store.load_or_create()
    destination = TableDestination(profile, store, held)
    compare(profile, destination.state)
    yield destination


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
