"""The PATH of a table: a folder, or a URL and how to reach the store that it leads to."""

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

from auditctl.errors import UsageError
from auditctl.options import STDOUT, is_url
from auditctl.paths import OF_RECORD, OF_RUN, check_placeholders, filled, fillings

LOG = "_delta_log"
"""The folder that makes a folder a table."""
DATA = "provider="
"""How the names of the folders begin that a table has its data in."""
UNUSABLE = frozenset("%[\\]^|")
"""Characters of a path that the library for tables cannot read again, or ends the process for."""
SCHEMES = ("s3", "gs", "az", "abfss")
TIMEOUTS = {"connect_timeout": "5s", "timeout": "30s", "retry_timeout": "50s"}
"""Of a connection, a request, and all attempts at one: no signal is seen until the last ends.

So a store that never answers is given up after a minute: no attempt begins after 50 seconds.
"""
AZURE_ENDPOINTS = ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT", "AZURITE_BLOB_STORAGE_URL")
ENDPOINTS = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "gs": ("GOOGLE_BASE_URL",),
    "az": AZURE_ENDPOINTS,
    "abfss": AZURE_ENDPOINTS,
}
"""The variables that lead to another store than the vendor's."""


class TablePath(NamedTuple):
    """Where a table is."""

    path: str

    @property
    def exists(self) -> bool:
        """Return whether a folder has a table, or the data of one whose log is gone."""
        names = [] if is_url(self.path) else entries_in(self.path)
        return any(name == LOG or name.startswith(DATA) for name in names)

    def store_options(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return what the store's client needs beside the variables, which it reads itself.

        Raises:
            UsageError: credentials would be sent in the clear.

        """
        if not is_url(self.path):
            return {}
        from auditctl.http.origin import checked_base_url

        scheme = self.path.partition(":")[0].lower()
        plain = False
        for name in ENDPOINTS.get(scheme, ()):
            if name in environ:  # the library ends the process for an empty one
                checked_base_url(environ[name], name)
                plain = plain or environ[name].startswith("http:")
        # Set in any case: the user's own variable may allow it for every host. And a store that
        # replaces a commit, where it should refuse a second one, would lose events.
        return {
            "allow_http": str(plain).lower(),
            "aws_s3_allow_unsafe_rename": "false",
            **TIMEOUTS,
        }


def entries_in(folder: str) -> list[str]:
    """Return the names in a folder; none if it is not there, or cannot be read."""
    try:
        return os.listdir(folder)  # noqa: PTH208
    except (OSError, ValueError):  # a ValueError: no path can have this name
        return []


def find_tables(path: str) -> list[TablePath]:
    """Find the tables of a PATH with placeholders that are in folders.

    Raises:
        UsageError: it cannot be one.

    """
    parse_table(path, **dict.fromkeys(OF_RUN, "any"))
    return [parse_table(path, **found) for found in fillings(path, _log)]


def parse_table(path: str, **of_run: str) -> TablePath:
    """Read the PATH of a table; ``of_run`` are the values of its placeholders.

    Raises:
        UsageError: it cannot be one.

    """
    if any(f"{{{name}}}" in path for name in OF_RECORD):
        message = f"{path!r} is a table, in which date and account are columns: leave them out."
        raise UsageError(message)
    check_placeholders(path, OF_RUN)
    path = filled(path, of_run)
    whole = path
    with suppress(OSError):  # the working folder was deleted
        whole = path if is_url(path) else os.path.abspath(path)  # noqa: PTH100 - links stay
    if not path.isprintable() or path in ("", STDOUT) or not UNUSABLE.isdisjoint(whole):
        raise UsageError(
            f"{path!r} cannot be the PATH of a table: it is empty, or contains one of "
            f"{' '.join(sorted(UNUSABLE))} or a control character."
        )
    if is_url(path) or path.partition(":")[0] in (*SCHEMES, "file"):  # s3:/bucket is a mistake
        _check_url(path)
    elif os.path.exists(path) and not os.path.isdir(path):  # noqa: PTH110, PTH112
        raise UsageError(f"{path} is a file, and a table is a folder. Use another PATH.")
    return TablePath(path)


def _log(path: str, **of_run: str) -> str:
    return os.path.join(filled(path, of_run), LOG)  # noqa: PTH118


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        secret = parts.password is not None or "?" in url or "#" in url
    except ValueError:
        raise UsageError("The URL of the table is no URL.") from None
    if secret:
        raise UsageError(
            "The URL of a table may hold no password, query or fragment: credentials come from "
            "the environment (AWS_…, GOOGLE_…, AZURE_…)."
        )
    if "//" in parts.path:
        raise UsageError(f"{url!r} has an empty name between two slashes: leave one slash out.")
    if parts.scheme not in SCHEMES or not parts.netloc:
        known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        raise UsageError(f"{url!r} leads to no table: a URL begins with one of {known}.")
