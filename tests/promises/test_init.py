"""`auditctl init`: questions on a terminal, and what to write where there is none."""

from __future__ import annotations

import re
import tomllib
from functools import partial
from pathlib import Path

import pytest

from auditctl import registry, settings
from auditctl.commands import init, prompt
from auditctl.config import sources as config
from auditctl.config.addition import Addition
from auditctl.declared import account_keys, required, secrets
from auditctl.provider import Provider
from tests.account import account
from tests.program import result
from tests.server import KEY, LOGS, USER, Fault, Persona, Server
from tests.terminal import Terminal, terminal

USAGE, ACCESS, OUTPUT, INTERRUPTED = 2, 4, 9, 130
KEY_ASKED = r"api key \(not shown\): $"
SERVICES = sorted(registry.installed())
OUTPUT_ASKED = r"Output of sync \[audit/\{source\}/\{date\}\.jsonl\.gz\]: $"


def answer(shown: Terminal, question: str, text: str) -> None:
    shown.until(question)
    shown.shown += b"<answered>"  # so that the question is not found again
    shown.press(text.encode() + b"\n")


def test_a_source_is_asked_for_written_and_checked(folder: Path) -> None:
    with Server(Persona(3)) as server, terminal(server, "init", "persona") as shown:
        answer(shown, KEY_ASKED, f"  {KEY} ")
        answer(shown, OUTPUT_ASKED, "")
        text = shown.end()
        assert shown.process.returncode == 0
        assert KEY not in text
        settings = {**server.environment, "PERSONA_API_KEY": ""}
        synced = result("sync", "persona", **settings)
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


# The settings of each service


def given(provider: type[Provider], setting: str) -> str:
    """An answer that can be used for a setting."""
    if setting in account_keys(provider):
        Path("downloaded.json").write_text(account("https://tokens.example"))
        return "downloaded.json"
    return "https://acme.example" if setting == "base_url" else f"my-{setting}"


def loaded(path: Path | str, name: str) -> Provider:
    """Make the provider of a source, with nothing but what the configuration has."""
    source = config.read(str(path), partial(registry.load, complain=pytest.fail))[name]
    provider = source.provider
    return settings.load(provider, settings.find(provider, {}, source.options.settings))


@pytest.mark.parametrize(
    ("name", "choice"),
    [
        (name, choice)
        for name in SERVICES
        for choice in range(len(registry.require(name).one_of) or 1)
    ],
)
def test_each_service_is_asked_for_what_it_needs(
    name: str, choice: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = registry.require(name)
    left_out = {group[0] for group in provider.one_of[:choice]}
    asked: list[str] = []

    def ask(question: str, *, hidden: bool = False) -> str:
        if question.startswith("Output"):
            return ""
        words = question.removeprefix(f"{provider.title}: ").partition(" (")[0]
        setting = words.replace(" ", "_")
        assert hidden == ("(not shown" in question)
        assert hidden == (setting in secrets(provider) and setting not in account_keys(provider))
        asked.append(setting)
        return "" if setting in left_out else given(provider, setting)

    monkeypatch.setattr(prompt, "ask", ask)
    load = partial(registry.load, complain=pytest.fail)
    new = Addition(provider, "prod", "auditctl.toml", None)
    new.write(init._answers(new), load)
    made = loaded("auditctl.toml", "prod")
    for setting in set(asked) - left_out:
        value = getattr(made, setting)
        if setting in account_keys(provider):
            assert value.reveal() == (folder / "downloaded.json").read_text()
            assert f'"{folder}/downloaded.json"' in (folder / "auditctl.toml").read_text()
        else:
            shown = value.reveal() if setting in secrets(provider) else value
            assert shown == given(provider, setting)
    kept = {one.name for one in folder.iterdir()} - {"auditctl.toml", "downloaded.json"}
    assert kept == (set() if account_keys(provider) else {"prod-key"})
    chosen = set(provider.one_of[choice]) if provider.one_of else set()
    assert set(asked) == {*required(provider), *left_out, *chosen}


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_printed_is_a_source_once_its_files_are_there(name: str, folder: Path) -> None:
    provider = registry.require(name)
    found = result("init", name, "--print")
    assert found == result("init", name)  # without a terminal
    assert (found.ended, list(folder.iterdir())) == ((0, ""), [])
    printed = found.text
    (of_source,) = tomllib.loads(printed)["sources"].items()
    assert of_source[0] == of_source[1]["provider"] == name
    assert of_source[1]["output"] == "audit/{source}/{date}.jsonl.gz"
    assert f'_file = "{name}-key"' in printed  # in a comment where it is optional
    assert f"# Then: auditctl sync {name}\n" in printed
    groups = provider.one_of or [()]
    for number, group in enumerate(groups):
        text = printed
        if number:  # the other alternative is written in a comment
            for setting in groups[0]:
                text = re.sub(rf"(?m)^{setting}(_file)? =.*\n", "", text)
            for setting in group:
                text = re.sub(rf"(?m)^# ({setting}(_file)? =)", r"\1", text)
        if len(provider.logs) > 1:
            text = re.sub("(?m)^# (log = )", r"\1", text)
        (folder / "auditctl.toml").write_text(text)
        key = account("https://tokens.example") if account_keys(provider) else KEY
        (folder / f"{name}-key").write_text(key)
        (row,) = result("sources", "-f", "json").json
        assert (row["name"], row["provider"]) == (name, name)
        assert loaded("auditctl.toml", name).name == name


def test_alternatives_are_asked_for_one_after_the_other(folder: Path) -> None:
    with Server(Persona(3)) as server:
        variables = {"TAILSCALE_BASE_URL": server.url}
        with terminal(None, "init", "tailscale", variables=variables) as shown:
            answer(
                shown, r"api key \(not shown; leave it empty for client id and client secr.*: $", ""
            )
            answer(shown, r"client id: $", "client-1")
            answer(shown, r"client secret \(not shown\): $", KEY)
            answer(shown, OUTPUT_ASKED, "")
            text = shown.end()
    assert KEY not in text
    assert "Written: tailscale-key, and the source tailscale in auditctl.toml." in shown.lines
    (source,) = tomllib.loads((folder / "auditctl.toml").read_text())["sources"].values()
    assert source["client_id"] == "client-1"
    assert source["client_secret_file"] == "tailscale-key"
    assert "api_key_file" not in source


def test_a_name_that_would_lead_elsewhere_is_asked_for_again(folder: Path) -> None:
    with Server(Persona(3)) as server:
        variables = {"GITHUB_BASE_URL": server.url}
        with terminal(None, "init", "github", variables=variables) as shown:
            answer(shown, r"org \(leave it empty for enterprise\): $", "https://github.com/acme")
            answer(shown, r"not a URL\.\r\nGitHub: org \(.*\): $", "")
            answer(shown, "enterprise: $", "")
            answer(shown, r"This is needed\.\r\nGitHub: enterprise: $", "acme")
            answer(shown, r"token \(not shown\): $", KEY)
            answer(shown, OUTPUT_ASKED, "")
            shown.end()
    text = (folder / "auditctl.toml").read_text()
    (source,) = tomllib.loads(text)["sources"].values()
    assert source["enterprise"] == "acme"
    assert "org" not in source
    assert '# log = "web"\n# The logs: web, git, all.\n' in text


def test_a_key_of_several_lines_stays_in_its_file(folder: Path) -> None:
    (folder / "no.json").write_text("[]")
    (folder / "sub").mkdir()
    with Server(Persona(3)) as server:
        (folder / "down load.json").write_text(account(f"{server.url}/token"))
        words = ("init", "google", "--config", "sub/auditctl.toml")
        with terminal(None, *words, variables={"GOOGLE_BASE_URL": server.url}) as shown:
            answer(shown, "subject: $", "it@example.com")
            asked = r"Google Workspace: service account \(path of its JSON file\): $"
            answer(shown, asked, "missing.json")
            answer(shown, rf"can be read\. Try again\.\r\n{asked}", "no.json")
            answer(shown, rf"no service account's key in JSON.*\r\n{asked}", "down load.json")
            answer(shown, OUTPUT_ASKED, "")
            text = shown.end()
    assert "PRIVATE" not in text
    assert "Written: the source google in sub/auditctl.toml." in shown.lines
    (source,) = tomllib.loads((folder / "sub" / "auditctl.toml").read_text())["sources"].values()
    assert source["service_account_file"] == f"{folder}/down load.json"
    assert [one.name for one in (folder / "sub").iterdir()] == ["auditctl.toml"]


# Without a terminal


def test_a_terminal_is_not_asked_with_print(folder: Path) -> None:
    with terminal(None, "init", "persona", "--print", "--source", "prod") as shown:
        shown.end()
    assert shown.process.returncode == 0
    assert "[sources.prod]" in shown.lines
    assert list(folder.iterdir()) == []


def test_what_is_printed_fits_the_configuration(folder: Path) -> None:
    (folder / "auditctl.toml").write_text('[defaults]\noutput = "{source}.jsonl"\n')
    printed = result("init", "persona", "--print").text
    assert "output" not in printed
    with (folder / "auditctl.toml").open("a") as file:
        file.write(printed)
    assert [row["name"] for row in result("sources", "-f", "json").json] == ["persona"]
    elsewhere = result("init", "persona", "--config", f"{folder}/a b/c.toml").text
    assert f"# Add this to {folder}/a b/c.toml (mode 0600):" in elsewhere
    assert f"> '{folder}/a b/persona-key')" in elsewhere
    assert f"# Then: auditctl sync persona --config '{folder}/a b/c.toml'" in elsewhere
    named = result("init", "persona", AUDITCTL_CONFIG="other.toml").text
    assert "# Add this to other.toml" in named


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Missing argument 'PROVIDER'"),
        (("nope",), "There is no provider 'nope'. There are "),
        (("persna",), "There is no provider 'persna'. Did you mean persona?"),
        (("persona", "--source", "a b"), "A source's name has letters, digits"),
        (("persona", "--source", ""), "A source's name has letters, digits"),
        (("persona", "--config", "."), "The configuration . cannot be read: Is a directory."),
        (("persona", "--config", "broken"), "The configuration broken cannot be read: "),
    ],
    ids=str,
)
def test_what_cannot_be_is_a_usage_error(words: tuple[str, ...], said: str, folder: Path) -> None:
    (folder / "broken").write_text("[sources")
    found = result("init", *words)
    assert (found.status, found.out) == (USAGE, b"")
    assert said in found.said
