import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl.escape import escape


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain [red] \\ ü 漢 🎉", "plain [red] \\ ü 漢 🎉"),
        ("a\nb\rc\td", "a\\nb\\rc\\td"),
        ("\x1b[31m\x00\x7f\x9b", "\\x1b[31m\\x00\\x7f\\x9b"),
        ("\u2028\u2029\x85", "\\u2028\\u2029\\x85"),
        ("\u202e\u2066\u200f\u061c", "\\u202e\\u2066\\u200f\\u061c"),
        ("\ud800x", "\\ud800x"),
        ("", ""),
    ],
)
def test_what_could_move_the_cursor_or_turn_the_line_is_shown(text: str, shown: str) -> None:
    assert escape(text) == shown


@pytest.mark.parametrize("category", ["Cc", "Cs", "Zl", "Zp"])
def test_no_character_of_these_categories_gets_through(category: str) -> None:
    all_of_them = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) == category]
    assert all_of_them
    assert not [c for c in all_of_them if escape(c) == c]


def test_no_bidirectional_control_gets_through() -> None:
    controls = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
    found = [chr(c) for c in range(0x110000) if unicodedata.bidirectional(chr(c)) in controls]
    assert len(found) == len(controls)
    assert not [c for c in [*found, "\u200e", "\u200f", "\u061c"] if escape(c) == c]


@given(st.text(st.characters()))
def test_the_result_is_one_line_that_can_be_encoded_and_stays(text: str) -> None:
    shown = escape(text)
    assert len(shown.splitlines()) <= 1
    assert shown.encode().decode() == shown
    assert escape(shown) == shown
