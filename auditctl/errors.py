"""What can go wrong, each with the exit status that tells a script what to do about it.

    AuditctlError            1   (never raised itself)
    ├── UsageError           2   the question cannot be asked like this
    ├── UnreachableError     3   the provider is down, or keeps failing
    ├── AccessError          4   a setting is missing, or the provider refuses the credentials
    │   └── ForbiddenError   4   they are accepted, and do not suffice
    ├── ThrottledError       5   "too many requests" until patience ran out
    ├── AnswerError          6   the answer cannot be understood, or the question was refused
    ├── LockedError          7   another run holds the destination
    ├── IntegrityError       8   a destination is not what was written, or lacks something
    └── OutputError          9   the output could not be written

Messages are one or two sentences: what happened, what to do. They never hold a secret.
"""


class AuditctlError(Exception):
    """The root of every failure that auditctl foresees; each of its arguments is a message."""

    status: int = 1


class UsageError(AuditctlError):
    """An option, a time, a field, a filter or a base URL that may not be used."""

    status = 2


class UnreachableError(AuditctlError):
    """The provider could not be reached, or every answer was broken."""

    status = 3
    wait: float | None = None
    """Seconds that it wants to be left alone, where it says so."""


class AccessError(AuditctlError):
    """A required setting is missing or unreadable, or the credentials were refused."""

    status = 4


class ForbiddenError(AccessError):
    """The credentials are accepted, but a permission, a scope or a plan is missing."""


class ThrottledError(AuditctlError):
    """The provider still says "too many requests"."""

    status = 5
    wait: float | None = None
    """Seconds that it wants to be left alone, where it says so."""


class AnswerError(AuditctlError):
    """JSON of another shape, a refused question, pages without an end, another origin."""

    status = 6


class LockedError(AuditctlError):
    """Another run holds the destination."""

    status = 7


class IntegrityError(AuditctlError):
    """A destination is not what was written, is too old, or has hours that cannot be had."""

    status = 8


class OutputError(AuditctlError):
    """The destination cannot be written."""

    status = 9


def defect(error: BaseException) -> str:
    """Say what a defect of ours is and where; its message and the values may hold secrets."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = type(error).__name__
    if trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "?")
        where += f" in {module}, line {trace.tb_lineno}"
    return f"This is a fault of auditctl itself: {where}. Please report it."
