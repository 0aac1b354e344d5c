"""The URL of a page is the one that httpx would read in the whole text."""

from __future__ import annotations

from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl.http.urls import LONGEST_QUERY, address

BASE = "https://api.example.com:8443/v1/a%20b"
texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.dictionaries(texts, texts | st.integers()), st.sampled_from(["", "/logs", "/ü/%C3%BC"]))
def test_it_is_the_url_of_the_whole_text(params: dict[str, str | int], path: str) -> None:
    query = f"?{urlencode(params)}" if params else ""
    parsed = httpx.URL(f"{BASE}{path}{query}")
    for _ in range(2):  # the second time, its common part is known
        found = address(BASE, path, params)
        assert (found, found.raw_path, found.query) == (parsed, parsed.raw_path, parsed.query)
        assert (found.host, found.port, found.params) == (parsed.host, 8443, parsed.params)


def test_a_path_with_a_query_stays_as_it_is() -> None:
    assert address(BASE, "/logs?after=%2B&n=1", None).query == b"after=%2B&n=1"
    assert address(BASE, "/logs?after=1", {"n": 2}) == httpx.URL(f"{BASE}/logs?after=1?n=2")


@pytest.mark.parametrize("path", ["/logs/..", "/./logs", "/logs/../x"])
def test_a_path_that_leads_up_is_none(path: str) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="lead up"):
            address(BASE, path, {"n": 1})


def test_a_query_may_be_as_long_as_httpx_takes_it() -> None:
    value = "x" * (LONGEST_QUERY - len("n="))
    assert httpx.URL(str(address(BASE, "/logs", {"n": value}))).params["n"] == value
    with pytest.raises(ValueError, match="too long"):
        address(BASE, "/logs", {"n": f"{value}x"})
