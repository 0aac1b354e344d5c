import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditctl import registry
from auditctl.interrupts import interrupts
from auditctl.providers.roam import Roam

OURS = {"persona", "upstash", "roam", "hrhis"}

SOUND = """
from auditctl.providers.roam import Roam

class Acme(Roam):
    name = "acme"
"""

BROKEN = {
    "raises": "raise RuntimeError('it is Monday')",
    "syntax": "def",
    "imports": "import a_module_that_is_not_there",
    "lacks": "Other = 1",
    "no_class": "Acme = 1",
    "no_provider": "class Acme:\n    name = 'no_provider'",
    "other_name": SOUND,
    "exits": "raise SystemExit(0)",
}


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Put plugins where Python finds installed packages, as an installer would."""
    plugins = {"acme": ("good_plugin", SOUND)}
    plugins |= {name: (f"broken_{name}", code) for name, code in BROKEN.items()}
    lines = [f"{name} = {module}:Acme\n" for name, (module, _) in plugins.items()]
    lines.append("gone = a_module_that_was_removed:Acme\n")
    for module, code in plugins.values():
        (tmp_path / f"{module}.py").write_text(code)
    about = tmp_path / "acme-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[auditctl.providers]\n" + "".join(lines))
    monkeypatch.syspath_prepend(tmp_path)
    registry.installed.cache_clear()
    yield tmp_path
    registry.installed.cache_clear()


def test_our_own_providers_are_installed_like_any_other() -> None:
    assert set(registry.installed()) >= OURS
    complaints: list[str] = []
    assert registry.load("roam", complaints.append) is Roam
    assert complaints == []


@pytest.mark.usefixtures("install")
def test_a_strangers_provider_is_found_and_loaded() -> None:
    complaints: list[str] = []
    assert set(registry.installed()) == OURS | {"acme", "gone"} | set(BROKEN)
    provider = registry.load("acme", complaints.append)
    assert provider is not None
    assert (provider.name, provider.__module__) == ("acme", "good_plugin")
    assert complaints == []


def test_a_declaration_that_cannot_be_read_hides_no_other(install: Path) -> None:
    (install / "aaa-1.dist-info" / "entry_points.txt").mkdir(parents=True)
    assert set(registry.installed()) == OURS | {"acme", "gone"} | set(BROKEN)


@pytest.mark.usefixtures("install")
@pytest.mark.parametrize("name", [*BROKEN, "gone"])
def test_a_broken_provider_is_left_out_aloud(name: str) -> None:
    complaints: list[str] = []
    assert registry.load(name, complaints.append) is None
    (complaint,) = complaints
    assert complaint.startswith(f"The provider {name} (")
    assert "is left out" in complaint
    assert registry.load("acme", complaints.append) is not None


@pytest.mark.usefixtures("install")
@pytest.mark.parametrize("name", ["raises", "exits"])
def test_an_import_that_a_signal_interrupts_is_not_taken_for_a_broken_one(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interrupts, "_came", signal.SIGTERM)
    with pytest.raises(SystemExit) as end:
        registry.load(name, pytest.fail)
    assert end.value.code == 143
