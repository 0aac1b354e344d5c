"""A table in its store: opened, created, its log and its rows read; failures become sentences."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from arro3.core import RecordBatch
from deltalake import DeltaTable, Schema
from deltalake.exceptions import DeltaError, TableNotFoundError

from auditctl.errors import AuditctlError, IntegrityError, OutputError
from auditctl.escape import escape
from auditctl.options import is_url
from auditctl.sync.delta.path import LOG, TablePath, entries_in
from auditctl.sync.delta.rows import PARTITIONS, SCHEMA

NAME = "auditctl"
"""The name of a table that auditctl has created."""
CONFIGURATION = {
    # A hundred years: the commits of a source are its journal.
    "delta.logRetentionDuration": "interval 36500 days",
    # Else the log would repeat the smallest and the largest value of each column, raw among them.
    "delta.dataSkippingStatsColumns": "time,source",
}
CREATIONS = 5
"""Attempts to create a table, which others may create at the same moment."""

_UNREACHABLE = re.compile(
    r"HTTP error|panicked|error sending request|retries|timed out|non-2xx|Permission denied|"
    r"Input/output error|Too many open files|Stale file handle|"
    r"Generic (?:S3|GCS|MicrosoftAzure) error"
)
"""Words of a store that cannot be read: what it holds may be sound all the same."""
_NO_BUCKET = re.compile(r"NoSuchBucket|ContainerNotFound")
_MISSING = re.compile(r"not found|No such file|NotFound|range is not satisfiable")
_UNUSABLE = re.compile(
    r"Operation not supported|service account file|failed to parse \".*\" as |"
    r"Generic (?:Config|HTTP client) error|\"TOKIO_WORKER_THREADS\""
)
"""Words of the library where it can use no credentials, or cannot read a variable."""
_ORNAMENT = re.compile(r"\x1b\[[0-9;]*m|↳|\n +0: (?s:.*)")
"""Colours, arrows, and the stack that follows if ``RUST_BACKTRACE`` is set."""
_CONSTRAINT = re.compile(
    r"failed validation check|check or invariant|CHECK constraint", re.IGNORECASE
)
"""Words for rows that the table may not have; behind them the library shows these rows."""
_OF_SYSTEM = re.compile(r"(?:\(os error |\bcode: (?=[0-9]+, kind: )|\[Errno )([0-9]+)")
"""How Rust and Python write an error number of the operating system."""
_QUERY = re.compile(r"\?[^\s)\"']*")
"""The query of a URL may hold a signature."""
_LAYERS = re.compile(r"^(?:[\w ]*error: )+")
"""The parts of the library that an error went through."""
LONGEST = 300
"""Characters of the library's own words."""


def _columns(schema: Schema) -> list[tuple[Any, ...]]:
    """Return what the columns of a table hold; a comment beside them may vary."""
    return [(field.name, field.type, field.nullable) for field in schema.fields]


COLUMNS = _columns(Schema.from_arrow(SCHEMA))


class MissingTableError(IntegrityError):
    """There is no table."""


class Store:
    """One table, as of the version that was loaded last."""

    def __init__(self, path: TablePath, environ: Mapping[str, str]) -> None:
        """Name a table; nothing is read yet.

        Raises:
            UsageError: credentials would be sent in the clear.

        """
        self.path = path.path
        # Else a folder such as memory:x would be taken for a URL.
        self._uri = self.path if is_url(self.path) else os.path.join(os.curdir, self.path)  # noqa: PTH118
        self._options = path.store_options(environ)
        if not is_url(self.path):
            # The library creates files as open as it may; an audit log is for its owner's eyes.
            os.umask(0o077)
        self.table: DeltaTable
        self._handler: Any = None

    def load(self, *, anew: bool = True) -> None:
        """Load the newest version; not ``anew``, only what has changed.

        Raises:
            MissingTableError: there is no table.
            IntegrityError: auditctl did not create it, or its log was changed.
            OutputError: the store cannot be reached.

        """
        with failures(self.path):
            if anew:
                self.table = DeltaTable(self._uri, storage_options=self._options)
            else:
                self.table.update_incremental()
        self._check_own()

    def load_or_create(self) -> None:
        """Load the newest version of a table; create it if there is none.

        Raises:
            IntegrityError: auditctl did not create it, or it is a folder with something else.
            OutputError: the store cannot be reached, or not be written.

        """
        for attempt in range(CREATIONS):
            try:
                self.load()
            except MissingTableError:
                self._create(last=attempt == CREATIONS - 1)
            else:
                return
        self.load()

    def _create(self, *, last: bool) -> None:
        """Create the table; others may do the same at this moment, and only one of them can."""
        there = [] if is_url(self.path) else entries_in(self.path)
        if there and LOG not in there:
            message = f"{self.path} is a folder with other files, and no table. Use another PATH."
            raise IntegrityError(message)
        try:
            DeltaTable.create(
                self._uri,
                schema=SCHEMA,
                partition_by=list(PARTITIONS),
                name=NAME,
                configuration=CONFIGURATION,
                storage_options=self._options,
            )
        except BaseException as error:
            if not is_of_library(error):
                raise
            if last:
                raise cannot_write(self.path, error) from None

    def _check_own(self) -> None:
        """Check that auditctl has created the table."""
        metadata = self.table.metadata()
        if (
            metadata.name != NAME
            or _columns(self.table.schema()) != COLUMNS
            or tuple(metadata.partition_columns) != PARTITIONS
        ):
            raise IntegrityError(
                f"{self.path} is a table that auditctl did not create, or whose columns were "
                "changed. Nothing was written; use another PATH."
            )

    @property
    def version(self) -> int:
        """The version that is loaded."""
        return self.table.version()

    def transaction(self, app_id: str) -> int | None:
        """Return the number of an application's last transaction."""
        with failures(self.path):
            return self.table.transaction_version(app_id)

    def actions(self, version: int) -> list[dict[str, Any]] | None:
        """Return the commit info and the transactions of a commit; None if it is gone."""
        with failures(self.path):
            try:
                text = self._read(f"{LOG}/{version:020}.json")
            except FileNotFoundError:
                return None
        # A commit may list thousands of files, which are of no interest here.
        wanted = (b'{"commitInfo"', b'{"txn"')
        found = [line for line in text.split(b"\n") if line.startswith(wanted)]
        try:
            actions = [orjson.loads(line) for line in found]
        except ValueError:
            return []  # somebody else's, or changed: whatever it was, it is no commit of a run
        # Others may note anything that is JSON.
        return [one for one in actions if all(type(what) is dict for what in one.values())]

    def _read(self, name: str) -> bytes:
        """Read a file of the table."""
        if not is_url(self.path):
            return Path(self._uri, name).read_bytes()
        if self._handler is None:
            # It imports PyArrow, which a run can do without where it needs no store.
            from deltalake.fs import DeltaStorageHandler

            self._handler = DeltaStorageHandler(self._uri, self._options)
        found: bytes = self._handler.open_input_file(name).read()
        return found

    def batches(self, columns: list[str] | None, test: str | None) -> Iterator[RecordBatch]:
        """Read rows, all of them or those that pass a test in SQL."""
        with failures(self.path):
            yield from self.table.scan(columns=columns, predicate=test)


@contextmanager
def failures(path: str) -> Iterator[None]:
    """Turn what the store and its library raise into failures of ours."""
    try:
        yield
    except TableNotFoundError:
        message = f"{path}: there is no table. Use the PATH given to sync, with its placeholders."
        raise MissingTableError(message) from None
    except BaseException as error:
        if not is_of_library(error):
            raise
        raise failure(path, error) from None


def is_of_library(error: BaseException) -> bool:
    """Return whether the library or the store has failed, also by what Rust calls a panic."""
    if isinstance(error, (DeltaError, OSError, ValueError)):
        return True
    # While rows are read, it raises what has no class of its own.
    return type(error) is Exception or type(error).__name__ == "PanicException"


def failure(path: str, error: BaseException) -> AuditctlError:
    """Return the failure that an exception of the library means."""
    said = _ORNAMENT.sub("", str(error))
    if _NO_BUCKET.search(said):
        return _no_bucket(path)
    unreachable = _UNREACHABLE.search(said) and not _MISSING.search(said)
    if not unreachable and not _UNUSABLE.search(said):
        reason = escape(_reason(said))
        return IntegrityError(f"{path} is not what was written, or a part of it is gone: {reason}.")
    what = f"The store of {path} cannot be reached, or refuses"
    if not is_url(path):
        what = f"Cannot read {path}"
    return OutputError(f"{what}: {_refusal(said)}. Check {_suspects(path)}.")


def _no_bucket(path: str) -> OutputError:
    return OutputError(f"{path}: the bucket does not exist. Create it, or use another URL.")


def cannot_write(path: str, error: BaseException) -> OutputError:
    """Return the failure for a table that cannot be written."""
    said = _ORNAMENT.sub("", str(error))
    if _NO_BUCKET.search(said):
        return _no_bucket(path)
    if _CONSTRAINT.search(said):
        return OutputError(
            f"Cannot write {path}: somebody has added a CHECK constraint to the table, and an "
            "event does not meet it. What was committed before stays; drop the constraint."
        )
    return OutputError(
        f"Cannot write {path}: {_refusal(said)}. What was committed before stays; "
        f"check {_suspects(path)}."
    )


def _suspects(path: str) -> str:
    if is_url(path):
        return "the network, and the credentials in the environment"
    return "the disk, and your rights in the folder"


def _refusal(said: str) -> str:
    """Return why something was refused: the system's own words are shorter than the library's."""
    number = _OF_SYSTEM.search(said)
    return os.strerror(int(number[1])) if number else escape(_reason(said))


def _reason(said: str) -> str:
    """Make one sentence of the library's words, without what may be secret."""
    said = said.partition(" {")[0]  # behind it is a value of Rust's
    lines = [line.strip() for line in _QUERY.sub("", said).splitlines() if line.strip()]
    message = re.search(r"<Message>(.*?)</Message>", said, re.DOTALL)
    reason = message[1] if message else (lines[-1] if lines else "it does not say why")
    return _LAYERS.sub("", reason)[:LONGEST].rstrip(". ")
