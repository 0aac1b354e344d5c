"""The commits of sources in a table's log, and the line of each: what a journal's line says."""

# A commit takes an application transaction of its source, whose number is the version that was
# loaded before it. So the commit is the first behind that version that has the transaction: mostly
# the next, whatever others have committed since. The first commit of a source also takes a
# slot, since the library lists no transactions: counting slots up finds all sources.

from collections.abc import Iterator
from dataclasses import dataclass

from auditctl.errors import IntegrityError
from auditctl.sync.delta.store import Store
from auditctl.sync.seal import parsed, plain, seal, unseal
from auditctl.sync.state import ReadSpan, Span, State, spans

KEY = "auditctl"
"""The member of a commit's info that has the line."""
NO_DIGEST = "0" * 64
MEMBERS = (
    *("line", "prev", "at", "version", "source", "shape", "since", "window", "covered", "success"),
    *("gaps", "waived", "added", "records", "digest", "latest"),
)
"""The members of a line in their order, before its hash; docs/lake.md describes them."""


@dataclass
class Line(State):
    """The line of a commit, which is the state of its source after it."""

    prev: str = ""
    version: str = ""
    source: str = ""
    added: int = 0
    """The number of rows of this commit."""
    digest: str = NO_DIGEST
    """The sum of the digests of all rows; see `auditctl.sync.delta.rows.digests`."""


def encode(line: Line) -> str:
    """Write a line, whose ``head`` becomes its hash."""
    text, line.head = seal({name: plain(getattr(line, name)) for name in MEMBERS})
    return text.decode()


def decode(text: str) -> Line | None:
    """Read a line; None if no run can have written it."""
    unsealed = unseal(text.encode())
    if unsealed is None:
        return None
    body, digest = unsealed
    try:
        members = parsed(body + b"}")
        if members.keys() != {*MEMBERS}:
            return None
        covered = members["covered"]
        members["window"] = ReadSpan(**members["window"])
        members["covered"] = None if covered is None else Span(**covered)
        members |= {name: spans(members[name]) for name in ("gaps", "waived")}
        return Line(**members, head=digest)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None  # its hash is right, but no run has written it


def of_source(source: str) -> str:
    """Return the application id of a source."""
    return f"auditctl:source:{source}"


def of_slot(number: int) -> str:
    """Return the application id of a slot."""
    return f"auditctl:slot:{number}"


def last_line(store: Store, source: str) -> Line | None:
    """Return the line of a source's last commit; None if it has none.

    Raises:
        IntegrityError: there was one, and it is gone or was changed.

    """
    return _line(store, of_source(source))


def newest_line(store: Store, source: str) -> Line | None:
    """Return the line of the newest commit if it is the source's; one file is read for it.

    Raises:
        IntegrityError: the commit is gone, or its line was changed.

    """
    return next(_read(store, store.version, of_source(source)), None)


def sources(store: Store) -> Iterator[str]:
    """Yield the sources that have committed.

    Raises:
        IntegrityError: the first commit of one is gone or was changed.

    """
    number = 0
    while line := _line(store, of_slot(number)):
        yield line.source
        number += 1


def free_slot(store: Store) -> int:
    """Return the first slot that no source has."""
    number = 0
    while store.transaction(of_slot(number)) is not None:
        number += 1
    return number


def lines(store: Store, version: int) -> list[Line]:
    """Return the line of a commit, in a list; none if no source has made it.

    Raises:
        IntegrityError: the commit is gone, or its line was changed.

    """
    return list(_read(store, version))


def _line(store: Store, app_id: str) -> Line | None:
    """Return the line of the last commit with a transaction."""
    loaded_before = store.transaction(app_id)
    if loaded_before is None:
        return None
    for version in range(loaded_before + 1, store.version + 1):
        for line in _read(store, version, app_id):
            return line
    raise IntegrityError(
        f"{store.path}: the log has the transaction {app_id}, but no commit with it. The log was "
        "changed, so it proves nothing any more: restore it, or begin a new table."
    )


def _read(store: Store, version: int, app_id: str | None = None) -> Iterator[Line]:
    """Yield the line of a commit, if it has the transaction that is named."""
    actions = store.actions(version)
    if actions is None:
        raise IntegrityError(
            f"{store.path}: the commit {version} is gone from the log, so nothing proves any more "
            "what was written. Restore the log from a backup, or begin a new table."
        )
    app_ids = [action["txn"].get("appId") for action in actions if "txn" in action]
    if app_id is not None and app_id not in app_ids:
        return
    for action in actions:
        text = action.get("commitInfo", {}).get(KEY)
        if text is None:
            continue
        line = decode(text) if type(text) is str else None
        if line is None:
            raise IntegrityError(
                f"{store.path}: the commit {version} was changed. The log is not what was written, "
                "so it proves nothing any more: restore it, or begin a new table."
            )
        yield line
