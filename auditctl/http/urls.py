"""The URLs of a log's pages, whose common part is parsed once."""

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import urlencode

import httpx

LONGEST_QUERY = 60_000
"""Characters; httpx takes no URL of more than 65,536."""

Params = Mapping[str, str | int | None]


def address(base: str, path: str, params: Params | None) -> httpx.URL:
    """Return the URL of a question: a path below a base URL, and parameters.

    Raises:
        ValueError, httpx.InvalidURL: no URL can hold them.

    """
    if not params or "?" in path:
        return _parsed(base, f"{path}?{urlencode(params)}" if params else path)
    query = urlencode(params)
    if len(query) > LONGEST_QUERY:
        raise ValueError("the query is too long")
    # Nothing in it needs quoting any more. httpx has no public way to take a query as it is, and
    # to parse one takes half as long as to read the JSON of a page.
    url = httpx.URL(_parsed(base, path))
    url._uri_reference = url._uri_reference._replace(query=query)  # noqa: SLF001
    return url


@lru_cache(maxsize=8)
def _parsed(base: str, path: str) -> httpx.URL:
    if not {".", ".."}.isdisjoint(path.split("/")):  # ids that httpx takes for a way up
        raise ValueError("a path may not lead up")
    return httpx.URL(base + path)
