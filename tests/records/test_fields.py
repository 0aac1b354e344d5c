import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl.errors import UsageError
from auditctl.records import exact
from auditctl.records.fields import as_text, field, parse_fields, parse_test
from auditctl.records.record import FIELDS, Record, build, make_sound

EVENT = exact.loads(
    b'{"attributes":{"method":"GET","n":1.10,"big":18446744073709551616,"ok":true,"none":null,'
    b'"empty":"","list":[{"x":"first"},"second"],"a=b":"eq"},"dotted.name":{"y":1},"0":"zero",'
    b'"a.b":"whole","a":{"b":"parts"}}'
)


@pytest.fixture(scope="module")
def record() -> Record:
    record = build(
        "persona",
        {
            "time": "2026-01-31T08:09:10Z", "id": "1", "actor_email": "ada@example.com",
            "action": "GET /a=b", "status_code": 404,
        },
        EVENT,
    )  # fmt: skip
    make_sound([record])
    return record


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_found_by_its_name(name: str, record: Record) -> None:
    assert field(name).name == name
    assert field(name).read(record) is record[name]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("raw.attributes.method", "GET"),
        ("raw.attributes.ok", True),
        ("raw.attributes.none", None),
        ("raw.attributes.none.deeper", None),
        ("raw.attributes.method.deeper", None),
        ("raw.attributes.list.0.x", "first"),
        ("raw.attributes.list.1", "second"),
        ("raw.attributes.list.2", None),
        ("raw.attributes.list.-1", None),
        ("raw.attributes.list.x", None),
        ("raw.attributes.list.\u0661", None),
        ("raw.attributes.list." + "9" * 5_000, None),
        ("raw.dotted.name", {"y": 1}),
        ("raw.a.b", "whole"),
        ("raw.0", "zero"),
        ("raw.missing", None),
        ("raw.raw", None),
    ],
)
def test_a_dotted_path_reaches_into_raw(path: str, value: Any, record: Record) -> None:
    assert field(path).read(record) == value


@pytest.mark.parametrize("event", [None, True, 1, "text", [], "raw"])
def test_a_path_into_an_event_that_is_no_object_finds_nothing(event: Any) -> None:
    assert field("raw.a").read(build("persona", {}, event)) is None
    assert field("raw.0").read(build("persona", {}, ["x"])) == "x"


def test_fields_are_selected_in_the_order_asked_for(record: Record) -> None:
    fields = parse_fields("raw.attributes.method, actor,status_code")
    assert [f.name for f in fields] == ["raw.attributes.method", "actor", "status_code"]
    assert [field.read(record) for field in fields] == ["GET", "ada@example.com", 404]


@pytest.mark.parametrize(
    "text",
    ["", "actor,", "Actor", "nothing", "actor.x", "raw.", "raw..a", "raw.a.", ".raw", "rawx.a"],
)
def test_an_unknown_field_is_a_usage_error_that_names_them(text: str) -> None:
    with pytest.raises(UsageError, match=r"time, provider, .*raw\.attributes\.method"):
        parse_fields(text)


def test_a_field_asked_for_twice_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="'actor'"):
        parse_fields("actor,time, actor")


@pytest.mark.parametrize(
    ("test", "passes"),
    [
        ("action=GET /a=b", True),  # the name ends at the first operator
        ("action=GET", False),
        ("action!=GET", True),
        ("action!=GET /a=b", False),
        ("action~^GET", True),
        ("action~a=b$", True),
        ("action~=b", True),
        ("action~get", False),
        ("action~(?i)get", True),
        ("action!~^POST", True),
        ("action!~GET", False),
        ("action~", True),
        ("status_code=404", True),
        ("status_code!=404", False),
        ("status_code~^4..$", True),
        ("raw.attributes.method=GET", True),
        ("raw.attributes.ok=true", True),
        ("raw.attributes.ok=True", False),
        ("raw.attributes.n=1.10", True),
        ("raw.attributes.n=1.1", False),
        ("raw.attributes.big=18446744073709551616", True),
        ('raw.a={"b":"parts"}', True),
        ('raw.dotted.name={"y":1}', True),
        ('raw.attributes.list~"first".*"second"', True),
        ("raw.attributes.empty=", True),
        ("raw.attributes.empty!=", False),
        ("raw~dotted", True),
        # Null equals and matches nothing, so only the negations hold.
        ("target=", False),
        ("target=null", False),
        ("target=None", False),
        ("target~", False),
        ("target!=", True),
        ("target!=x", True),
        ("target!~", True),
        ("raw.attributes.none=null", False),
        ("raw.missing!=x", True),
        ("raw.missing~.*", False),
        # Blanks around the operator do not count.
        ("status_code = 404", True),
        ("status_code\t!=  404", False),
        ("status_code >= 404", True),
        ("action ~ ^GET", True),
        ("action= GET /a=b", True),
        # The record's time has no fraction that counts, however it is written.
        ("time=2026-01-31T08:09:10.000Z", True),
        ("time>2026-01-31T08:09:10Z", False),
        ("time>=2026-01-31T08:09:10Z", True),
        ("time<2026-01-31T08:09:10.0Z", False),
        ("time<=2026-01-31T08:09:10.0Z", True),
        ("time<2026-01-31T08:09:10.0000001Z", True),
        ("time>2026-01-31T08:09:09.9999999Z", True),
        ("time>=2026-01-31", True),
        ("time<2026-01-31T10:09+02:00", False),
        ("time>1d", False),
        ("time<1d", True),
        ("time<=today", True),
        ("status_code<404", False),
        ("status_code<=404", True),
        ("status_code>403.5", True),
        ("status_code>404", False),
        ("status_code<" + "9" * 5000, True),
        ("outcome=failure", True),
        ("outcome!=success", True),
        ("outcome~fail", True),
        ("source_ip!=203.0.113.7", True),
    ],
)
def test_a_test_keeps_what_it_says(test: str, passes: bool, record: Record) -> None:  # noqa: FBT001
    assert parse_test(test)(record) is passes


@pytest.mark.parametrize(
    "text",
    [
        "", "actor", "=x", "~x", "!=x", "actor!x", "nothing=x", " actor=x", "raw.=x", "action~(",
        "action!~[", "action~" + "(" * 20_000, "action~x{99999999999}",
    ],
)  # fmt: skip
def test_a_test_that_cannot_be_read_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        parse_test(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("outcome=fail", "outcome is never 'fail'. It is one of success, failure, unknown."),
        ("outcome = ", "outcome is never ''. It is one of success, failure, unknown."),
        ("provider!=x", "provider is never 'x'. It is one of acme, persona."),
        ("status_code=abc", "status_code is never 'abc'. It is a whole number, such as 404."),
        ("status_code=0404", "status_code is never '0404'. It is a whole number, such as 404."),
        ("status_code!=", "status_code is never ''. It is a whole number, such as 404."),
        ("status_code<abc", "status_code is compared with a number, such as 404, not 'abc'."),
        (
            "status_code>=\u0664",
            "status_code is compared with a number, such as 404, not '\u0664'.",
        ),
        ("actor<x", "Only time and status_code have an order. Use =, !=, ~ or !~."),
        ("raw.n>=1", "Only time and status_code have an order. Use =, !=, ~ or !~."),
        ("time=2026-01-31", "time is never written as '2026-01-31', but like 2026-01-31T08:09:10."),
        ("time<soon", "Cannot read the time 'soon'. Write a duration back from now"),
        ("time>=30", "Cannot read the time '30': a number alone is epoch seconds"),
        ("source_ip=10.0.0.0/8", "source_ip is never '10.0.0.0/8'. It is one address, such as"),
    ],
)
def test_a_test_that_nothing_can_pass_or_fail_is_a_usage_error(text: str, said: str) -> None:
    with pytest.raises(UsageError) as failure:
        parse_test(text, values={"provider": ("acme", "persona")})
    assert str(failure.value).startswith(f"--where {text!r}: {said}")


def test_null_is_neither_before_nor_behind_anything() -> None:
    record = build("persona", {}, None)
    signs = ("<", "<=", ">", ">=")
    tests = [f"{name}{sign}1w" for name in ("time",) for sign in signs]
    tests += [f"status_code{sign}0" for sign in signs]
    assert [test for test in tests if parse_test(test)(record)] == []


def test_the_time_of_a_test_is_read_in_a_zone_and_counts_from_now(record: Record) -> None:
    now, zone = datetime(2026, 2, 1, tzinfo=UTC), timezone(timedelta(hours=9))
    for text, passes in [("time<2026-01-31T17:09:11", True), ("time<2026-01-31T17:09:10", False)]:
        assert parse_test(text, now, zone)(record) is passes
    # Nine o'clock in the morning of 1 February there: yesterday began at 15:00 UTC of the 30th.
    assert parse_test("time>=yesterday", now, zone)(record)
    assert not parse_test("time>=today", now, zone)(record)
    assert parse_test("time>15h51m", now, zone)(record)
    assert not parse_test("time>15h50m", now, zone)(record)


@given(st.text(), st.text().map(lambda text: text.lstrip(" \t")))
def test_any_value_is_equal_or_different_but_never_both(value: str, wanted: str) -> None:
    record = build("persona", {"action": value}, None)
    assert parse_test(f"action={wanted}")(record) is (value == wanted)
    assert parse_test(f"action!={wanted}")(record) is (value != wanted)
    assert parse_test(f"action~{re.escape(wanted)}")(record) is (wanted in value)
    assert parse_test(f"action!~{re.escape(wanted)}")(record) is (wanted not in value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None), ("", ""), ("x", "x"), ("\ud800", "\ud800"), (True, "true"), (0, "0"),
        (exact.loads(b"1e400"), "1e400"), (["\ud800"], '["\\ud800"]'), ({"a": None}, '{"a":null}'),
    ],
)  # fmt: skip
def test_a_value_as_text_is_its_json_unless_it_is_a_text(value: Any, text: str | None) -> None:
    assert as_text(value) == text


def test_a_regex_that_a_later_python_will_read_otherwise_is_no_warning() -> None:
    found = parse_test("action~[[a]")  # where warnings are errors
    assert found({"action": "["})
