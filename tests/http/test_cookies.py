"""Cookies: sent back as they came, dropped when they are to be, never too many."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl.errors import UnreachableError
from auditctl.http.cookies import LARGEST_HEADER, Cookies
from auditctl.provider import Secret
from auditctl.providers.persona import Persona
from tests.service import Service

PERSONA = Persona(api_key=Secret("persona_production_example"), base_url="https://api.example.com")


def kept(*lines: bytes) -> bytes:
    """Tell what is sent back when an answer each has set these."""
    cookies = Cookies()
    for line in lines:
        cookies.take(httpx.Headers([(b"Set-Cookie", line)]))
    return cookies.header


@pytest.mark.parametrize(
    ("lines", "sent"),
    [
        ([b"sess=1; Path=/; HttpOnly", b" b = 2 "], b"sess=1; b=2"),
        ([b"lang=fran\xe7ais; Secure"], b"lang=fran\xe7ais"),
        ([b"\xe7=\xff\xfe"], b"\xe7=\xff\xfe"),
        ([b'q="a b"'], b'q="a b"'),
        ([b"a=b=c"], b"a=b=c"),
        ([b"a="], b"a="),
        ([b"a=1", b"a=2"], b"a=2"),
        ([b"a=1; Version=1", b"b=2"], b"a=1; b=2"),
        ([b"a=1", b"a=; Max-Age=0", b"b=1; max-age = -1"], b""),
        ([b"a=1; Max-Age=99999999999999999999999999"], b"a=1"),
        ([b"a=1; Max-Age=" + b"9" * 5000], b"a=1"),
        ([b"a=1", b"a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], b""),
        ([b"a=1", b"a=1; Expires=Thu, 01-Jan-1970 00:00:00 GMT"], b""),
        ([b"a=1; Expires=Fri, 31 Dec 9999 23:59:59 -1400"], b"a=1"),
        ([b"a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60"], b"a=1"),
        ([b"a=1; Expires=\xe7"], b"a=1"),
        ([b"no pair", b"=1", b"", b"; =", b"a=\x01", b"a\r=1", b"a=1\x00"], b""),
    ],
)
def test_a_cookie_is_sent_back_byte_for_byte(lines: list[bytes], sent: bytes) -> None:
    assert kept(*lines) == sent


def test_the_oldest_go_when_there_are_too_many() -> None:
    header = kept(*(b"name%d=%s" % (n, b"x" * 90) for n in range(1000)))
    assert LARGEST_HEADER - 200 < len(header) <= LARGEST_HEADER
    assert header.endswith(b"name999=" + b"x" * 90)
    assert kept(b"a=1", b"b=" + b"x" * LARGEST_HEADER) == b""


@given(st.lists(st.binary(max_size=60)))
def test_whatever_is_set_can_be_sent(lines: list[bytes]) -> None:
    header = kept(*lines)
    assert not set(header) & {*range(32), 127} - {9}
    assert len(header) <= LARGEST_HEADER


@pytest.mark.parametrize("status", [200, 302, 404])
def test_a_cookie_comes_with_the_next_request_whatever_set_it(status: int) -> None:
    headers = {b"Set-Cookie": b"lang=fran\xe7ais", b"Location": b"/elsewhere"}

    def answer(_: httpx.Request) -> httpx.Response:
        first = len(service.asked) == 1
        return httpx.Response(status if first else 200, headers=headers, content=b"{}")

    service = Service(answer)
    client = service.client(PERSONA)
    for path in ("/a", "/b"):
        try:
            client.get(path)
        except Exception as error:  # noqa: BLE001 - of the 404
            assert "404" in str(error)  # noqa: PT017
    first, second, *_ = service.asked
    assert "Cookie" not in first.headers
    assert dict(second.headers.raw)[b"Cookie"] == b"lang=fran\xe7ais"


def test_a_cookie_of_a_trouble_comes_with_the_next_attempt() -> None:
    headers = {b"Set-Cookie": b"lb=\xe9", b"Retry-After": b"1"}
    service = Service(lambda _: httpx.Response(503, headers=headers))
    client = service.client(PERSONA)
    for path in ("/a", "/b"):
        with pytest.raises(UnreachableError, match="answered 503"):
            client.get(path)
    assert dict(service.asked[1].headers.raw)[b"Cookie"] == b"lb=\xe9"
