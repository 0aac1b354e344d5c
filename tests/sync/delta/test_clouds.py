"""Tables over Google Cloud Storage and Azure Blob Storage, which a small server stands in for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.clouds import clouds
from tests.program import process, result
from tests.sync.delta.table import opened, write

if TYPE_CHECKING:
    from collections.abc import Iterator

FAILED = 9
URLS = ["gs://{}/g", "az://{}/a", "abfss://{}@account.dfs.core.windows.net/b"]
SYNC = ("persona", "sync", "--demo", "-q", "--since", "2d", "-o")

every_url = pytest.mark.parametrize("url", URLS)


@pytest.fixture(scope="module")
def environ() -> Iterator[dict[str, str]]:
    with clouds() as found:
        yield found


@every_url
def test_a_table_is_written_and_proved(
    url: str, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = url.format("lake")
    assert result(*SYNC, table, **environ).ended == (0, "")
    for name, value in environ.items():  # the library reads some of it there alone
        monkeypatch.setenv(name, value)
    for run in range(2):
        with opened(table, "by hand", environ) as held:
            write(held, 2 * run)
            write(held, 2 * run + 1)
    proofs, statuses = (
        {one["source"]: one for one in result(word, table, "--format", "json", **environ).json}
        for word in ("verify", "status")
    )
    assert {source: (one["ok"], one["journal_lines"]) for source, one in proofs.items()} == {
        "persona": (True, 1), "by hand": (True, 4),
    }  # fmt: skip
    assert proofs["by hand"]["records"] == 4
    for source, proof in proofs.items():
        assert proof["records"] == statuses[source]["records"] > 0


@every_url
def test_a_bucket_that_does_not_exist_is_said(url: str, environ: dict[str, str]) -> None:
    table = url.format("none")
    for words in (SYNC, ("verify",)):
        found = result(*words, table, **environ)
        assert (found.status, "the bucket does not exist" in found.said) == (FAILED, True)


@every_url
def test_a_store_that_takes_no_data_is_said_in_one_sentence(
    url: str, environ: dict[str, str]
) -> None:
    # A process: the library writes to its standard error what it also raises, many times.
    found = process(*SYNC, url.format("read"), environ=environ)
    assert (found.status, found.said.count("\n")) == (FAILED, 1)
    assert "AccessDenied, so there. What was committed before stays" in found.said


def test_credentials_come_from_the_environment(environ: dict[str, str]) -> None:
    other = {**environ, "AZURE_STORAGE_ACCOUNT_NAME": "other"}
    found = result("verify", "az://lake/a", **other)
    assert found.status == FAILED
    assert "AuthenticationFailed, so there. Check the network, and the credentials" in found.said
