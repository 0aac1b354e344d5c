import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl.reading import UNREADABLE
from auditctl.records.address import LONGEST, address

ADDRESSES = st.ip_addresses().map(str)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("203.0.113.5:41234", "203.0.113.5"),
        ("203.0.113.5:", "203.0.113.5"),
        (" 203.0.113.5 ", "203.0.113.5"),
        ("203.0.113.5:41234, 198.51.100.7", "203.0.113.5"),
        ("203.0.113.5,unknown", "203.0.113.5"),
        ('"203.0.113.5:80"', "203.0.113.5"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ('"[2001:db8::1]:443"', "2001:db8::1"),
        ("::ffff:203.0.113.5", "::ffff:203.0.113.5"),
        ("[::ffff:203.0.113.5]:443", "::ffff:203.0.113.5"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:443", "fe80::1"),
        ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
        ('For="[2001:db8:cafe::17]:4711"', "2001:db8:cafe::17"),
        ("proto=https; for = 192.0.2.43, for=198.51.100.17", "192.0.2.43"),
        ('by=";for=1.2.3.4";for=192.0.2.43', UNREADABLE),
        ("unknown", None),
        ("Unknown", None),
        ("unknown, 203.0.113.5", None),
        ("for=unknown", None),
        ("for=_hidden", None),
        ("_gazonk", None),
        ("-", None),
        ("", None),
        ("NA", None),
        (" ", None),
        (":443", None),
        ("client.example.com", UNREADABLE),
        ("203.0.113", UNREADABLE),
        ("203.0.113.500", UNREADABLE),
        ("203.0.113.5 evil", UNREADABLE),
        ("203.0.113.5\x00", UNREADABLE),
        ("\ud800", UNREADABLE),
        ("[203.0.113.5", UNREADABLE),
        ("2001:db8::1::2", UNREADABLE),
        ("3405803781", UNREADABLE),
        ("9" * 10**6, UNREADABLE),
        ("x;" * 10**6, UNREADABLE),
    ],
)
def test_the_address_is_taken_alone(text: str, expected: object) -> None:
    assert address(text) == expected


@given(ADDRESSES, st.integers(0, 65535), st.sampled_from(["", ", 192.0.2.1", ",unknown"]))
def test_any_address_is_found_with_and_without_a_port(ip: str, port: int, others: str) -> None:
    bare = f"[{ip}]" if ":" in ip else ip
    for text in (ip, bare, f"{bare}:{port}", f'for="{bare}:{port}";proto=http'):
        assert address(text + others) == ip


@given(st.text(max_size=LONGEST) | ADDRESSES.map(lambda ip: f"x{ip}"))
def test_what_is_found_is_an_address_and_stands_in_the_text(text: str) -> None:
    found = address(text)
    if isinstance(found, str):
        assert ipaddress.ip_address(found)
        assert found in text
