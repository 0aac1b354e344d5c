"""Sync as a service: outages, files that are moved, credentials that change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.program import started, until
from tests.server import Fault, Request
from tests.sync.desk import Desk

SECONDS = 30


@pytest.mark.usefixtures("hurried")
def test_a_service_goes_through_outages_and_ends_when_it_is_refused(each: Desk) -> None:
    enough = {"roam": 42, "upstash": 5}.get(each.name, 9)
    each.server.faults = lambda request: (
        Fault(503) if 1 < request.number < 4 else Fault(403) if request.number > enough else None
    )
    words = ("--follow", "--retry-for", "0", "--concurrency", "1")
    assert each.sync(*words) == 4
    begin, end, _ = each.said.splitlines()
    assert "It is asked again until it answers." in begin
    assert end == "auditctl: warning: The provider answers again."
    assert each.verify() == 0


@pytest.mark.parametrize("moved", [True, False])
def test_a_service_looks_after_its_files_though_nothing_happens(
    each: Desk,
    moved: bool,  # noqa: FBT001
) -> None:
    each.world.happenings[:] = each.world.happenings[:5]
    words = [each.name, "sync", "-o", str(each.data), "--follow", "--interval", "1s"]
    with started(*words, **each.server.environment) as service:
        until(lambda: each.journal.exists() and b'"done":true' in each.journal.read_bytes())
        if moved:
            each.data.rename(each.folder / "old")
            until(lambda: any(line["moved"] for line in each.lines))
            service.terminate()
        else:
            each.data.write_bytes(each.data.read_bytes()[:9])
        _, said = service.communicate(timeout=SECONDS)
    assert service.returncode == (0 if moved else 8)
    assert (b"has 9 bytes, but" in said) is not moved
    assert each.verify() == service.returncode


SLOW_DISK = """
import os, stat, time
fsync = os.fsync
def slow(file):
    fsync(file)
    if stat.S_ISDIR(os.fstat(file).st_mode):
        return
    if not os.path.exists(os.environ["MARK"]):
        open(os.environ["MARK"], "w").close()
        time.sleep(3)
os.fsync = slow
"""


@pytest.mark.parametrize("together", [False, True], ids=["alone", "of a configuration"])
def test_a_commit_in_hand_is_finished_however_slow_the_disk(
    persona: Desk,
    together: bool,  # noqa: FBT001
) -> None:
    words = ["persona", "sync", "-o", str(persona.data)]
    if together:
        (persona.folder / "auditctl.toml").write_text(
            f'[sources.a]\nprovider = "persona"\noutput = "{persona.data}"\n'
        )
        words = ["sync", "--config", str(persona.folder / "auditctl.toml")]
    (persona.folder / "sitecustomize.py").write_text(SLOW_DISK)
    mark = persona.folder / "mark"
    environment = {"PYTHONPATH": str(persona.folder), "MARK": str(mark)}
    with started(*words, "--follow", **persona.server.environment, **environment) as service:
        until(mark.exists)
        service.terminate()
        _, said = service.communicate(timeout=SECONDS)
    assert (service.returncode, said) == (0, b"")
    assert persona.lines[-1]["files"][0]["length"] > 0 or persona.data.stat().st_size == 0
    assert persona.data.stat().st_size == sum(
        entry["length"] for line in persona.lines for entry in line["files"]
    )


@pytest.mark.usefixtures("hurried")
def test_refused_credentials_end_a_service_once_the_file_has_been_read_again(
    persona: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text(os.environ["PERSONA_API_KEY"])
    monkeypatch.delenv("PERSONA_API_KEY")
    monkeypatch.setenv("PERSONA_API_KEY_FILE", str(key))
    refused: list[str] = []

    def fault(request: Request) -> Fault | None:
        if request.number < 12:
            return None
        if not refused:
            key.write_text("another\n")
        refused.append(request.headers["authorization"])
        return Fault(401)

    persona.server.faults = fault
    assert persona.sync("--follow", "--interval", "1s") == 4
    assert refused[-1] == "Bearer another"
    assert "refused the credentials" in persona.said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--interval", "0"], "--interval"),
        (["--interval", "soon"], "--interval"),
        (["--overlap", "x"], "--overlap"),
        (["--wait", "x"], "--wait"),
        (["--since", "x"], "Cannot read the time"),
        (["--since", "2100-01-01"], "in the future"),
        (["--where", "x"], "Cannot read --where"),
        (["--fields", "x"], "There is no field"),
    ],
)
def test_words_that_cannot_be_read_are_usage_errors(
    persona: Desk, words: list[str], said: str
) -> None:
    assert persona.sync(*words) == 2
    assert said in persona.said
    assert list(persona.folder.iterdir()) == []
