import json
import re
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl.records import exact
from tests.conftest import TEXTS, utf8

DEPTH = 5_000

almost_json = st.text(st.sampled_from('[]{}",:01-+.eENaInfity truefalsn\\ud\t\n\x0c\x00é'))


def decimals(value: Any) -> Any:
    """Give the value with each number as the decimal that was written."""
    if isinstance(value, dict):
        return {name: decimals(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [decimals(inner) for inner in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return Decimal(getattr(value, "text", str(value)))


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def reference(text: str) -> Any:
    """Read as the standard library does, exactly, without its extensions to JSON."""
    return json.loads(text, parse_int=Decimal, parse_float=Decimal, parse_constant=_refuse)


@given(TEXTS)
def test_any_compact_json_comes_back_byte_for_byte(text: str) -> None:
    assert exact.dumps(exact.loads(utf8(text))) == utf8(text)


@given(TEXTS)
def test_every_value_is_the_one_that_was_written(text: str) -> None:
    read = decimals(exact.loads(utf8(text)))
    assert read == reference(utf8(text).decode())


@pytest.mark.parametrize("deep", [False, True])
@given(text=almost_json)
def test_what_is_refused_is_exactly_what_is_not_json(text: str, deep: bool) -> None:  # noqa: FBT001
    def load() -> Any:
        return exact._loads_deep(text, []) if deep else exact.loads(text.encode())

    try:
        expected = reference(text)
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            load()
    else:
        assert decimals(load()) == expected


@pytest.mark.parametrize("deep", [False, True])
def test_what_another_value_of_its_name_replaced_is_told(deep: bool) -> None:  # noqa: FBT001
    text = '{"a":1,"b":{"c":[2],"c":3},"a":4}'
    repeated: list[Any] = []
    body = b"[" * DEPTH * deep + text.encode() + b"]" * DEPTH * deep
    value = exact.loads(body, repeated)
    assert exact.dumps(value) == b"[" * DEPTH * deep + b'{"a":4,"b":{"c":3}}' + b"]" * DEPTH * deep
    assert {exact.dumps(one) for one in repeated} == {b'{"a":1}', b'{"c":[2]}'}


@given(TEXTS, st.booleans())
def test_the_slow_roads_lead_to_the_same_place(text: str, sort: bool) -> None:  # noqa: FBT001
    value = exact._loads_deep(utf8(text).decode(), [])
    assert decimals(value) == reference(utf8(text).decode())
    assert utf8(exact._dumps_deep(value, sort=sort)) == exact.dumps(
        value, orjson.OPT_SORT_KEYS if sort else 0
    )


@pytest.mark.parametrize(
    "text",
    [
        "18446744073709551615", "18446744073709551616", "-9223372036854775809", "1" * 5_000,
        "-" + "9" * 400, "1e400", "-1E-400", "1e5", "1.0", "1.10", "-0.0", "-0", '"\\ud800"',
        "0.1000000000000000055511151231257827021181583404541015625",
        '["\\udfff\\ud800",{"\\ud83d":1e400}]',
    ],
)  # fmt: skip
def test_what_64_bits_and_utf_8_cannot_hold_survives(text: str) -> None:
    assert exact.dumps(exact.loads(text.encode())) == text.encode()


@pytest.mark.parametrize("innermost", ['1e400,"\\ud800"', '"x",18446744073709551616,null,true'])
@pytest.mark.parametrize(
    ("opening", "closing"), [("[", "]"), ('{"a":[', "]}"), ('[{"\\ud800":[', "]}]")]
)
def test_deep_nesting_survives(opening: str, closing: str, innermost: str) -> None:
    text = f"{opening * DEPTH}{innermost}{closing * DEPTH}".encode()
    assert exact.dumps(exact.loads(text)) == text


@pytest.mark.parametrize(
    "tail", ["", "]", "]" * (DEPTH - 1), "]" * (DEPTH + 1), "}" * DEPTH, "x", ",", '"', "\\", "nul"]
)
def test_deep_nesting_that_does_not_end_well_is_refused(tail: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        exact.loads(b"[" * DEPTH + b"1" + tail.encode())


@pytest.mark.parametrize(
    "bad", [b"\xff", b'"\xed\xa0\x80"', b"\xef\xbb\xbf1", b'"\x01"', b"NaN", b""]
)
def test_bytes_that_are_no_json_are_refused(bad: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        exact.loads(bad)


def test_keys_are_sorted_and_a_line_ended_on_either_road() -> None:
    option = orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    inner = [{"d": 1, "c": 2}]
    assert exact.dumps({"b": 1, "a": inner}, option) == b'{"a":[{"c":2,"d":1}],"b":1}\n'
    assert exact.dumps({"b": "\ud800", "a": inner}, option) == (
        b'{"a":[{"c":2,"d":1}],"b":"\\ud800"}\n'
    )


@given(
    st.sampled_from([0, 10**17, 10**18, 2**63, 2**64]).flatmap(
        lambda near: st.integers(near - 10, near + 10)
    ),
    st.sampled_from([1, -1]),
)
def test_an_integer_is_one_whichever_of_the_two_reads_it(size: int, sign: int) -> None:
    text = str(sign * size).encode()
    fast, slow = orjson.loads(text), exact.loads(text)
    assert type(slow) is (int if type(fast) is int else exact.Number)
    assert slow == fast


@given(TEXTS)
def test_lone_surrogates_are_replaced_and_nothing_else(text: str) -> None:
    value = [exact.loads(utf8(text))]
    mended = re.sub("[\ud800-\udfff]", exact.REPLACEMENT, text)
    assert exact.replace_surrogates(value) == (mended != text)
    if exact.dumps(exact.loads(mended.encode())) == mended.encode():  # else names became equal
        assert exact.dumps(value).decode() == f"[{mended}]"
    assert not exact.replace_surrogates(value)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (rb'{"a":"\ud800x\udc00"}', '{"a":"\ufffdx\ufffd"}'),
        (rb'{"a":"\ud83d\ude00"}', '{"a":"\U0001f600"}'),
        (rb'{"x\ud800":1,"b":[["\udfff"]]}', '{"x\ufffd":1,"b":[["\ufffd"]]}'),
        (
            rb'{"\ud800":1,"\ufffd":2,"\ud801":3,"\ufffd2":4,"\ud802":5}',
            '{"\ufffd3":1,"\ufffd":2,"\ufffd4":3,"\ufffd2":4,"\ufffd5":5}',
        ),
        (
            b'{"a":' * DEPTH + rb'"\ud800"' + b"}" * DEPTH,
            '{"a":' * DEPTH + '"\ufffd"' + "}" * DEPTH,
        ),
        (rb'[1e400,"\ud800",-0]', '[1e400,"\ufffd",-0]'),
    ],
)
def test_no_member_is_lost_where_surrogates_are_replaced(before: bytes, after: str) -> None:
    value = exact.loads(before)
    exact.replace_surrogates(value)
    assert exact.dumps(value).decode() == after


def test_a_hundred_thousand_names_that_become_equal_are_kept_apart() -> None:
    names = [
        chr(0xD800 + n // 1000) + chr(0xDFFF - n % 1000) * (n % 1000 > 0) for n in range(100_000)
    ]
    value = dict.fromkeys(names, 1)
    many = len(value)
    exact.replace_surrogates(value)
    assert len(value) == many


@pytest.mark.parametrize("odd", [False, True])
def test_lines_of_a_large_page_are_those_of_its_parts(*, odd: bool) -> None:
    values: list[object] = [{"n": n} for n in range(2 * exact.MOST_LINES + 1)]
    if odd:
        values[exact.MOST_LINES] = "\ud800"
    assert exact.lines(values) == b"".join(exact.dumps(value) + b"\n" for value in values)
