"""The IP address in a log's text about the source of a request."""

import re
import socket
from contextlib import suppress

from auditctl.reading import NOTHING, UNREADABLE

LONGEST = 1000
"""Characters looked at: lists of addresses are short, and the first is wanted."""

_HIDDEN = ("unknown", "-", "na", "n/a", "null", "none")
# Not compiled: most logs need neither.
_FORWARDED = r'(?i:(?:[^",;]*;)*\s*for\s*=\s*("[^"]*"|[^;,\s]*))'
_WITH_PORT = r"\[([^]]*)\](?::[0-9]*)?|([0-9.]*):[0-9]*"


def address(text: str) -> object:
    """Return the address alone: the first of a list, without port, brackets, quotes and zone.

    None where a proxy hides it ("unknown", "_name", see RFC 7239); UNREADABLE where the text is
    something else than an address, such as a host name.
    """
    if _is_address(text):
        return text
    text = text[:LONGEST]
    forwarded = re.match(_FORWARDED, text)
    text = (forwarded[1] if forwarded else text.partition(",")[0]).strip().strip('"')
    if match := re.fullmatch(_WITH_PORT, text):
        text = match[1] or match[2] or ""
    text = text.partition("%")[0]
    if _is_address(text):
        return text
    hidden = text in NOTHING or text.lower() in _HIDDEN or text.startswith("_")
    return None if hidden else UNREADABLE


def _is_address(text: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError, ValueError):
            socket.inet_pton(family, text)
            return True
    return False
