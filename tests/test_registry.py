import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import httpx
import pytest

import auditctl
from auditctl import registry
from auditctl.errors import ProviderError
from tests.program import Run, process
from tests.server import LOGS
from tests.vendors import VENDORS

OURS = {*LOGS, *VENDORS}

PLAIN = """
from dataclasses import dataclass
from auditctl.provider import *
@dataclass(frozen=True, kw_only=True)
class Acme(Provider):
    name = title = permission = retention = rate_limit = docs = "acme"
    order = Order.NEWEST_FIRST
    base_url: str = setting("https://acme.example")
    def auth(self): ...
    def pages(self, client, window): ...
    def normalize(self, event, context): ...
"""
TITLES = "name = title = permission = retention = rate_limit = docs"


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        (TITLES, "name", "it lacks title, permission, retention, rate_limit, docs"),
        (TITLES, f"docs = None; {TITLES[:-7]}", "its fact docs is None, and must be"),
        ("Order.NEWEST_FIRST", "None", "its fact order is None, and must be one of Order."),
        (
            "Order.NEWEST_FIRST",
            "Order.NEWEST_FIRST; keeps = 30",
            "its fact keeps is 30, and must be",
        ),
        ("Order.NEWEST_FIRST", "[1]", "its fact order is [1], and must be one of Order."),
        ("Order.NEWEST_FIRST", "Order.AS_ASKED; has_ids = 1", "its fact has_ids is 1, and must be"),
        (
            "Order.NEWEST_FIRST",
            "Order.AS_ASKED; hints = {401: 'Check {base_url} and {api_kee}.'}",
            "its fact hints names {api_kee}, and there is no such setting",
        ),
        (
            "Order.NEWEST_FIRST",
            "Order.AS_ASKED; hints = {'404': ''}",
            "its fact hints is {'404': ''}",
        ),
        (
            "Order.NEWEST_FIRST",
            "Order.AS_ASKED; headers = [1]",
            "its fact headers is [1], and must",
        ),
        (
            "Order.NEWEST_FIRST",
            "Order.AS_ASKED; sample = print",
            "its fact sample is <built-in fun",
        ),
        ("Order.NEWEST_FIRST", "Order.AS_ASKED; sample = 'acme'", "its fact sample is 'acme', and"),
        ("Order.NEWEST_FIRST", "Order.AS_ASKED; logs = {}", "its fact logs is {}, and must be a m"),
        (
            "Order.NEWEST_FIRST",
            "Order.AS_ASKED; logs = {'a': Log(order='new', permission='', retention='')}",
            "its fact order of the log a is 'new', and must be one of Order.NEWEST_FIRST, ",
        ),
        ("@dataclass(frozen=True, kw_only=True)", "", "its class lacks @dataclass(frozen=True, "),
        ("base_url: str", "other: str", "it lacks the setting base_url"),
        ("def auth(self): ...", "", "it lacks auth"),
        ('"acme"\n', '"other"\n', "its fact name is 'other', and must be 'acme'"),
    ],
)
def test_each_fact_is_checked_when_a_plugin_is_loaded(
    good: str, bad: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert good in PLAIN
    (tmp_path / "plugin_with_facts.py").write_text(PLAIN.replace(good, bad))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "plugin_with_facts", raising=False)
    monkeypatch.setattr(registry, "installed", lambda: {"acme": "plugin_with_facts:Acme"})
    with pytest.raises(ProviderError) as failure:
        registry.require("acme")
    start = "The provider acme (plugin_with_facts:Acme) cannot be used: "
    assert str(failure.value).startswith(start + said)


def packed(folder: Path, *, declared: str) -> Path:
    """Pack the program into one file, with the metadata that an installer writes beside it."""
    package = Path(auditctl.__file__).parent
    path = folder / "auditctl.pyz"
    with zipfile.ZipFile(path, "w") as archive:
        for file in package.rglob("*.py"):
            archive.write(file, f"auditctl/{file.relative_to(package)}")
        about = "auditctl-0.dist-info"
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: auditctl\nVersion: 0\n")
        archive.writestr(f"{about}/entry_points.txt", declared)
        archive.writestr("__main__.py", "from auditctl.__main__ import main\nmain()\n")
    return path


def run_packed(path: Path, *words: str) -> Run:
    """Run it where nothing else is installed but what it imports."""
    others = path.parent / "others"
    others.mkdir(exist_ok=True)
    for entry in Path(httpx.__file__).parents[1].iterdir():
        if "auditctl" not in entry.name and not (others / entry.name).exists():
            (others / entry.name).symlink_to(entry)
    command = [sys.executable, "-S", str(path)]  # -S: without the environment's own packages
    return process(*words, command=command, environ={"PYTHONPATH": str(others)})


def test_a_program_in_one_file_finds_the_providers_in_it(tmp_path: Path) -> None:
    declared = distribution("auditctl").read_text("entry_points.txt")
    assert declared
    path = packed(tmp_path, declared=declared)
    found = run_packed(path, "persona", "list", "--demo", "--limit", "1")
    assert (found.ended, found.text.count("\n")) == ((0, ""), 1)
    # With a plugin that is not packed.
    about = tmp_path / "others" / "acme-1.dist-info"
    about.mkdir()
    (about / "entry_points.txt").write_text("[auditctl.providers]\nacme = acme:Acme\n")
    names = run_packed(path, "--help").text
    assert all(f"  {name} " in names for name in OURS)
    assert "acme" in run_packed(path, "acme").said


def test_a_program_without_its_metadata_says_that_it_has_no_provider(tmp_path: Path) -> None:
    path = packed(tmp_path, declared="")
    found = run_packed(path, "--help")
    assert found.ended == (0, "")
    assert "No provider is installed." in found.text
    assert run_packed(path, "persona", "list").status == 2
