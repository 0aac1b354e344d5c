"""What a service says, played to the real command line, against the bytes it must write of it."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditctl import registry
from auditctl.records.redact import REDACTED, is_secret, redact_text
from tests import tape
from tests.tape import FOLDER

CASSETTES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", CASSETTES)
def test_a_cassette_gives_the_bytes_beside_it(
    name: str, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    cassette = tape.cassette(FOLDER / f"{name}.yaml")
    status = tape.play(cassette, monkeypatch)
    written, said = capfdbinary.readouterr()
    assert written == (cassette.expected.read_bytes() if cassette.status == 0 else b"")
    assert said.decode().removesuffix("\n") == cassette.says
    assert status == cassette.status


def test_every_success_has_its_bytes_and_every_provider_a_walk_and_a_refusal() -> None:
    ends = {name: tape.cassette(FOLDER / f"{name}.yaml").status for name in CASSETTES}
    assert {path.stem for path in FOLDER.glob("*.jsonl")} == {n for n in ends if not ends[n]}
    for provider in registry.installed():
        assert ends[provider] == 0
        assert any(name.startswith(f"{provider}-") and ends[name] for name in ends)


def test_the_readme_tells_of_every_cassette() -> None:
    told = re.findall(r"(?m)^\| `([a-z0-9-]+)\.yaml`", (FOLDER / "README.md").read_text())
    assert sorted(told) == CASSETTES


# Nothing secret, and nobody's data


EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
ADDRESS = re.compile(r"(?<![\w.:])(?:\d+(?:\.\d+){3}|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:]*)")
KEPT_FOR_DOCUMENTATION = [
    ipaddress.ip_network(network)
    for network in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]
TOKEN = re.compile(r"(?=[\w+-]*\d)(?=[\w+-]*[A-Za-z])[\w+-]{20,}")
NO_TOKEN = re.compile(
    r"\d{4}-\d\d-\d\d(T[\d-]*Z?)?"  # a time
    r"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # Upstash's ids
    r"|[0-9a-f]{64}"  # ours
)

REQUEST_HEADERS = {"accept", "anthropic-version", "content-type", "key-inflection", "user-agent"}
RESPONSE_HEADERS = re.compile(
    r"content-type|date|link|retry-after|ratelimit-[a-z]+|x-rate-?limit-[a-z]+"
)


def files() -> list[Path]:
    return sorted(path for path in FOLDER.iterdir() if path.suffix in (".yaml", ".jsonl"))


def violations(text: str) -> list[str]:
    """Find what may not be in a cassette."""
    found = [e for e in EMAIL.findall(text) if not e.endswith("@example.com")]
    for address in ADDRESS.findall(text):
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:  # a time, say
            continue
        if not any(ip in network for network in KEPT_FOR_DOCUMENTATION):
            found.append(address)
    tokens = (match[0] for match in TOKEN.finditer(text))
    return found + [t for t in tokens if not NO_TOKEN.fullmatch(t) and "example" not in t.lower()]


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_no_file_holds_an_address_or_a_token_that_could_be_real(path: Path) -> None:
    assert violations(path.read_text()) == []


@pytest.mark.parametrize(
    "planted",
    [
        "jane@corp.test",
        "10.1.2.3",
        "2001:470::17",
        "persona_production_4f9aKq2LmZ",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30",
    ],
)
def test_the_search_for_such_things_finds_them(planted: str) -> None:
    assert violations(f'{{"a":"x","b":"{planted}"}}')


@pytest.mark.parametrize("name", CASSETTES)
def test_a_cassette_has_allowed_headers_and_made_up_credentials_only(name: str) -> None:
    for interaction in tape.load(FOLDER / f"{name}.yaml")["interactions"]:
        request, response = interaction["request"], interaction["response"]
        assert {header.lower() for header in request["headers"]} <= REQUEST_HEADERS
        assert all(RESPONSE_HEADERS.fullmatch(header.lower()) for header in response["headers"])
        shown = re.sub(r"(?<=[Tt]oken=)[^&]*example[^&]*", "", request["uri"])  # a page's token
        assert redact_text(shown) == shown
        assert all("example" in value for value in credentials(response["body"]["string"]))


def credentials(body: str) -> Iterator[str]:
    try:
        todo = [json.loads(body)]
    except ValueError:
        return
    for value in todo:  # grows while it is read
        if isinstance(value, dict):
            for key, inner in value.items():
                if is_secret(key) and inner not in (None, REDACTED):
                    yield str(inner)
                todo.append(inner)
        elif isinstance(value, list):
            todo += value
        elif isinstance(value, str) and redact_text(value) != value:
            yield value
