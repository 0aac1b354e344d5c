"""Settings as the environment and files hold them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from auditctl.declared import variables
from tests.program import result
from tests.server import KEY, LOGS, Server
from tests.tape import provider_class
from tests.world import ROWS, WINDOW, every_provider, log

USAGE, UNREACHABLE, ACCESS = 2, 3, 4

NEEDED = {
    name: [" or ".join(names) for names, default in found.values() if default is None]
    for name, found in ((name, variables(provider_class(name))) for name in LOGS)
}


@pytest.mark.parametrize("command", ["list", "check"])
@every_provider
def test_every_setting_that_is_missing_is_named(name: str, command: str) -> None:
    found = result(name, command)
    assert (found.status, found.out) == (ACCESS, b"")
    assert [variable for variable in NEEDED[name] if variable not in found.said] == []
    assert "_FILE" in found.said
    assert found.said.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "missing"),
    [(name, each.partition(" ")[0]) for name, all_ in NEEDED.items() for each in all_],
)
def test_a_half_set_pair_names_what_is_missing(name: str, missing: str) -> None:
    with Server(log(name)) as server:
        whole = {k: v for k, v in server.environment.items() if k.startswith(name.upper())}
        given = {k: v for k, v in whole.items() if k != missing}
        found = result(name, "list", **given)
        empty = result(name, "list", **{**given, missing: ""})
    assert found == empty
    assert found.status == ACCESS
    named = {v for v in whole if re.search(rf"\b{v}\b", found.said)}
    assert named == {missing}
    assert server.requests == []


@pytest.mark.parametrize(
    "content",
    [None, "", "\n", "two\nlines", "a" * 100_000, b"\xff\xfe"],
    ids=["no such file", "empty", "a blank line", "two lines", "too large", "not text"],
)
def test_a_secrets_file_that_cannot_be_used_is_named_without_its_content(
    content: str | bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = result("persona", "list", PERSONA_API_KEY_FILE=str(path))
    assert found.status == ACCESS
    assert "PERSONA_API_KEY_FILE" in found.said
    assert "lines" not in found.said
    assert len(found.said) < 400


def test_a_value_and_its_file_together_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(KEY)
    with Server(log("persona")) as server:
        environment = {**server.environment, "PERSONA_API_KEY_FILE": str(path)}
        found = result("persona", "list", **environment)
    assert found.status == ACCESS
    assert "PERSONA_API_KEY and PERSONA_API_KEY_FILE" in found.said
    assert server.requests == []


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_every_setting_may_stand_in_a_file(end: str, tmp_path: Path) -> None:
    with Server(log("hrhis")) as server:
        environment = {}
        for name, value in server.environment.items():
            if name.startswith("HRHIS_"):
                (tmp_path / name).write_bytes(f"{value}{end}".encode())
                environment[f"{name}_FILE"] = str(tmp_path / name)
        found = result("hrhis", "list", *WINDOW, **environment)
    assert (found.status, found.said) == (0, "")
    assert len(found.records) == ROWS


@pytest.mark.parametrize(
    ("environment", "sent"),
    [
        ({"ROAM_API_KEY": KEY, "ROAM_TOKEN": "other"}, KEY),
        ({"ROAM_API_KEY": "other", "ROAM_TOKEN": KEY}, "other"),
        ({"ROAM_TOKEN": KEY}, KEY),
        ({"ROAM_API_KEY": "", "ROAM_TOKEN": KEY}, KEY),
    ],
)
def test_the_api_key_of_roam_goes_before_its_token(environment: dict[str, str], sent: str) -> None:
    with Server(log("roam")) as server:
        given = {**environment, "ROAM_BASE_URL": server.environment["ROAM_BASE_URL"]}
        found = result("roam", "list", *WINDOW, **given)
    assert found.status == (0 if sent == KEY else ACCESS)
    assert {r.headers["authorization"] for r in server.requests} == {f"Bearer {sent}"}


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://10.0.0.1",
        "http://[::2]",
        "http://0.0.0.0",
        "ftp://127.0.0.1",
        "127.0.0.1",
        "https://",
        "https://user:pass@example.com",
        "https://example.com/?x=1",
        "https://example.com:port",
        "https://[::1",
    ],
)
def test_a_base_url_that_may_not_be_used_is_a_usage_error(url: str) -> None:
    environment = {"PERSONA_API_KEY": KEY, "PERSONA_BASE_URL": url}
    found = result("persona", "list", "--retry-for", "0s", **environment)
    assert found.status == USAGE
    assert "PERSONA_BASE_URL" in found.said
    assert "pass" not in found.said
    assert found.said.count("\n") == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "[::1]", "localhost", "LOCALHOST"])
def test_plain_http_is_allowed_to_this_machine_itself(host: str) -> None:
    environment = {"PERSONA_API_KEY": KEY, "PERSONA_BASE_URL": f"http://{host}:9/api/v1"}
    found = result("persona", "list", "--retry-for", "0s", **environment)
    assert found.status == UNREACHABLE
