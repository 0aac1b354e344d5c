"""Other people's providers: commands like ours, and their faults named."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from auditctl import registry
from tests.program import process, result, run
from tests.server import KEY, LOGS

Install = Callable[[str | None], dict[str, str]]
FAULT_STATUS, USAGE, ACCESS = 1, 2, 4

PLUGIN = """
from dataclasses import dataclass
from auditctl.provider import Bearer, Order, Page, Provider, secret, setting

@dataclass(frozen=True, kw_only=True)
class Acme(Provider):
    name = "acme"
    title = "Acme"
    order = Order.NEWEST_FIRST
    permission = "any key"
    retention = "for ever"
    rate_limit = "none"
    docs = "https://acme.example/docs"

    api_key: object = secret()
    base_url: str = setting("https://acme.example")

    def auth(self):
        return Bearer(self.api_key)

    def pages(self, client, window):
        yield Page([{{"id": "1", "key": "value"}}])

    def normalize(self, event, context):
        {normalize}
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a provider beside ours, and return its settings."""

    def install(source: str | None) -> dict[str, str]:
        about = tmp_path / "site" / "acme-1.0.dist-info"
        about.mkdir(parents=True)
        # A declaration that cannot be read hides no other.
        (tmp_path / "site" / "aaa-1.0.dist-info" / "entry_points.txt").mkdir(parents=True)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text("[auditctl.providers]\nacme = acme:Acme\n")
        if source is not None:
            (about.parent / "acme.py").write_text(source)
        monkeypatch.syspath_prepend(about.parent)
        registry.installed.cache_clear()
        registry.declared.cache_clear()
        return {"ACME_API_KEY": KEY}

    yield install
    sys.modules.pop("acme", None)


def test_an_installed_provider_is_a_command_like_ours(install: Install) -> None:
    source = PLUGIN.format(normalize='return {"id": event["id"], "time": 0, "action": "did"}')
    environment = install(source)
    found = result("acme", "list", "--since", "1970-01-01", **environment)
    assert (found.status, found.said) == (0, "")
    (record,) = found.records
    expected = ("1970-01-01T00:00:00.000Z", "acme", "1", "did")
    assert tuple(record[name] for name in ("time", "provider", "id", "action")) == expected
    assert b"acme" in result(**environment).out
    for words in ((), ("acme",), ("acme", "list"), ("acme", "sync"), ("acme", "check")):
        assert "auditctl acme list --demo" not in result(*words, "-h", **environment).text
        assert not words or b"--demo" not in result(*words, "-h", **environment).out
    assert b"ACME_API_KEY" in result("providers", **environment).out
    assert result("acme", "list").status == ACCESS
    assert result("acme", "list", "--demo", **environment).status == USAGE


@pytest.mark.parametrize(
    "normalize",
    [
        'raise RuntimeError("with " + self.api_key.reveal())',
        'return event["nope"]',
        "return normalize(self, event)",
        "assert False, self.api_key.reveal()",
    ],
)
def test_a_defect_ends_the_run_with_a_sentence_that_quotes_nothing(
    normalize: str, install: Install, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    output.mkdir()
    source = PLUGIN.format(normalize=normalize)
    environment = install(source)
    words = ("-o", str(output / "log.jsonl"))
    found = result("acme", "list", *words, **environment)
    assert (found.status, found.out) == (FAULT_STATUS, b"")
    line = [n for n, text in enumerate(source.splitlines(), 1) if normalize in text].pop()
    assert re.fullmatch(
        "auditctl: error: This is a fault of the provider acme, not of auditctl: [A-Za-z]+Error, "
        rf"in the module acme, line {line}. Report it to the authors of the package acme.\n",
        found.said,
    )
    assert list(output.iterdir()) == []
    # Not `result`, which takes a traceback for a defect of ours.
    assert run("acme", "list", "-v", **environment) == FAULT_STATUS
    told = capfd.readouterr().err
    first, second, *lines = told.splitlines()
    assert (first + "\n", second) == (found.said, "Traceback (most recent call last):")
    assert f'  File "{tmp_path}/site/acme.py", line {line}, in normalize' in lines
    assert KEY not in told


@pytest.mark.parametrize(
    ("normalize", "said", "line"),
    [
        ('return {"colour": "red", "id": "1"}', "normalize gives colour, which no record has", 24),
        ("return None", "normalize returns NoneType, not Fields", 24),
    ],
)
def test_what_a_provider_returns_and_no_record_has_is_its_fault(
    normalize: str, said: str, line: int, install: Install
) -> None:
    environment = install(PLUGIN.format(normalize=normalize))
    assert result("acme", "list", **environment).ended == (
        FAULT_STATUS,
        (
            f"auditctl: error: This is a fault of the provider acme, not of auditctl: {said}, in "
            f"the module acme, line {line}. Report it to the authors of the package acme.\n"
        ),
    )


def test_a_page_that_is_none_is_the_providers_fault(install: Install) -> None:
    source = PLUGIN.format(normalize="return {}").replace("yield Page(", "yield (")
    found = result("acme", "list", **install(source))
    assert found.status == FAULT_STATUS
    assert "of the provider acme, not of auditctl: pages yields list, not Page, in " in found.said


@pytest.mark.parametrize(
    "code", ['raise RuntimeError("with " + self.api_key.reveal())', "return self.nothing"]
)
def test_a_defect_before_anything_is_asked_is_the_providers_fault(
    code: str, install: Install
) -> None:
    source = PLUGIN.format(normalize="return {}").replace("return Bearer(self.api_key)", code)
    found = result("acme", "list", **install(source))
    assert found.status == FAULT_STATUS
    assert "This is a fault of the provider acme, not of auditctl: " in found.said


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("yield Page(", "return None and (", "pages returns NoneType, and must return Pages"),
        ("return Bearer(self.api_key)", "pass", "auth returns NoneType, and must return "),
        ("(self.api_key)", "(self.api_key.reveal())", "auth returns Bearer, and must return "),
    ],
)
def test_a_method_that_returns_the_wrong_thing_is_named(
    right: str, wrong: str, said: str, install: Install
) -> None:
    source = PLUGIN.format(normalize="return {}").replace(right, wrong)
    found = result("acme", "list", **install(source))
    assert found.status == FAULT_STATUS
    assert f"fault of the provider acme, not of auditctl: {said}" in found.said
    assert KEY not in found.said


@pytest.mark.parametrize(
    "source",
    [
        None,
        "raise RuntimeError('broken')",
        "raise SystemExit(0)",
        "this is not Python",
        "import a_module_that_is_not_there",
        "Other = 1",
        "class Acme: pass",
        "Acme = 7",
        PLUGIN.format(normalize="return {}").replace('"acme"', '"other"'),
        PLUGIN.format(normalize="return {}").replace("title =", "nope ="),
        PLUGIN.format(normalize="return {}").replace("Order.NEWEST_FIRST", "'newest frist'"),
    ],
)
def test_a_broken_provider_is_left_out_aloud_and_takes_none_with_it(
    source: str | None, install: Install
) -> None:
    environment = install(source)
    table = result("providers", **environment)
    assert table.status == 0
    assert [name for name in LOGS if name.encode() not in table.out] == []
    assert b"acme" not in table.out
    assert table.said.startswith("auditctl: warning: The provider acme ")
    assert "left out" in table.said
    assert result("persona", "list", "--demo", **environment).said == ""
    named = result("acme", "list", **environment)
    assert named.status == FAULT_STATUS
    assert named.said.startswith("auditctl: error: The provider acme (acme:Acme) cannot be used: ")
    assert named.said.endswith(". Report it to the authors of the package acme.\n")
    assert result("--help", **environment).ended == (0, "")


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("persona", "list", "--nope")])
def test_nothing_of_a_provider_is_imported_before_it_is_named(
    words: tuple[str, ...], install: Install
) -> None:
    source = "raise SystemExit('imported')"
    found = result(*words, **install(source))
    assert "imported" not in found.said
    if words == ("--help",):
        assert b"  acme " in found.out
        assert re.search(rb"  persona +The audit log of Persona\.", found.out)


INTERRUPTED = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nwhile True: pass"
CHANGED = f"""
try:
    exec({INTERRUPTED!r})
except BaseException:
    raise TypeError
"""


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (INTERRUPTED, ("acme",)),
        (INTERRUPTED, ("acme", "list")),
        (INTERRUPTED, ("providers",)),
        (CHANGED, ("acme", "list")),
        (CHANGED.replace("TypeError", "SystemExit"), ("acme", "list")),
    ],
)
def test_an_interrupt_while_providers_are_loaded_ends_the_run(
    source: str, words: tuple[str, ...], install: Install, tmp_path: Path
) -> None:
    environment = {**install(source), "PYTHONPATH": f"{tmp_path}/site"}
    found = process(*words, environ=environment)
    assert found.status == 130
    assert found.said == ""
