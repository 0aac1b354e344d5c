"""Settings as the environment and files hold them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from auditctl.declared import needed
from tests.program import result
from tests.server import LOGS, Server
from tests.tape import provider_class
from tests.world import ROWS, WINDOW, log

ACCESS = 4


@pytest.mark.parametrize(
    ("name", "missing"),
    [(name, each.partition(" ")[0]) for name in LOGS for each in needed(provider_class(name))],
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
