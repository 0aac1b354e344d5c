"""Credentials that change while a run goes on."""

from __future__ import annotations

from pathlib import Path

from tests.program import result
from tests.server import KEY, LOGS, TOO_OFTEN, Fault, Request, Server
from tests.world import ANSWERS, WINDOW, asked, every_provider, log, sound


def in_a_file(server: Server, name: str, path: Path, value: str = KEY) -> dict[str, str]:
    """Give an environment that names a file for the secret."""
    variable = LOGS[name].secret
    path.write_text(f"{value}\n")
    given = {key: text for key, text in server.environment.items() if key != variable}
    return {**given, f"{variable}_FILE": str(path)}


HIDDEN_401 = Fault(404, body=b'{"httpStatusCode":401,"message":"Unauthorized"}')


@every_provider
def test_a_secrets_file_is_read_again_when_the_credentials_are_refused(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / "secret"

    def rotate(request: Request) -> Fault | None:
        if request.number > 1:
            return None
        path.write_text(KEY)
        return HIDDEN_401 if name == "hrhis" else None

    with Server(log(name), faults=rotate) as server:
        environment = in_a_file(server, name, path, "old_secret")
        found = result(name, "list", *WINDOW, "-v", "--concurrency", "1", **environment)
    assert "old_secret" not in found.said
    assert found.status == 0
    assert found.out == sound(name)
    assert len(server.requests) == ANSWERS[name] + 1
    first, *rest = (request.headers["authorization"] for request in server.requests)
    assert first != LOGS[name].authorization
    assert set(rest) == {LOGS[name].authorization}


def test_requests_under_way_at_once_share_the_secret_that_was_read_again(tmp_path: Path) -> None:
    path = tmp_path / "secret"

    def rotate(_: Request) -> None:
        path.write_text(KEY)

    with Server(log("roam"), faults=rotate, latency=0.05) as server:
        found = result("roam", "list", *WINDOW, **in_a_file(server, "roam", path, "old_secret"))
    assert found.out == sound("roam")
    assert len(server.requests) <= 2 * ANSWERS["roam"]


@every_provider
def test_a_secrets_file_is_read_again_once_only(name: str, tmp_path: Path) -> None:
    path = tmp_path / "secret"

    def rotate(request: Request) -> Fault:
        path.write_text(f"{KEY}_{request.number}")
        return Fault(401 if request.number < TOO_OFTEN else 400)

    with Server(log(name), faults=rotate) as server:
        environment = in_a_file(server, name, path)
        found = result(name, "list", *WINDOW, "--concurrency", "1", **environment)
    assert found.status == 4
    assert len(server.requests) == 2


@every_provider
def test_a_secrets_file_is_not_read_again_while_the_credentials_are_accepted(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / "secret"
    faults = [Fault(503, {"Retry-After": "0"})]

    def spoil(request: Request) -> Fault | None:
        path.write_text("another")
        return faults[0] if request.number == 1 else None

    with Server(log(name), faults=spoil) as server:
        found = result(name, "list", *WINDOW, **in_a_file(server, name, path))
    assert found.out == sound(name)
    assert {r.headers["authorization"] for r in server.requests} == {LOGS[name].authorization}


def test_a_refused_secret_out_of_a_variable_is_not_tried_again() -> None:
    found, requests = asked("persona", PERSONA_API_KEY="wrong_secret")
    assert found.status == 4
    assert "wrong_secret" not in found.said
    assert len(requests) == 1
