import os
import re
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl import settings
from auditctl.declared import variables
from auditctl.errors import AccessError, AuditctlError, UsageError
from auditctl.provider import Secret, option, secret, setting
from auditctl.settings import PLACEHOLDER, find, may_change, sample
from tests.service import Silent

HIDDEN = "hunter2-hunter2"


@dataclass(frozen=True, kw_only=True)
class Acme(Silent):
    account: str = setting()
    key: Secret = secret("ACME_OLD")
    people: tuple[str, ...] = option("--person", "ID", "Whose")


SET = {"ACME_ACCOUNT": "ada", "ACME_KEY": HIDDEN}


def load(environ: Mapping[str, str], **options: tuple[str, ...]) -> Acme:
    return settings.load(Acme, find(Acme, environ, {}), **options)


def without(*names: str, **more: str) -> dict[str, str]:
    return {name: value for name, value in {**SET, **more}.items() if name not in names}


def refused(environ: Mapping[str, str]) -> AuditctlError:
    """Give the error, once it was seen that it tells no secret, even in a traceback."""
    with pytest.raises(AuditctlError) as caught:
        load(environ)
    told = "".join(traceback.TracebackException.from_exception(caught.value).format())
    assert HIDDEN not in told
    return caught.value


def test_what_is_set_is_read_and_the_rest_has_its_default() -> None:
    acme = load(SET, people=("a", "b"))
    assert (acme.account, acme.key.reveal()) == ("ada", HIDDEN)
    assert acme.base_url == "https://api.acme.example/v1"
    assert acme.people == ("a", "b")
    assert load(without(ACME_BASE_URL="https://h/p")).base_url == "https://h/p"


def test_no_secret_shows_itself() -> None:
    acme = load(SET)
    for shown in (repr(acme), str(acme), f"{acme.key}", repr(vars(acme)), f"{acme.key!r:>20}"):
        assert HIDDEN not in shown


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"hunter2", "hunter2"),
        (b"hunter2\n", "hunter2"),
        (b"hunter2\r\n", "hunter2"),
        (b" hunter2 \n", "hunter2"),
        (b"\thunter2\n\r\n", "hunter2"),
        (b"hunter2 hunter2\n", "hunter2 hunter2"),
        ("\u00a0\u200bhunter2\ufeff\u2003".encode(), "hunter2"),
        ("schlüssel".encode(), "schlüssel"),
        (b"\xef\xbb\xbfhunter2\r\n", "hunter2"),
    ],
)
@pytest.mark.parametrize("name", ["ACME_KEY", "ACME_OLD", "ACME_ACCOUNT"])
def test_a_file_holds_the_value_less_the_blanks_around_it(
    tmp_path: Path, name: str, content: bytes, value: str
) -> None:
    (tmp_path / "file").write_bytes(content)
    required = {"ACME_ACCOUNT": "ada"} if name != "ACME_ACCOUNT" else {"ACME_KEY": HIDDEN}
    acme = load({**required, f"{name}_FILE": str(tmp_path / "file")})
    assert (acme.account if name == "ACME_ACCOUNT" else acme.key.reveal()) == value


@pytest.mark.parametrize(
    "around", [" ", "\t", "\n", "\r\n", "\u00a0", "\ufeff", "\u200b", " \ufeff\t "]
)
def test_blanks_around_a_value_are_dropped(around: str) -> None:
    urls = {"ACME_BASE_URL": f"{around}https://h/p{around}"}
    around_all = {name: f"{around}{value}{around}" for name, value in SET.items()}
    acme = load({**around_all, **urls})
    assert (acme.account, acme.key.reveal()) == ("ada", HIDDEN)
    assert acme.base_url == "https://h/p"
    assert "ACME_KEY or ACME_OLD" in str(refused(without(ACME_KEY=around)))


def test_blanks_alone_are_no_value(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(HIDDEN)
    acme = load(without(ACME_KEY=" ", ACME_KEY_FILE=str(tmp_path / "file")))
    assert acme.key.reveal() == HIDDEN
    assert load(without(ACME_KEY=" \n", ACME_OLD="old")).key.reveal() == "old"


def test_a_base_url_in_quotes_is_to_be_written_without() -> None:
    assert "without quotes" in str(refused(without(ACME_BASE_URL='"https://h/p"')))


def test_the_first_variable_goes_before_the_other(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("from a file")
    file = str(tmp_path / "file")
    assert load(without(ACME_OLD="old")).key.reveal() == HIDDEN
    assert load(without("ACME_KEY", ACME_OLD="old")).key.reveal() == "old"
    assert load(without("ACME_KEY", ACME_KEY_FILE=file, ACME_OLD="old")).key.reveal() == (
        "from a file"
    )


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        ({}, {"ACME_ACCOUNT", "ACME_KEY", "ACME_OLD"}),
        (without("ACME_KEY"), {"ACME_KEY", "ACME_OLD"}),
        (without("ACME_ACCOUNT"), {"ACME_ACCOUNT"}),
        (without(ACME_ACCOUNT=""), {"ACME_ACCOUNT"}),
    ],
)
def test_what_is_missing_is_named_and_nothing_else_and_what_the_key_needs(
    environ: dict[str, str], missing: set[str]
) -> None:
    error = refused(environ)
    assert isinstance(error, AccessError)
    assert error.status == 4
    named = re.findall(r"ACME_[A-Z_]+", str(error))
    assert {name.removesuffix("_FILE") for name in named} == missing
    assert "a key with the scope audit" in str(error)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff" + HIDDEN.encode(), "not UTF-8"),
        (HIDDEN.encode() * 10_000, "too large"),
        (b" \r\n\t", "is empty"),
        (HIDDEN.encode() + b"\nx: y\n", "line break"),
        (b"\0" + HIDDEN.encode(), "control character"),
    ],
)
def test_a_file_that_holds_no_value_is_refused(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    error = refused(without("ACME_KEY", ACME_KEY_FILE=str(path)))
    assert isinstance(error, AccessError)
    assert said in str(error)
    assert "ACME_KEY_FILE" in str(error)


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    assert "directory" in str(refused(without("ACME_KEY", ACME_KEY_FILE=str(tmp_path))))


@pytest.mark.parametrize("value", [f"a\r\n{HIDDEN}", f"\x1b{HIDDEN}", "\udcff"])
def test_a_value_that_no_header_can_carry_is_refused(value: str) -> None:
    error = refused(without(ACME_KEY=value))
    assert isinstance(error, AccessError)
    assert "ACME_KEY holds a line break or a control character" in str(error)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com", "https://api.example.com:8443/a/b/", "HTTPS://API.EXAMPLE.COM/x",
        "https://[2001:db8::1]/x", "http://localhost", "http://localhost:8080/demo",
        "http://LOCALHOST", "http://127.0.0.1:1", "http://127.9.9.9", "http://127.255.255.254", "http://[::1]:8080/x",
    ],
)  # fmt: skip
def test_a_base_url_is_https_or_on_this_machine(url: str) -> None:
    assert load(without(ACME_BASE_URL=url)).base_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com", "http://localhost.example.com", "http://127.0.0.1.example.com",
        "http://128.0.0.1", "http://[::2]", "http://0.0.0.0", "http://10.0.0.1", "http://localhos",
        f"http://localhost:{HIDDEN}@example.com", f"https://ada:{HIDDEN}@example.com",
        f"https://{HIDDEN}@example.com", "https://@example.com", "https://h?", "https://h/#",
        f"https://h/?key={HIDDEN}", f"https://h/#{HIDDEN}", "ftp://localhost", "file:///etc/passwd",
        "//h", "h", "api.example.com/v1", "https://", "https:///x", "https://[::1", "https://h:x",
        "https://h:99999", "https:h", "127.0.0.1", "ftp://127.0.0.1", f"http://ada:{HIDDEN[:4]}/{HIDDEN}@h",
        f"https://ada:{HIDDEN}\u2100@h",
    ],
)  # fmt: skip
def test_any_other_base_url_is_a_usage_error(url: str) -> None:
    error = refused(without(ACME_BASE_URL=url))
    assert isinstance(error, UsageError)
    assert error.status == 2
    assert "ACME_BASE_URL may not be used" in str(error)
    assert HIDDEN[:4] not in str(error)


@given(st.ip_addresses())
def test_plain_http_goes_to_loopback_addresses_only(address: Any) -> None:
    host = f"[{address}]" if address.version == 6 else str(address)
    environ = without(ACME_BASE_URL=f"http://{host}/")
    if address.is_loopback:
        assert load(environ).base_url == f"http://{host}/"
    else:
        assert isinstance(refused(environ), UsageError)


def test_no_variable_may_be_set_in_both_ways_though_another_goes_before_it(tmp_path: Path) -> None:
    (tmp_path / "old").write_text(HIDDEN)
    environ = without(ACME_OLD=HIDDEN, ACME_OLD_FILE=str(tmp_path / "old"))
    for name, more in (("ACME_OLD", environ), ("ACME_KEY", without(ACME_KEY_FILE=str(tmp_path)))):
        error = refused(more)
        assert isinstance(error, AccessError)
        assert f"{name} and {name}_FILE are both set" in str(error)
    # One that is not needed is not even read.
    load(without(ACME_OLD_FILE=str(tmp_path / "gone")))


def test_settings_may_change_if_they_are_files_that_can_be_read_again(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(HIDDEN)
    os.mkfifo(tmp_path / "pipe")
    assert not may_change(find(Acme, without(), {}))
    assert may_change(find(Acme, without("ACME_KEY", ACME_KEY_FILE=str(tmp_path / "key")), {}))
    assert not may_change(find(Acme, without("ACME_KEY", ACME_KEY_FILE=str(tmp_path / "pipe")), {}))


def test_a_message_has_the_name_that_the_user_wrote(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(HIDDEN)
    hint = {401: "Check {account} and {key}, {not_a_setting}, {base_url}."}
    with patch.object(Acme, "hints", hint):
        acme = load(without("ACME_KEY", ACME_OLD_FILE=str(tmp_path / "key")))
        assert acme.named_hints() == {
            401: "Check ACME_ACCOUNT and ACME_OLD_FILE, {not_a_setting}, ACME_BASE_URL."
        }
        assert "ACME_KEY or ACME_OLD" in sample(Acme).named_hints()[401]


@pytest.mark.parametrize("value", ["", ".", "..", "a\nb", "\x1b"])
def test_a_value_that_would_lead_to_another_path_is_a_usage_error(value: str) -> None:
    for make in (partial(load, without()), partial(sample, Acme)):
        with pytest.raises(
            UsageError, match="--person is empty, or contains characters that no name may have"
        ):
            make(people=("me", value))


def test_variables_are_told_with_their_defaults() -> None:
    assert variables(Acme) == {
        "account": (("ACME_ACCOUNT",), None),
        "key": (("ACME_KEY", "ACME_OLD"), None),
        "base_url": (("ACME_BASE_URL",), "https://api.acme.example/v1"),
    }


def test_sample_data_needs_no_settings() -> None:
    acme = sample(Acme, people=("me",))
    assert (acme.account, acme.key.reveal(), acme.people) == ("demo", PLACEHOLDER, ("me",))
    assert acme.base_url == "https://api.acme.example/v1"
