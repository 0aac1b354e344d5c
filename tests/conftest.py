"""What tests share: how hard hypothesis looks, any JSON there can be, options."""

import json
import re
import signal
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st

# A shell's background jobs ignore it, and so would every process that a test interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is no defect, so nothing is timed.
settings.register_profile("auditctl", deadline=None, max_examples=100)
settings.load_profile("auditctl")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take what the tests of tests/promises tell of."""
    parser.addoption("--kills", type=int, default=35, help="runs that the kill tests kill")
    parser.addoption("--events", type=int, default=2_500, help="events of each service's log")
    parser.addoption("--seed", type=int, default=1, help="where its dice begin")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Give an empty folder, which is the working one."""
    with chdir(tmp_path):
        yield tmp_path


# Two surrogates that make a pair are one character in JSON, so they are made one; lone ones stay.
STRINGS = st.text(st.characters()).map(lambda text: json.loads(json.dumps(text)))
"""Any string that JSON can hold, lone surrogates included."""

NUMBERS = st.from_regex(
    re.compile(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,4})?", re.ASCII),
    fullmatch=True,
)
"""Numbers as they can be written, far beyond what 64 bits hold."""


def quoted(text: str) -> str:
    """Write a string as compact JSON does."""
    return json.dumps(text, ensure_ascii=False)


def utf8(text: str) -> bytes:
    """Encode JSON text; a lone surrogate becomes its escape."""
    return text.encode(errors="backslashreplace")


def _object(members: dict[str, str]) -> str:
    return "{" + ",".join(f"{quoted(name)}:{value}" for name, value in members.items()) + "}"


def _containers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    arrays = st.lists(inner, max_size=5).map(lambda items: "[" + ",".join(items) + "]")
    return arrays | st.dictionaries(STRINGS, inner, max_size=5).map(_object)


TEXTS = st.recursive(
    st.sampled_from(["null", "true", "false", "[]", "{}"]) | NUMBERS | STRINGS.map(quoted),
    _containers,
)
"""Any JSON value, as compact text."""
