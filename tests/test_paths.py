"""The PATH of a destination: its files, its journal, and what strangers' words make of them."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auditctl.errors import UsageError
from auditctl.paths import Template, find_templates, parse_template
from tests.program import result, synced
from tests.server import Upstash
from tests.world import records

USAGE_FORMS = "Use a PATH such as audit.jsonl or audit/{date}.jsonl.gz."


def name(path: str, account: str | None = None, time: str | None = None) -> str:
    record: Any = {"time": time, "account": account}
    return parse_template(path).name(record)


# What a PATH says


@pytest.mark.parametrize(
    ("path", "folder", "names", "journal"),
    [
        ("a.jsonl", "", "a.jsonl", "a.jsonl.journal"),
        ("./a", ".", "a", "./a.journal"),
        ("/var/a.csv.gz", "/var", "a.csv.gz", "/var/a.csv.gz.journal"),
        ("x/{date}.jsonl", "x", "{date}.jsonl", "x/{date}.jsonl.journal"),
        ("x/{date}/y/z.jsonl", "x", "{date}/y/z.jsonl", "x/{date}-y-z.jsonl.journal"),
        ("{account}/{date}", "", "{account}/{date}", "{account}-{date}.journal"),
        ("x/{source}/{date}", "x/prod", "{date}", "x/prod/{date}.journal"),
        ("{provider}-{source}/{account}", "roam-prod", "{account}", "roam-prod/{account}.journal"),
        ("{source}{source}.jsonl", "", "prodprod.jsonl", "prodprod.jsonl.journal"),
    ],
)
def test_the_journal_lies_in_the_deepest_folder_that_all_files_are_in(
    path: str, folder: str, names: str, journal: str
) -> None:
    found = parse_template(path, provider="roam", source="prod")
    assert found == Template(folder, names)
    assert found.journal == journal


@pytest.mark.parametrize(
    "path",
    ["{day}.jsonl", "{}", "{date", "date}", "}{", "{{date}}", "{da{date}te}", "{Date}", "{date}}"],
)
def test_a_placeholder_that_there_is_not_is_refused(path: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_template(path)
    assert str(caught.value) == (
        f"The path {path!r} has an unknown placeholder. Known are {{date}}, {{account}}, "
        "{provider}, {source}."
    )


@pytest.mark.parametrize("path", ["", "-", "x/", "{date}/", ".", "..", "/"])
def test_what_is_no_file_is_refused(path: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_template(path)
    assert str(caught.value) == f"{path!r} is no file that sync could append to. {USAGE_FORMS}"


def test_a_journal_is_no_destination() -> None:
    with pytest.raises(UsageError, match=r"'a\.jsonl\.journal' is the name of a journal"):
        parse_template("a.jsonl.journal")


@pytest.mark.parametrize(
    ("path", "compressed"),
    [("a.gz", True), ("A.JSONL.GZ", True), ("a.gz.jsonl", False), ("{date}.gz", True)],
)
def test_the_suffix_says_whether_it_is_gzip(path: str, compressed: bool) -> None:  # noqa: FBT001
    assert parse_template(path).compressed is compressed


# Which file a record goes to


@pytest.mark.parametrize(
    ("account", "time", "expected"),
    [
        ("acme", "2026-01-31T23:59:59.999999999Z", "2026-01-31/acme"),
        ("acme", None, "undated/acme"),
        (None, "2026-01-31T00:00:00.000Z", "2026-01-31/unknown"),
        ("", None, "undated/unknown"),
        ("team@example.com", None, "undated/team@example.com"),
        ("Team A+B_c-d.e", None, "undated/Team A+B_c-d.e"),
        ("../../etc/passwd", None, "undated/%2E.%2F..%2Fetc%2Fpasswd"),
        ("/etc/passwd", None, "undated/%2Fetc%2Fpasswd"),
        ("..", None, "undated/%2E."),
        (".", None, "undated/%2E"),
        (".hidden", None, "undated/%2Ehidden"),
        ("a\0b\n", None, "undated/a%00b%0A"),
        ("100%", None, "undated/100%25"),
        ("{date}", None, "undated/%7Bdate%7D"),
        ("\\..\\x:y*?", None, "undated/%5C..%5Cx%3Ay%2A%3F"),
        ("ü", None, "undated/%C3%BC"),
        ("u\u0308", None, "undated/u%CC%88"),  # looks the same
        ("\ud800", None, "undated/%ED%A0%80"),
        ("unknown", None, "undated/%75nknown"),  # which is not nobody
        ("~root", None, "undated/%7Eroot"),
        ("a.journal", None, "undated/a%2Ejournal"),
        ("journal", None, "undated/%6Aournal"),  # a.{account} would be the journal of a
        (
            "a.cut-20261121T112600.123456Z",
            None,
            "undated/a.cut-20261121T112600%2E123456Z",
        ),
    ],
)
def test_a_record_goes_to_the_file_of_its_date_and_account(
    account: str | None, time: str | None, expected: str
) -> None:
    assert name("{date}/{account}", account, time) == expected


LONG = "x" * 101
CUT = f"{'x' * 83}~"
"""What a long account's file begins with; 16 digits of its hash follow."""


def test_a_long_account_is_cut_and_still_has_a_file_of_its_own() -> None:
    cut, other = name("{account}", LONG), name("{account}", LONG + "x")
    assert cut.startswith(CUT)
    assert other.startswith(CUT)
    assert len(cut) == len(other) == 100
    assert cut != other
    assert name("{account}", cut) != cut


ACCOUNTS = st.text(st.characters()) | st.text("./\\~%\0 aA", max_size=8) | st.text(min_size=90)


@given(ACCOUNTS)
def test_no_account_leads_out_of_its_folder_or_to_a_hidden_file(account: str) -> None:
    found = name("{account}", account)
    assert found == os.path.basename(found)  # noqa: PTH119 - Path would tidy it up
    assert not found.startswith(".")
    assert 0 < len(os.fsencode(found)) <= 100
    assert found.isascii()
    assert found.isprintable()
    assert "{" not in found


@given(ACCOUNTS, ACCOUNTS)
@example("a", "A")
@example("unknown", "")
@example("a/b", "a%2Fb")
@example(".a", "%2Ea")
@example("~", "%7E")
@example("a.journal", "a%2Ejournal")
@example(LONG, name("{account}", LONG))
def test_two_accounts_never_share_a_file(one: str, other: str) -> None:
    assert (name("{account}", one) == name("{account}", other)) is (one == other)


STRANGERS = [
    "../../../tmp/x",
    "/etc/passwd",
    "..",
    "a/../../b",
    ".journal",
    "a\0b",
    "x" * 5000,
    "x" * 5001,
    "ü",
    "u\u0308",
    "\ud800",
    "Team",
    "team",
    "a.cut-b",
    "unknown",
    "",
    None,
]


def test_events_of_strangers_are_all_there_and_below_the_folder(tmp_path: Path) -> None:
    rows = [
        {"log_id": f"{n} {stamp}", "customer_id": account, "timestamp": stamp}
        for n, account in enumerate(STRANGERS)
        for stamp in (1_767_225_599, 1_767_225_600, "a while ago")
    ]
    folder = tmp_path / "a" / "b"
    path = f"{folder}/{{account}}/{{date}}.jsonl"
    for _ in range(2):
        synced(Upstash(rows), path, "-q")
    found = list(records(folder))
    assert sorted(record["id"] for record in found) == sorted(str(row["log_id"]) for row in rows)
    names = {parse_template(path).name(record) for record in found}
    days = ["2025-12-31", "2026-01-01", "undated"]
    assert len(names) == (len(STRANGERS) - 1) * len(days)  # "" and null are nobody's
    assert {str(file.relative_to(folder)) for file in folder.rglob("*.jsonl")} == names
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]
    assert [entry.name for entry in folder.parent.iterdir()] == ["b"]
    assert {file.stem for file in folder.glob("*/*.jsonl")} == set(days)
    assert result("verify", path, "-q").ended == (0, "")
    assert len(result("read", path, "-f", "jsonl").records) == len(rows)


# The destinations of a PATH


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def begin(*destinations: Template) -> None:
    for one in destinations:
        Path(one.journal).parent.mkdir(parents=True, exist_ok=True)
        Path(one.journal).touch()


SOURCES = [("roam", "a"), ("roam", "b.c"), ("persona", "a"), ("persona", "-x_y"), ("hrhis", "ä")]


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize(
    "path",
    [
        "audit/{source}/{date}.jsonl.gz",
        "audit/{source}.jsonl",
        "audit/{provider}.{source}.csv",
        "{provider}/{source}/{date}/{account}.csv",
        "{source}/[0-9]*/{source}.jsonl",
        "{account}-{provider}-{source}",
    ],
)
def test_the_destinations_of_several_sources_are_found_from_the_path(
    path: str,
    absolute: bool,  # noqa: FBT001
    here: Path,
) -> None:
    path = f"{here}/{path}" if absolute else path
    begun = {parse_template(path, provider=name, source=source) for name, source in SOURCES}
    begin(*begun)
    begin(
        parse_template(f"{here}/audit/other/x.jsonl"),
        parse_template(f"{here}/other/0/another.jsonl"),
    )
    found = find_templates(path)
    assert set(found) == begun
    assert len(found) == len(begun)
    assert find_templates(f"{path}.journal") == found


def test_a_source_that_begins_with_a_dot_is_found(here: Path) -> None:
    begun = parse_template(f"{here}/{{source}}/x", source=".a")
    begin(begun)
    assert find_templates(f"{here}/{{source}}/x") == [begun]


def test_another_paths_destinations_are_not_found(here: Path) -> None:
    begin(
        parse_template("roam-{date}.jsonl"),
        parse_template("a/b.jsonl"),
        parse_template(".jsonl"),
        parse_template("a/b-c.jsonl"),
    )
    assert find_templates("{source}.jsonl") == []
    assert find_templates("{source}/{source}.jsonl") == []
    assert list(here.iterdir()) != []


def test_a_path_that_can_mean_one_destination_only_need_not_have_begun() -> None:
    assert find_templates("x/{date}.jsonl") == [Template("x", "{date}.jsonl")]
    assert find_templates("x/{date}.jsonl.journal") == [Template("x", "{date}.jsonl")]


@given(st.text(st.characters(exclude_characters="\0/", codec="utf-8"), min_size=1, max_size=20))
def test_a_folder_of_any_name_is_no_pattern(folder: str) -> None:
    if folder in {".", ".."} or "{" in folder or "}" in folder:
        return
    with TemporaryDirectory() as above:
        begun = parse_template(f"{above}/{folder}/{{source}}.jsonl", source="a")
        begin(begun)
        assert find_templates(f"{above}/{folder}/{{source}}.jsonl") == [begun]
