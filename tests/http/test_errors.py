"""What the messages of failures name."""

from __future__ import annotations

import httpx
import pytest

from auditctl.http.errors import Failures, Subject


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((), "ACME_BASE_URL"),
        (("ACME_ID",), "ACME_ID"),
        (("ACME_ORG", "ACME_ID", "ACME_SECRET"), "ACME_ORG, ACME_ID and ACME_SECRET"),
    ],
)
def test_the_settings_to_check_are_named(names: tuple[str, ...], said: str) -> None:
    settings = dict.fromkeys(names, "x")
    failures = Failures(Subject("Acme", "a token", {}, "ACME_BASE_URL", settings, [], {}))
    assert str(failures.unfit("are odd")) == (
        f"Acme's credentials are odd. Check {said}; wanted: a token."
    )
    assert str(failures.no_token("https://a.example", "none came")).endswith(f"See {said}.")


def test_an_ipv6_address_is_in_brackets_and_a_vendors_full_stop_is_left_out() -> None:
    failures = Failures(Subject("Acme", "a token", {}, "ACME_BASE_URL", {}, [], {}))
    origin = ("http", "::1", 1)
    unreachable = failures.of_network(httpx.ConnectError("refused"), origin, proxied=False)
    assert str(unreachable) == "cannot be reached at [::1]:1 (refused)"
    assert "another origin, http://[::1]:1, where" in str(failures.elsewhere(origin, "a link"))
    throttled = failures.of_status(429, httpx.Headers(), "Too many requests.")
    assert str(throttled) == "answered 429: Too many requests"
