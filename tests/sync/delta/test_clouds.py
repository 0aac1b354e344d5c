"""Tables over Google Cloud Storage and Azure Blob Storage, which a small server stands in for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.clouds import clouds
from tests.program import process, result

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
def test_a_table_is_written_and_proved(url: str, environ: dict[str, str]) -> None:
    table = url.format("lake")
    for _ in range(2):
        assert result(*SYNC, table, **environ).ended == (0, "")
    (proof,) = result("verify", table, "--format", "json", **environ).json
    (status,) = result("status", table, "--format", "json", **environ).json
    assert (proof["ok"], proof["journal_lines"] <= 2) == (True, True)  # something may just happen
    assert proof["records"] == status["records"] > 0


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
