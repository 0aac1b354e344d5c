"""What the documents say, held against the program: help, tables, examples, links."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import sys
import tomllib
from contextlib import chdir
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import typer
import yaml  # type: ignore[import-untyped] # comes with vcrpy

import auditctl
from auditctl import errors, registry, settings
from auditctl.cli import boundary
from auditctl.cli.app import app
from auditctl.commands import single
from auditctl.commands.show import described
from auditctl.config import sources as config
from auditctl.config.tables import Defaults, keys_of
from auditctl.declared import needed, variables
from auditctl.errors import GRAVEST, AuditctlError
from auditctl.paths import OF_RECORD, OF_RUN
from auditctl.records.record import FIELDS
from auditctl.records.redact import is_secret, redact_text
from auditctl.records.schema import json_schema
from auditctl.sync.delta.log import MEMBERS
from tests.formats import tables
from tests.program import COMMAND, Run, popen, process, result, until
from tests.server import Answer, Request, Server
from tests.tape import provider_class

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [README, *sorted(DOCS.glob("*.md")), ROOT / "cassettes" / "README.md"]
PROVIDERS = sorted(registry.installed())
BIN = Path(sys.executable).parent

SET_UP = "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/"
"""What the first example does before it runs auditctl: `.ci/run` shows that it can be done."""
UNREACHABLE = "http://127.0.0.1:9"
"""A proxy that is not there: whatever asks the network fails."""
STAND_IN_FOR_JQ = f"""#!{sys.executable}
import json, sys
for line in sys.stdin:
    json.loads(line)
print("1")
"""


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    line: int
    kind: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.stem}-{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text()
    for match in re.finditer(r"(?ms)^```(\w+)\n(.*?)^```$", text):
        yield Block(page, text.count("\n", 0, match.start()) + 1, match[1], match[2])


def block(page: Path, kind: str, number: int = 0) -> str:
    return [found.text for found in blocks(page) if found.kind == kind][number]


BLOCKS = [found for page in PAGES for found in blocks(page)]


def section(page: Path, heading: str) -> str:
    match = re.search(rf"(?ms)^## {re.escape(heading)}$(.*?)(?=^## |\Z)", page.read_text())
    assert match, f"{page.name} has no section {heading}"
    return match[1]


def rows(markdown: str, first: str) -> list[list[str]]:
    """Give the cells of the table whose header begins with ``first``."""
    match = re.search(rf"(?m)^\| {re.escape(first)} \|.*\n\| -.*\n((?:\|.*\n)+)", markdown)
    assert match, f"there is no table that begins with {first}"
    return [re.split(r"(?<!\\) ?\| ?", line)[1:-1] for line in match[1].splitlines()]


def coded(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def environment(home: Path, **more: str) -> dict[str, str]:
    """Give variables that lead to no network and no account."""
    tools = home / ".tools"
    tools.mkdir(exist_ok=True)
    if shutil.which("jq") is None:
        (tools / "jq").write_text(STAND_IN_FOR_JQ)
        (tools / "jq").chmod(0o755)
    path = f"{BIN}:{tools}:{os.environ['PATH']}"
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), UNREACHABLE)
    return {"PATH": path, "HOME": str(home), "LC_ALL": "C.UTF-8", **proxies, **more}


def auditctl_in(home: Path, *words: str, **more: str) -> Run:
    """Run the program in a folder, which is the home too."""
    with chdir(home):
        return result(*words, **environment(home, **more))


def run(words: list[str], home: Path, **more: str) -> Run:
    """Run any program in a folder, which is the home too."""
    return process(command=words, environ=environment(home, **more), cwd=home)


def shell(script: str, home: Path) -> Run:
    bash = shutil.which("bash")
    assert bash
    return run([bash, "-euo", "pipefail", "-c", script], home)


# The command line


HELP = re.compile(r"(?ms)^<!-- help: (.+?) -->\n```text\n(.*?)^```$")
SHOWN = [(page, *found) for page in PAGES for found in HELP.findall(page.read_text())]


def test_the_readme_shows_the_help_of_the_main_command() -> None:
    assert (README, "persona list") in [(page, words) for page, words, _ in SHOWN]


@pytest.mark.parametrize(("page", "words", "shown"), SHOWN, ids=[words for _, words, _ in SHOWN])
def test_help_that_is_shown_is_the_programs(
    page: Path, words: str, shown: str, tmp_path: Path
) -> None:
    told = auditctl_in(tmp_path, *words.split(), "--help", COLUMNS="80")
    assert told.status == 0, page
    assert shown.splitlines() == [line.rstrip() for line in told.text.rstrip().splitlines()]


def commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Give each command with the words that name it; Typer's click has no public types."""
    yield words, command
    if hasattr(command, "list_commands"):
        context = command.make_context("auditctl", [], resilient_parsing=True)
        for name in command.list_commands(context):
            _, found, _ = command.resolve_command(context, [name])
            yield from commands(found, (*words, name))


def options(words: tuple[str, ...]) -> set[str]:
    found = {o for each in COMMANDS[words].params for o in [*each.opts, *each.secondary_opts]}
    return {option for option in found if option.startswith("-")} | {"-h", "--help"}


COMMANDS = dict(commands(typer.main.get_command(app)))
WRITTEN = "\n".join(HELP.sub("", page.read_text()) for page in PAGES)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_and_every_option_is_written_about(words: tuple[str, ...]) -> None:
    if len(words) > 1:
        provider, command = words
        assert re.search(rf"`?auditctl ({provider}|PROVIDER) {command}\b", WRITTEN)
    else:
        assert re.search(rf"auditctl {' '.join(words)}\b", WRITTEN)
    missing = [
        o for o in options(words) if not re.search(rf"(?<![\w-]){re.escape(o)}(?![\w-])", WRITTEN)
    ]
    assert missing == []


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_is_plain_text_of_80_columns_with_examples(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    told = auditctl_in(tmp_path, *words, "--help", COLUMNS="80").text.splitlines()
    assert [line for line in told if not line.isprintable() or len(line) > 80] == []
    assert [line for line in told if line[:2] == "  " and line.endswith("...")] == []  # cut off
    assert "  Examples:" in told


def test_the_readmes_table_has_the_options_of_list_and_no_others() -> None:
    told = {
        option
        for row in rows(README.read_text(), "option of `list`")
        for word in coded(row[0])
        for option in re.findall(r"^--?[a-z-]+", word)
    }
    there = {o for words in COMMANDS if words[1:] == ("list",) for o in options(words)}
    assert told == there - options(()), "what auditctl itself takes stands in the table before"


@pytest.mark.parametrize("words", [w for w in COMMANDS if w[1:] == ("sync",)], ids=" ".join)
def test_the_readme_tells_the_options_of_sync_and_no_others(words: tuple[str, ...]) -> None:
    about = section(README, "Commands and options")
    (shared,) = re.findall(r"(?ms)^`sync` takes (.*?)\sas\s`list`\sdoes", about)
    cells = [row[0] for row in rows(about, "option of `sync`")]
    told = {
        o for word in coded(" ".join([shared, *cells])) for o in re.findall("^--?[a-z-]+", word)
    }
    told |= {"--no-redact", "--no-csv-guard", "--quiet", "--verbose"}
    own = {"--user", "--log"} - options(words)
    assert told - own == options(words) - options(())


def failures(kind: type[AuditctlError] = AuditctlError) -> Iterator[type[AuditctlError]]:
    for below in kind.__subclasses__():
        yield below
        yield from failures(below)


def test_the_exit_statuses_are_the_programs() -> None:
    told = [row[0] for row in rows(section(README, "Exit statuses"), "status")]
    interrupted = {128 + signal.SIGINT, 128 + signal.SIGTERM, 128 + signal.SIGHUP}
    there = {0, AuditctlError.status, *interrupted, *(f.status for f in failures())}
    assert [int(status) for cell in told for status in cell.split(", ")] == sorted(there)


# Examples


def script(example: Block) -> str:
    if example.kind == "console":
        lines = [line for line in example.text.splitlines() if line.startswith("$ ")]
        return "\n".join(line.removeprefix("$ ") for line in lines)
    return example.text.replace(SET_UP, "")


EXAMPLES = [b for b in BLOCKS if b.kind in ("sh", "console") and "--demo" in b.text]


def test_there_are_examples_of_every_provider() -> None:
    shown = "\n".join(map(script, EXAMPLES))
    assert [name for name in PROVIDERS if f"auditctl {name} list --demo" not in shown] == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.place)
def test_an_example_with_sample_data_works_as_pasted(example: Block, tmp_path: Path) -> None:
    done = shell(script(example), tmp_path)
    assert (done.status, "auditctl:" in done.said) == (0, False), done.said


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.place)
def test_a_single_export_in_an_example_finds_something(example: Block, tmp_path: Path) -> None:
    for line in script(example).splitlines():
        if (
            line.startswith("auditctl ")
            and "--demo" in line
            and not set(line) & set("|<>&;\\$")
            and " -o " not in line
        ):
            _, *words = shlex.split(line, comments=True)
            assert len(auditctl_in(tmp_path, *words).text.splitlines()) >= 1, line


def scheduled(page: Path) -> Iterator[tuple[str, str]]:
    """Give the commands that a page hands to a scheduler, as the scheduler's shell gets them."""
    for number, found in enumerate(b for b in blocks(page) if b.kind == "crontab"):
        for line in found.text.splitlines():
            if re.match(r"[0-9*]", line):
                yield f"cron-{number}", line.split(maxsplit=5)[5].replace(r"\%", "%")
    for found in blocks(page):
        if found.kind == "ini" and (match := re.search(r"(?m)^ExecStart=(.*)$", found.text)):
            yield "systemd", match[1].replace("%h", "$HOME").replace("%%", "%")
        if found.kind == "yaml" and "kind: CronJob" in found.text:
            job = yaml.safe_load(found.text)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
            words = ["auditctl", *job["containers"][0]["args"]]
            yield "kubernetes", " ".join(words).replace("/data/", "$HOME/")


SCHEDULED = [(p, *found) for p in PAGES for found in scheduled(p)]
OF_ALL_SOURCES = """
[sources.demo]
provider = "persona"
demo = true
output = "audit/{source}/{date}.jsonl.gz"
"""


def places(action: str) -> list[Any]:
    return [
        pytest.param(page, command, id=f"{page.stem}-{where}")
        for page, where, command in SCHEDULED
        if f" {action} " in command
    ]


def test_every_scheduled_command_is_run_here() -> None:
    assert len(SCHEDULED) == sum(len(places(action)) for action in ("list", "sync", "status"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(BIN)
    (tmp_path / "auditctl.toml").write_text(OF_ALL_SOURCES)
    return tmp_path


def sh(command: str, home: Path) -> tuple[int, str, str]:
    done = run(["/bin/sh", "-c", command], home)
    return done.status, done.text, done.said


@pytest.mark.parametrize(("page", "command"), places("list"))
def test_a_scheduled_list_says_nothing_and_writes_yesterdays_file(
    page: Path, command: str, home: Path
) -> None:
    assert command.count(" list ") == 1, page
    before = datetime.now(UTC)
    assert sh(command.replace(" list ", " list --demo "), home) == (0, "", "")
    yesterdays = {
        f"persona-{moment.date() - timedelta(days=1)}.jsonl.gz"
        for moment in (before, datetime.now(UTC))
    }
    (written,) = home.glob("*.gz")
    assert written.name in yesterdays


def destination(home: Path) -> str:
    """Give the PATH of what was written: the journal's name without its suffix."""
    (journal,) = home.rglob("*.journal")
    return str(journal).removesuffix(".journal")


@pytest.mark.parametrize(("page", "command"), places("sync"))
def test_a_scheduled_sync_says_nothing_and_what_it_writes_is_proved(
    page: Path, command: str, home: Path
) -> None:
    command = command.replace("persona sync ", "persona sync --demo ")
    if "--follow" in command:
        words = ["/bin/sh", "-c", f"exec {command}"]
        with popen(command=words, cwd=home, environ=environment(home)) as service:
            until(lambda: any('"done":true' in p.read_text() for p in home.rglob("*.journal")))
            service.terminate()
            service.communicate()
        assert service.returncode == 0, page
    else:
        assert sh(command, home) == (0, "", ""), page
        assert sh(command, home) == (0, "", "")
    proof = auditctl_in(home, "verify", destination(home))
    assert (proof.status, ": ok: " in proof.text) == (0, True)


@pytest.mark.parametrize(("page", "command"), places("status"))
def test_a_scheduled_look_is_silent_until_something_is_wrong(
    page: Path, command: str, home: Path
) -> None:
    status, told, error = sh(command, home)
    assert (status, told) == (8, ""), page
    assert error.startswith("auditctl: error: No sync has run for")
    path = command.rpartition(" ")[2]
    assert sh(f"auditctl persona sync --demo -o {path}", home) == (0, "", "")
    assert sh(command, home) == (0, "", "")


def test_the_tests_are_run_as_the_readme_says() -> None:
    command = block(README, "sh", [b.kind for b in blocks(README)].count("sh") - 1).strip()
    *set_up, test = command.split(" && ")
    script = (ROOT / ".ci" / "run").read_text()
    steps = re.sub(r'"\$folder/\$?\w+/bin/(\w+)"', r".venv/bin/\1", script).splitlines()
    assert test == ".venv/bin/python -m pytest -n 4"
    assert steps[-1] == test
    assert any(step.strip().startswith(set_up[-1]) for step in steps)
    assert command in (DOCS / "contributing.md").read_text()


# Tables


def test_the_table_of_providers_has_the_facts_of_each() -> None:
    page = (DOCS / "providers.md").read_text()
    told = {coded(row[0])[0]: row for row in rows(page, "subcommand")}
    assert sorted(told) == PROVIDERS
    facts = {row["provider"]: row for row in map(described, map(provider_class, PROVIDERS))}
    for name, (_, title, logs, order, kept, overlap) in told.items():
        provider = provider_class(name)
        assert title == f"[{provider.title}](#{provider.title.lower().replace(' ', '-')})"
        assert coded(logs) == [log for log in provider.logs if log]
        about = facts[name]
        assert (order, kept, overlap) == (about["order"], about["keeps"], about["overlap"])


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_providers_section_has_its_variables_and_their_defaults(name: str) -> None:
    provider = provider_class(name)
    about = section(DOCS / "providers.md", provider.title)
    for names, default in variables(provider).values():
        assert [variable for variable in names if f"`{variable}`" not in about] == []
        told = {coded(row[0])[0]: row[1] for row in rows(about, "variable")}[names[0]]
        assert (told == f"`{default}`") if default else told.startswith(("required", "optional"))


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_providers_section_says_where_each_field_comes_from(name: str) -> None:
    about = section(DOCS / "providers.md", provider_class(name).title)
    told = [field for row in rows(about, "field") for field in coded(row[0])]
    assert sorted(told) == sorted(set(FIELDS) - {"provider", "raw"})


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_providers_section_helps_with_each_refusal_that_its_provider_knows(name: str) -> None:
    provider = provider_class(name)
    about = section(DOCS / "providers.md", provider.title)
    told = " ".join(row[0] for row in rows(about, "error"))
    assert {str(status) for status in provider.hints} <= set(re.findall(r"\b[45]\d\d\b", told))
    assert provider.docs in about


def types(schema: dict[str, Any]) -> str:
    """Say a field's type in words."""
    kinds = [each["type"] for each in schema.get("anyOf", [schema]) if "type" in each]
    return " or ".join(kinds) or "object, or any JSON value"


def test_the_fields_are_the_records() -> None:
    schemas = json_schema()["properties"]
    table = rows(section(DOCS / "records.md", "Fields"), "field")
    assert [coded(row[0])[0] for row in table] == list(FIELDS)
    assert [row[1] for row in table] == [types(schemas[name]) for name in FIELDS]
    about = section(README, "The record")
    (named,) = [paragraph for paragraph in about.split("\n\n") if " · " in paragraph]
    assert coded(named) == list(FIELDS)
    assert f"{len(FIELDS)} fields" in about


def test_the_examples_of_redaction_come_out_as_written() -> None:
    table = rows(section(DOCS / "records.md", "Redaction"), "text in the event")
    assert len(table) > 5
    for row in table:
        (before,), (after,) = map(coded, row)
        assert redact_text(before) == after


def test_the_names_that_hold_credentials_are_those_written() -> None:
    about = section(DOCS / "records.md", "Redaction")
    (exactly,) = re.findall(r"(?m)^- exactly: (.*)[;.]$", about)
    (parts,) = re.findall(r"(?m)^- names that contain: (.*)[;.]$", about)
    for name in coded(exactly):
        assert is_secret(name)
        assert is_secret(name.title().replace("-", "_"))
        assert not is_secret(f"{name}s")
    (last_words,) = re.findall(r"(?m)whose last word is (.*):", about)
    for part in coded(parts):
        assert is_secret(f"x_{part.upper()}s")
        for word in coded(last_words):
            assert not is_secret(f"{part}_{word}")


# Sync


SYNC = DOCS / "sync.md"
LAKE = DOCS / "lake.md"


def members(line: dict[str, Any]) -> Iterator[str]:
    """Name a journal line's members, and those of what stands in them."""
    for name, value in line.items():
        yield name
        inner = value if type(value) is list else [value]
        if name in ("state", "window", "files"):
            yield from (f"{name}.{part}" for each in inner for part in each)


def test_the_journals_table_has_exactly_the_members_of_its_lines(tmp_path: Path) -> None:
    table = [name for row in rows(section(SYNC, "The journal"), "member") for name in coded(row[0])]
    lines = []
    for path in ("roam.jsonl", "roam.csv"):
        assert auditctl_in(tmp_path, "roam", "sync", "--demo", "-o", path).ended == (0, "")
        journal = tmp_path / f"{path}.journal"
        lines += [json.loads(line) for line in journal.read_text().splitlines()]
    assert set(table) == {member for line in lines for member in members(line)}
    assert [name for name in table if name in lines[0]] == list(lines[0])


@pytest.mark.parametrize("command", ["verify", "status"])
def test_the_keys_of_a_report_are_those_written(command: str, tmp_path: Path) -> None:
    told = [
        name
        for row in rows(section(SYNC, command), f"key of `{command}`")
        for name in coded(row[0])
    ]
    auditctl_in(tmp_path, "roam", "sync", "--demo", "-o", "roam.jsonl")
    done = auditctl_in(tmp_path, command, "roam.jsonl", "--format", "json")
    assert told == list(done.json[0])


def test_the_checks_without_auditctl_find_everything_right(tmp_path: Path) -> None:
    (check,) = [b.text for b in blocks(SYNC) if b.kind == "sh" and "sha256sum" in b.text]
    done = shell(check, tmp_path)
    assert done.status == 0, done.said
    written, computed, *rest = done.text.splitlines()
    assert len(written) == 64
    assert written == computed
    if shutil.which("jq"):
        chain, length, size = rest
        assert (chain, length) == ("true", size)
        # And what is wrong is found.
        (tmp_path / "roam.jsonl").write_text("x" * int(length))
        done = shell(check.replace("auditctl roam sync", "true"), tmp_path)
        assert "wrong: roam.jsonl, byte 0" in done.text


def test_the_configuration_in_the_documents_is_one(tmp_path: Path) -> None:
    path = tmp_path / "auditctl.toml"
    path.write_text(block(SYNC, "toml"))
    sources = config.read(str(path), lambda name: registry.load(name, pytest.fail))
    told = {name for row in rows(section(SYNC, "Many sources"), "key") for name in coded(row[0])}
    there = set(keys_of(Defaults)) | {"provider"}
    assert there <= told
    assert {source.provider.name for source in sources.values()} <= set(PROVIDERS)


def test_the_tables_of_schemas_are_those_of_the_data() -> None:
    assert tables.PAGE.read_text() == tables.page(tables.PAGE.read_text())


def test_the_gravest_status_is_the_one_written() -> None:
    (told,) = re.findall(r"most needs a person: 1, then ([\d, ]+)\.", section(SYNC, "Many sources"))
    assert [1, *map(int, told.split(", "))] == list(GRAVEST)


def test_the_placeholders_are_those_written() -> None:
    told = [coded(row[0])[0] for row in rows(section(SYNC, "The destination"), "in PATH")]
    assert sorted(told) == sorted(f"{{{name}}}" for name in OF_RECORD + OF_RUN)


def test_the_vector_configuration_is_yaml() -> None:
    (vector,) = [b.text for b in BLOCKS if b.kind == "yaml" and "sinks:" in b.text]
    told = yaml.safe_load(vector)
    assert told["transforms"]["records"]["inputs"] == list(told["sources"])
    # An id alone is one provider's: of another's event it would make the same document.
    made = told["transforms"]["records"]["source"]
    assert f".{told['sinks']['search']['id_key']} = string!(.provider)" in made
    assert ".raw = encode_json(.raw)" in made


def test_the_mapping_has_every_field() -> None:
    (mapping,) = [b.text for b in BLOCKS if b.kind == "json" and "mappings" in b.text]
    assert tuple(json.loads(mapping)["mappings"]["properties"]) == FIELDS


@pytest.mark.parametrize("tool", ["DuckDB", "polars", "PyArrow"])
def test_a_recipe_with_types_names_every_field(tool: str) -> None:
    recipe = section(DOCS / "loading.md", tool)
    assert [name for name in FIELDS if not re.search(rf"\b{name}\b", recipe)] == []


# docs/lake.md


def test_the_recipes_for_tables_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (table,) = [b.text for b in blocks(LAKE) if b.kind == "sh" and "-f delta" in b.text]
    done = shell(table, tmp_path)
    assert done.status == 0, done.said
    # Airflow and Spark are too large to be installed for this.
    elsewhere = re.compile("airflow|pyspark")
    recipes = [b.text for b in blocks(LAKE) if b.kind == "python" and not elsewhere.search(b.text)]
    with chdir(tmp_path):
        for recipe in recipes:
            exec(compile(recipe, LAKE.name, "exec"), {})  # noqa: S102
    shown = capsys.readouterr().out
    assert "GET" in shown
    assert "failure" not in shown
    assert "actor" in shown
    assert auditctl_in(tmp_path, "verify", "lake", "-q").ended == (0, "")


def test_each_pod_of_the_job_runs_its_source(tmp_path: Path) -> None:
    (text,) = [b.text for b in blocks(LAKE) if b.kind == "yaml"]
    (container,) = yaml.safe_load(text)["spec"]["template"]["spec"]["containers"]
    source = 'provider = "persona"\ndemo = true\noutput = "{source}.jsonl"\n'
    (tmp_path / "auditctl.toml").write_text("".join(f"[sources.{n}]\n{source}" for n in "abc"))
    done = run(container["command"], tmp_path, JOB_COMPLETION_INDEX="1")
    assert done.ended == (0, "")
    assert [found.name for found in tmp_path.glob("*.jsonl")] == ["b.jsonl"]


def test_the_members_of_a_commit_are_those_written() -> None:
    told = [
        name for row in rows(section(LAKE, "A Delta table"), "member") for name in coded(row[0])
    ]
    assert tuple(told) == MEMBERS


# Pages as a whole


def test_the_tree_has_every_module() -> None:
    tree = block(DOCS / "architecture.md", "text", 2)
    told = []
    folder = ""
    for line in tree.partition("\ntests/")[0].splitlines()[1:]:
        name = line.split()[0]
        if name.endswith("/"):
            folder = name
        else:
            told.append(name if line.startswith("  " + name) else folder + name)
        assert len(line.split()) > 2, "a sentence about it"
    package = ROOT / "auditctl"
    there = [str(path.relative_to(package)) for path in package.rglob("*.py")]
    assert sorted(told) == sorted(p for p in there if not p.endswith("/__init__.py"))


def test_the_changelog_has_this_version() -> None:
    first = re.findall(r"(?m)^## (\S+)", (DOCS / "changelog.md").read_text())[0]
    assert first == auditctl.__version__


# Links


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"(?m)^#+ (.+)$", page.read_text())
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_every_link_leads_somewhere(page: Path) -> None:
    prose = re.sub(r"(?ms)^```.*?^```$", "", page.read_text())
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_is_linked_from_the_readme() -> None:
    linked = {ROOT / link for link in re.findall(r"\]\(([\w/.-]+\.md)\)", README.read_text())}
    assert set(PAGES) - {README} <= linked


# A provider of one's own


GUIDE = DOCS / "adding-a-provider.md"


class Acme:
    """The guide's service: two pages."""

    paths = ("/v1/events",)

    def admitted(self, request: Request) -> Answer:
        return Answer(block(GUIDE, "json", "after=ev_3" in request.query).encode())


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Install the guide's package as pip would lay it out."""
    about = tomllib.loads(block(GUIDE, "toml"))["project"]
    points = about["entry-points"]
    module = points["auditctl.providers"]["acme"].partition(":")[0]
    (tmp_path / f"{module}.py").write_text(block(GUIDE, "python"))
    info = tmp_path / f"{module}-{about['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {about['name']}\nVersion: {about['version']}\n"
    )
    with (info / "entry_points.txt").open("w") as file:
        for group, named in points.items():
            file.writelines([f"[{group}]\n", *(f"{one} = {of}\n" for one, of in named.items())])
    return tmp_path


def ask_acme(package: Path, *words: str, **more: str) -> Run:
    home = package / "home"
    home.mkdir(exist_ok=True)
    return run([*COMMAND, *words], home, PYTHONPATH=str(package), NO_PROXY="127.0.0.1", **more)


def test_the_guides_provider_gives_the_guides_records(package: Path) -> None:
    def asked(count: int) -> list[tuple[str, str]]:
        some = server.requests[-count:]
        return [(f"{one.path}?{one.query}", one.headers["authorization"]) for one in some]

    with Server(Acme()) as server:
        settings = {"ACME_API_KEY": "example", "ACME_BASE_URL": f"{server.url}/v1"}
        window = ["--since", "2026-01-01", "--until", "2026-02-01"]
        done = ask_acme(package, "acme", "list", *window, **settings)
        assert done.ended == (0, "")
        assert done.text == block(GUIDE, "jsonl")
        assert asked(2) == [
            ("/v1/events?limit=100", "Bearer example"),
            ("/v1/events?limit=100&after=ev_3", "Bearer example"),
        ]
        done = ask_acme(package, "acme", "list", "-n1", "--team", "a", "--team", "b", **settings)
        assert done.ended == (0, "")
        assert asked(1) == [("/v1/events?limit=100&team=a%2Cb", "Bearer example")]
        checked = ask_acme(package, "acme", "check", **settings)
        assert checked.status == 0
        assert "2026-01-03T07:00:00.000Z" in checked.text
        count = len(server.requests)
        shown = ask_acme(package, "acme", "list", "--demo")
        assert (*shown.ended, len(server.requests)) == (0, "", count)
        assert '"id":"ev_1"' in shown.text


def test_the_guides_provider_is_listed_and_says_what_it_lacks(package: Path) -> None:
    assert "The audit log of Acme." in ask_acme(package, "--help").text
    listed = ask_acme(package, "providers")
    assert listed.status == 0
    assert "the role auditor" in listed.text
    lacking = ask_acme(package, "acme", "list")
    assert lacking.status == 4
    assert "ACME_API_KEY" in lacking.said


# Where to report, and where to read


def test_the_wheels_metadata_name_the_addresses_that_messages_name() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["authors"]
    assert project["urls"]["Issues"] == errors.ISSUES
    assert str(errors.failure(ValueError("x"))).endswith(f"Please report it: {errors.ISSUES}")
    assert settings.DOCUMENT.startswith(project["urls"]["Homepage"])
    assert (ROOT / settings.DOCUMENT.partition("/main/")[2]).is_file()


@pytest.mark.parametrize("name", PROVIDERS)
def test_without_a_key_one_learns_where_to_read_and_that_there_is_a_demo(
    name: str, tmp_path: Path
) -> None:
    found = auditctl_in(tmp_path, name, "list")
    assert (found.status, found.out, found.said.count("\n")) == (4, b"", 1)
    assert [one for one in needed(provider_class(name)) if one not in found.said] == []
    assert "_FILE" in found.said
    assert "; --demo needs no account. " in found.said
    assert found.said.endswith(f" See {settings.DOCUMENT}.\n")


def test_the_first_command_of_the_readme_fills_a_screen_and_no_more(tmp_path: Path) -> None:
    first = next(line for line in README.read_text().splitlines() if line.startswith(SET_UP))
    words = first.removeprefix(f"{SET_UP}auditctl ").split()
    lines = auditctl_in(tmp_path, *words, "-f", "table").text.splitlines()
    assert 10 <= len(lines) <= 24


THEN = datetime(2026, 11, 26, 19, 38, tzinfo=UTC)
"""When the README's pictures were made."""
PICTURES = [b for b in blocks(README) if b.kind == "console" and "--demo" in b.text]


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.place)
def test_the_pictures_of_the_readme_are_what_the_program_prints(
    picture: Block, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command, shown = picture.text.split("\n", 1)
    monkeypatch.setattr(single, "datetime", SimpleNamespace(now=lambda _: THEN))
    monkeypatch.setattr(boundary, "_is_terminal", lambda: True)
    for name, value in {"COLUMNS": "80", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", shlex.split(command.removeprefix("$ ")))
    with pytest.raises(SystemExit):
        app(prog_name="auditctl", standalone_mode=True)
    printed = capfd.readouterr().out
    assert printed.startswith(shown)
    assert len(shown.splitlines()) > 5


def test_the_questions_of_an_incident_are_answered(tmp_path: Path) -> None:
    text = section(README, "An incident: what did Mallory do?")
    sources, questions = (found[1] for found in re.finditer(r"(?ms)^```sh\n(.*?)^```$", text))
    assert shell(sources, tmp_path).ended == (0, "")
    asked = re.findall(r"(?m)^# (.*)\n(auditctl .*)$", questions)
    answers = [shell(command, tmp_path) for _, command in asked]
    assert [answer.ended for answer in answers] == [(0, "")] * 5
    who, failed, where, since, services = (answer.text for answer in answers)
    assert re.search(r"^mallory@example\.com +\d+ +100\.0%$", who, re.MULTILINE)
    assert re.search(r"^user_demo08 +\d+", who, re.MULTILINE)
    assert "mallory@example.com" in failed
    assert {line.split()[-2] for line in failed.splitlines()[1:]} == {"failure"}
    assert re.search(r"^203\.0\.113\.66 +\d+", where, re.MULTILINE)
    assert len(since.splitlines()) == 2
    for name in tomllib.loads((tmp_path / "auditctl.toml").read_text())["sources"]:
        assert re.search(rf"^{name} +\d+ +\d+\.\d%$", services, re.MULTILINE)
