import json
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import chain, pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditctl.http import arrays, cuts
from auditctl.http.answer import Answer
from auditctl.http.arrays import START, ChangedError, NotAnArrayError, split
from auditctl.http.body import TooLargeError
from auditctl.http.cuts import CutArrayError
from auditctl.records import exact
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


# What may stand beside the array, some of which looks like it.
NAME = "userLogs"
WRITTEN = ['"userLogs"', '"user\\u004cogs"', '"\\u0075serLogs"']
names = st.sampled_from(
    [
        '"a"',
        '"b"',
        '""',
        '"userlogs"',
        '"user\\\\u004cogs"',
        '"\\ud800"',
        '"\\"userLogs"',
        *WRITTEN[:1],
    ]
)
inner = st.sampled_from(
    ['{"userLogs":[{},{}]}', '[[{"userLogs":[1]}],{}]', '{"b":{"userLogs":[]}}']
)
texts = st.sampled_from(['"userLogs":[', '","userLogs":[{},{', "userLogs", "]}", '"]', *TRAPS])
values = inner | texts.map(quoted) | st.sampled_from(["1.5", "-12", "true", "null", "[]", "{}"])


@st.composite
def members(draw: st.DrawFn) -> tuple[list[str], list[str], list[bytes]]:
    """Draw an object with the array: its rows, its members, and the whole as chunks of bytes."""
    space = draw(spaces)
    others = [
        f"{name}{space}:{space}{'null' if name in WRITTEN else value}"
        for name, value in draw(st.lists(st.tuples(names, values), max_size=4))
    ]
    found = draw(st.lists(rows, max_size=2))
    arrays = [
        f"{draw(st.sampled_from(WRITTEN))}:{space}[{space}" + f"{space},".join(some) + f"{space}]"
        for some in found
    ]
    at = draw(st.integers(0, len(others)))
    whole = [*others[:at], *arrays, *others[at:]]
    body = utf8(f"{space}{{{space}" + f"{space},{space}".join(whole) + f"{space}}}{space}")
    cuts = draw(st.lists(st.integers(0, len(body)), max_size=30).map(sorted))
    edges = [0, *cuts, len(body)]
    return [*chain(*found)], others, [body[a:b] for a, b in pairwise(edges)]


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
    before = 0
    for answer, position in split(chunks):
        before += len(answer.tree)
        rest = [utf8(text) for text in texts[before:]]
        assert written(split(chunks, position)) == rest
        assert written(split(bytewise(b"".join(chunks)), position)) == rest


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


# The array as a member of an object


@early
@fuzzed
@given(members())
def test_the_rows_of_a_named_member_come_with_the_members_beside_it(
    stream: tuple[list[str], list[str], list[bytes]],
) -> None:
    texts, others, chunks = stream
    beside: dict[str, Any] = {}
    assert written(split(chunks, name=NAME, members=beside)) == [utf8(text) for text in texts]
    whole = json.loads(utf8("{" + ",".join(others) + "}"))
    whole.pop(NAME, None)
    assert beside == whole
    assert json.loads(b"".join(chunks)).keys() - {NAME} == whole.keys()


@pytest.mark.parametrize("name", WRITTEN)
def test_the_members_before_the_array_are_known_with_its_first_rows_and_all_with_its_last(
    name: str,
) -> None:
    texts = [f'{{"n":{n},"text":"{"x" * 100}"}}' for n in range(1_000)]
    body = f'{{"id":1,{name}:[{",".join(texts)}],"name":"Asha"}}'.encode()
    chunks = [body[n : n + 1_000] for n in range(0, len(body), 1_000)]
    beside: dict[str, Any] = {}
    known = [dict(beside) for _ in split(chunks, name=NAME, members=beside)]
    assert known[:-1] == [{"id": 1}] * (len(known) - 1)
    assert len(known) > 2
    assert known[-1] == {"id": 1, "name": "Asha"}


@early
@pytest.mark.parametrize("rows", ["", '"userLogs":null', '"userLogs":[]'])
def test_an_object_without_the_array_gives_no_list_and_an_empty_array_an_empty_one(
    rows: str,
) -> None:
    beside: dict[str, Any] = {}
    found = list(
        split(bytewise(f'{{"a":[1]{rows and ","}{rows}}}'.encode()), name=NAME, members=beside)
    )
    assert [answer.tree for answer, _ in found] == ([[]] if "[]" in rows else [])
    assert beside == {"a": [1]}


@early
@pytest.mark.parametrize(
    "body",
    [
        b"[]", b"null", b'"text"', b"7",
        b'{"userLogs":{}}', b'{"userLogs":"[1]"}', b'{"userLogs":false}',
    ],
)  # fmt: skip
def test_json_whose_named_member_is_no_array_is_refused_as_such(body: bytes) -> None:
    with pytest.raises(NotAnArrayError):
        list(split(bytewise(body), name=NAME))


@early
@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"<html>", b'{"userLogs":[}', b'{"userLogs":[]', b'{"userLogs":[]]',
        b'{"userLogs" []}', b'{"userLogs":[1,]}', b'{"userLogs":[{},{}],}', b'{,"userLogs":[1]}',
        b'{"userLogs":[{},{}] "a":1}', b'{"userLogs":[{},{}]}}', b'{"a","userLogs":[1]}',
        b'{"a":01,"userLogs":[1]}', b'{"userLogs":[1],"a":01}',
    ],
)  # fmt: skip
def test_an_object_that_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(CutArrayError):
        list(split(bytewise(body), name=NAME))


# Bounds


def endless(start: bytes, more: bytes) -> Iterator[bytes]:
    """Give bytes that never end; whoever reads far more than may be held fails."""
    yield start
    piece = more * (1_000_000 // len(more))
    for _ in range(100):
        yield piece
    pytest.fail("far more was read than may be held")


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b'[{"a":1},{"a":"', b"x"),
        (b'[{"a":1},{"a":[', b"{},"),
        (b'[{"a":', b" "),
        (b"[1", b"0"),
        (b'{"rows":[{"a":"', b"x"),
        (b'{"x":"', b"x"),
        (b'{"rows":[1],"x":[', b"[],"),
        (b'{"rows":[1]}', b" "),
    ],
)
def test_what_is_larger_than_may_be_held_is_given_up(
    start: bytes, more: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "LARGEST_ROW", 3_000_000)
    with pytest.raises(TooLargeError):
        list(split(endless(start, more), name="rows" if start[:1] == b"{" else None))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (b'[{"a":"', b'"}]'),
        (b'[1,{"a":"', b'"},2]'),
        (b'{"rows":[{"a":"', b'"}]}'),
        (b'{"x":"', b'","rows":[]}'),
        (b'{"rows":[],"x":"', b'"}'),
    ],
)
def test_the_bound_is_exact_but_for_the_chunk_it_is_in(
    start: bytes, end: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    largest, chunk = 1 << 20, 1 << 12  # as far apart as a power of two: where doubling meets them
    monkeypatch.setattr(arrays, "LARGEST_ROW", largest)
    name = "rows" if start[:1] == b"{" else None
    for size in (largest - chunk, largest + chunk):
        body = start + b"x" * size + end
        chunks = (body[at : at + chunk] for at in range(0, len(body), chunk))
        with pytest.raises(TooLargeError) if size > largest else nullcontext():
            list(split(chunks, name=name))


@pytest.mark.parametrize("name", [None, "rows"])
@pytest.mark.parametrize(
    "parts",
    [
        [b"[", b"1,2]"], [b"[1", b",2]"], [b"[1,", b"2]"], [b"[1,2", b"]"],
        [b'[{"a":1}', b',{"a":2}]'], [b'[{"a":1},', b'{"a":2}]'], [b"[]", b""], [b"[1]", b" "],
    ],
)  # fmt: skip
def test_blanks_between_rows_are_skipped_as_they_come(
    parts: list[bytes], name: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "LARGEST_ROW", 1_000_000)
    before, behind = parts

    def stream() -> Iterator[bytes]:
        yield b'{"rows":' + before if name else before
        for _ in range(100):
            yield b" \t\r\n" * 25_000
        yield behind + b',"more":1}' if name else behind

    beside: dict[str, Any] = {}
    found = [row for answer, _ in split(stream(), name=name, members=beside) for row in answer.tree]
    assert found == json.loads(before + behind)
    assert beside == ({"more": 1} if name else {})


@pytest.mark.parametrize("name", [None, "rows"])
def test_a_row_of_too_many_values_is_not_parsed(
    name: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuts, "MOST_TOKENS", 100_000)
    many = b'{"a":[' + b"[]," * 1_000_000 + b"[]]}"
    for body in (b"[%b]" % many, b"[{},%b,{}]" % many) if name is None else (many,):
        with pytest.raises(TooLargeError):
            list(split((body[n : n + 65_536] for n in range(0, len(body), 65_536)), name=name))


def test_one_row_may_have_millions_of_bytes() -> None:
    text = "},{" * 5_000_000
    body = json.dumps([{"a": 1}, {"a": text}, {"a": 2}]).encode()
    found = split(body[n : n + 65_536] for n in range(0, len(body), 65_536))
    assert [row["a"] for answer, _ in found for row in answer.tree] == [1, text, 2]


@early
@fuzzed
@given(members(), st.data())
def test_an_object_that_is_cut_anywhere_loses_and_doubles_no_row(
    stream: tuple[list[str], list[str], list[bytes]], data: st.DataObject
) -> None:
    texts, _, chunks = stream
    body = b"".join(chunks).rstrip()
    cut = body[: data.draw(st.integers(0, len(body) - 1))]
    beside: dict[str, Any] = {}
    delivered: list[tuple[Answer, arrays.Position]] = []
    with pytest.raises(CutArrayError):  # noqa: PT012 - what came before is the evidence
        for answer_and_position in split(bytewise(cut), name=NAME, members=beside):
            delivered.append(answer_and_position)  # noqa: PERF402 - `extend` would drop them all
    position = delivered[-1][1] if delivered else START
    found = written(delivered) + written(split(chunks, position, name=NAME, members=beside))
    assert found == [utf8(text) for text in texts]
    again: dict[str, Any] = {}
    list(split(chunks, name=NAME, members=again))
    assert beside == again
