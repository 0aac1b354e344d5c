"""Text of a service made fit for a message: without our secrets, in one line, not too long."""

import json
import re
from base64 import b64encode
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from auditctl.escape import escape
from auditctl.records.redact import REDACTED, redact_text

LONGEST_TEXT = 500
"""Characters of a service's own words that a message quotes."""
_PERCENT = re.compile(r"%[0-9A-F]{2}")
_URL_SAFE = str.maketrans("+/", "-_")


class Mask:
    """The secrets of a run, which no message may show."""

    def __init__(self) -> None:
        """Begin without any."""
        self._secrets: set[str] = set()

    def hide(self, secrets: Iterable[str]) -> None:
        """Note what may not be shown, in every form in which it may come back."""
        for secret in secrets:
            written = json.dumps(secret)[1:-1]
            percent = quote(secret, safe="")
            packed = b64encode(secret.encode()).decode().rstrip("=")
            self._secrets |= {
                secret,
                secret.lower(),  # as the host that it was taken for
                secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
                json.dumps(written)[1:-1],
                _PERCENT.sub(lambda match: match[0].lower(), percent),
                packed,
                packed.translate(_URL_SAFE),
                secret.rstrip("=").translate(_URL_SAFE),  # if it is base64 itself
                written,
                written.replace("/", "\\/"),
                json.dumps(secret, ensure_ascii=False)[1:-1],
                repr(secret)[1:-1],
                quote(secret),
                percent,
                quote_plus(secret),
                secret.rstrip("="),
            }
        self._secrets.discard("")

    def shown(self, text: str) -> str:
        """Make a text fit to be shown: no credential in it, and nothing that moves a cursor."""
        return escape(redact_text(self._hidden(text)))

    def safe(self, text: str) -> str:
        """Make a service's text fit for a message: shown, in one line, not too long."""
        text = self.shown(" ".join(self._hidden(text).split()))  # a secret may hold blanks
        return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"

    def _hidden(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, REDACTED)
        return text
