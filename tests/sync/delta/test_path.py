"""The PATH of a table: folders, URLs, placeholders, and stores that may be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from auditctl.errors import UsageError
from auditctl.sync.delta.path import TablePath, parse_table

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "path",
    ["s3://lake/audit", "gs://lake", "az://lake/a b", "abfss://c@account.dfs.example/x", "x"],
)
def test_folders_and_urls_are_tables(path: str) -> None:
    assert parse_table(path).path == path


def test_placeholders_of_a_run_are_filled_in() -> None:
    table = parse_table("s3://lake/{provider}/{source}", provider="persona", source="prod")
    assert table.path == "s3://lake/persona/prod"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("s3://lake//audit", "an empty name between two slashes"),
        ("s3://lake/{date}", "date and account are columns"),
        ("lake/{account}", "date and account are columns"),
        ("lake/{day}", "unknown placeholder"),
        ("lake/{", "unknown placeholder"),
        ("ftp://lake", "leads to no table"),
        ("s3://", "leads to no table"),
        ("s3:/lake/audit", "leads to no table"),
        ("file:/lake", "leads to no table"),
        ("s3://[lake", "cannot be the PATH"),
        ("s3://a\u2100b", "is no URL"),
        ("s3://key:secret@lake", "no password"),
        ("az://lake?sig=secret", "no password, query"),
        ("s3://lake#x", "no password, query"),
        ("", "cannot be the PATH"),
        ("-", "cannot be the PATH"),
        ("a\nb", "cannot be the PATH"),
        ("100%", "cannot be the PATH"),
    ],
)
def test_others_are_none(path: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        parse_table(path, provider="persona", source="prod")
    assert "secret" not in str(caught.value)


def test_a_file_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(UsageError, match="is a file, and a table is a folder"):
        parse_table(str(tmp_path / "x"))


def options(path: str, **environ: str) -> dict[str, str]:
    return TablePath(path).store_options(environ)


def test_plain_http_leads_to_this_machine_only() -> None:
    loopback = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9000"}
    assert options("s3://lake", **loopback)["allow_http"] == "true"
    # What the user allows for every host, the library is told not to allow.
    assert options("s3://lake", AWS_ALLOW_HTTP="true")["allow_http"] == "false"
    assert options("s3://lake", AWS_ENDPOINT_URL="https://s3.example")["allow_http"] == "false"
    assert options("gs://lake", **loopback)["allow_http"] == "false"
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"):
        with pytest.raises(UsageError, match=f"{name} may not be used: plain http"):
            options("s3://lake", **{name: "http://s3.example"})
    with pytest.raises(UsageError, match="AWS_ENDPOINT may not be used"):
        options("S3://lake", AWS_ENDPOINT="http://s3.example")
    with pytest.raises(UsageError, match="AZURE_ENDPOINT may not be used"):
        options("abfss://lake", AZURE_ENDPOINT="http://store.example")
    with pytest.raises(UsageError, match="AWS_ENDPOINT_URL may not be used"):
        options("s3://lake", AWS_ENDPOINT_URL="")


def test_a_folder_needs_nothing() -> None:
    assert options("lake", AWS_ENDPOINT_URL="http://s3.example") == {}
