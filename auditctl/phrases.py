"""Phrases that messages are made of: numbers with their nouns, and lists of names."""

from collections.abc import Sequence


def count(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it is due."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def with_and(names: Sequence[str]) -> str:
    """Return names with commas, and "and" before the last."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
