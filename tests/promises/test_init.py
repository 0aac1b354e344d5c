"""`auditctl init`: questions on a terminal, and what to write where there is none."""

from __future__ import annotations

import tomllib
from contextlib import chdir
from typing import TYPE_CHECKING

import pytest

from tests.promises.test_terminal import Terminal, terminal
from tests.server import KEY, LOGS, USER, Fault, Persona, Server
from tests.world import every_provider

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.program import Program

USAGE, ACCESS, OUTPUT, INTERRUPTED = 2, 4, 9, 130
KEY_ASKED = r"api key \(not shown\): $"
OUTPUT_ASKED = r"Output of sync \[audit/\{source\}/\{date\}\.jsonl\.gz\]: $"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Give an empty folder, which is the working one."""
    with chdir(tmp_path):
        yield tmp_path


def answer(shown: Terminal, question: str, text: str) -> None:
    shown.until(question)
    shown.shown += b"<answered>"  # so that the question is not found again
    shown.press(text.encode() + b"\n")


def test_a_source_is_asked_for_written_and_checked(folder: Path, auditctl: Program) -> None:
    with (
        Server(Persona(3)) as server,
        terminal(server, "init", "persona") as shown,
    ):
        answer(shown, KEY_ASKED, f"  {KEY} ")
        answer(shown, OUTPUT_ASKED, "")
        text = shown.end()
        assert shown.process.returncode == 0
        assert KEY not in text
        settings = {**server.environment, "PERSONA_API_KEY": ""}
        synced = auditctl("sync", "persona", **settings)
        assert synced.ended == (0, "")
    lines = shown.lines
    assert lines[0].startswith("Persona needs: a production API key with the permission ")
    assert "Written: persona-key, and the source persona in auditctl.toml." in lines
    assert [line[:16] for line in lines if line.startswith("ok ")][:2] == [
        "ok      reachabl",
        "ok      credenti",
    ]
    assert lines[-1] == "Next: auditctl sync persona"
    assert (folder / "persona-key").read_text() == KEY
    assert tomllib.loads((folder / "auditctl.toml").read_text()) == {
        "sources": {
            "persona": {
                "provider": "persona",
                "api_key_file": "persona-key",
                "output": "audit/{source}/{date}.jsonl.gz",
            }
        }
    }
    files = [folder / "persona-key", folder / "auditctl.toml"]
    assert [path.stat().st_mode & 0o777 for path in files] == [0o600, 0o600]
    assert len(list((folder / "audit" / "persona").glob("*.gz"))) > 0


def test_answers_that_cannot_be_used_are_asked_for_again(folder: Path) -> None:
    config = folder / "my.toml"
    before = '# Mine.\n[defaults]\noutput = "{source}.jsonl"  # all\n'
    config.write_text(before)
    words = ("init", "hrhis", "--source", "dodoma", "--config", str(config))
    with Server(LOGS["hrhis"](3)) as server, terminal(None, *words) as shown:
        answer(shown, "base url: $", "http://hrhis.example.org")
        answer(shown, r"in the clear.*\r\nHRHIS: base url: $", server.url)
        answer(shown, "username: $", "")
        answer(shown, r"This is needed.\r\nHRHIS: username: $", USER)
        answer(shown, r"password \(not shown\): $", KEY)
        text = shown.end()
    assert shown.process.returncode == 0
    assert "Output" not in text  # [defaults] has one
    assert KEY not in text
    after = config.read_text()
    assert after.startswith(before)
    assert tomllib.loads(after)["sources"] == {
        "dodoma": {
            "provider": "hrhis",
            "base_url": server.url,
            "username": USER,
            "password_file": "dodoma-key",
        }
    }
    assert (folder / "dodoma-key").read_text() == KEY
    assert shown.lines[-1] == f"Next: auditctl sync dodoma --config {config}"


def test_a_check_that_fails_leaves_what_was_written(folder: Path) -> None:
    with (
        Server(Persona(3), faults=[Fault(401)]) as server,
        terminal(server, "init", "persona") as shown,
    ):
        answer(shown, KEY_ASKED, KEY)
        answer(shown, OUTPUT_ASKED, "{date}.jsonl")
        text = shown.end()
    assert shown.process.returncode == ACCESS
    assert "FAILED  credentials" in text
    assert "Next:" not in text
    assert (folder / "persona-key").read_text() == KEY
    assert 'output = "{date}.jsonl"\n' in (folder / "auditctl.toml").read_text()


@pytest.mark.parametrize("taken", ["persona-key", "auditctl.toml"])
def test_what_is_taken_ends_it_before_a_question(taken: str, folder: Path) -> None:
    content = '[sources.persona]\nprovider = "roam"\noutput = "a"\n'
    (folder / taken).write_text(content)
    with terminal(None, "init", "persona") as shown:
        text = shown.end()
    assert shown.process.returncode == (OUTPUT if taken == "persona-key" else USAGE)
    assert "--source" in text
    assert "not shown" not in text
    assert [path.read_text() for path in folder.iterdir()] == [content]


@pytest.mark.parametrize(("key", "status"), [(b"\x03", INTERRUPTED), (b"\x04", USAGE)])
def test_whoever_stops_has_written_nothing(key: bytes, status: int, folder: Path) -> None:
    with terminal(None, "init", "persona", keyboard=True) as shown:
        shown.until(KEY_ASKED)
        shown.press(key)
        shown.end()
    assert shown.process.returncode == status
    said = {INTERRUPTED: "Interrupted; nothing was written.", USAGE: "The input ended before"}
    assert said[status] in shown.lines[-1]
    assert list(folder.iterdir()) == []


# Without a terminal


@every_provider
def test_elsewhere_it_prints_what_to_write(name: str, folder: Path, auditctl: Program) -> None:
    found = auditctl("init", name)
    assert found.ended == (0, "")
    assert list(folder.iterdir()) == []
    assert found.out == auditctl("init", name, "--print").out
    (source,) = tomllib.loads(found.text)["sources"].items()
    assert source[0] == source[1]["provider"] == name
    assert source[1]["output"] == "audit/{source}/{date}.jsonl.gz"
    assert f'_file = "{name}-key"' in found.text  # in a comment where it is optional
    assert f"# Then: auditctl sync {name}\n" in found.text


def test_a_terminal_is_not_asked_with_print(folder: Path) -> None:
    with terminal(None, "init", "persona", "--print", "--source", "prod") as shown:
        shown.end()
    assert shown.process.returncode == 0
    assert "[sources.prod]" in shown.lines
    assert list(folder.iterdir()) == []


def test_what_is_printed_fits_the_configuration(folder: Path, auditctl: Program) -> None:
    (folder / "auditctl.toml").write_text('[defaults]\noutput = "{source}.jsonl"\n')
    printed = auditctl("init", "persona", "--print").text
    assert "output" not in printed
    with (folder / "auditctl.toml").open("a") as file:
        file.write(printed)
    assert [row["name"] for row in auditctl("sources", "-f", "json").json] == ["persona"]
    elsewhere = auditctl("init", "persona", "--config", f"{folder}/a b/c.toml").text
    assert f"# Add this to {folder}/a b/c.toml (mode 0600):" in elsewhere
    assert f"> '{folder}/a b/persona-key')" in elsewhere
    assert f"# Then: auditctl sync persona --config '{folder}/a b/c.toml'" in elsewhere
    named = auditctl("init", "persona", AUDITCTL_CONFIG="other.toml").text
    assert "# Add this to other.toml" in named


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Missing argument 'PROVIDER'"),
        (("nope",), "There is no provider 'nope'. There are "),
        (("persona", "--source", "a b"), "A source's name has letters, digits"),
        (("persona", "--source", ""), "A source's name has letters, digits"),
        (("persona", "--config", "."), "The configuration . cannot be read: Is a directory."),
        (("persona", "--config", "broken"), "The configuration broken cannot be read: "),
    ],
    ids=str,
)
def test_what_cannot_be_is_a_usage_error(
    words: tuple[str, ...], said: str, folder: Path, auditctl: Program
) -> None:
    (folder / "broken").write_text("[sources")
    found = auditctl("init", *words)
    assert (found.status, found.out) == (USAGE, b"")
    assert said in found.said
