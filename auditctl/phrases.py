"""Phrases that messages are made of: numbers with their nouns, lists of names, names alike."""

from collections.abc import Iterable, Sequence

ALIKE = 0.75
"""The least similarity of a name that is suggested: `version` is no misspelling of `persona`."""


def count(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it is due."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def with_and(names: Sequence[str]) -> str:
    """Return names with commas, and "and" before the last."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def alike(word: str, known: Iterable[str]) -> list[str]:
    """Return the names that a word misspells or begins, the likeliest first."""
    from difflib import SequenceMatcher

    rated = [(SequenceMatcher(None, word, name).ratio(), name) for name in known]
    rated.sort(key=lambda one: -one[0])
    return [name for rate, name in rated if rate >= ALIKE or (word and name.startswith(word))]


def known_names(word: str, known: Iterable[str]) -> str:
    """Return a sentence with the name that a word misspells, or with all that there are."""
    near = alike(word, known)
    return f"Did you mean {near[0]}?" if near else f"There are {', '.join(known)}."
