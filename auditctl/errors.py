"""The failures of auditctl, each with the exit status that tells a script what to do.

    AuditctlError            1   a defect of ours; what `failure` makes of any other exception
    ├── ProviderError        1   a defect of a plugin
    ├── UsageError           2   the question cannot be asked like this
    ├── UnreachableError     3   the provider is down, or keeps failing
    ├── AccessError          4   a setting is missing, or the provider refuses the credentials
    │   └── ForbiddenError   4   they are accepted, and do not suffice
    ├── ThrottledError       5   "too many requests" until patience ran out
    ├── AnswerError          6   the answer cannot be understood, or a line that should be a record
    │   └── RefusedError     6   the question was refused
    ├── LockedError          7   another run holds the destination
    ├── IntegrityError       8   a destination is not what was written, or lacks something
    ├── OutputError          9   the output could not be written
    └── FailedError              some of several runs failed: the gravest status of theirs

Messages are one or two sentences: what happened, what to do. They never hold a secret.
"""

from collections.abc import Iterable

ISSUES = "https://github.com/auditctl/auditctl/issues"


class AuditctlError(Exception):
    """The root of every failure that auditctl foresees; each of its arguments is a message."""

    status: int = 1


class ProviderError(AuditctlError):
    """A provider's own code is at fault: it raised something, or does not keep the contract."""


class UsageError(AuditctlError):
    """An option, a time, a field, a filter or a base URL that may not be used."""

    status = 2


class UnreachableError(AuditctlError):
    """The provider could not be reached, or every answer was broken."""

    status = 3
    wait: float | None = None
    """Seconds that it wants to be left alone, where it says so."""
    unlike_api: bool = False
    """Something answered, but not as the API does: with a web page, or that it has failed."""


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
    """JSON of another shape, a refused question, pages without an end, another origin.

    And a line of a file that is no record.
    """

    status = 6


class RefusedError(AnswerError):
    """The question was refused: 400, 404 and the other 4xx that neither pass nor mean access."""

    code: int = 0
    """The answer's HTTP status."""
    unlike_api: bool = False
    """It was a web page."""


class LockedError(AuditctlError):
    """Another run holds the destination."""

    status = 7


class IntegrityError(AuditctlError):
    """A destination is not what was written, is too old, or has hours that cannot be had."""

    status = 8


class OutputError(AuditctlError):
    """The destination cannot be written, or the platform refused what the run needs."""

    status = 9


GRAVEST = (1, 9, 8, 4, 6, 2, 3, 5, 7)
"""All statuses of failures, gravest first: of several, the first here is the run's."""


class FailedError(AuditctlError):
    """Some of several runs failed, and have written why; this one only has the status."""

    def __init__(self, failures: Iterable[AuditctlError]) -> None:
        """Take the status of the gravest failure."""
        super().__init__()
        self.status = min((one.status for one in failures), key=GRAVEST.index)


class ContractError(Exception):
    """A method of a provider has returned what the contract does not have."""

    def __init__(self, method: str, what: str) -> None:
        """Take the method's name, and what it does, in words."""
        super().__init__(f"{method} {what}")
        self.method = method


def failure(error: Exception) -> AuditctlError:
    """Return the failure that an exception means.

    The platform may refuse anything at any time. An exception that nobody expected is a defect only
    if it is not one of those. Its message and its values may hold secrets, so neither is repeated.
    """
    if isinstance(error, AuditctlError):
        return error
    if refused := _refused(error):
        return OutputError(f"The system cannot give what auditctl needs: {refused}.")
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = type(error).__name__
    if trace is not None:
        where += f" in {trace.tb_frame.f_globals.get('__name__', '?')}, line {trace.tb_lineno}"
    return AuditctlError(f"This is a fault of auditctl itself: {where}. Please report it: {ISSUES}")


def trace(error: BaseException) -> list[str]:
    """Return the lines of a traceback, with no value in them: the exception's message may hold one.

    They are those of its cause, if it is a failure that was made of another exception.
    """
    from traceback import format_tb

    cause = error.__cause__ or error
    lines = "".join(format_tb(cause.__traceback__)).splitlines()
    return ["Traceback (most recent call last):", *lines, type(cause).__name__]


def _refused(error: Exception) -> str:
    """Describe what the platform refused or lacks; empty if the exception is a defect."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, MemoryError):
        return "Out of memory"
    if isinstance(error, RuntimeError) and error.args == ("can't start new thread",):
        return "No thread can be started"
    if isinstance(error, ModuleNotFoundError):
        return f"The module {error.name} is missing"
    if isinstance(error, ImportError) and (error.path or "").endswith(".so"):
        return f"{error.name} cannot be loaded"
    return ""
