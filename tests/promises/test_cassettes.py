"""What a service says, played to the real command line, against the bytes it must write of it."""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from vcr.request import Request  # type: ignore[import-untyped]

from auditctl import registry
from auditctl.declared import variables
from auditctl.records.redact import REDACTED, is_secret, redact_text
from tests import server, tape
from tests.tape import FOLDER, RECORDED, Scrubber
from tests.vendors import VENDORS, Vendor, spread

CASSETTES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Play all cassettes; with ``--record PROVIDER`` only the one that is recorded first."""
    if "tape_name" in metafunc.fixturenames:
        wanted = metafunc.config.getoption("--record")
        metafunc.parametrize("tape_name", [f"{wanted}{RECORDED}"] if wanted else CASSETTES)


def test_a_cassette_gives_the_bytes_beside_it(
    tape_name: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    path = FOLDER / f"{tape_name}.yaml"
    if provider := request.config.getoption("--record"):
        finish(tape.record(provider, path), monkeypatch, capfdbinary)
    cassette = tape.cassette(path)
    status = tape.play(cassette, monkeypatch)
    written, said = capfdbinary.readouterr()
    assert written == (cassette.expected.read_bytes() if cassette.status == 0 else b"")
    assert said.decode().removesuffix("\n") == cassette.says
    assert status == cassette.status


def finish(
    recorded: tape.Cassette,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    """Put beside a new cassette what auditctl says of it today, for a person to look at."""
    capfdbinary.readouterr()
    assert tape.play(recorded, monkeypatch) == 0
    written, said = capfdbinary.readouterr()
    recorded.expected.write_bytes(written)
    tape.inscribe(dataclasses.replace(recorded, says=said.decode().removesuffix("\n")))


def test_every_success_has_its_bytes_and_every_provider_a_walk_and_a_refusal() -> None:
    # Found anew: a recording may just have been made.
    ends = {path.stem: tape.cassette(path).status for path in FOLDER.glob("*.yaml")}
    assert {path.stem for path in FOLDER.glob("*.jsonl")} == {n for n in ends if not ends[n]}
    for provider in registry.installed():
        assert ends[provider] == 0
        assert any(name.startswith(f"{provider}-") and ends[name] for name in ends)


def test_the_readme_tells_of_every_cassette() -> None:
    told = re.findall(r"(?m)^\| `([a-z0-9-]+)\.yaml`", (FOLDER / "README.md").read_text())
    assert sorted(told) == [name for name in CASSETTES if not name.endswith(RECORDED)]


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
        assert {header.lower() for header in request["headers"]} <= tape.REQUEST_HEADERS
        assert all(tape.WRITTEN_HEADERS.fullmatch(h.lower()) for h in response["headers"])
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


# Recording


REAL = {
    "person": "jane.doe@corp.test",
    "name": "Jane",
    "ip": "10.1.2.3",
    "ip6": "2001:470:1f0b::17",
    "key": "persona_production_4f9aKq2LmZ",
    "session": "s%3Ab7GfT.kQ2x9",
    "host": "logs.corp.test",
    "id": "ual_9fQ2xK",
}


def a_real_exchange() -> tuple[Any, Any]:
    row = {
        "type": "user-audit-log",
        "id": REAL["id"],
        "attributes": {
            "path": f"/api/internal/dashboard/v1/cases/case_{REAL['name']}?q={REAL['person']}",
            "method": "GET",
            "get-params": {REAL["person"]: REAL["name"], "access_token": REAL["key"]},
            "post-params": [{"password": REAL["key"]}, f"http://{REAL['host']}/?x={REAL['name']}"],
            "ip-address": REAL["ip"],
            "user-agent": f"Agent of {REAL['name']}",
            "response-status": 200,
            "created-at": "2025-12-10T15:04:05.678Z",
            "phone": 15551234567,
        },
    }
    body = {
        "data": [row],
        "links": {"next": f"/prod/v1/user-audit-logs?page%5Bafter%5D={REAL['id']}", "prev": None},
        "cookie": REAL["session"],
        "x-forwarded-for": f"{REAL['ip']}, {REAL['ip6']}",
    }
    request = Request(
        "GET",
        f"https://{REAL['host']}/prod/v1/user-audit-logs?page%5Bafter%5D={REAL['id']}"
        f"&page%5Bsize%5D=100&who={REAL['person']}",
        b"",
        {
            "accept": "application/json",
            "key-inflection": "kebab",
            "authorization": f"Bearer {REAL['key']}",
            "cookie": f"sess={REAL['session']}",
            "host": REAL["host"],
        },
    )
    response = {
        "status": {"code": 200, "message": f"OK, {REAL['name']}"},
        "headers": {
            "Content-Type": ["application/json"],
            "RateLimit-Reset": ["42"],
            "Set-Cookie": [f"sess={REAL['session']}"],
            "Request-Id": [REAL["key"]],
            "Persona-Organization-Id": [REAL["name"]],
        },
        "body": {"string": json.dumps(body).encode()},
    }
    return request, response


def test_nothing_of_a_real_exchange_survives_scrubbing_but_what_the_lists_name() -> None:
    scrub = Scrubber(f"https://{REAL['host']}/prod/v1", "https://api.withpersona.com/api/v1")
    asked, said = a_real_exchange()
    assert all(value in repr((vars(asked), said)) for value in REAL.values())

    request, response = scrub.request(asked), scrub.response(said)

    body = response["body"]["string"].decode()
    left = repr((vars(request), response))
    assert [name for name, value in REAL.items() if value in left] == []
    assert "15551234567" not in left
    assert violations(left) == []
    assert {name.lower() for name in request.headers} == {"accept", "key-inflection"}
    assert response["headers"] == {"content-type": ["application/json"], "ratelimit-reset": ["42"]}
    assert response["status"] == {"code": 200, "message": "OK"}
    # And it is still the same answer: its form, its times, its joins, its cursor.
    tree = json.loads(body)
    attributes = tree["data"][0]["attributes"]
    assert attributes["created-at"] == "2025-12-10T15:04:05.678Z"
    assert (attributes["method"], attributes["response-status"]) == ("GET", 200)
    assert REDACTED in attributes["get-params"].values()
    cursor = f"/api/v1/user-audit-logs?page%5Bafter%5D={tree['data'][0]['id']}"
    assert tree["links"]["next"] == cursor
    assert request.uri.startswith(f"https://api.withpersona.com{cursor}&page%5Bsize%5D=100&")


SOMEBODY = "alice"
TEXTS = st.tuples(st.text(max_size=6), st.text(max_size=6)).map(SOMEBODY.join)
KEYS = st.sampled_from(sorted(tape.NAMES)) | TEXTS
JSON = st.recursive(
    TEXTS | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
)


@given(JSON)
def test_a_text_survives_under_no_name_and_at_no_depth(tree: Any) -> None:
    body = {"body": {"string": json.dumps(tree).encode()}}
    answer = {"status": {"code": 200, "message": ""}, "headers": {}, **body}
    scrub = Scrubber("https://api.example.com", "https://api.example.com")
    assert SOMEBODY.encode() not in scrub.response(answer)["body"]["string"].lower()


@pytest.mark.parametrize(
    ("name", "log"),
    [
        ("persona", server.Persona(250)),
        ("upstash", server.Upstash(250)),
        ("roam", server.Roam(250)),
        ("hrhis", server.Hrhis(250)),
    ],
)
def test_what_is_recorded_can_be_shown_and_played(
    name: str,
    log: server.Log,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    path = tmp_path / f"{name}{RECORDED}.yaml"
    with server.Server(log) as service:
        for variable, value in service.environment.items():
            monkeypatch.setenv(variable, value)
        recorded = tape.record(name, path)
    show_and_play(recorded, monkeypatch, capfdbinary)


@pytest.mark.parametrize(
    "name", ["onepassword", "cloudflare", "openai", "anthropic", "slack", "tailscale", "atlassian"]
)
def test_so_is_what_is_recorded_of_a_service_with_cursors(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    path = tmp_path / f"{name}{RECORDED}.yaml"
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    two_pages = min(VENDORS[name].page_size, 1000) + 5
    vendor = VENDORS[name](spread(two_pages, days=0.9, until=midnight))
    with serving(vendor) as url:
        base = urlsplit(str(variables(tape.provider_class(name))["base_url"][1])).path
        settings = {**vendor.environment, f"{name.upper()}_BASE_URL": url + base}
        for variable, value in settings.items():
            monkeypatch.setenv(variable, value)
        recorded = tape.record(name, path)
    assert len(vendor.asked) == vendor.fewest(midnight - timedelta(days=1), midnight)
    show_and_play(recorded, monkeypatch, capfdbinary)


@contextlib.contextmanager
def serving(vendor: Vendor) -> Iterator[str]:
    """Serve a vendor on a free port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            url = f"https://vendor.example{self.path}"
            answer = vendor(
                httpx.Request(self.command, url, headers=dict(self.headers), content=body)
            )
            self.send_response(answer.status_code)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(answer.content)

        do_POST = do_GET  # noqa: N815 - the library's name

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as listener:
        thread = threading.Thread(target=listener.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{listener.server_port}"
        listener.shutdown()
        thread.join()


def show_and_play(
    recorded: tape.Cassette,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    path = recorded.path
    finish(recorded, monkeypatch, capfdbinary)
    written = recorded.expected.read_text()
    assert len(written.splitlines()) >= 4
    for text in (path.read_text(), written):
        assert "127.0.0.1" not in text
        assert server.KEY not in text
        assert violations(text) == []
    assert tape.play(tape.cassette(path), monkeypatch) == 0
    assert capfdbinary.readouterr().out.decode() == written
