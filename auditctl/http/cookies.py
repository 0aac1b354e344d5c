"""The cookies of a session that the provider opened, sent back byte for byte as they came."""

import re
import threading
from datetime import UTC, datetime

import httpx

from auditctl.http.waits import clock, http_date

LARGEST_HEADER = 8192
"""Bytes of all cookies together: servers refuse much more, however many they have set."""

_CONTROL = rb"[\x00-\x08\x0a-\x1f\x7f]"
_OVER = rb"-[0-9]+|0+"


class Cookies:
    """Cookies of one origin; only it is asked, so neither domains nor paths matter.

    http.cookiejar would decode and rewrite the values, and takes longer than the rest of a request.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self.header = b""
        """The header value for the next request; empty without cookies."""
        self._kept: dict[bytes, bytes] = {}
        self._lock = threading.Lock()

    def take(self, headers: httpx.Headers) -> None:
        """Keep what an answer sets, and drop what it lets expire."""
        now = clock(headers.get("Date")) or datetime.now(UTC)
        with self._lock:
            for name, line in headers.raw:
                if name.lower() == b"set-cookie" and not re.search(_CONTROL, line):
                    self._set(line, now)
            size = sum(len(name) + len(value) for name, value in self._kept.items())
            for name in list(self._kept):  # the oldest first
                if size + len(b"=; ") * len(self._kept) <= LARGEST_HEADER:
                    break
                size -= len(name) + len(self._kept.pop(name))
            self.header = b"; ".join(b"%s=%s" % pair for pair in self._kept.items())

    def _set(self, line: bytes, now: datetime) -> None:
        pair, *attributes = line.split(b";")
        name, equals, value = pair.partition(b"=")
        name = name.strip(b" \t")
        if not name or not equals:
            return
        self._kept.pop(name, None)
        if not _has_expired(attributes, now):
            self._kept[name] = value.strip(b" \t")


def _has_expired(attributes: list[bytes], now: datetime) -> bool:
    """Return, by Max-Age, else by Expires, whether a cookie is set in order to be dropped."""
    pairs = (attribute.partition(b"=") for attribute in attributes)
    named = {name.strip(b" \t").lower(): value.strip(b" \t") for name, _, value in pairs}
    if b"max-age" in named:
        return re.fullmatch(_OVER, named[b"max-age"]) is not None
    date = http_date(named.get(b"expires", b"").decode("latin-1"))
    return date is not None and date <= now
