"""What a shell is offered: names of fields and sources, and a script for each shell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from auditctl.records.record import FIELDS
from tests.program import result

USAGE = 2


@pytest.fixture
def offered(folder: Path) -> Callable[..., list[str]]:
    """Give what bash is offered for the last of some words."""
    assert folder.exists()

    def complete(*words: str, **environment: str) -> list[str]:
        line = {"COMP_WORDS": " ".join(["auditctl", *words]), "COMP_CWORD": str(len(words))}
        found = result(_AUDITCTL_COMPLETE="complete_bash", **line, **environment)
        assert found.ended == (0, "")
        return found.text.split()

    return complete


@pytest.mark.parametrize(
    "command", [("persona", "list"), ("persona", "sync"), ("persona", "get"), ("read", "a.jsonl")]
)
def test_fields_are_offered_once_each(
    command: tuple[str, ...], offered: Callable[..., list[str]]
) -> None:
    assert offered(*command, "--fields", "") == [*FIELDS, "raw."]
    assert offered(*command, "--fields", "ti") == ["time"]
    actors = ["time,actor_id", "time,actor_name", "time,actor_email"]
    assert offered(*command, "--fields", "time,actor_") == actors
    assert offered(*command, "--fields", "actor,actor") == [f"actor,{one[5:]}" for one in actors]
    assert offered(*command, "--fields", "nope") == []


@pytest.mark.parametrize("command", [("persona", "list"), ("persona", "sync"), ("read", "a.jsonl")])
def test_names_of_tests_are_offered(
    command: tuple[str, ...], offered: Callable[..., list[str]]
) -> None:
    assert offered(*command, "--where", "s") == ["status_code", "source_ip", "session_id"]
    assert offered(*command, "--where", "out") == [
        f"outcome{sign}" for sign in ("", "=", "!=", "~", "!~")
    ]
    assert offered(*command, "--where", "outcome=") == []


@pytest.mark.parametrize(
    "command", [("sync",), ("verify",), ("status",), ("persona", "list", "--source")]
)
def test_sources_are_offered(
    command: tuple[str, ...], offered: Callable[..., list[str]], folder: Path
) -> None:
    assert offered(*command, "") == []
    (folder / "auditctl.toml").write_text("[sources.prod]\n[sources.staging]\nprovider = 1\n")
    assert offered(*command, "") == ["prod", "staging"]
    assert offered(*command, "st") == ["staging"]
    (folder / "my.toml").write_text("[sources.mine]\n")
    assert offered(*command, "", AUDITCTL_CONFIG="my.toml") == ["mine"]
    named = (
        (*command[:-1], "--config", "my.toml", command[-1])
        if command[2:]
        else (*command, "--config", "my.toml")
    )
    assert offered(*named, "") == ["mine"]


@pytest.mark.parametrize(
    "content",
    [b"", b"[sources", b"sources = 1", b"sources = [1]", b"[[sources]]", b"\xff", b"[defaults]\n"],
)
def test_a_configuration_that_is_wrong_offers_nothing(
    content: bytes, offered: Callable[..., list[str]], folder: Path
) -> None:
    (folder / "auditctl.toml").write_bytes(content)
    assert offered("sync", "") == []


@pytest.mark.parametrize(
    ("shell", "sign"), [("bash", "complete -o"), ("zsh", "compdef"), ("fish", "--no-files")]
)
def test_a_script_is_shown_for_the_shell_that_is_named(shell: str, sign: str) -> None:
    for words in (("--show-completion", shell), (f"--show-completion={shell}",)):
        found = result(*words)
        assert found.ended == (0, "")
        assert sign in found.text


def test_a_shell_that_is_unknown_is_a_usage_error() -> None:
    found = result("--show-completion", "tcsh")
    assert (found.status, found.out) == (USAGE, b"")
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in found.said
