import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl.http.answer import parse
from auditctl.records import exact
from auditctl.records.redact import may_hide_in_texts, sweep
from tests.conftest import TEXTS, utf8


@given(TEXTS)
def test_an_answer_restored_is_what_was_sent(text: str) -> None:
    body = b"[" + utf8(text) + b"]"
    answer = parse(body)
    answer.restore()
    assert exact.dumps(answer.tree) == body


@given(TEXTS)
def test_where_nothing_looks_rounded_nothing_needs_restoring(text: str) -> None:
    body = b"[" + utf8(text) + b"]"
    answer = parse(body)
    floats, zeros = sweep([answer.tree], redact=False)
    rounded = floats or (zeros and answer.may_have_negative_zero)
    assert rounded or exact.dumps(answer.tree) == body


@given(TEXTS)
def test_where_no_text_can_hold_credentials_none_is_looked_for(text: str) -> None:
    answer, same = (parse(b"[" + utf8(text) + b"]") for _ in range(2))
    sweep(answer.tree, texts=may_hide_in_texts(answer.body))
    sweep(same.tree)
    assert exact.dumps(answer.tree) == exact.dumps(same.tree)


@pytest.mark.parametrize(
    "body",
    [
        rb'["/?token=x"]',
        rb'["{\"token\":\"x\"}"]',
        rb'["/?token\u003dx"]',
        b'["ssh://a:b@c"]',
        b'["%b//a:b@c"]' % (b'm@x","' * 20),
        rb'["https:\/\/a:b@c"]',
        rb'["{\u0022token\u0022:1}"]',
    ],
)
def test_a_text_that_may_hold_credentials_is_looked_into(body: bytes) -> None:
    assert may_hide_in_texts(body)


@pytest.mark.parametrize(
    "body",
    [
        b'[{"a":"/b/c","d":["e"]}]',
        b'{"next":"/logs?page%5Bafter%5D=ual_1&page%5Bsize%5D=100","a=b":"c=","=":"="}',
        b'["mailto:a@b.c","//todo: a@b","https://a@b:1/","https://h:1/a@b","//x","y:z@q"]',
        b'["a@b.c"%b,"https://h/"]' % (b',"a@b.c"' * 20),
        '["\u2028=","e\u0301=token"]'.encode(),
    ],
)
def test_a_page_whose_texts_hold_none_is_known_by_its_few_that_might(body: bytes) -> None:
    assert not may_hide_in_texts(body)


@given(
    st.lists(
        st.sampled_from(["a=b", "/?c=d&e=f", "g", "=", "token=x", "/?h=%3Ftoken%3Dx", "="])
        | st.sampled_from(["a@b.c", "h://a:b@c", "//", "x//a:b@c", ":@"])
    )
)
def test_a_page_of_many_such_texts_is_redacted_like_any_other(texts: list[str]) -> None:
    body = orjson.dumps(texts)
    answer, same = parse(body), parse(body)
    sweep(answer.tree, texts=may_hide_in_texts(body))
    sweep(same.tree)
    assert answer.tree == same.tree


@pytest.mark.parametrize("body", [b"[-0]", b'{"a":-0}', b'[{"a":[0,-0 ,1]}]', b"[[-0\n],0,-10]"])
def test_a_negative_zero_keeps_its_sign(body: bytes) -> None:
    answer = parse(body)
    assert answer.may_have_negative_zero
    assert sweep([answer.tree]) == (False, True)
    answer.restore()
    assert exact.dumps(answer.tree) == body.translate(None, b" \n")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ('[{"token":1.50,"n":1.50}]', '[{"token":"[REDACTED]","n":1.50}]'),
        ('[{"token":[1.50],"n":[1e400]}]', '[{"token":"[REDACTED]","n":[1e400]}]'),
        ('[1e400,"/?token=x",{"n":0.10}]', '[1e400,"/?token=[REDACTED]",{"n":0.10}]'),
        ('[18446744073709551616,"\\ud800"]', '[18446744073709551616,"\\ud800"]'),
        ('[{"token":-0,"n":-0}]', '[{"token":"[REDACTED]","n":-0}]'),
    ],
)
def test_what_was_redacted_stays_so(sent: str, expected: str) -> None:
    answer = parse(sent.encode())
    sweep([answer.tree])
    answer.restore()
    assert exact.dumps(answer.tree).decode() == expected


def test_what_repeats_a_name_is_restored_to_the_last_of_them() -> None:
    answer = parse(b'{"a":1.10,"a":{"b":1.20},"a":{"b":1.30}}')
    answer.restore()
    assert exact.dumps(answer.tree) == b'{"a":{"b":1.30}}'


@pytest.mark.parametrize("body", [b"", b"[", b"nul", b"<html>", b'"\xff"', b"[NaN]", b"[1] [2]"])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(body)


def test_deep_answers_are_read() -> None:
    body = b'{"a":[' * 5_000 + b"1.10" + b"]}" * 5_000
    answer = parse(body)
    answer.restore()
    assert exact.dumps(answer.tree) == body
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(body)  # or this test shows nothing
