"""What the surroundings may change of a request: proxies, netrc."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.program import result
from tests.server import KEY, LOGS, Answer, Fault, Persona, Request, Server
from tests.world import WINDOW, asked, listed, log, sound


@pytest.mark.parametrize("name", ["persona", "upstash"])
def test_a_netrc_file_changes_nothing(name: str, tmp_path: Path) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1\nlogin stranger\npassword stranger\n")
    netrc.chmod(0o600)
    found, requests = asked(name, HOME=str(tmp_path), NETRC=str(netrc))
    assert found.out == sound(name)
    assert {r.headers["authorization"] for r in requests} == {LOGS[name].authorization}


class Proxy(Server):
    """Answers itself what it is asked to fetch."""

    def answer(self, request: Request, fault: Fault) -> Answer:
        path = re.sub(r"^https?://[^/]*", "", request.path)
        return super().answer(replace(request, path=path), fault)


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_a_proxy_variable_is_used_as_users_expect(variable: str) -> None:
    with Proxy(log("persona")) as proxy:
        environment = {
            **proxy.environment,
            "PERSONA_BASE_URL": "http://127.0.0.1:9/api/v1",
            variable: proxy.url,
        }
        words = ("persona", "list", *WINDOW, "--retry-for", "0s")
        found = result(*words, **environment)
    assert found.out == sound("persona")
    address = f"http://127.0.0.1:9{Persona.path}"
    assert {request.path for request in proxy.requests} == {address}


@pytest.mark.parametrize("exception", ["127.0.0.1", "localhost,127.0.0.1", "*", "127.0.0.1:PORT"])
def test_no_proxy_is_respected(exception: str) -> None:
    with Proxy(log("persona")) as proxy, Server(log("persona")) as server:
        port = server.url.rpartition(":")[2]
        through = {"http_proxy": proxy.url, "no_proxy": exception.replace("PORT", port)}
        found = listed(server, "persona", **through)
    assert found.out == sound("persona")
    assert proxy.requests == []


@pytest.mark.parametrize("proxy", ["http://192.0.2.1:9", "192.0.2.1:9", "http://[2001:db8::1]:9"])
def test_another_machines_proxy_never_sees_what_is_for_this_one(proxy: str) -> None:
    found, _ = asked("persona", http_proxy=proxy, all_proxy=proxy)
    assert found.out == sound("persona")


def test_a_proxy_that_needs_more_than_is_installed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    found = result("persona", "list", PERSONA_API_KEY=KEY, all_proxy="socks5://127.0.0.1:9")
    assert found.ended == (
        2,
        (
            "auditctl: error: The connection cannot be set up: a SOCKS proxy needs more: pip "
            "install 'auditctl[socks]'. Check the variables for it, such as HTTPS_PROXY and "
            "ALL_PROXY.\n"
        ),
    )


def test_a_proxy_that_refuses_is_not_asked_again_and_never_sees_the_credentials() -> None:
    with Server() as proxy:
        found = result("persona", "list", PERSONA_API_KEY=KEY, https_proxy=proxy.url)
    assert found.ended == (
        3,
        (
            "auditctl: error: Persona cannot be reached at api.withpersona.com:443 through the "
            "proxy (404 Not Found). Check the proxy's variable (HTTPS_PROXY).\n"
        ),
    )
    assert [(r.method, r.path) for r in proxy.requests] == [("CONNECT", "api.withpersona.com:443")]
    assert "authorization" not in proxy.requests[0].headers
