"""The program as users and scripts meet it: words typed, bytes written, exit statuses."""

from __future__ import annotations

import csv
import fcntl
import gzip
import io
import json
import os
import re
import select
import signal
import stat
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import timedelta
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from auditctl import __version__, registry
from auditctl.declared import variables
from auditctl.records import exact
from auditctl.records.record import FIELDS
from auditctl.records.schema import AuditRecord
from tests import program
from tests.program import COMMAND, LONG, Run, process, result, until
from tests.server import (
    BASIC,
    BEARER,
    DROP,
    FIRST_ID,
    KEY,
    LOGS,
    NOT_JSON,
    WRONG_SHAPE,
    Fault,
    Persona,
    Roam,
    Server,
    Upstash,
    redirect,
    too_many,
)
from tests.tape import provider_class
from tests.world import ROWS, SPAN, TODAY, WINDOW, every_provider, log

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Callable, Iterable, Sequence

FAULT_STATUS, USAGE, UNREACHABLE, ACCESS, THROTTLED, STRANGE, OUTPUT = 1, 2, 3, 4, 5, 6, 9

only_on_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has a file that is always full"
)


def run(
    *words: str,
    environment: dict[str, str] | None = None,
    command: Sequence[str] = COMMAND,
    **streams: Any,
) -> Run:
    """Run the program to its end with nothing in its environment but this.

    As a process of its own where its streams, its interpreter or its locale are others.
    """
    variables = environment or {}
    if streams or command is not COMMAND or any(n.startswith(("PYTHON", "L")) for n in variables):
        return process(*words, command=command, environ=variables, **streams)
    return result(*words, **variables)


def asked(server: Server, name: str, *words: str, **more: Any) -> Run:
    # Of several --retry-for the last one counts; the default would make a failing test a slow one.
    first = (name, "list", *WINDOW, "--retry-for", "20s")
    return run(*first, *words, environment=server.environment, **more)


def started(
    server: Server, *words: str, **streams: Any
) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    return program.popen(*words, environ=server.environment, **streams)


# Help


@pytest.mark.parametrize("group", [(), *((name,) for name in LOGS)], ids=" ".join)
def test_a_group_alone_prints_its_help(group: tuple[str, ...]) -> None:
    alone, long, short = (run(*group, *word) for word in ((), ("--help",), ("-h",)))
    assert (alone.status, alone.said) == (0, "")
    assert alone == long == short
    commands = ("list", "check") if group else (*LOGS, "providers", "schema")
    for command in commands:
        assert re.search(rf"(?m)^  {command} ", alone.out.decode())


OPTIONS = re.findall(
    r"\S+",
    "--since --until -f --format -o --output -n --limit --fields --where --raw --redact --demo "
    "--no-redact --csv-guard --no-csv-guard --concurrency --retry-for --account -q --quiet -v "
    "--verbose --log-format -h --help",
)


@every_provider
def test_the_help_of_list_names_every_option_and_default(name: str) -> None:
    shown = run(name, "list", "--help").out.decode()
    assert [o for o in OPTIONS if not re.search(rf"(?<![\w-]){o}(?![\w-])", shown)] == []
    assert ("--user" in shown) == (name == "hrhis")
    assert "Default: 1d; with --limit" in " ".join(shown.split())
    for default in ("now", "4", "5m", "text", "redact", "csv-guard"):
        assert re.search(rf"default:\s+{default}\b", shown)


@pytest.mark.parametrize("words", [(), ("persona",), ("hrhis", "list"), ("roam", "check")])
def test_the_version_is_told_everywhere(words: tuple[str, ...]) -> None:
    assert run(*words, "--version") == Run(0, f"auditctl {__version__}\n".encode(), "")


def test_the_installed_command_is_the_same_program() -> None:
    installed = [str(Path(sys.executable).with_name("auditctl"))]
    for words in (["--help"], ["--version"], ["persona", "list", "--since", "soon"]):
        assert run(*words, command=installed) == run(*words)


def imported(*words: str) -> set[str]:
    """The modules that a command imports."""
    found = run(*words, command=[sys.executable, "-X", "importtime", *COMMAND[1:]])
    return set(re.findall(r"(?m)^import time:.*\| +(\S+)$", found.said))


def test_help_imports_nothing_that_only_a_request_or_a_record_needs() -> None:
    for words in ("--help", "persona list --help", "verify --help", "persona list --nope"):
        modules = imported(*words.split())
        assert "auditctl.cli.app" in modules
        assert not modules & {"httpx", "pydantic", "orjson", "rich", "importlib.metadata"}
        assert not modules & {"auditctl.window", "auditctl.http.page"}
        assert ("auditctl.provider" in modules) == words.startswith("persona")


def test_one_log_is_read_without_what_only_a_configuration_needs(tmp_path: Path) -> None:
    output = ("-o", str(tmp_path / "log.jsonl"))
    for command in ("list", "sync"):
        modules = imported("persona", command, "--demo", *output)
        assert "httpx" in modules
        # Not rich: httpx imports it where click is installed, as other packages may want it.
        assert not modules & {"pydantic", "tomllib", "auditctl.formats.table"}
        (tmp_path / "log.jsonl").unlink()


def test_a_shell_completes_the_names_of_the_providers() -> None:
    completing = {"_AUDITCTL_COMPLETE": "complete_bash", "COMP_CWORD": "1"}
    found = run(environment={**completing, "COMP_WORDS": "auditctl per"})
    assert found.out.split() == [b"persona"]


@pytest.mark.parametrize("words", ["auditctl persna list --s", "auditctl persona lst --s"])
def test_a_shell_gets_no_sentence_about_words_that_are_wrong(words: str) -> None:
    completing = {"_AUDITCTL_COMPLETE": "complete_bash", "COMP_CWORD": str(words.count(" "))}
    assert run(environment={**completing, "COMP_WORDS": words}).ended == (0, "")


SHOWN = ["", "--help", "--version", "persona", "persona --version", "hrhis list --help"]
"""Words that show what no command writes."""
every_text_shown = pytest.mark.parametrize("words", [text.split() for text in SHOWN], ids=SHOWN)


@every_text_shown
def test_what_is_shown_to_a_reader_that_went_away_is_no_failure(words: list[str]) -> None:
    there, here = os.pipe()
    os.close(there)
    with open(here, "wb") as pipe:  # noqa: PTH123 - a descriptor is no path
        assert run(*words, stdout=pipe) == Run(0, b"", "")


@only_on_linux
@every_text_shown
def test_what_cannot_be_shown_is_an_output_that_cannot_be_written(words: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        on_a_full_disk = run(*words, stdout=full)
    for found in (on_a_full_disk, run(*words, command=closed(">&-"))):
        assert (found.status, found.said.count("\n")) == (OUTPUT, 1)
        assert found.said.startswith("auditctl: error: Cannot write standard output: ")


# Usage


@pytest.mark.parametrize(
    ("words", "culprit"),
    [
        ("nope", "nope"),
        ("--nope", "--nope"),
        ("persona nope", "nope"),
        ("upstash get x", "get"),
        ("persona get", "ID"),
        ("persona list extra", "extra"),
        ("persona list --nope", "--nope"),
        ("persona list --user me", "--user"),
        ("persona list --since", "--since"),
        ("persona list -f xml", "xml"),
        ("persona list --log-format xml", "xml"),
        ("persona list --limit 0", "--limit"),
        ("persona list -n -1", "--limit"),
        ("persona list -n many", "many"),
        ("persona list --concurrency 0", "--concurrency"),
        ("persona list --retry-for soon", "--retry-for"),
        ("persona list --retry-for -1s", "--retry-for"),
        ("persona list --account ", "account"),
        ("persona list --account a\x1bb", "account"),
        ("persona get ual_1 --account a\u2028", "account"),
        ("persona list --fields nope", "nope"),
        ("persona list --fields time,,id", "''"),
        ("persona list --fields time,time", "'time'"),
        ("persona list --where time", "'time'"),
        ("persona list --where nope=1", "'nope'"),
        ("persona list --where time~(", "time~("),
        ("persona list --raw -f csv", "csv"),
        ("persona list --raw -f table", "table"),
        ("persona list --raw --fields id", "--fields"),
        ("persona list --raw -o x.csv", "csv"),
        ("persona list --raw -o x.csv.gz", "csv"),
        ("persona get ual_1 --raw -f csv", "csv"),
        ("persona check --since 1d", "--since"),
    ],
)
def test_a_word_that_cannot_be_understood_is_named(
    words: str, culprit: str, tmp_path: Path
) -> None:
    with Server(log("persona")) as server:
        found = run(*words.split(" "), environment=server.environment, cwd=tmp_path)
    assert (found.status, found.out) == (USAGE, b"")
    assert found.said.startswith("auditctl: error: ")
    assert found.said.count("\n") == 1
    assert culprit in found.said
    assert server.requests == []
    assert list(tmp_path.iterdir()) == []


def test_what_is_wrong_with_the_words_comes_with_where_to_read_more() -> None:
    assert run("roam", "lst").said == (
        "auditctl: error: No such command 'lst': did you mean 'list'? See auditctl roam --help.\n"
    )
    providers = ", ".join(sorted(registry.installed()))
    assert run("nope").said == (
        f"auditctl: error: No such command 'nope': there are {providers}, list, "
        "check, init, sync, verify, status, read, sources, providers, schema. See auditctl "
        "--help.\n"
    )
    near = run("persona", "list", "--sinc", "1d").said
    assert " --since" in near
    assert near.endswith(" See auditctl persona list --help.\n")


@pytest.mark.parametrize("form", [("--log-format", "json"), ("--log-format=json",)])
def test_what_is_wrong_with_the_words_is_said_as_json_where_that_is_wanted(
    form: tuple[str, ...],
) -> None:
    found = run("roam", "list", *form, "--xyzzy")
    assert found.status == USAGE
    line = json.loads(found.said)
    assert line["level"] == "error"
    assert line["message"].endswith(" --xyzzy. See auditctl roam list --help.")


@pytest.mark.parametrize(
    "words",
    [
        ("--since", "soon"),
        ("--since", ""),
        ("--since", "1y"),
        ("--since", "-1d"),
        ("--since", "1.5h"),
        ("--since", "2026-02-30"),
        ("--since", "2026-01-31T25:00Z"),
        ("--until", "never"),
        ("--since", "1d", "--until", "2d"),
        ("--since", "2999-01-01", "--until", "2999-01-02"),
        ("--since", "99999999999", "--until", "now"),
        ("--since", "", "--limit", "3"),
        ("--since", "now"),
        ("--until", "1d"),
        ("--since", "today", "--until", "today"),
        ("--since", "2026-01-31", "--until", "2026-01-31T03:00+03:00"),
    ],
    ids=" ".join,
)
def test_a_time_that_cannot_be_used_is_answered_with_the_forms(words: tuple[str, ...]) -> None:
    found = run("persona", "list", "--demo", *words)
    assert (found.status, found.out) == (USAGE, b"")
    assert found.said.count("\n") == 1
    forms = ("45s 90m 12h 30d 2w", "1d12h", "2026-01-31", "T08:00:00Z", "epoch", "yesterday")
    assert [form for form in forms if form not in found.said] == []


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        (f"{TODAY - timedelta(days=2):%Y-%m-%d}", 2),
        (f"{TODAY - timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}", 2),
        (f"{TODAY - timedelta(days=2):%Y-%m-%dT05:00:00+05:00}", 2),
        (f"{TODAY - timedelta(days=2):%Y-%m-%d %H:%M}", 2),
        (f"{int((TODAY - timedelta(days=1)).timestamp())}", 1),
        (f"{int((TODAY - timedelta(days=1)).timestamp())}000", 1),
        ("2w", 3),
        ("1w3d", 3),
        ("yesterday", 1),
    ],
    ids=["date", "UTC", "zone", "minute", "seconds", "milliseconds", "2w", "1w3d", "word"],
)
def test_a_window_is_typed_in_any_form(since: str, expected: int) -> None:
    with Server(log("persona", 240)) as server:
        words = ("--since", since, "--until", f"{TODAY:%Y-%m-%d}")
        found = run("persona", "list", *words, environment=server.environment)
    assert (found.status, found.said) == (0, "")
    assert len(found.records) == expected * 80


def test_a_window_is_half_open() -> None:
    stamps = ["10:00:00.000", "10:59:59.999", "11:00:00.000"]
    rows = [{"log_id": s, "timestamp": f"{TODAY - SPAN:%Y-%m-%d}T{s}Z"} for s in stamps]
    hour = [f"{TODAY - SPAN:%Y-%m-%d}T{hour}:00Z" for hour in (10, 11)]
    with Server(Upstash(rows)) as server:
        words = ("--since", hour[0], "--until", hour[1])
        found = run("upstash", "list", *words, environment=server.environment)
    assert [record["id"] for record in found.records] == stamps[:2]


# Settings


NEEDED = {
    name: [" or ".join(names) for names, default in found.values() if default is None]
    for name, found in ((name, variables(provider_class(name))) for name in LOGS)
}


@pytest.mark.parametrize("command", ["list", "check"])
@every_provider
def test_every_setting_that_is_missing_is_named(name: str, command: str) -> None:
    found = run(name, command)
    assert (found.status, found.out) == (ACCESS, b"")
    assert [variable for variable in NEEDED[name] if variable not in found.said] == []
    assert "_FILE" in found.said
    assert found.said.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "missing"),
    [(name, each.partition(" ")[0]) for name, all_ in NEEDED.items() for each in all_],
)
def test_a_half_set_pair_names_what_is_missing(name: str, missing: str) -> None:
    with Server(log(name)) as server:
        whole = {k: v for k, v in server.environment.items() if k.startswith(name.upper())}
        given = {k: v for k, v in whole.items() if k != missing}
        found = run(name, "list", environment=given)
        empty = run(name, "list", environment={**given, missing: ""})
    assert found == empty
    assert found.status == ACCESS
    named = {v for v in whole if re.search(rf"\b{v}\b", found.said)}
    assert named == {missing}
    assert server.requests == []


@pytest.mark.parametrize(
    "content",
    [None, "", "\n", "two\nlines", "a" * 100_000, b"\xff\xfe"],
    ids=["no such file", "empty", "a blank line", "two lines", "too large", "not text"],
)
def test_a_secrets_file_that_cannot_be_used_is_named_without_its_content(
    content: str | bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = run("persona", "list", environment={"PERSONA_API_KEY_FILE": str(path)})
    assert found.status == ACCESS
    assert "PERSONA_API_KEY_FILE" in found.said
    assert "lines" not in found.said
    assert len(found.said) < 400


def test_a_value_and_its_file_together_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(KEY)
    with Server(log("persona")) as server:
        environment = {**server.environment, "PERSONA_API_KEY_FILE": str(path)}
        found = run("persona", "list", environment=environment)
    assert found.status == ACCESS
    assert "PERSONA_API_KEY and PERSONA_API_KEY_FILE" in found.said
    assert server.requests == []


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_every_setting_may_stand_in_a_file(end: str, tmp_path: Path) -> None:
    with Server(log("hrhis")) as server:
        environment = {}
        for name, value in server.environment.items():
            if name.startswith("HRHIS_"):
                (tmp_path / name).write_bytes(f"{value}{end}".encode())
                environment[f"{name}_FILE"] = str(tmp_path / name)
        found = run("hrhis", "list", *WINDOW, environment=environment)
    assert (found.status, found.said) == (0, "")
    assert len(found.records) == ROWS


@pytest.mark.parametrize(
    ("environment", "sent"),
    [
        ({"ROAM_API_KEY": KEY, "ROAM_TOKEN": "other"}, KEY),
        ({"ROAM_API_KEY": "other", "ROAM_TOKEN": KEY}, "other"),
        ({"ROAM_TOKEN": KEY}, KEY),
        ({"ROAM_API_KEY": "", "ROAM_TOKEN": KEY}, KEY),
    ],
)
def test_the_api_key_of_roam_goes_before_its_token(environment: dict[str, str], sent: str) -> None:
    with Server(log("roam")) as server:
        given = {**environment, "ROAM_BASE_URL": server.environment["ROAM_BASE_URL"]}
        found = run("roam", "list", *WINDOW, environment=given)
    assert found.status == (0 if sent == KEY else ACCESS)
    assert {r.headers["authorization"] for r in server.requests} == {f"Bearer {sent}"}


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://10.0.0.1",
        "http://[::2]",
        "http://0.0.0.0",
        "ftp://127.0.0.1",
        "127.0.0.1",
        "https://",
        "https://user:pass@example.com",
        "https://example.com/?x=1",
        "https://example.com:port",
        "https://[::1",
    ],
)
def test_a_base_url_that_may_not_be_used_is_a_usage_error(url: str) -> None:
    environment = {"PERSONA_API_KEY": KEY, "PERSONA_BASE_URL": url}
    found = run("persona", "list", "--retry-for", "0s", environment=environment)
    assert found.status == USAGE
    assert "PERSONA_BASE_URL" in found.said
    assert "pass" not in found.said
    assert found.said.count("\n") == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "[::1]", "localhost", "LOCALHOST"])
def test_plain_http_is_allowed_to_this_machine_itself(host: str) -> None:
    environment = {"PERSONA_API_KEY": KEY, "PERSONA_BASE_URL": f"http://{host}:9/api/v1"}
    found = run("persona", "list", "--retry-for", "0s", environment=environment)
    assert found.status == UNREACHABLE


# Formats and files


@pytest.mark.parametrize(
    ("suffix", "words", "first"),
    [
        ("jsonl", (), b'{"time":"'),
        ("csv", (), b"time,provider,"),
        ("CSV", (), b"time,provider,"),
        ("txt", (), b'{"time":"'),
        ("csv.gz", (), b"time,provider,"),
        ("jsonl.gz", (), b'{"time":"'),
        ("csv.gz", ("-f", "csv"), b"time,provider,"),
        ("ndjson", ("-f", "jsonl"), b'{"time":"'),
        ("json", (), b'{"time":"'),
        ("txt", ("-f", "csv"), b"time,provider,"),
        ("txt", ("-f", "table"), b"time  "),
        ("jsonl", ("--raw",), b'{"type":"user-audit-log",'),
    ],
)
def test_a_file_has_the_format_of_its_suffix_or_the_one_asked_for(
    suffix: str, words: tuple[str, ...], first: bytes, tmp_path: Path
) -> None:
    path = tmp_path / f"log.{suffix}"
    found = run("persona", "list", "--demo", "-o", str(path), *words)
    assert found == Run(0, b"", "")
    packed = path.read_bytes()
    content = gzip.decompress(packed) if suffix.endswith(".gz") else packed
    assert content.startswith(first)
    assert content.endswith(b"\n")
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_its_owners_alone_and_replaces_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("old")
    path.chmod(0o666)
    with Server(log("persona")) as server:
        found = asked(server, "persona", "-o", str(path), umask=0)
    assert found == Run(0, b"", "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().count(b"\n") == ROWS
    assert list(tmp_path.iterdir()) == [path]


def test_a_dash_is_standard_output() -> None:
    with Server(log("persona")) as server:
        assert asked(server, "persona", "-o", "-") == asked(server, "persona")


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("old")
    told = threading.Event()

    def hold(request: Any) -> None:
        if request.number == 3:
            assert told.wait(LONG)

    with (
        Server(log("persona"), faults=hold) as server,
        started(server, "persona", "list", *WINDOW, "-o", str(path)) as process,
    ):
        until(lambda: len(server.requests) == 3)
        before = path.read_text()
        told.set()
        assert process.wait(LONG) == 0
    assert before == "old"
    assert path.read_bytes().count(b"\n") == ROWS


@pytest.mark.parametrize(
    ("name", "faults", "status"),
    [
        ("persona", {2: DROP}, UNREACHABLE),
        ("persona", {3: WRONG_SHAPE}, STRANGE),
        ("persona", {2: Fault(401)}, ACCESS),
        ("persona", {2: too_many(9)}, THROTTLED),
        ("upstash", {1: Fault(cut=60_000)}, UNREACHABLE),
        ("roam", {3: WRONG_SHAPE}, STRANGE),
        ("hrhis", {1: Fault(400), 2: Fault(403)}, ACCESS),
    ],
)
@pytest.mark.parametrize("before", [{}, {"log.jsonl": "old", "log.csv.gz": "old"}])
def test_after_a_failure_the_folder_is_as_it_was(
    before: dict[str, str], name: str, faults: dict[int, Fault], status: int, tmp_path: Path
) -> None:
    for file, content in before.items():
        (tmp_path / file).write_text(content)
    for file in ("log.jsonl", "log.csv.gz"):
        with Server(log(name), faults=faults) as server:
            words = ("-o", str(tmp_path / file), "--retry-for", "0s", "--concurrency", "1")
            found = asked(server, name, *words)
        assert (found.status, found.out) == (status, b"")
        assert found.said.count("\n") == 1
        assert {each.name: each.read_text() for each in tmp_path.iterdir()} == before


@pytest.mark.parametrize("where", ["missing/log.jsonl", ".", "file/log.jsonl"])
def test_an_output_that_cannot_be_made_ends_the_run_before_any_request(
    where: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with Server(log("persona")) as server:
        found = asked(server, "persona", "-o", str(tmp_path / where))
    assert found.status == OUTPUT
    assert str(tmp_path) in found.said
    assert server.requests == []
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_has_a_line_feed_in_its_name_makes_no_second_line(tmp_path: Path) -> None:
    found = run("persona", "list", "--demo", "-o", f"{tmp_path}/no\nwhere/x.jsonl")
    assert found.status == OUTPUT
    assert found.said.count("\n") == 1
    assert "/no\\nwhere/x.jsonl" in found.said


@every_provider
def test_sample_data_looks_as_an_answer_does_and_hides_nothing_of_itself(name: str) -> None:
    found = run(name, "list", "--demo", "-v", "--since", "10d", "-n", "300")
    assert found.status == 0
    assert re.findall(r" 200 \d+ ms [1-9]\d+ bytes\n", found.said)
    assert " 0 bytes" not in found.said
    assert "REDACTED" not in found.said


@only_on_linux
@pytest.mark.parametrize("command", [("persona", "list", "--demo"), ("schema",), ("providers",)])
def test_a_full_disk_is_an_output_that_cannot_be_written(command: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        found = run(*command, stdout=full)
    assert found.status == OUTPUT
    assert found.said.startswith("auditctl: error: Cannot write standard output: ")


@only_on_linux
def test_a_device_may_be_named_as_the_output() -> None:
    full = run("persona", "list", "--demo", "-o", "/dev/full")
    assert full.status == OUTPUT
    assert run("persona", "list", "--demo", "-o", os.devnull) == Run(0, b"", "")
    assert Path(os.devnull).is_char_device()


@pytest.mark.parametrize("form", ["jsonl", "csv", "table"])
def test_a_reader_that_goes_away_ends_the_run_quietly(form: str) -> None:
    with (
        Server(log("persona", 2000)) as server,
        started(server, "persona", "list", *WINDOW, "-f", form) as process,
    ):
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(LONG) == 0
    assert said == b""
    assert len(server.requests) < 20


def closed(descriptors: str) -> list[str]:
    """Give a command that starts the program with some of its streams closed."""
    return ["/bin/sh", "-c", f'exec "$@" {descriptors}', "sh", *COMMAND]


@pytest.mark.parametrize("name", ["persona", "upstash"])  # pages, and a stream
def test_a_closed_standard_output_cannot_be_written(name: str) -> None:
    with Server(log(name)) as server:
        found = asked(server, name, "--concurrency", "1", command=closed(">&-"))
    assert found.status == OUTPUT
    assert found.said.count("\n") == 1
    assert {request.method for request in server.requests} <= {"GET"}


def test_what_a_closed_standard_output_cannot_take_is_not_asked_for() -> None:
    with Server(log("persona")) as server:
        words = ("persona", "get", "ual_1")
        found = run(*words, environment=server.environment, command=closed(">&-"))
    assert (found.status, server.requests) == (OUTPUT, [])


def test_a_record_that_the_disk_has_no_room_for_is_taken_back(tmp_path: Path) -> None:
    little = ["/bin/sh", "-c", 'ulimit -f 300; exec "$@"', "sh", *COMMAND]
    path = tmp_path / "out"
    path.write_bytes(b"before\n")
    with path.open("ab") as out, Server(log("persona")) as server:
        found = asked(server, "persona", command=little, stdout=out)
    assert found.status == OUTPUT
    first, *records = path.read_bytes().split(b"\n")
    assert first == b"before"
    assert records.pop() == b""
    assert records
    assert all(json.loads(record)["provider"] == "persona" for record in records)


@pytest.mark.parametrize("descriptors", ["<&-", "2>&-", "<&- 2>&-"])
def test_other_closed_streams_change_nothing(descriptors: str) -> None:
    with Server(log("persona")) as server:
        whole = asked(server, "persona")
        assert asked(server, "persona", command=closed(descriptors)) == whole
        server.faults = lambda _: Fault(401)
        assert asked(server, "persona", command=closed(descriptors)).status == ACCESS


# Interrupted


SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


@pytest.mark.parametrize(("sent", "status"), SIGNALS)
@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("persona", Fault(delay=LONG)),
        ("roam", Fault(delay=LONG)),
        ("hrhis", Fault(delay=LONG)),
        ("upstash", Fault(drip=LONG)),
        ("persona", too_many(200)),
        ("roam", too_many(200)),
        ("upstash", Fault(503, {"Retry-After": "200"})),
    ],
    ids=lambda value: getattr(value, "name", None) if isinstance(value, str) else None,
)
def test_a_signal_ends_the_run_at_once_and_leaves_nothing_behind(
    name: str, fault: Fault, sent: signal.Signals, status: int, tmp_path: Path
) -> None:
    held = 1 if name in ("upstash", "hrhis") else 2
    output = tmp_path / "log.jsonl"
    output.write_text("old")
    words = (*WINDOW, "-v", "-o", str(output))
    with (
        Server(log(name), faults=lambda r: fault if r.number >= held else None) as server,
        started(server, name, "list", *words) as process,
    ):
        until(lambda: len(server.requests) >= held)
        if fault.status:
            assert process.stderr
            assert any(b"asking again" in line for line in process.stderr)
        process.send_signal(sent)
        said = process.communicate(timeout=LONG / 2)[1]
    assert process.returncode == status
    assert b"Traceback" not in said
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"log.jsonl": "old"}


def test_what_standard_output_got_before_an_interrupt_is_whole_records() -> None:
    hold = {3: Fault(delay=LONG)}
    with (
        Server(log("persona"), faults=hold) as server,
        started(server, "persona", "list", *WINDOW) as process,
    ):
        assert process.stdout
        first = [process.stdout.readline() for _ in range(200)]
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.stderr
        said = process.stderr.read()
        assert process.wait(LONG / 2) == 130
    assert len({json.loads(line)["id"] for line in first}) == 200
    assert (rest, said) == (b"", b"")


WAITING = """
import signal, sys, threading, time
from auditctl.interrupts import InterruptedRunError, interrupts

def interrupt():
    time.sleep(0.1)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

interrupts.install()
never = threading.Lock()
never.acquire()
threading.Thread(target=interrupt, daemon=True).start()
try:
    never.acquire()
except InterruptedRunError as interrupted:
    sys.exit(interrupted.status)
"""


def test_a_signal_that_no_wait_notices_ends_the_run_all_the_same() -> None:
    """One that comes to another thread stands for one that comes just before the wait."""
    assert process(command=[sys.executable, "-c", WAITING]) == Run(143, b"", "")


SWALLOWED = """
import signal, time
from auditctl import interrupts as module
from auditctl.interrupts import InterruptedRunError, interrupts

module.GRACE = module.POLL_INTERVAL = 0.01
interrupts.install()
try:
    signal.raise_signal(signal.SIGTERM)
except InterruptedRunError:
    pass
while True:
    time.sleep(60)
"""


def test_a_signal_ends_the_run_though_other_code_drops_it() -> None:
    assert process(command=[sys.executable, "-c", SWALLOWED]) == Run(143, b"", "")


TWICE = """
import math, os, signal, sys
from auditctl import interrupts as module
from auditctl.interrupts import interrupts

module.SAME_SIGNAL = float(sys.argv[1])
interrupts.install()
with interrupts.held(math.inf):
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGTERM)
    print("finished", flush=True)
"""


@pytest.mark.parametrize(
    ("same", "status", "out"), [("60", 143, b"finished\n"), ("0", -signal.SIGTERM, b"")]
)
def test_a_second_signal_is_the_same_one_unless_it_comes_later(
    same: str, status: int, out: bytes
) -> None:
    assert process(command=[sys.executable, "-c", TWICE, same]) == Run(status, out, "")


AT_THE_END = """
import os, signal, threading
join = threading.Thread.join

def joined(*words):
    os.kill(os.getpid(), signal.SIGTERM)
    join(*words)

threading.Thread.join = joined
"""


def test_a_second_signal_does_not_break_into_what_the_first_one_ends(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(AT_THE_END)
    with Server(log("persona"), faults=lambda _: Fault(delay=LONG)) as server:
        environment = {**server.environment, "PYTHONPATH": str(tmp_path)}
        with program.started("persona", "list", **environment) as running:
            until(lambda: len(server.requests) > 0)
            running.terminate()
            said = running.communicate(timeout=LONG / 2)[1]
    assert (running.returncode, said) == (143, b"")


LATE = """
import os, signal
replace = os.replace

def replaced(*names):
    replace(*names)
    os.kill(os.getpid(), signal.SIGTERM)

os.replace = replaced
"""


def test_a_signal_that_comes_when_the_file_has_its_name_comes_too_late(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(LATE)
    output = tmp_path / "log.jsonl"
    with Server(log("persona")) as server:
        environment = {**server.environment, "PYTHONPATH": str(tmp_path)}
        words = ("persona", "list", *WINDOW, "-o", str(output))
        assert run(*words, environment=environment) == Run(0, b"", "")
    assert output.read_bytes().count(b"\n") == ROWS


@pytest.mark.parametrize(("sent", "status"), SIGNALS)
@pytest.mark.parametrize("concurrency", ["1", "4"])
def test_a_signal_ends_the_run_though_nobody_reads_what_it_says(
    concurrency: str, sent: signal.Signals, status: int
) -> None:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    words = ("--since", "2010-01-01", "-v", "--concurrency", concurrency)
    with (
        Server(Roam([])) as server,
        started(
            server, "roam", "list", *words, stdout=subprocess.DEVNULL, stderr=writer
        ) as process,
    ):
        until(lambda: not select.select([], [writer], [], 0)[1])
        process.send_signal(sent)
        assert process.wait(LONG / 2) == status
    os.close(reader)
    os.close(writer)


# What is said


@pytest.mark.parametrize(
    ("name", "form"),
    [*((name, "jsonl") for name in LOGS), ("persona", "csv"), ("persona", "table")],
)
def test_a_run_that_goes_well_says_nothing(name: str, form: str) -> None:
    with Server(log(name), faults=[Fault(503, {"Retry-After": "0"})]) as server:
        found = asked(server, name, "-f", form)
    assert (found.status, found.said) == (0, "")
    assert found.out.count(b"\n") == ROWS + (form != "jsonl")


ODD: list[Any] = [
    {"id": "ual_0", "attributes": {"created-at": f"{TODAY - SPAN:%Y-%m-%d}T10:00:00Z"}},
    {"id": "ual_1", "attributes": {"created-at": "long ago", "kept": [1, {"x": None}]}},
    "a text in an event's place",
    {"id": "ual_3", "attributes": {"created-at": f"{TODAY - SPAN:%Y-%m-%d}T10:00:00Z"}}
    | {"relationships": {"user": {"data": {"id": ["odd"]}}}},
    None,
]


def test_events_that_cannot_be_read_are_exported_whole_and_told_of_once() -> None:
    with Server(Persona(ODD)) as server:
        found = asked(server, "persona")
        raw = asked(server, "persona", "--raw")
        quiet = asked(server, "persona", "-q")
        told = asked(server, "persona", "--log-format", "json")
    assert found.status == 0
    assert [record["raw"] for record in found.records] == ODD == raw.records
    assert [record["time"] is None for record in found.records] == [False, True, True, False, True]
    assert all(AuditRecord.model_validate(record) for record in found.records)
    assert found.said.count("\n") == 1
    assert found.said.startswith("auditctl: warning: 4 of Persona's events ")
    assert "ual_1" in found.said
    assert quiet == Run(0, found.out, "")
    (line,) = map(json.loads, told.said.splitlines())
    assert line["level"] == "warning"
    assert f"auditctl: warning: {line['message']}\n" == found.said


def test_events_of_unknown_time_are_inside_every_window_and_the_oldest() -> None:
    with Server(Upstash([{"log_id": "odd"}, *UPSTASH_ROWS[:3]])) as server:
        narrow = run("upstash", "list", "--since", "1s", environment=server.environment)
        newest = [asked(server, "upstash", "--limit", str(n)).records for n in (3, 4)]
    assert [record["id"] for record in narrow.records] == ["odd"]
    assert ["odd" in {record["id"] for record in some} for some in newest] == [False, True]
    assert newest[1][-1]["id"] == "odd"


UPSTASH_ROWS: list[Any] = [
    {"log_id": f"log-{n}", "timestamp": int(TODAY.timestamp()) - 600 + n} for n in range(10)
]


@pytest.mark.parametrize("quiet", [(), ("-q",)])
@pytest.mark.parametrize(
    ("words", "level"), [((), "error"), (("--since", "soon"), "error"), (("-o", "/"), "error")]
)
def test_lines_of_json_say_the_same_as_text(
    words: tuple[str, ...], level: str, quiet: tuple[str, ...]
) -> None:
    with Server(log("persona"), faults=lambda _: Fault(403)) as server:
        text = asked(server, "persona", *words, *quiet)
        lines = asked(server, "persona", *words, *quiet, "--log-format", "json")
    assert text.status == lines.status != 0
    (line,) = map(json.loads, lines.said.splitlines())
    assert line.keys() >= {"time", "level", "message"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    assert (line["level"], f"auditctl: {level}: {line['message']}\n") == (level, text.said)


def test_quiet_goes_before_verbose() -> None:
    with Server(log("persona"), faults=[too_many(0)]) as server:
        assert asked(server, "persona", "-q", "-v").said == ""


# Which records, which fields


@pytest.mark.parametrize(
    ("tests", "holds"),
    [
        (["outcome=failure"], lambda r: r["outcome"] == "failure"),
        (["status_code!=200"], lambda r: r["status_code"] != 200),
        (["action~^(PATCH|POST) "], lambda r: r["action"].startswith(("PATCH ", "POST "))),
        (["actor!~^[a-d]"], lambda r: r["actor"][0] not in "abcd"),
        (["raw.attributes.method=GET"], lambda r: r["raw"]["attributes"]["method"] == "GET"),
        (["outcome=success", "target!="], lambda r: r["outcome"] == "success"),
        (["target=null"], lambda _: False),
        (["target!~."], lambda r: r["target"] is None),
        (
            ["raw.attributes.get-params.access_token=[REDACTED]"],
            lambda r: "access_token" in r["raw"]["attributes"]["get-params"],
        ),
        (["raw.attributes.context={}"], lambda r: r["raw"]["attributes"]["context"] == {}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_where_keeps_the_records_for_which_every_test_holds(
    tests: list[str], holds: Callable[[Any], bool]
) -> None:
    options = [word for test in tests for word in ("--where", test)]
    with Server(log("persona")) as server:
        whole = asked(server, "persona").records
        found = asked(server, "persona", *options)
    assert (found.status, found.said) == (0, "")
    assert found.records == [record for record in whole if holds(record)]
    assert len(found.records) < ROWS


def test_fields_are_written_in_the_order_asked_for_in_any_format() -> None:
    fields = "id,raw.attributes.response-status,time,raw.nope.x,raw.attributes.context"
    with Server(log("persona")) as server:
        whole = asked(server, "persona").records
        lines = asked(server, "persona", "--fields", fields).records
        table = asked(server, "persona", "--fields", fields, "-f", "table").out
        cells = asked(server, "persona", "--fields", fields, "-f", "csv").out
    assert [list(line) for line in lines] == [fields.split(",")] * ROWS
    for record, line in zip(whole, lines, strict=True):
        attributes = record["raw"]["attributes"]
        status, context = attributes["response-status"], attributes["context"]
        assert [*line.values()] == [record["id"], status, record["time"], None, context]
    rows = list(csv.reader(io.StringIO(cells.decode())))
    assert rows[0] == fields.split(",")
    assert rows[1][:4] == [lines[0]["id"], "200", lines[0]["time"], ""]
    assert [len(re.split(" {2,}", line)) for line in table.decode().splitlines()] == [5] * 251


@every_provider
def test_a_limit_gives_the_most_recent_records_newest_first(name: str) -> None:
    with Server(log(name)) as server:
        whole = asked(server, name).records
        newest = sorted(whole, key=lambda record: str(record["time"]), reverse=True)
        for limit in (1, 100, 101, 249, 250, 999):
            found = asked(server, name, "--limit", str(limit))
            assert (found.status, found.said) == (0, "")
            assert found.records == newest[:limit]


@every_provider
def test_a_limit_alone_goes_back_as_far_as_the_log_is_kept(name: str) -> None:
    words = (name, "list", "--demo", "--fields", "time")
    day = run(*words).records
    found = run(*words, "--limit", str(len(day) + 1))
    assert (found.status, found.said) == (0, "")
    assert len(found.records) == len(day) + 1
    assert run(*words, "--limit", str(len(day) + 1), "--since", "1d").records == found.records[:-1]


def test_a_limit_counts_the_records_that_pass() -> None:
    with Server(log("persona")) as server:
        words = ("--where", "outcome=failure")
        failures = asked(server, "persona", *words).records
        found = asked(server, "persona", *words, "-n", "60").records
    assert found == failures[:60]


def test_credentials_in_the_log_are_shown_only_when_asked_for() -> None:
    with Server(log("hrhis")) as server:
        shown, hidden = (asked(server, "hrhis", *w) for w in (["--no-redact"], ["--redact"]))
    assert b"live-session" in shown.out
    assert b"live-session" not in hidden.out
    assert [r["id"] for r in shown.records] == [r["id"] for r in hidden.records]
    cookies = {record["raw"]["referer"]["cookie"] for record in hidden.records}
    assert cookies == {"[REDACTED]"}


def test_a_spreadsheet_runs_no_cell_unless_asked_to() -> None:
    row = {**UPSTASH_ROWS[0], "action_string": '=HYPERLINK("x")', "entity": "a\nb,c"}
    with Server(Upstash([row])) as server:
        guarded = asked(server, "upstash", "-f", "csv").out
        bare = asked(server, "upstash", "-f", "csv", "--no-csv-guard").out
    for written, action in ((guarded, "'" + row["action_string"]), (bare, row["action_string"])):
        header, cells = csv.reader(io.StringIO(written.decode(), newline=""))
        record = dict(zip(header, cells, strict=True))
        assert (record["action"], record["target"]) == (action, "a\nb,c")
        assert b"\r" not in written


@pytest.mark.parametrize("user", [["me"], ["all"], ["user000000001", "user000000003"]])
def test_logs_of_users_have_an_actor(user: list[str]) -> None:
    options = [word for each in user for word in ("--user", each)]
    with Server(log("hrhis")) as server:
        found = asked(server, "hrhis", *options)
    assert (found.status, found.said) == (0, "")
    actors = {"me": ["user0"], "all": [f"user{n}" for n in range(5)]}
    expected = actors.get(user[0], ["user1", "user3"])
    assert {record["actor"] for record in found.records} == {f"{u}@example.com" for u in expected}
    assert len(found.records) == 50 * len(expected)


# One record


def test_get_gives_the_record_that_list_gives() -> None:
    with Server(log("persona")) as server:
        expected = asked(server, "persona").records[123]
        found = run("persona", "get", expected["id"], environment=server.environment)
        raw = run("persona", "get", expected["id"], "--raw", environment=server.environment)
        old = run("persona", "get", f"ual_{FIRST_ID + ROWS - 1}", environment=server.environment)
    assert (found.status, found.said) == (0, "")
    assert found.records == [expected]
    assert raw.records == [expected["raw"]]
    assert old.status == 0
    assert server.requests[-1].path.endswith(f"/user-audit-logs/ual_{FIRST_ID + ROWS - 1}")


def test_get_of_an_unknown_id_is_a_question_refused(tmp_path: Path) -> None:
    words = ("-o", str(tmp_path / "log.jsonl"))
    with Server(log("persona")) as server:
        found = run("persona", "get", "ual_1", *words, environment=server.environment)
    assert found.status == STRANGE
    assert "404: Not Found" in found.said
    assert list(tmp_path.iterdir()) == []


def test_get_asks_below_the_list_whatever_the_id_holds() -> None:
    with Server(log("persona")) as server:
        for ident in ("../../x", "a?b=c#d", "a b"):
            run("persona", "get", ident, environment=server.environment)
    paths = [request.path.rpartition("/") for request in server.requests]
    assert [path[0] for path in paths] == ["/api/v1/user-audit-logs"] * 3
    assert [path[2] for path in paths] == ["..%2F..%2Fx", "a%3Fb%3Dc%23d", "a%20b"]
    for id_ in ("", ".", "..", "a\nb"):
        assert run("persona", "get", id_, environment=server.environment).status == USAGE


# Where a list may be written


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("", "--output is empty"),
        ("audit/{date}.jsonl", "sync's output can"),
        ("a.jsonl", "a.jsonl belongs to sync"),
        ("a.jsonl.journal", "belongs to sync"),
    ],
)
def test_a_list_replaces_nothing_of_a_sync(
    output: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("persona", "sync", "--demo", "-o", "a.jsonl").status == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for words in (("list",), ("get", "ual_1")):
        found = run("persona", *words, "--demo", "-o", output)
        assert (found.status, found.out) == (USAGE, b"")
        assert said in found.said
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    "template", ["{date}.jsonl", "{account}/{date}.jsonl", "x/{account}/{date}-{account}.jsonl"]
)
def test_a_list_replaces_no_file_of_a_sync_with_several(template: str, tmp_path: Path) -> None:
    words = ("upstash", "sync", "--demo", "--since", "2d", "-o", str(tmp_path / template))
    assert run(*words).status == 0
    (first, *_) = sorted(tmp_path.rglob("*.jsonl"))
    before = first.read_bytes()
    found = run("upstash", "list", "--demo", "-o", str(first))
    assert (found.status, found.out, first.read_bytes()) == (USAGE, b"", before)
    assert "belongs to sync" in found.said
    other = first.with_name("other.jsonl")
    other.touch()
    for path in (other, first.with_name("new.jsonl")):
        assert run("upstash", "list", "--demo", "--limit", "1", "-o", str(path)).status == 0
        assert len(path.read_bytes().splitlines()) == 1


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.journal"])
def test_a_list_replaces_nothing_of_a_sync_through_a_link(name: str, tmp_path: Path) -> None:
    path, link = tmp_path / name, tmp_path / "link.jsonl"
    assert run("persona", "sync", "--demo", "-o", str(tmp_path / "a.jsonl")).status == 0
    link.symlink_to(path)
    before = path.read_bytes()
    found = run("persona", "list", "--demo", "-o", str(link))
    assert (found.status, path.read_bytes()) == (USAGE, before)
    assert "belongs to sync" in found.said


def test_a_configuration_without_a_source_is_a_usage_error() -> None:
    found = run("persona", "list", "--demo", "--config", "/nowhere")
    assert (found.status, found.out) == (USAGE, b"")
    assert "--source" in found.said


# check


@every_provider
def test_check_proves_each_thing_in_a_line(name: str) -> None:
    history = LOGS[name](ROWS, span=SPAN)
    with Server(history) as server:
        found = run(name, "check", environment=server.environment)
    assert (found.status, found.said) == (0, "")
    lines = found.out.decode().splitlines()
    for word in ("reachable", "credentials", "permission", "clock", "newest record"):
        assert len([line for line in lines if word in line]) == 1
    assert all(line.startswith("ok ") for line in lines)
    newest = [history.moment(0), history.moment(ROWS - 1)]
    assert any(f"{moment:%Y-%m-%dT%H:%M:%S}" in found.out.decode() for moment in newest)


@pytest.mark.parametrize(
    ("fault", "status", "proven", "failed"),
    [
        (Fault(401), ACCESS, ["reachable"], "credentials"),
        (Fault(403), ACCESS, ["reachable", "credentials"], "permission"),
        (Fault(404), STRANGE, ["reachable"], "answer"),
        (Fault(400), STRANGE, ["reachable"], "answer"),
        (redirect("https://elsewhere.example/"), STRANGE, ["reachable"], "answer"),
        (WRONG_SHAPE, STRANGE, ["reachable"], "answer"),
        (Fault(503), UNREACHABLE, [], "reachable"),
        (DROP, UNREACHABLE, [], "reachable"),
        (too_many(9), THROTTLED, ["reachable"], "rate limit"),
    ],
    ids=["401", "403", "404", "400", "redirect", "strange", "503", "dropped", "429"],
)
@every_provider
def test_check_says_what_holds_and_ends_with_the_status_of_what_does_not(
    name: str, fault: Fault, status: int, proven: list[str], failed: str
) -> None:
    with Server(log(name), faults=lambda _: fault) as server:
        found = run(name, "check", "--retry-for", "0s", environment=server.environment)
    assert found.status == status
    if name == "hrhis" and fault.status == 403:  # which is also its answer to strangers
        proven, failed = ["reachable"], "credentials or permission"
    lines = [line.partition(":")[0] for line in found.out.decode().splitlines()]
    assert lines == [*(f"ok      {step}" for step in proven), f"FAILED  {failed}"]
    assert found.said.startswith("auditctl: error: ")
    assert found.said.count("\n") == 1


@pytest.mark.parametrize(
    ("fault", "failed"),
    [
        (Fault(500), "reachable: answered, but not as the API"),
        (Fault(501), "reachable: answered, but not as the API"),
        (NOT_JSON, "reachable: answered, but not as the API"),
        (replace(NOT_JSON, status=404), "answer: answered, but not as the API"),
        (Fault(404), "answer"),
        (DROP, "reachable"),
    ],
    ids=["500", "501", "page", "404 page", "404", "dropped"],
)
@every_provider
def test_check_tells_an_answer_that_is_not_the_apis(name: str, fault: Fault, failed: str) -> None:
    with Server(log(name), faults=lambda _: fault) as server:
        found = run(name, "check", "--retry-for", "0s", environment=server.environment)
    assert found.status in (UNREACHABLE, STRANGE)
    assert found.out.decode().splitlines()[-1] == f"FAILED  {failed}"


def test_check_does_not_take_back_what_an_answer_has_proven() -> None:
    empty = Fault(edit=lambda body: re.sub(rb'"data":\[.*?\],"links"', b'"data":[],"links"', body))
    with Server(log("persona"), faults={1: empty, 2: too_many(9)}) as server:
        found = run("persona", "check", "--retry-for", "0s", environment=server.environment)
    assert found.status == THROTTLED
    verdicts = [line[:8].strip() for line in found.out.decode().splitlines()]
    assert verdicts == ["ok", "ok", "ok", "FAILED"]
    assert b"ok      permission" in found.out


@pytest.mark.parametrize(
    "odd",
    [b'"created-at":"then"', b'"created-at":"2999-01-01T00:00:00.000Z"'],
    ids=["unreadable", "in the future"],
)
def test_check_reads_no_further_than_the_first_events_whatever_their_times(odd: bytes) -> None:
    change = Fault(edit=lambda body: re.sub(rb'"created-at":"[^"]*"', odd, body))
    with Server(log("persona"), faults=lambda _: change) as server:
        found = run("persona", "check", environment=server.environment)
    assert (found.status, found.said) == (0, "")
    assert len(server.requests) == 1
    told = found.out.decode().splitlines()[-1]
    assert told in (
        "WARN    newest record: no record has a time that can be read",
        "ok      newest record: 2999-01-01T00:00:00.000Z",
    )


@pytest.mark.parametrize("option", ["-q", "--quiet"])
def test_check_can_be_quiet_and_leave_it_to_the_status(option: str) -> None:
    tomorrow = {"Date": formatdate(time.time() + 86400, usegmt=True)}
    with Server(log("persona"), faults=lambda _: Fault(headers=tomorrow)) as server:
        quiet = run("persona", "check", option, "-v", environment=server.environment)
        closed_ = run(
            "persona", "check", option, environment=server.environment, command=closed(">&-")
        )
        server.faults = lambda _: Fault(401)
        refused = run("persona", "check", option, environment=server.environment)
    assert quiet == closed_ == Run(0, b"", "")
    assert (refused.status, refused.out) == (ACCESS, b"")
    assert refused.said.startswith("auditctl: error: Persona refused the credentials")


def test_check_tells_of_a_clock_that_is_wrong() -> None:
    tomorrow = {"Date": formatdate(time.time() + 86400, usegmt=True)}
    with Server(log("persona"), faults=lambda _: Fault(headers=tomorrow)) as server:
        found = run("persona", "check", environment=server.environment)
    assert found.status == 0
    assert re.search(r"(?m)^WARN.*clock.*86\d{3} s", found.out.decode())


@every_provider
def test_check_holds_for_an_empty_log_and_for_sample_data(name: str) -> None:
    with Server(log(name, 0)) as server:
        found = run(name, "check", environment=server.environment)
    assert (found.status, found.said) == (0, "")
    assert re.search(r"newest record.*: none", found.out.decode())
    assert run(name, "check", "--demo").status == 0


# providers and schema


def test_providers_tells_in_one_row_what_each_provider_needs() -> None:
    found = run("providers")
    assert (found.status, found.said) == (0, "")
    header, *rows = found.out.decode().splitlines()
    titles = ("environment", "permission", "order", "retention", "rate limit", "docs")
    assert [title for title in titles if title not in header] == []
    by_name = {row.split()[0]: row for row in rows}
    assert sorted(by_name) == sorted(registry.installed())
    for name, needed in NEEDED.items():
        row = by_name[name]
        assert [variable for variable in needed if variable not in row] == []
        assert f"{name.upper()}_BASE_URL" in row
        assert len(re.split(" {2,}", row)) == len(re.split(" {2,}", header))
    assert ["none documented" in by_name[name] for name in ("upstash", "hrhis")] == [True, True]
    assert "newest first" in by_name["persona"]


def test_providers_tells_programs_the_same() -> None:
    found = run("providers", "-f", "json")
    assert (found.status, found.said) == (0, "")
    rows = {row["provider"]: row for row in json.loads(found.out)}
    assert sorted(rows) == sorted(registry.installed())
    facts = ("permission", "order", "retention", "rate_limit", "docs")
    assert all(row[fact] for row in rows.values() for fact in facts)
    for name, needed in NEEDED.items():
        read = rows[name]["environment"]
        required = [one for one in read if one["required"]]
        assert [" or ".join([one["name"], *one["alternatives"]]) for one in required] == needed
        assert [one["default"] for one in required] == [None] * len(required)
        assert sum(one["secret"] for one in read) == 1
        assert f"{name.upper()}_BASE_URL" in [one["name"] for one in read]


def test_the_schema_describes_each_field_in_order() -> None:
    found = run("schema")
    assert (found.status, found.said) == (0, "")
    schema = json.loads(found.out)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert (*schema["properties"],) == FIELDS == (*schema["required"],)
    assert schema["additionalProperties"] is False
    assert all(described["description"] for described in schema["properties"].values())
    assert schema["properties"]["outcome"]["enum"] == ["success", "failure", "unknown"]


@every_provider
def test_every_record_of_the_sample_data_fits_the_schema(name: str) -> None:
    found = run(name, "list", "--demo", "--since", "90d")
    assert (found.status, found.said) == (0, "")
    assert len(found.records) > 100
    for record in found.records:
        assert (*record,) == FIELDS
        AuditRecord.model_validate(record)


# Other people's providers


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


def installed(folder: Path, source: str) -> dict[str, str]:
    """Install a provider beside ours, and give the environment in which it is found."""
    about = folder / "acme-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[auditctl.providers]\nacme = acme:Acme\n")
    (folder / "acme.py").write_text(source)
    return {"PYTHONPATH": str(folder), "ACME_API_KEY": KEY}


def test_an_installed_provider_is_a_command_like_ours(tmp_path: Path) -> None:
    source = PLUGIN.format(normalize='return {"id": event["id"], "time": 0, "action": "did"}')
    environment = installed(tmp_path, source)
    found = run("acme", "list", "--since", "1970-01-01", environment=environment)
    assert (found.status, found.said) == (0, "")
    (record,) = found.records
    expected = ("1970-01-01T00:00:00.000Z", "acme", "1", "did")
    assert tuple(record[name] for name in ("time", "provider", "id", "action")) == expected
    assert b"acme" in run(environment=environment).out
    for words in ((), ("acme",), ("acme", "list"), ("acme", "sync"), ("acme", "check")):
        assert "auditctl acme list --demo" not in run(*words, "-h", environment=environment).text
        assert not words or b"--demo" not in run(*words, "-h", environment=environment).out
    assert b"ACME_API_KEY" in run("providers", environment=environment).out
    assert run("acme", "list", environment={"PYTHONPATH": str(tmp_path)}).status == ACCESS
    assert run("acme", "list", "--demo", environment=environment).status == USAGE


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
    normalize: str, tmp_path: Path
) -> None:
    folder, output = tmp_path / "site", tmp_path / "out"
    folder.mkdir()
    output.mkdir()
    source = PLUGIN.format(normalize=normalize)
    environment = installed(folder, source)
    words = ("-o", str(output / "log.jsonl"))
    found = run("acme", "list", *words, environment=environment)
    assert (found.status, found.out) == (FAULT_STATUS, b"")
    line = [n for n, text in enumerate(source.splitlines(), 1) if normalize in text].pop()
    assert re.fullmatch(
        "auditctl: error: This is a fault of the provider acme, not of auditctl: [A-Za-z]+Error, "
        rf"in the module acme, line {line}. Report it to the authors of the package acme.\n",
        found.said,
    )
    assert list(output.iterdir()) == []
    told = subprocess.run(  # not `run`, which takes a traceback for a defect of ours
        [*COMMAND, "acme", "list", "-v"],
        env={"PATH": os.defpath, **environment},
        stderr=subprocess.PIPE,
        check=False,
    )
    assert told.returncode == FAULT_STATUS
    first, second, *lines = told.stderr.decode().splitlines()
    assert (first + "\n", second) == (found.said, "Traceback (most recent call last):")
    assert f'  File "{folder}/acme.py", line {line}, in normalize' in lines
    assert KEY not in told.stderr.decode()


@pytest.mark.parametrize(
    ("normalize", "said", "line"),
    [
        ('return {"colour": "red", "id": "1"}', "normalize gives colour, which no record has", 24),
        ("return None", "normalize returns NoneType, not Fields", 24),
    ],
)
def test_what_a_provider_returns_and_no_record_has_is_its_fault(
    normalize: str, said: str, line: int, tmp_path: Path
) -> None:
    environment = installed(tmp_path, PLUGIN.format(normalize=normalize))
    assert run("acme", "list", environment=environment).ended == (
        FAULT_STATUS,
        (
            f"auditctl: error: This is a fault of the provider acme, not of auditctl: {said}, in "
            f"the module acme, line {line}. Report it to the authors of the package acme.\n"
        ),
    )


def test_a_page_that_is_none_is_the_providers_fault(tmp_path: Path) -> None:
    source = PLUGIN.format(normalize="return {}").replace("yield Page(", "yield (")
    found = run("acme", "list", environment=installed(tmp_path, source))
    assert found.status == FAULT_STATUS
    assert "of the provider acme, not of auditctl: pages yields list, not Page, in " in found.said


@pytest.mark.parametrize(
    "code", ['raise RuntimeError("with " + self.api_key.reveal())', "return self.nothing"]
)
def test_a_defect_before_anything_is_asked_is_the_providers_fault(
    code: str, tmp_path: Path
) -> None:
    source = PLUGIN.format(normalize="return {}").replace("return Bearer(self.api_key)", code)
    found = run("acme", "list", environment=installed(tmp_path, source))
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
    right: str, wrong: str, said: str, tmp_path: Path
) -> None:
    source = PLUGIN.format(normalize="return {}").replace(right, wrong)
    found = run("acme", "list", environment=installed(tmp_path, source))
    assert found.status == FAULT_STATUS
    assert f"fault of the provider acme, not of auditctl: {said}" in found.said
    assert KEY not in found.said


@pytest.mark.parametrize(
    "source",
    [
        "raise RuntimeError('broken')",
        "this is not Python",
        "import a_module_that_is_not_there",
        "Other = 1",
        "class Acme: pass",
        "Acme = 7",
        PLUGIN.format(normalize="return {}").replace('"acme"', '"other"'),
        PLUGIN.format(normalize="return {}").replace("title =", "nope ="),
    ],
    ids=["raises", "no Python", "imports", "lacks", "class", "number", "other name", "no title"],
)
def test_a_broken_provider_is_left_out_aloud_and_takes_none_with_it(
    source: str, tmp_path: Path
) -> None:
    environment = installed(tmp_path, source)
    table = run("providers", environment=environment)
    assert table.status == 0
    assert [name for name in LOGS if name.encode() not in table.out] == []
    assert b"acme" not in table.out
    assert table.said.startswith("auditctl: warning: The provider acme ")
    assert "left out" in table.said
    assert run("persona", "list", "--demo", environment=environment).said == ""
    named = run("acme", "list", environment=environment)
    assert named.status == FAULT_STATUS
    assert named.said.startswith("auditctl: error: The provider acme (acme:Acme) cannot be used: ")
    assert named.said.endswith(". Report it to the authors of the package acme.\n")
    assert run("--help", environment=environment).ended == (0, "")


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("persona", "list", "--nope")])
def test_nothing_of_a_provider_is_imported_before_it_is_named(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    source = "raise SystemExit('imported')"
    found = run(*words, environment=installed(tmp_path, source))
    assert "imported" not in found.said
    if words == ("--help",):
        assert b"  acme " in found.out
        assert re.search(rb"  persona +The audit log of Persona\.", found.out)


@pytest.mark.parametrize("words", [("acme",), ("acme", "list"), ("providers",)])
def test_an_interrupt_while_providers_are_loaded_ends_the_run(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    source = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nwhile True: pass"
    found = run(*words, environment=installed(tmp_path, source))
    assert found.status == 130
    assert found.said == ""


DROPPED = """
import os, signal, weakref
class Gone: pass
gone = Gone()
known = weakref.ref(gone, lambda _: [os.kill(os.getpid(), signal.SIGTERM), *range(1000)])
del gone
while True: pass
"""
CHANGED = """
import os, signal
try:
    os.kill(os.getpid(), signal.SIGTERM)
    while True: pass
except BaseException:
    raise TypeError
"""


@pytest.mark.parametrize("source", [DROPPED, CHANGED], ids=["dropped", "changed"])
def test_an_interrupt_counts_though_an_import_drops_or_changes_it(
    source: str, tmp_path: Path
) -> None:
    """Exceptions in the callback of a weak reference are dropped, and imports have many."""
    (tmp_path / "httpx.py").write_text(source)
    found = run("persona", "list", "--demo", environment={"PYTHONPATH": str(tmp_path)})
    assert (found.status, found.said) == (143, "")


@only_on_linux
@pytest.mark.parametrize(
    "words", [("persona", "list", "--demo", "-v"), ("persona", "list"), ("x",)]
)
def test_an_exit_status_does_not_depend_on_who_hears(words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as nobody:
        found = run(*words, stderr=nobody)
    assert found.status == {"-v": 0, "list": ACCESS, "x": USAGE}[words[-1]]


# The environment


@pytest.mark.parametrize(
    "locale",
    [
        {"LC_ALL": "C"},
        {"LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"LC_ALL": "POSIX", "PYTHONIOENCODING": "ascii"},
        {},
    ],
    ids=["C", "C, ASCII", "POSIX, ASCII", "nothing at all"],
)
def test_the_locale_changes_nothing(locale: dict[str, str]) -> None:
    row = {**UPSTASH_ROWS[0], "action_string": "Ünïcode 漢字 🎉", "entity": "x"}
    with Server(Upstash([row])) as server:
        environment = {**server.environment, **locale}
        for form in ("jsonl", "csv", "table"):
            found = run("upstash", "list", *WINDOW, "-f", form, environment=environment)
            assert (found.status, found.said) == (0, "")
            assert "Ünïcode 漢字 🎉".encode() in found.out
        failed = run("upstash", "list", "--since", "über", environment=environment)
    assert failed.status == USAGE
    shown = run("upstash", "list", "--help", environment=environment)
    assert shown == run("upstash", "list", "--help", environment={"LC_ALL": "C.UTF-8"})
    assert "…".encode() in shown.out


def test_without_any_environment_the_sample_data_are_shown() -> None:
    alone = ["/usr/bin/env", "-i", *COMMAND]
    found = run("persona", "list", "--demo", command=alone)
    assert (found.status, found.said) == (0, "")
    assert len(found.records) > 5


# Exactness


DEEP = 2_000
NUMBERS = (
    b"[1000000000000000000000000000000,-9223372036854775809,18446744073709551616,1e400,-1E-400,"
    b"3.1415926535897932384626433832795028841971,0.10,1.0,100E0,-0.0,0,-1,9007199254740993]"
)
TEXTS = (
    rb'["\ud800","x\udc00\ud800y","","\\ \" / \b\f\n\r\t \u0000","' + "\u2028 ü 🎉".encode() + b'"]'
)


def exact_events(name: str) -> list[bytes]:
    """Give events that tell whether anything is lost on the way, two of them the same."""
    moment = TODAY - timedelta(hours=9)
    bodies = [
        b'"numbers":' + NUMBERS,
        b'"texts":' + TEXTS,
        b'"deep":' + b"[" * DEEP + b"1e400" + b"]" * DEEP,
        b'"deep":' + b'{"a":[' * DEEP + b'"\\ud800"' + b"]}" * DEEP,
        b'"long":"' + b"a" * 300_000 + b'"',
        b'"":{"":[{},[],null,true,false]}',
    ]
    least = [json.dumps(LOGS[name].least(n, moment), separators=(",", ":")) for n in range(6)]
    events = [h[:-1].encode() + b"," + b + b"}" for h, b in zip(least, bodies, strict=True)]
    return [*events, events[0], events[0]]


class OneDay(Roam):
    """Has all that it is given in one day, without reading it: it is too deep."""

    def day(self, date: str) -> Iterable[int]:
        return range(self.total) if date == f"{TODAY - timedelta(days=1):%Y-%m-%d}" else ()


@every_provider
def test_raw_events_come_out_byte_for_byte(name: str) -> None:
    def mended(event: bytes) -> bytes:
        return re.sub(rb"\\ud[89a-f]..", exact.REPLACEMENT.encode(), event)

    events = exact_events(name)
    with Server(OneDay(events) if name == "roam" else log(name, events)) as server:
        raw = asked(server, name, "--raw")
        lines = asked(server, name)
        cells = asked(server, name, "-f", "csv")
    assert (raw.status, raw.said) == (lines.status, cells.said[:0]) == (0, "")
    assert lines.said == cells.said
    assert re.fullmatch(r"auditctl: warning: 2 of .*'s events hold half a char.*\n", lines.said)
    assert raw.out.split(b"\n")[:-1] == events
    for line, event in zip(lines.out.split(b"\n")[:-1], events, strict=True):
        assert line.endswith(b',"raw":' + mended(event) + b"}")
        assert exact.loads(line)["provider"] == name
    csv.field_size_limit(10**6)
    header, *rows = csv.reader(io.StringIO(cells.out.decode(), newline=""))
    assert (*header,) == FIELDS
    assert [row[-1].encode() for row in rows] == list(map(mended, events))
    ids = [row[header.index("id")] for row in rows]
    twins = 1 if LOGS[name].key else 3  # where there are ids, the repeated rows have the same
    assert len({ids[0], *ids[-2:]}) == twins


def test_a_lone_surrogate_is_replaced_in_every_format_and_kept_by_raw() -> None:
    row = json.dumps({**UPSTASH_ROWS[0], "actor": "a\ud800b", "\ud800": 1}, separators=(",", ":"))
    with Server(Upstash([row.encode()])) as server:
        runs = {f: asked(server, "upstash", "-f", f) for f in ("jsonl", "csv", "table")}
        raw = asked(server, "upstash", "--raw")
        kept = asked(server, "upstash", "--where", "actor=a\ufffdb")
    assert runs["jsonl"].out.decode().count('"actor":"a\ufffdb"') == 2
    assert runs["jsonl"].out.decode().count('"\ufffd":1') == 1
    assert ",a\ufffdb," in runs["csv"].out.decode()
    assert "  a\ufffdb  " in runs["table"].out.decode()
    assert kept.out == runs["jsonl"].out
    for run in runs.values():
        assert run.said == (
            "auditctl: warning: 1 of Upstash's events hold half a character, a lone surrogate, "
            "which many readers refuse; U+FFFD was written in its place. --raw keeps it.\n"
        )
    assert (raw.out, raw.said) == (row.encode() + b"\n", "")


@every_provider
def test_the_account_given_stands_where_the_events_say_none(name: str) -> None:
    with Server(log(name)) as server:
        found = asked(server, name, "--account", "acme-prod", "--where", "account~.")
        own = asked(server, name, "--account", "acme-prod", "--raw")
    assert len(found.records) == own.out.count(b"\n") > 5
    for record in found.records:
        said = name == "upstash" and record["raw"]["customer_id"]
        assert record["account"] == (said or "acme-prod")


def test_a_single_record_has_the_account_given_too() -> None:
    with Server(log("persona")) as server:
        id_ = asked(server, "persona").records[0]["id"]
        words = ("persona", "get", id_, "--account", "acme-prod")
        (record,) = run(*words, environment=server.environment).records
    assert (record["id"], record["account"]) == (id_, "acme-prod")


@every_provider
def test_the_secret_that_no_output_may_hold_is_really_in_use(name: str) -> None:
    with Server(log(name)) as server:
        asked(server, name)
    assert server.requests[0].headers["authorization"] in (BEARER, BASIC)
