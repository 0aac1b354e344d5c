"""What an answer that is none says: in its headers, and in any shape of body that was seen."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

EPOCH_FROM = 10**9
"""A RateLimit-Reset from here on is a point in time, though the drafts mean seconds to wait."""


def http_date(text: str | None) -> datetime | None:
    """Read an HTTP date; None if it is none."""
    try:
        date = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def wait_asked(headers: httpx.Headers) -> float | None:
    """Read how many seconds the provider wants to be left alone; None if it does not say."""
    after = headers.get("Retry-After", "").strip()
    if after.isascii() and after.isdigit():
        return float(after)
    date = http_date(after)
    if date is not None:
        return _until(date.timestamp(), headers)
    reset = headers.get("RateLimit-Reset", "").strip()
    if reset.isascii() and reset.isdigit():
        seconds = float(reset)
        return _until(seconds, headers) if seconds >= EPOCH_FROM else seconds
    return None


def _until(moment: float, headers: httpx.Headers) -> float:
    """Count the seconds left by the provider's own clock, where it tells it: ours may differ."""
    now = http_date(headers.get("Date")) or datetime.now(UTC)
    return max(0.0, moment - now.timestamp())


def said_in(tree: Any) -> str:  # noqa: ANN401 - JSON is any value
    """Find what a vendor's error body says, in any of the shapes seen."""
    if isinstance(tree, str):
        return "" if tree.lstrip()[:1] in ("<", "") else tree
    if not isinstance(tree, dict):
        return ""
    errors = tree.get("errors")
    if isinstance(errors, list) and errors:
        return said_in(errors[0])
    words = (tree.get(name) for name in ("title", "details", "error", "message"))
    found = [said_in(word) if isinstance(word, dict) else word for word in words]
    if tree.get("needed"):
        found.append(f"needed: {tree['needed']}")
    return ", ".join(str(word) for word in found if word and not isinstance(word, bool))
