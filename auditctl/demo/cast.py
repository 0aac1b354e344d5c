"""The people of the sample data; one of them writes text that attacks readers of the log."""

import random
from typing import NamedTuple

from auditctl.demo.clock import PULSES, chance


class Person(NamedTuple):
    """Somebody who leaves traces in logs; the key is the part of ids that is theirs."""

    key: str
    first: str
    last: str
    email: str
    ip: str
    agent: str


_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/130.0.0.0"
_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Edg/130.0.0.0"
_LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
_PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15"

# Addresses are from the ranges kept for documentation (RFC 5737, RFC 3849).
STAFF = (
    Person("01", "Amina", "Juma", "amina.juma@example.com", "192.0.2.17", _WINDOWS),
    Person("02", "Ben", "Okafor", "ben.okafor@example.com", "192.0.2.84", _MAC),
    Person("03", "Chloé", "Martin", "chloe.martin@example.com", "2001:db8:17::c3", _MAC),
    Person("04", "Daniel", "Kim", "daniel.kim@example.com", "198.51.100.23", _LINUX),
    Person("05", "Elena", "Rossi", "elena.rossi@example.com", "198.51.100.77", _WINDOWS),
    Person("06", "Farid", "Haddad", "farid.haddad@example.com", "203.0.113.9", _PHONE),
    Person("07", "Grace", "Mushi", "grace.mushi@example.com", "203.0.113.140", _LINUX),
)
# A formula for spreadsheets, markup and a bidirectional control for terminals, an escape sequence.
MALLORY = Person(
    "08",
    '=HYPERLINK("https://demo.example/","Mallory")',
    "[red]Demo[/red]\u202e",
    "mallory@example.com",
    "203.0.113.66",
    "demo-agent/1.0 \x1b[31mred\x1b[0m",
)
CAST = (*STAFF, MALLORY)
ONE_IN = 20


def act(instant: int) -> tuple[random.Random, Person]:
    """Return the dice of an instant, and who acts then, by their first throw."""
    dice = chance(instant)
    throw = dice.randrange(ONE_IN * len(STAFF))
    # The slowest pulse is always hers, or the last hour might not show what it is there to show.
    is_hers = throw < len(STAFF) or instant % PULSES[-1] == 0
    return dice, MALLORY if is_hers else STAFF[throw % len(STAFF)]
