import json
import re
import string
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auditctl.records import exact
from auditctl.records import redact as module
from auditctl.records.redact import REDACTED, is_secret, may_hide_in_texts, redact_text, scan
from tests.conftest import STRINGS, TEXTS, utf8

SECRET = ["cookies", "token", "api_key", "X-Csrf-Token", "clientSecret", "PASSWORD"]
HARMLESS = ["session_id", "page", "q", "token_id", "time", "author", "pass", "key", "name", "value"]
LARGE = 1_000_000
WORD = re.compile(r"[\w.-]+")

names = st.sampled_from(SECRET + HARMLESS)
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | STRINGS
    | st.sampled_from(
        ["", "/?token=x&a=b", "a=b", "token=", "h://a:b@c", *SECRET, exact.loads(b"1e400")]
    )
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names | STRINGS, inner, max_size=4),
    max_leaves=20,
)


def redact(value: Any) -> Any:
    """Redact a copy of one value."""
    copy = [exact.loads(exact.dumps(value))]
    scan(copy)
    return copy[0]


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        *[
            (name, True)
            for name in (
                "cookie", "Cookie", "COOKIE", "set-cookie", "Set-Cookie", "set_cookie", "setcookie",
                "authorization", "Authorization", "proxy-authorization", "Proxy_Authorization",
                "password", "userPassword", "password_hash", "PASSWD", "old-passwd", "secret",
                "client_secret", "secrets", "token", "access_token", "tokens", "X-Auth-Token",
                "api-key", "api_key", "apikey", "X-Api-Key", "csrf", "X-CSRFToken",
                "private-key", "private_key", "privateKey", "pass_word", "to-ken", "x-cookie",
                "cookie_banner", "cookies", "connect.sid", "Connect.Sid", "pwd", "user_pwd", "PWD",
                "sessionKey", "session-key", "jwt", "jwtAssertion", "X-Amz-Signature", "signature",
                "credentials", "aws_credential", "tokenid", "token_ident", "token_names",
                "tokenIdentifier", "token_valid", "id_token", "name_of_secret", "user[password]",
                "password[hash]", "a[token][id]", "spring.datasource.password",
            )
        ],
        *[
            (name, False)
            for name in (
                "", "session_id", "sessionId", "uses_3", "id", "user", "key", "public_key",
                "private", "pass", "authorize", "authorization_url", "author", "sid", "x.sid",
                "keyboard", "api", "api.key", "to ken", "to\u212aen", "\ud800", "user-session",
                "token_id", "token-id", "token_ids", "TOKEN_ID", "tokenId", "tokenID", "tokenIds",
                "apiKeyId", "api_key_id", "credential_uuid", "tokenUuid", "tokenUUID",
                "token_name", "tokenName", "token name", "token.id", "secret-name", "CookieName",
                "user[token_id]", "connect.sid.name", "jwt_id", "token_uuid", "secretName",
            )
        ],
    ],
)  # fmt: skip
def test_a_name_is_secret_to_the_letter(name: str, secret: bool) -> None:  # noqa: FBT001
    assert is_secret(name) is secret
    assert is_secret(name) is secret  # as remembered too


@pytest.mark.parametrize(
    "value", ["x", " ", "[]", 0, 1, 1.5, {}, [], {"a": 1}, ["x", None], {"token": None}]
)
def test_a_secret_is_replaced_whole_whatever_it_is(value: Any) -> None:
    assert redact({"a": [{"Api-Key": value, "b": value}]}) == {
        "a": [{"Api-Key": REDACTED, "b": redact(value)}]
    }


@pytest.mark.parametrize("value", [None, True, False, ""])
def test_what_says_only_that_there_is_none_stays(value: Any) -> None:
    assert redact({"token": value}) == {"token": value}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ([["Cookie", "a=b"], ["Host", "h"]], [["Cookie", REDACTED], ["Host", "h"]]),
        ([["set-cookie", ["a=b", "c=d"]]], [["set-cookie", REDACTED]]),
        ({"headers": ["Authorization", "Basic eA=="]}, {"headers": ["Authorization", REDACTED]}),
        ([["token", None], ["token", ""], ["token", True]],) * 2,
        (
            ["Host", "h", "Authorization", "Bearer x", "Accept", "*/*", "Set-Cookie", "a"],
            ["Host", "h", "Authorization", REDACTED, "Accept", "*/*", "Set-Cookie", REDACTED],
        ),
        (["password", "email", "token", "phone"],) * 2,  # words, such as names of what changed
        (["read tokens", "write tokens", "token", "a/b"],) * 2,
        (["a/b", "Cookie", "c/d", "Cookie"],) * 2,
        (["Cookie", "a=b", "Host"],) * 2,
        (["Cookie", 1, "Host", "h:1"],) * 2,
        ([["token_id", "x"], ["Cookie"], ["Cookie", "x", "y"], ["x", "Cookie"]],) * 2,
        ([{"name": "Cookie", "value": "a"}], [{"name": "Cookie", "value": REDACTED}]),
        ([{"value": "a", "name": "Cookie"}], [{"value": REDACTED, "name": "Cookie"}]),
        ([{"Key": "api_key", "Value": ["a"]}], [{"Key": "api_key", "Value": REDACTED}]),
        ([{"name": "Cookie", "values": ["a"]}], [{"name": "Cookie", "values": REDACTED}]),
        (
            [{"key": "password", "oldValue": "a", "new_value": {"b": 1}, "type": "text"}],
            [{"key": "password", "oldValue": REDACTED, "new_value": REDACTED, "type": "text"}],
        ),
        ([{"name": "Cookie", "value": None}, {"name": "Cookie", "value": False}],) * 2,
        ([{"name": "token_id", "value": "a"}, {"name": ["Cookie"], "value": "a"}],) * 2,
        ([{"name": "Cookie", "size": 3}, {"title": "Cookie", "value": "a"}],) * 2,
    ],
)
def test_a_credential_may_be_named_beside_its_value(event: Any, expected: Any) -> None:
    assert redact(event) == expected
    assert redact({"a": [event]}) == {"a": [expected]}
    assert redact(exact.dumps(event).decode()) == exact.dumps(expected).decode()


def test_two_events_are_no_pair() -> None:
    events: list[Any] = ["token", "x"]
    scan(events)
    assert events == ["token", "x"]


def test_exact_numbers_are_replaced_too() -> None:
    assert exact.dumps(redact(exact.loads(b'{"token":1e400,"n":1e400}'))) == (
        b'{"token":"[REDACTED]","n":1e400}'
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://alice:hunter2@h/p", "https://alice:[REDACTED]@h/p"),
        (
            "https://alice:hunter2@h/?token=x&b=1",
            "https://alice:[REDACTED]@h/?token=[REDACTED]&b=1",
        ),
        ("https://alice:h@nter:2@h:8080/p@q", "https://alice:[REDACTED]@h:8080/p@q"),
        ("https://:hunter2@h", "https://:[REDACTED]@h"),
        ("//alice:hunter2@h/p", "//alice:[REDACTED]@h/p"),
        (
            "cloning postgres://u:p@h/d and https://a:b@c failed",
            "cloning postgres://u:[REDACTED]@h/d and https://a:[REDACTED]@c failed",
        ),
        ("?next=https://alice:hunter2@h/p&x=1", "?next=https://alice:[REDACTED]@h/p&x=1"),
        ("?next=https%3A%2F%2Falice%3Ahunter2%40h%2Fp&x=1", "?next=[REDACTED]&x=1"),
        ("?next=" + quote(quote("https://a:b@h", ""), ""), "?next=[REDACTED]"),
        ('{"url":"https://alice:hunter2@h"}', '{"url":"https://alice:[REDACTED]@h"}'),
        ('{"url":"https:\\/\\/alice:hunter2@h\\/p', '{"url":"https:\\/\\/alice:[REDACTED]@h\\/p'),
        ("https://alice@h/p", "https://alice@h/p"),
        ("https://alice:@h/p", "https://alice:@h/p"),
        ("https://h:8080/@user", "https://h:8080/@user"),
        ("https://[2001:db8::1]:443/a@b", "https://[2001:db8::1]:443/a@b"),
        ("https://h/a//b:c@d", "https://h/a//b:c@d"),
        ("// todo: mail alice@example.com", "// todo: mail alice@example.com"),
        ("?mail=alice%40example.com", "?mail=alice%40example.com"),
        (
            "?token_id=abc&tokenName=x&user[token_id]=7",
            "?token_id=abc&tokenName=x&user[token_id]=7",
        ),
        ("?X-Amz-Signature=abc", "?X-Amz-Signature=[REDACTED]"),
        ('{"name":"Authorization","value":"Basic eD', REDACTED),
        ('[{"value":"Basic eDp4","name" : "Authorization"', REDACTED),
        ('[["Cookie","a=b"],["Host","h', REDACTED),
        ('{"name":"token_id","value":"a', '{"name":"token_id","value":"a'),
        ("/login?token=abc", "/login?token=[REDACTED]"),
        ("/login?a=1&token=abc&b=2", "/login?a=1&token=[REDACTED]&b=2"),
        ("https://h/p?token=abc#top", "https://h/p?token=[REDACTED]#top"),
        ("https://h/p#access_token=abc&state=1", "https://h/p#access_token=[REDACTED]&state=1"),
        ("token=abc", "token=[REDACTED]"),
        ("a=1&Api-Key=abc", "a=1&Api-Key=[REDACTED]"),
        (" \ttoken=abc&b=1", " \ttoken=[REDACTED]&b=1"),
        ("/p;csrf=abc?a=1", "/p;csrf=[REDACTED]"),
        ("/p/tokens/id=5/inq_1", "/p/tokens/id=5/inq_1"),
        ("/p/token=abc?x=1&token=abc", "/p/token=abc?x=1&token=[REDACTED]"),
        ("?password=a;b?c=d&e=f", "?password=[REDACTED]&e=f"),
        ('{"password":"abc","n":1.50}', '{"password":"[REDACTED]","n":1.50}'),
        (' [ {"a": {"Set-Cookie": "x"}} ]', '[{"a":{"Set-Cookie":"[REDACTED]"}}]'),
        ('{ "user" : "a?token=" }', '{ "user" : "a?token=" }'),
        ('{"url":"/b?token=abc&x=1"}', '{"url":"/b?token=[REDACTED]&x=1"}'),
        ('{"a":"{\\"token\\":\\"x\\"}"}', '{"a":"{\\"token\\":\\"[REDACTED]\\"}"}'),
        ('{"token":"\ud800","a":"\ud800é"}', '{"token":"[REDACTED]","a":"\\ud800é"}'),
        ('{"token":"x"', REDACTED),
        ('\ufeff {"token":"x"}', '\ufeff {"token":"[REDACTED]"}'),
        ('{"a":"b","token":"x', REDACTED),
        ('{"token":"x","n":NaN}', REDACTED),
        ('{"token":"x"}\n{"a":1}', REDACTED),
        ('{"a":"line\nfeed","api_key" : {"b":"c"}}', REDACTED),
        ('[auth] "Authorization": "Basic eDp4"', "[auth] [REDACTED]"),
        ('{"a":"token","b":"c"', '{"a":"token","b":"c"'),
        (
            '{"token":"","secret":null,"csrf":true,"n":NaN}',
            '{"token":"","secret":null,"csrf":true,"n":NaN}',
        ),
        ('"{\\"token\\":\\"x\\"}"', '"{\\"token\\":\\"[REDACTED]\\"}"'),
        ('"/b?token=x"', '"/b?token=[REDACTED]'),
        ('"Chromium";v="92", " Not A;Brand";v="99"', '"Chromium";v="92", " Not A;Brand";v="99"'),
        ('?a="{\\"u\\":\\"?b=1\\",\\"token\\":\\"x\\"}"', "?a=[REDACTED]"),
        ('"token" it is', '"token" it is'),
        ('{"token":"x","token":""}', '{"token":""}'),
        ('{"password":"x","password":null}', '{"password":null}'),
        ('{"a":{"token":"x"},"a":1}', '{"a":1}'),
        ('{"a":"/?token=x","a":1}', '{"a":1}'),
        ('{"a": 1, "a": 2}', '{"a": 1, "a": 2}'),
        ('/p?d={"url":"/x?y=1","token":"x"}&z=1', "/p?d=[REDACTED]&z=1"),
        ("/p?d=%7B%22url%22:%22/x?y=1%22,%22token%22:%22x%22%7D", "/p?d=[REDACTED]"),
        ("/p?d=%7B%22a%22:%22x;y%22,%22token%22:%22x%22%7D#z", "/p?d=[REDACTED]#z"),
        ("/p?d=" + quote("%7B%22a%22:%22?y=1%22,%22token%22:%22x%22%7D", ""), "/p?d=[REDACTED]"),
        ("/p?d=[a]?e={%22url%22:%22/x?y=1%22,%22token%22:%22x%22}", "/p?d=[REDACTED]"),
        ('/p?d={"a":"b"}?token=x', "/p?d=[REDACTED]"),
        ("/p?d=[1];e=2?f=3", "/p?d=[1];e=2?f=3"),
        ("?a=%7B%22token%22%3A%22x%22%7D&b=1", "?a=[REDACTED]&b=1"),
        ('?a={"token":"x"}&b=1', "?a=[REDACTED]&b=1"),
        ('?a={"page":"x"}&b=1', '?a={"page":"x"}&b=1'),
        ("?token=a=b==&c=d", "?token=[REDACTED]&c=d"),
        ("?token=a&token=b", "?token=[REDACTED]&token=[REDACTED]"),
        ("?%74oken=abc", "?%74oken=[REDACTED]"),
        ("?api%5Fkey=abc", "?api%5Fkey=[REDACTED]"),
        ("?user%5Bpassword%5D=abc", "?user%5Bpassword%5D=[REDACTED]"),
        ("?a=/b?token=abc", "?a=/b?token=[REDACTED]"),
        ("?next=%2Fb%3Ftoken%3Dabc&x=1", "?next=[REDACTED]&x=1"),
        ("?next=%2Fb%3Fa%3D1%26token%3Dabc", "?next=[REDACTED]"),
        ("?next=" + quote("/b?next=" + quote("/c?token=abc", ""), ""), "?next=[REDACTED]"),
        ("?next=%3Fb;token=abc", "?next=%3Fb;token=[REDACTED]"),
        ("token=", "token="),
        ("?token=&token", "?token=&token"),
        ("?session_id=abc&key=uses_1", "?session_id=abc&key=uses_1"),
        ("?next=%2Fb%3Fpage%3D2", "?next=%2Fb%3Fpage%3D2"),
        ("?q=the+token", "?q=the+token"),
        ("the token is = x", "the token is = x"),
        ("token", "token"),
        ("", ""),
        *[
            (text.replace("\n", end), expected.replace("\n", end))
            for end in ("\n", "\r\n")
            for text, expected in [
                (
                    "Cookie: a=b\nAuthorization: Bearer x",
                    f"Cookie: {REDACTED}\nAuthorization: {REDACTED}",
                ),
                (
                    "GET /?a=1 HTTP/1.1\nHost: h\nX-Api-Key: x\n\ntoken it is",
                    f"GET /?a=1 HTTP/1.1\nHost: h\nX-Api-Key: {REDACTED}\n\ntoken it is",
                ),
                (
                    "> Cookie: a=b\n< Set-Cookie: c\n\n",
                    f"> Cookie: {REDACTED}\n< Set-Cookie: {REDACTED}\n\n",
                ),
                ("Authorization: Bearer\n  x\nHost: h\n", f"Authorization: {REDACTED}\nHost: h\n"),
                ("Host: h\nCookie: a=b", f"Host: h\nCookie: {REDACTED}"),
                ("private_key: |\n  MIIa\n  bcd==\nuser: u", f"private_key: {REDACTED}\nuser: u"),
                (
                    "login:\n  - user: u\n    password: x\n",
                    f"login:\n  - user: u\n    password: {REDACTED}\n",
                ),
                ("Token:\n\nCookie: \n", "Token:\n\nCookie: \n"),
                (
                    "DB_HOST=h\nDB_PASSWORD=x=y\nDB_USER=u\n",
                    f"DB_HOST=h\nDB_PASSWORD={REDACTED}\nDB_USER=u\n",
                ),
                ("[db]\n  secret = x\n\nlevel = 3", f"[db]\n  secret ={REDACTED}\n\nlevel = 3"),
                (
                    "KEY_ID=1\nprivate_key=-----BEGIN-----\nMIIa\nbcd=\n-----END-----\nUSER=u",
                    f"KEY_ID=1\nprivate_key={REDACTED}\nUSER=u",
                ),
                ("page=%22\nlang=sw&token=x", f"page=%22\nlang=sw&token={REDACTED}"),
                (
                    (
                        '--b\nContent-Disposition: form-data; name="password"\n\nx\ny\n--b\n'
                        "Content-Disposition:; name=user\n\nu\n--b--\n"
                    ),
                    (
                        f'--b\nContent-Disposition: form-data; name="password"\n{REDACTED}\n--b\n'
                        "Content-Disposition:; name=user\n\nu\n--b--\n"
                    ),
                ),
                (
                    (
                        '--b\ncontent-disposition:; filename="token"; name=f\n--b\n'
                        "Content-Disposition:; name=token\nContent-Type: a/b\n\nx"
                    ),
                    (
                        '--b\ncontent-disposition:; filename="token"; name=f\n--b\n'
                        f"Content-Disposition:; name=token\n{REDACTED}"
                    ),
                ),
                (
                    'POST / HTTP/1.1\nHost: h\n\n{"password":"x"}',
                    f'POST / HTTP/1.1\nHost: h\n\n{{"password":"{REDACTED}"}}',
                ),
                *[
                    (text, text)
                    for text in (
                        "TokenExpiredError: jwt expired\n  at verify (/srv/token.js:12:3)",
                        "InvalidTokenException: no\n",
                        "Token::get at 3\ntokens.py:12: in f\nThe token: it is",
                        "token_id: 7\nSession: a\nhttps://h/token",
                        "Hello\nthe password is = x",
                    )
                ],
            ]
        ],
        ("Cookie: sess=abc", "Cookie: [REDACTED]"),
        ("Authorization: Bearer abc", "Authorization: Bearer abc"),
        ("my token=abc, he wrote", "my token=abc, he wrote"),
        ('body: {"password": "x", "n": 1.50}', 'body: {"password":"[REDACTED]","n":1.50}'),
        ('[7] got [{"token":"x"}] in 3 ms', '[7] got [{"token":"[REDACTED]"}] in 3 ms'),
        ('body: {"a": "b"} sent', 'body: {"a": "b"} sent'),
        ('body: {"a":1} or {"token":"x"} or', "body: [REDACTED]"),
        ('body: {"password": "x', "body: [REDACTED]"),
        ('body: {"a":{}}, "token":"x"', "body: [REDACTED]"),
        ('"token":"x", {"a":1}', REDACTED),
        ('{"a":"{\\"token\\":\\"x', REDACTED),
        ('["Host","h","Cookie","a', REDACTED),
        ('size {1} of [2]: "token"', 'size {1} of [2]: "token"'),
    ],
)
def test_parameters_of_a_url_are_redacted_and_nothing_else(text: str, expected: str) -> None:
    assert redact_text(text) == expected
    assert redact({"path": text}) == {"path": expected}
    assert redact([text]) == [expected]
    assert redact(text) == expected


parameters = st.lists(
    st.tuples(names, st.text(string.ascii_letters + string.digits + "/.-_~%éü漢")), max_size=6
)


@given(
    st.sampled_from(["", "/p?", "https://h:1/a/b?", "/p?flag&", "/p#"]),
    parameters,
    st.booleans(),
    st.sampled_from(["", "#end"]),
)
def test_in_any_url_exactly_the_secret_parameters_go(
    start: str,
    pairs: list[tuple[str, str]],
    encoded: bool,  # noqa: FBT001
    end: str,
) -> None:
    def url(*, redacted: bool) -> str:
        written = []
        for name, value in pairs:
            shown = "".join(f"%{ord(c):02x}" for c in name) if encoded else name
            hidden = redacted and value and name in SECRET
            written.append(f"{shown}={REDACTED if hidden else quote(value)}")
        return start + "&".join(written) + end

    assert redact_text(url(redacted=False)) == url(redacted=True)


def reference(value: Any) -> Any:
    """State the rules in the plainest way."""
    if isinstance(value, dict):
        titles = [value.get(title) for title in ("name", "key")]
        titled = any(isinstance(title, str) and is_secret(title) for title in titles)
        return {
            name: reference_of(inner, hidden=is_secret(name) or (titled and name == "value"))
            for name, inner in value.items()
        }
    if isinstance(value, list):
        names, beside = value[::2], value[1::2]
        named = len(value) == 2 or (
            all(isinstance(inner, str) for inner in value)
            and all(WORD.fullmatch(name) for name in names)
            and any(mark in "".join(beside) for mark in " /")
        )
        return [
            reference_of(
                inner,
                hidden=named
                and len(value) % 2 == 0
                and n % 2 == 1
                and isinstance(value[n - 1], str)
                and is_secret(value[n - 1]),
            )
            for n, inner in enumerate(value)
        ]
    return redact_text(value) if isinstance(value, str) else value


def reference_of(inner: Any, *, hidden: bool) -> Any:
    tells = inner is not None and inner != "" and not isinstance(inner, bool)
    return REDACTED if hidden and tells else reference(inner)


@given(st.lists(values, max_size=3))
def test_everything_is_redacted_that_must_be_and_nothing_else(events: list[Any]) -> None:
    expected = exact.dumps([reference(event) for event in events])
    scan(events)
    assert exact.dumps(events) == expected


@given(st.lists(values, max_size=3))
def test_redacting_twice_is_redacting_once(events: list[Any]) -> None:
    scan(events)
    once = exact.dumps(events)
    scan(events)
    assert exact.dumps(events) == once


@given(st.text(st.sampled_from('?&;#=%2635Dtokena /"{:}@[,]\\\n\r-')))
def test_redacting_a_text_twice_is_redacting_it_once(text: str) -> None:
    assert redact_text(redact_text(text)) == redact_text(text)


@example(r"https:\/\/alice:hunter2@h\/p")
@example(r"https:/\/alice:hunter2@h\/p")
@example(r"https:\//alice:hunter2@h\/p")
@given(st.text(st.sampled_from('?&;#=%2635Dtokena /"{:}@[,]\\\n\r-')))
def test_an_event_s_text_is_redacted_whatever_is_beside_it(text: str) -> None:
    assert redact(text) == redact_text(text)


@given(st.lists(values, max_size=3))
def test_without_redaction_nothing_changes(events: list[Any]) -> None:
    before = exact.dumps(events)
    scan(events, redact=False)
    assert exact.dumps(events) == before


@given(TEXTS, st.booleans())
def test_a_float_is_found_wherever_it_stands(text: str, redact: bool) -> None:  # noqa: FBT001
    floats: list[float] = []

    def found(number: str) -> float:
        floats.append(float(number))
        return floats[-1]

    assert scan([json.loads(utf8(text), parse_float=found)], redact=redact)[0] == bool(floats)


def test_more_names_than_can_be_remembered_are_told_apart() -> None:
    events = [{f"{kind}_{n}": "x" for kind in ("token", "id")} for n in range(12_000)]
    scan(events)
    assert events == [{f"token_{n}": REDACTED, f"id_{n}": "x"} for n in range(12_000)]
    assert len(module._known) <= module._MOST_NAMES >= len(module._harmless)


@pytest.mark.parametrize(
    "piece",
    [
        "?", "&a", "?a=", "?token=", "token=&", ";a=b", "a=%26", "%", "?a=%3F", "=", " =",
        "%3Fa=b&", "//", "//a:", "//a:b@", "//:@", ":", "@",
        "\n", "a: ", "a:\n", "token:\n", "\n a", "token: a\n", "token=\n", "-", "\r\n--", "\n{",
        'Content-Disposition: a; name="token"\n', "content-disposition:; ", "content-disposition: ",
        '[["', '","a', '{"', '"\\', '["a", ', '"name":"a"', '?a={"',
        "?a=%7B%22", '?a={"b":', '"', '{"a":', '"a" ', "?a=%22%20%20",
    ],
)  # fmt: skip
def test_hostile_text_of_a_megabyte_is_done(piece: str) -> None:
    # Anything that takes the square of this length would not come to an end.
    text = piece * (LARGE // len(piece))
    assert redact_text(f"{text}\n&token=abc").endswith(REDACTED)


def test_a_hostile_page_is_done() -> None:
    emails = b'"a@example.com",' * 20
    for text in (b"//" + b":" * LARGE, b"//a:" * (LARGE // 4), b"//" * LARGE):
        assert not may_hide_in_texts(b'[%b"%b"]' % (emails, text))
        assert may_hide_in_texts(b'[%b"%b","h://u:p@h"]' % (emails, text))


def test_hostile_lists_and_depth_are_done() -> None:
    many = [f"/p?token={n}" for n in range(LARGE // 10)]
    deep = exact.loads(b'{"a":[' * 5_000 + b'{"token":"abc"}' + b"]}" * 5_000)
    events = [many, deep]
    scan(events)
    assert set(many) == {"/p?token=[REDACTED]"}
    assert exact.dumps(deep).count(b"[REDACTED]") == 1


def test_an_url_in_an_url_is_taken_for_a_secret_where_it_goes_too_deep_to_look() -> None:
    layers = range(1_000)
    text = "".join(f"%{'25' * n}26a%{'25' * n}3D" for n in layers) + "1"
    assert redact_text(f"?a={text}&b=1") == "?a=[REDACTED]&b=1"


@pytest.mark.parametrize("names", [2, 20])
def test_a_service_is_asked_once_for_each_name(names: int) -> None:
    """And is shown the object as it came: what it says may depend on other members."""
    event = {f"token_{n}x": {"a": n} for n in range(names)}
    asked: list[tuple[str, bool]] = []

    def is_harmless(name: str, parent: Mapping[str, Any]) -> bool:
        asked.append((name, parent["token_1x"] == REDACTED))
        return name == "token_0x"

    expected = dict.fromkeys(event, REDACTED) | {"token_0x": {"a": 0}}
    scan([event], is_harmless=is_harmless)
    assert event == expected
    assert asked == [(name, n > 1) for n, name in enumerate(event)]


def test_what_holds_no_credential_by_its_service_is_walked_like_any_other() -> None:
    def is_harmless(name: str, parent: Mapping[str, Any]) -> bool:
        return name in ("api_key", parent.get("type"))

    event = {
        "type": "api_key.created",
        "api_key.created": {"id": "key_1", "secret": "a", "token": {"a": 1}},
        "api_key.deleted": {"id": "key_2"},
        "actor": {"api_key": {"id": "key_3", "password": "b"}, "tokens": [1]},
        "api_key": "c",
    }
    scan([event], is_harmless=is_harmless)
    assert event == {
        "type": "api_key.created",
        "api_key.created": {"id": "key_1", "secret": REDACTED, "token": REDACTED},
        "api_key.deleted": REDACTED,
        "actor": {"api_key": {"id": "key_3", "password": REDACTED}, "tokens": REDACTED},
        "api_key": REDACTED,
    }
