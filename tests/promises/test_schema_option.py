"""The options --schema and --ocsf-version: what they go with, and what a destination keeps."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from auditctl.records import exact
from tests.formats.test_schemas import check_ecs, check_ocsf
from tests.program import COMMAND, LONG, process, result, started
from tests.server import LOGS, Server, Upstash
from tests.sync.test_aside import cut_files, put_back
from tests.terminal import terminal
from tests.world import WINDOW, every_provider, log

USAGE = 2
OCSF = ("--schema", "ocsf")
ECS = ("--schema", "ecs")
FIRST = ("--ocsf-version", "1.3.0")
LIST = ("persona", "list", "--demo", "--limit", "3")


@every_provider
def test_a_list_has_an_event_for_each_record(name: str) -> None:
    with Server(log(name)) as server:
        words = (name, "list", *WINDOW)
        plain = result(*words, **server.environment)
        for version in ("1.3.0", "1.8.0"):
            found = result(*words, *OCSF, "--ocsf-version", version, **server.environment)
            assert found.ended == (0, "")
            assert [event["metadata"]["uid"] for event in found.records] == plain.ids
            for event, one in zip(found.records, plain.out.splitlines(), strict=True):
                check_ocsf(version, event)
                assert event["raw_data"].encode() == exact.dumps(exact.loads(one)["raw"])
        found = result(*words, *ECS, **server.environment)
        assert [document["event"]["id"] for document in found.records] == plain.ids
        for document in found.records:
            check_ecs(document)
    assert plain.ids


def test_the_version_is_1_8_0_unless_another_is_chosen() -> None:
    events = result(*LIST, *OCSF).records
    assert {event["metadata"]["version"] for event in events} == {"1.8.0"}
    assert result(*LIST, "--schema", "record").ids == result(*LIST).ids


def test_the_tests_look_at_the_record() -> None:
    words = ("okta", "list", "--demo", "--since", "30d", "--where", "outcome=failure")
    events = result(*words, *OCSF).records
    assert {event["status"] for event in events} == {"Failure"}
    assert len(events) == len(result(*words).records)


def test_credentials_are_redacted_in_each_schema() -> None:
    for schema in (OCSF, ECS):
        found = result("hrhis", "list", "--demo", "--limit", "9", *schema)
        assert "[REDACTED]" in found.text


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("-f", "csv"), "--format csv"),
        (("-f", "table"), "--format table"),
        (("-f", "summary"), "--format summary"),
        (("-o", "x.csv"), "--format csv"),
        (("--fields", "id"), "--fields"),
        (("--raw",), "--raw"),
    ],
)
@pytest.mark.parametrize("command", ["persona list --demo", "list --config {}"])
def test_only_whole_events_as_json_lines_have_a_schema(
    command: str, words: tuple[str, ...], named: str, tmp_path: Path
) -> None:
    config = tmp_path / "auditctl.toml"
    config.write_text('[sources.a]\nprovider = "persona"\ndemo = true\noutput = "a.jsonl"\n')
    found = result(*command.format(config).split(), *OCSF, *words)
    said = "--schema ocsf writes whole events as JSON Lines: it cannot go with"
    assert found.ended == (USAGE, f"auditctl: error: {said} {named}. Leave out one of the two.\n")


@pytest.mark.parametrize("schema", [(), ECS])
@pytest.mark.parametrize("command", ["list", "sync -o x.jsonl"])
def test_a_version_is_of_no_use_without_ocsf(command: str, schema: tuple[str, ...]) -> None:
    found = result("persona", *command.split(), "--demo", *schema, *FIRST)
    assert found.ended == (
        USAGE,
        "auditctl: error: --ocsf-version is the version of --schema ocsf: add that.\n",
    )


@pytest.mark.parametrize("words", [("--schema", "cef"), (*OCSF, "--ocsf-version", "1.4.0")])
def test_another_schema_is_a_usage_error(words: tuple[str, ...]) -> None:
    assert result(*LIST, *words).status == USAGE


@pytest.mark.parametrize("command", ["get x", "check", "read x.jsonl"])
def test_other_commands_have_no_schema(command: str) -> None:
    prefix = () if command.startswith("read") else ("persona",)
    assert result(*prefix, *command.split(), *OCSF).status == USAGE


def test_a_terminal_gets_json_lines_too() -> None:
    with terminal(None, *LIST, *OCSF, "-q") as shown:
        shown.end()
    assert [json.loads(line)["class_uid"] for line in shown.lines] == [4002] * 3


def test_a_list_of_sources_has_the_server_and_the_name_of_each(tmp_path: Path) -> None:
    config = tmp_path / "auditctl.toml"
    with Server(LOGS["hrhis"](3)) as one, Server(LOGS["hrhis"](3)) as two:
        urls = [one.environment["HRHIS_BASE_URL"], two.environment["HRHIS_BASE_URL"]]
        urls[1] = urls[1].replace("127.0.0.1", "localhost")
        config.write_text(
            "".join(
                f'[sources.{name}]\nprovider = "hrhis"\nbase_url = "{url}"\noutput = "{name}"\n'
                for name, url in zip(("a", "b"), urls, strict=True)
            )
        )
        words = ("list", "--config", str(config), "--since", "2000-01-01")
        events = result(*words, *OCSF, **one.environment).records
        documents = result(*words, *ECS, **one.environment).records
    servers = {event["unmapped"]["source"]: event["dst_endpoint"] for event in events}
    assert servers == {"a": {"ip": "127.0.0.1"}, "b": {"hostname": "localhost"}}
    assert {document["auditctl"]["source"] for document in documents} == {"a", "b"}


def test_a_log_is_followed_in_a_schema() -> None:
    with (
        Server(log("hrhis")) as server,
        started(
            *("hrhis", "list", "--follow", "--interval", "1s", "--since", WINDOW[1], *OCSF),
            **server.environment,
        ) as running,
    ):
        assert running.stdout is not None
        event = json.loads(running.stdout.readline())
        running.terminate()
        running.communicate(timeout=LONG)
    check_ocsf("1.8.0", event)
    assert event["dst_endpoint"] == {"ip": "127.0.0.1"}


# sync


def sync(path: Path, *words: str) -> tuple[int, str]:
    ended: tuple[int, str] = result(
        "hrhis", "sync", "--demo", "-q", "--since", "5d", "-o", str(path), *words
    ).ended
    return ended


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize("schema", [OCSF, (*OCSF, *FIRST), ECS])
def test_a_destination_has_each_event_once_and_keeps_its_schema(
    schema: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    for _ in range(2):
        assert sync(path, *schema) == (0, "")
    written = lines(path)
    for line in written:
        if schema == ECS:
            check_ecs(line)
        else:
            check_ocsf(schema[-1] if "--ocsf-version" in schema else "1.8.0", line)
    ids = [line.get("event", line.get("metadata")) for line in written]
    assert len({one.get("id") or one["uid"] for one in ids}) == len(written) > 0
    assert result("verify", str(path)).status == 0
    others = [words for words in ((), OCSF, (*OCSF, *FIRST), ECS) if words != schema]
    for other in others:
        status, said = sync(path, *other)
        assert status == USAGE
        assert re.search(r"was begun with .*--(schema|ocsf-version) .*; this run has ", said)
    assert lines(path) == written


def test_a_destination_of_records_stays_one(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    assert sync(path) == (0, "")
    assert sync(path, "--schema", "record") == (0, "")
    status, said = sync(path, *ECS)
    assert status == USAGE
    assert f"{path} was begun with no --schema; this run has --schema ecs. Use the same" in said


@pytest.mark.parametrize(
    ("words", "named"), [(("-f", "csv"), "--format csv"), (("--fields", "id"), "--fields")]
)
def test_a_sync_of_a_schema_is_of_whole_events(
    words: tuple[str, ...], named: str, tmp_path: Path
) -> None:
    status, said = sync(tmp_path / "a", *OCSF, *words)
    assert (status, f"cannot go with {named}" in said) == (USAGE, True)
    assert not list(tmp_path.iterdir())


CONFIGURATION = """\
[defaults]
schema = "ocsf"
since = "5d"
ocsf_version = "1.3.0"

[sources.a]
provider = "hrhis"
demo = true
output = "a.jsonl"

[sources.b]
provider = "hrhis"
demo = true
output = "b.jsonl"
schema = "ecs"
"""


def test_the_configuration_names_schemas(tmp_path: Path) -> None:
    config = tmp_path / "auditctl.toml"
    config.write_text(CONFIGURATION)
    assert result("sync", "-q", "--config", str(config)).ended == (0, "")
    for line in lines(tmp_path / "a.jsonl"):
        check_ocsf("1.3.0", line)
        assert line["dst_endpoint"] == {"hostname": "hrhis.example"}
    for line in lines(tmp_path / "b.jsonl"):
        check_ecs(line)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"ocsf"', '"cef"', 'line 2: defaults.schema: Write it like schema = "record", "ocsf" or'),
        ('"1.3.0"', '"1.4.0"', 'line 4: defaults.ocsf_version: Write it like ocsf_version = "1.3'),
        (
            "schema",
            'fields = ["id"]\nschema',
            "line 3: defaults.schema: --schema ocsf writes whole",
        ),
        ('"ecs"', '"ecs"\nfields = ["id"]', "line 15: sources.b.schema: --schema ecs writes whole"),
        (
            "schema = ",
            "scheme = ",
            "line 2: defaults.scheme: There is no such key. Did you mean schema?",
        ),
    ],
)
def test_a_mistake_in_the_configuration_is_named_with_its_line(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    config = tmp_path / "auditctl.toml"
    config.write_text(CONFIGURATION.replace(old, new, 1))
    found = result("sync", "--config", str(config))
    assert found.status == USAGE
    assert said in found.said


# What it costs those who do not ask


def test_nothing_of_it_is_imported_unless_asked_for() -> None:
    command = [sys.executable, "-X", "importtime", *COMMAND[1:]]
    runs = (process(*LIST, *words, command=command) for words in ((), OCSF))
    plain, asked = (re.findall(r"(?m)^import time:.*\| +(\S+)$", run.said) for run in runs)
    for name in ("auditctl.events", "auditctl.events.subject", "tomllib"):
        assert (name in plain, name in asked) == (False, True)


@pytest.mark.parametrize("schema", [OCSF, ECS])
@pytest.mark.parametrize("torn", [0, 1, 200, 400])
def test_what_a_killed_run_wrote_is_known_again(
    schema: tuple[str, ...], torn: int, tmp_path: Path
) -> None:
    """Though another run writes another time into it."""
    path = tmp_path / "a.jsonl"
    times = (None, "soon", 1769846950)
    with Server(Upstash([{"log_id": f"{at}", "timestamp": at} for at in times])) as server:
        words = ("upstash", "sync", "-q", "-o", str(path), *schema)
        assert result(*words, **server.environment).ended == (0, "")
        put_back(tmp_path, path.name)
        os.truncate(path, path.stat().st_size - torn)
        assert result(*words, **server.environment).ended == (0, "")
    assert cut_files(tmp_path) == []
    assert len(lines(path)) == len(times)
