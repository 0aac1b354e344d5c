"""The command read: records from files, back through the options of `list`."""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from operator import methodcaller

from auditctl.commands.listing import check_output, chosen_format, deliver
from auditctl.commands.stored import batches, check_file, in_window
from auditctl.context import Context
from auditctl.errors import UsageError
from auditctl.options import STDOUT, ReadOptions, is_url
from auditctl.paths import find_files, find_templates
from auditctl.phrases import count
from auditctl.sync.delta.path import TablePath


def read(options: ReadOptions, context: Context) -> None:
    """Write the records of files that lie in the window and pass the tests."""
    from auditctl.batch import Batch, Tally
    from auditctl.records.fields import parse_test
    from auditctl.records.record import OF_SOURCES
    from auditctl.window import Window
    from auditctl.zone import parse_zone

    now = datetime.now(UTC)
    zone = parse_zone(options.tz, context.environ)
    window = options.window(now, zone)
    tests = [in_window(window)] if window != Window(None, None) else []
    # A file may be of a provider that is not installed here, so any name is possible.
    tests += [parse_test(text, now, zone, there=OF_SOURCES) for text in options.where]
    check_output(options.output)
    # What is older than the last of N records is not known.
    seen = window if options.limit is None else replace(window, since=None)
    files = [file for path in options.paths for file in _files(path)]
    console, tally = context.console, Tally()
    done = 0

    def add(size: int) -> None:
        nonlocal done
        done += size

    def progress() -> None:
        if console.live:
            rate = tally.records / max(tally.took, 0.001)
            share = f" ({100 * done // total} %)" if total else ""
            console.progress(f"{count(tally.records, 'record')}{share}, {rate:,.0f}/s")

    total = _size(files) if console.live else 0
    stored = batches(files, console.warning, add)
    # Only the records tell whether a list of several sources has written them.
    begun = next(stored, Batch([]))
    with_source = options.fields is not None or any("source" in one for one in begun.records)
    format_ = chosen_format(options, context, seen, zone=zone, with_source=with_source)
    found: Iterable[Batch] = chain([begun], stored)
    del begun  # before more is read: see `auditctl.export.batches_of`
    found = map(methodcaller("matching", tests), found)
    if options.limit is not None:
        from auditctl.export import most_recent

        found = most_recent(found, options.limit, ordered=False)
    if options.reverse:
        from auditctl.export import oldest_first

        found = oldest_first(found, newest_first=options.limit is not None)
    deliver(found, format_, options.output, tally, console, progress=progress)
    console.info(f"{count(tally.records, 'record')} of {count(len(files), 'file')}.")


def _size(files: Sequence[str]) -> int:
    """Return the bytes of all files; zero if one is a pipe, or cannot be looked at."""
    with suppress(OSError, ValueError):
        sizes = [os.path.getsize(file) for file in files]  # noqa: PTH202
        return sum(sizes) if all(sizes) else 0
    return 0


def _other_kind(path: str) -> str:
    """Return what a PATH is by its name, if it is no JSON Lines; empty if it may be."""
    name = path.lower().removesuffix(".gz")
    if name.endswith(".csv"):
        return "CSV, which does not keep every value as it was"
    if is_url(path) or TablePath(path).exists:
        return "a Delta table, which DuckDB, Polars and pandas read"
    return "Parquet, which DuckDB, Polars and pandas read" if name.endswith(".parquet") else ""


def _files(path: str) -> list[str]:
    """Find the files of a PATH; none if it is a destination without events."""
    if path == STDOUT:
        raise UsageError("read takes names of files. For standard input, write /dev/stdin.")
    if kind := _other_kind(path):
        raise UsageError(f"{path} is {kind}: read takes JSON Lines.")
    files = find_files(path)
    if not any(map(os.path.exists, files)):
        with suppress(UsageError):
            if any(os.path.exists(one.journal) for one in find_templates(path)):  # noqa: PTH110
                return []
    if not files:
        raise UsageError(
            f"No file is there for {path}. Check the folder, and the PATH given to sync."
        )
    for file in files:
        check_file(file)
    return files
