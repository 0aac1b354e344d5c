import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditctl import exact
from auditctl.wire import arrays
from auditctl.wire.answer import Answer
from auditctl.wire.arrays import START, ChangedError, CutArrayError, NotAnArrayError, split
from tests.conftest import TEXTS, quoted, utf8

# Texts that look like the place between two rows, where they are none.
TRAPS = ["},{", '"},{"', "\\", '\\"},{\\"', "[{},{}]", "]", "},\n{", "{", "\ud800},{"]

cells = TEXTS | st.sampled_from(TRAPS).map(quoted) | st.just('[{"a":1},{"b":[{},{}]}]')
objects = st.dictionaries(st.sampled_from([*TRAPS, "a", "b"]), cells, max_size=3).map(
    lambda row: "{" + ",".join(f"{quoted(name)}:{value}" for name, value in row.items()) + "}"
)
rows = st.lists(objects | objects | objects | cells, max_size=12)
spaces = st.sampled_from(["", "", " ", "\n  ", "\r\n\t"])


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[str], list[bytes]]:
    """Draw an array's rows, and the whole as chunks of bytes."""
    texts = draw(rows)
    space = draw(spaces)
    body = utf8(f"{space}[{space}" + f"{space},{space}".join(texts) + f"{space}]{space}")
    cuts = draw(st.lists(st.integers(0, len(body)), max_size=30).map(sorted))
    edges = [0, *cuts, len(body)]
    return texts, [body[a:b] for a, b in pairwise(edges)]


@pytest.fixture(params=[1, 30])
def _cut_early(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut after so few bytes that short streams are cut often."""
    monkeypatch.setattr(arrays, "FIRST_CUT", request.param)
    monkeypatch.setattr(arrays, "CUT", request.param)


early = pytest.mark.usefixtures("_cut_early")
# The fixture is the same for every example.
fuzzed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def written(answers: Iterator[tuple[Answer, Any]] | list[tuple[Answer, Any]]) -> list[bytes]:
    """Give every row as it was sent."""
    found = []
    for answer, _ in answers:
        answer.restore()
        found += [exact.dumps(row) for row in answer.tree]
    return found


def bytewise(body: bytes) -> list[bytes]:
    return [body[n : n + 1] for n in range(len(body))]


@early
@fuzzed
@given(streams())
def test_every_row_comes_once_in_order_and_exact(stream: tuple[list[str], list[bytes]]) -> None:
    texts, chunks = stream
    assert written(split(chunks)) == [utf8(text) for text in texts]
    assert json.loads(b"".join(chunks)) == [json.loads(text) for text in texts]


@early
@fuzzed
@given(streams())
def test_any_place_between_two_lists_is_one_to_continue_from(
    stream: tuple[list[str], list[bytes]],
) -> None:
    texts, chunks = stream
    *found, last = split(chunks)
    before = 0
    for answer, position in found:
        before += len(answer.tree)
        rest = [utf8(text) for text in texts[before:]]
        assert written(split(chunks, position)) == rest
        assert written(split(bytewise(b"".join(chunks)), position)) == rest
        assert position.offset < last[1].offset == len(b"".join(chunks))


@early
@fuzzed
@given(streams(), st.data())
def test_a_stream_that_is_cut_anywhere_loses_and_doubles_no_row(
    stream: tuple[list[str], list[bytes]], data: st.DataObject
) -> None:
    texts, chunks = stream
    body = b"".join(chunks).rstrip()
    cut = body[: data.draw(st.integers(0, len(body) - 1))]
    delivered: list[tuple[Answer, arrays.Position]] = []
    with pytest.raises(CutArrayError):  # noqa: PT012 - what came before is the evidence
        for answer_and_position in split(bytewise(cut)):
            delivered.append(answer_and_position)  # noqa: PERF402 - `extend` would drop them all
    position = delivered[-1][1] if delivered else START
    found = written(delivered) + written(split(chunks, position))
    assert found == [utf8(text) for text in texts]


@early
@pytest.mark.parametrize("pretty", [False, True])
def test_a_cut_at_every_single_byte_is_noticed(pretty: bool) -> None:  # noqa: FBT001
    whole = json.dumps(
        [{"a": '},{"\\', "b": [{}, {"c": "],"}]}, {"d": 1.5e3}, {}, [{}, {}], "},{", -12, True],
        indent=2 if pretty else None,
    ).encode()
    for size in range(len(whole)):
        with pytest.raises(CutArrayError):
            list(split(bytewise(whole[:size])))


@early
@pytest.mark.parametrize(
    "body",
    [
        b"[,]", b"[1,]", b'[{"a":1},{"a":1},]', b'[{"a":1},,{"a":1}]', b'[{"a":1}{"a":1}]', b"[]]",
        b'[{"a":1},{"a":01},{"a":1}]', b"[{},{}] x", b"[{},{}],{}", b'[{"a":"\xff"},{},{}]',
        b"[{},{}]]", b"<html>", b"", b" ",
    ],
)  # fmt: skip
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(CutArrayError):
        list(split(bytewise(body)))


@early
@pytest.mark.parametrize("body", [b"{}", b'{"error":[{},{}]}', b" null ", b'"[1]"', b"1e400"])
def test_json_that_is_no_array_is_refused_as_such(body: bytes) -> None:
    with pytest.raises(NotAnArrayError):
        list(split(bytewise(body)))


@early
@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'"' + b"x" * 2_000_000 + b'"', NotAnArrayError),
        (b"1" * 2_000_000, NotAnArrayError),
        (b"<" + b"x" * 2_000_000, CutArrayError),
    ],
    ids=["text", "number", "HTML"],
)
def test_what_is_large_is_judged_by_its_beginning(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        list(split(body[start : start + 65536] for start in range(0, len(body), 65536)))


def test_something_large_that_is_no_array_is_not_read_to_its_end() -> None:
    def endless() -> Iterator[bytes]:
        yield b'{"a":"'
        for _ in range(10_000):
            yield b"x" * 1_000_000
        pytest.fail("all of it was read")

    with pytest.raises(NotAnArrayError):
        list(split(endless()))


def test_other_bytes_before_the_place_to_continue_from_are_noticed() -> None:
    body = json.dumps([{"n": n, "text": "x" * 100} for n in range(10_000)]).encode()
    chunks = [body[n : n + 1_000] for n in range(0, len(body), 1_000)]
    positions = [position for _, position in split(chunks)]
    assert len(positions) > 2
    for position in positions[:-1][:3]:
        changed = body.replace(b'"n": 0', b'"n": 7', 1)
        with pytest.raises(ChangedError):
            list(split([changed], position))


@pytest.mark.parametrize("size", [None, 1_000, 65_536])
@pytest.mark.parametrize(
    "row",
    [
        {"text": "x" * 200},
        {"text": "},{ " * 5},
        {"text": "},{ " * 50},
        {"list": [{"n": n} for n in range(100)]},
        {"list": [{"n": n} for n in range(10_000)]},
    ],
)
def test_only_a_few_rows_are_held_at_once(row: Any, size: int | None) -> None:
    text = json.dumps(row).encode()
    count = 20 * arrays.CUT // len(text)
    body = b"[" + b",".join([text] * count) + b"]"
    read = held = delivered = found = 0

    def stream() -> Iterator[bytes]:
        nonlocal read, held
        step = size or len(text) + 1  # None: each chunk ends where a row does
        for start in range(0, len(body), step):
            read = min(start + step, len(body))
            held = max(held, read - delivered)
            yield body[start : start + step]

    for answer, position in split(stream()):
        delivered = position.offset
        found += len(answer.tree)
    assert found == count
    assert held <= 2 * (arrays.CUT + len(text) + 65_536)
