"""How the package is built: which way imports run, and what a module and a provider may do."""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import auditctl
from auditctl import provider as contract
from auditctl import registry

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(auditctl.__file__).parent
FACE = "auditctl"
"""The package itself, which has the version and nothing else."""
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
MODULES[FACE] = MODULES.pop("__init__")
PROVIDERS = sorted(registry.installed())
every_module = pytest.mark.parametrize("module", MODULES)
every_provider = pytest.mark.parametrize("name", PROVIDERS)

LAYERS = """
__main__
cli.app
cli.provider_app
commands.init commands.read commands.several sync.commands
commands.live
commands.single sync.cluster sync.report
sync.job
commands.check commands.selection config.addition sync.destinations
commands.feed commands.listing commands.show sync.run config.sources
sync.kinds
connect export config.tables sync.files.destination sync.delta.status
days demo cli.help providers.* registry settings sync.walk sync.files.datafiles
    sync.delta.destination
faults sync.profile
provider
sync.delta.verify sync.files.verify http.numbered http.parts
sync.delta.log sync.files.integrity sync.files.status http.client
sync.files.aside sync.delta.store sync.files.journal http.requests
sync.delta.path sync.delta.rows sync.status http.stream
cli.boundary cli.groups http.sender commands.notices paths commands.stored sync.options
    sync.files.replay
formats.detail formats.ecs formats.ocsf formats.summary formats.table http.credentials
batch formats.cells formats.csv formats.histogram formats.jsonl formats.parquet http.responses
    cli.options options sync.files.chain
sync.files.commits sync.destination
cli.completion facts records.arrow formats formats.clock http.arrays http.connection sync.state
records.fields http.errors
events.subject
events
context demo.* http.cookies http.cuts http.mask http.page log records.record sync.coverage
    sync.files.disk
records.address console extras commands.prompt demo.cast http.answer http.origin http.pace
    http.retry http.service_account http.urls http.waits output records.redact sync.follow
    sync.jobs config.location window zone
auditctl declared demo.clock errors escape events.classes records.event_time records.exact
    formats.frequent http http.auth http.body http.keys http.parallel http.visited interrupts
    phrases providers reading records.schema sync sync.delta sync.files sync.seal cli commands
    config records
"""
"""Each line holds modules that may import those of the lines below it, and not each other. A line
that is indented goes on with the one before; a star stands for the name of each provider."""


def named(line: str) -> list[str]:
    """Return the modules of a line."""
    words = line.split()
    stars = [word for word in words if "*" in word]
    return [word for word in words if "*" not in word] + [
        star.replace("*", name) for star in stars for name in PROVIDERS
    ]


LEVEL = {
    name: level
    for level, line in enumerate(LAYERS.replace("\n    ", " ").split("\n"))
    for name in named(line)
}

LONGEST = 300
LONG = "# Longer than 300 lines: "
"""How the first line of a module begins that is longer; the reason follows."""
WORDY = {
    "errors": "it draws the tree of the failures",
}
"""Modules whose docstring says more than a sentence, and why."""

COMMAND_LINE = {
    "__main__",
    "cli.boundary",
    "cli.app",
    "cli.completion",
    "cli.groups",
    "cli.options",
    "sync.cluster",  # what a Dask worker runs has no command line, but an environment
    "cli.provider_app",
    "console",
    "commands.prompt",
}
"""What may print, exit, read the environment and know Typer."""


@cache
def source(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text())


def imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Find what is imported, for type checkers only too: a module, and a name in it or nothing."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield from ((str(node.module), alias.name) for alias in node.names)


@cache
def constants(module: str) -> set[object]:
    """Return the texts and numbers that a module holds."""
    return {node.value for node in ast.walk(source(module)) if isinstance(node, ast.Constant)}


@cache
def own_imports(module: str) -> set[str]:
    """Return the modules of the package that a module imports."""
    found = set()
    for home, name in imports(source(module)):
        if home.partition(".")[0] == FACE and (home, name) != (FACE, "__version__"):
            inner = f"{home}.{name}".removeprefix(f"{FACE}.")
            found.add(inner if inner in MODULES else home.removeprefix(f"{FACE}."))
    return found - {module}


def test_the_layers_name_each_module_once() -> None:
    assert sorted(named(LAYERS)) == sorted(MODULES)


@every_module
def test_imports_run_down(module: str) -> None:
    assert {to for to in own_imports(module) if LEVEL[to] <= LEVEL[module]} == set()


@every_module
def test_a_module_is_read_in_a_sitting_or_says_why_not(module: str) -> None:
    first, *rest = MODULES[module].read_text().splitlines() or [""]
    assert len(rest) < LONGEST or first.startswith(LONG)


@every_module
def test_a_module_says_in_one_sentence_what_it_is(module: str) -> None:
    docstring = ast.get_docstring(source(module)) or ""
    first, _, more = docstring.partition("\n\n")
    assert first.endswith(".")
    assert ". " not in first.replace("\n", " ")
    assert not more or module in WORDY


def test_no_exception_is_left_that_nothing_needs() -> None:
    """An exception that is needed no more is to be deleted from its table."""
    assert [m for m in WORDY if "\n\n" not in (ast.get_docstring(source(m)) or "")] == []


@every_module
def test_only_the_command_line_prints_exits_reads_the_environment_and_knows_typer(
    module: str,
) -> None:
    tree = source(module)
    used = {home.partition(".")[0] for home, _ in imports(tree)} & {"typer", "click"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in ("print", "input", "exit", "quit"):
            used.add(node.id)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            used.add(f"{node.value.id}.{node.attr}")
    words = {"typer", "click", "print", "input", "exit", "quit", "os.environ", "os.getenv"}
    words |= {"sys.exit", "os._exit", "sys.argv", "sys.stdin", "sys.stdout", "sys.stderr"}
    assert module in COMMAND_LINE or used & words == set()


@every_provider
def test_a_provider_is_imported_and_named_by_nobody(name: str) -> None:
    own = {f"providers.{name}", f"demo.{name}"}
    for module in MODULES.keys() - own:
        assert not own_imports(module) & own
        assert not {name, name.upper(), name.title()} & constants(module)


@every_provider
def test_a_provider_is_written_with_what_anybody_has(name: str) -> None:
    module = f"providers.{name}"
    tree = source(module)
    for home, imported in imports(tree):
        if home == "auditctl.provider":
            assert imported in contract.__all__
        elif home == "auditctl.reading":
            assert not imported.startswith("_")
        else:
            assert home.partition(".")[0] in sys.stdlib_module_names
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            own = isinstance(node.value, ast.Name) and node.value.id == "self"
            assert own or not node.attr.startswith("_"), "a back door"
    assert len(MODULES[module].read_text().splitlines()) <= 260


@pytest.mark.parametrize("module", ["sync.run", "sync.walk", "sync.coverage"])
def test_a_run_knows_no_kind_of_destination(module: str) -> None:
    allowed = {"run", "walk", "coverage", "destination", "state"}
    used = {name for name in own_imports(module) if name.startswith("sync.")}
    assert used <= {f"sync.{name}" for name in allowed}


def test_no_module_is_a_drawer_for_everything() -> None:
    parts = {part for module in MODULES for part in module.split(".")}
    assert not parts & {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base"}
    names = {
        node.name
        for module in MODULES
        for node in ast.walk(source(module))
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
    }
    assert [n for n in names if n.endswith(("Manager", "Handler", "Helper"))] == []
    assert not names & {"process", "process_data", "handle"}
