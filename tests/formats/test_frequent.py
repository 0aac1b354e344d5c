"""Counting in bounded memory: exact below the bound, and close above it."""

from __future__ import annotations

from collections import Counter
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from auditctl.formats import frequent
from auditctl.formats.frequent import Frequent

EXACT, KEPT = 20, 10

batches = st.lists(
    st.lists(st.integers(0, 60).map(lambda n: str(n * n // 60)), max_size=40), max_size=20
)


@given(batches)
def test_counts_lack_no_more_than_the_bound_says(names: list[list[str]]) -> None:
    counts = Frequent[str]()
    with patch.multiple(frequent, EXACT=EXACT, KEPT=KEPT):
        for batch in names:
            counts.add(batch)
            assert len(list(counts.items())) <= max(EXACT, KEPT)
    true = Counter(name for batch in names for name in batch)
    assert counts.is_exact or len(true) > EXACT
    lacking = 0 if counts.is_exact else true.total() // KEPT
    for name, count in true.items():
        assert count - lacking <= counts[name] <= count


def test_a_hundred_thousand_names_are_counted_exactly() -> None:
    counts = Frequent[str]()
    for n in range(3):
        counts.add(f"{name}" for name in range(n, 100_000))
    assert counts.is_exact
    assert (counts["0"], counts["1"], counts["99999"]) == (1, 2, 3)
    counts.add(["one more"])
    assert not counts.is_exact


def test_of_a_million_records_a_name_with_one_percent_is_found_within_one_percent() -> None:
    counts = Frequent[str]()
    for part in range(100):
        counts.add(map(str, range(part * 9_900, part * 9_900 + 9_900)))
        counts.add(["often"] * 100)
    ((name, count),) = counts.most(1)
    assert name == "often"
    assert 9_900 <= count <= 10_000
