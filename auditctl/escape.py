"""Untrusted text made safe to show: nothing in it moves the cursor or turns the line around."""

import re

_UNSAFE_IN_JSON = "\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"
"""Those that JSON in UTF-8 may have as they are."""
_UNSAFE = f"[\x00-\x1f{_UNSAFE_IN_JSON}\ud800-\udfff]"
"""Not compiled here: that takes longer than to import most modules, and few runs need it."""
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def escape(text: str) -> str:
    r"""Show control characters, line separators, bidirectional controls and lone surrogates.

    They become ``\n``, ``\r``, ``\t``, ``\x1b`` or ``\u2028``; a backslash stays as it is.
    """
    return text if text.isascii() and text.isprintable() else re.sub(_UNSAFE, _escaped, text)


def escape_json(json: bytes) -> bytes:
    r"""Write such characters in JSON as ``\u202e``, which means the same in it."""
    if json.isascii() and b"\x7f" not in json:
        return json
    shown = re.sub(f"[{_UNSAFE_IN_JSON}]", lambda match: f"\\u{ord(match[0]):04x}", json.decode())
    return shown.encode()


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    form = "\\x{:02x}" if character <= "\xff" else "\\u{:04x}"
    return _SHORT.get(character) or form.format(ord(character))
