"""auditctl.toml: where it is found, what it says, and what is said of its mistakes."""

from __future__ import annotations

import json
import os
import re
import tempfile
import traceback
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl import registry
from auditctl.config import sources as config
from auditctl.config.sources import Source
from auditctl.errors import AccessError, UsageError
from auditctl.providers.entra import Entra
from auditctl.providers.hrhis import Hrhis
from auditctl.providers.persona import Persona
from auditctl.providers.roam import Roam
from auditctl.providers.upstash import Upstash
from auditctl.settings import Given, find
from auditctl.sync.options import SyncOptions
from tests.program import result
from tests.server import KEY, Fault, Server
from tests.server import Persona as Log

PROVIDERS = {one.name: one for one in (Persona, Upstash, Roam, Hrhis, Entra)}
HIDDEN = "hunter2-HUNTER2"
USAGE, ACCESS, WRONG = 2, 4, 8


def read(folder: Path, text: str) -> dict[str, Source]:
    path = folder / "auditctl.toml"
    path.write_bytes(text.encode())
    return config.read(str(path), PROVIDERS.get)


def refusal(folder: Path, text: str) -> str:
    """Give what is said of a mistake, without the configuration's path in front."""
    with pytest.raises(UsageError) as caught:
        read(folder, text)
    told = "".join(traceback.TracebackException.from_exception(caught.value).format())
    assert HIDDEN not in told
    return str(caught.value).replace(f"{folder}/", "")


def source(*lines: str, name: str = "s", provider: str = "persona", output: str = "a.jsonl") -> str:
    table = [f"[sources.{name}]", f'provider = "{provider}"', f'output = "{output}"']
    return "\n".join([*table, *lines, ""])


# Where it is


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Put a configuration in each place, whose only source has the place's name."""
    here = tmp_path / "here"
    found = {
        "option": tmp_path / "option.toml",
        "variable": tmp_path / "variable.toml",
        "folder": here / "auditctl.toml",
        "user": tmp_path / "config" / "auditctl" / "auditctl.toml",
    }
    for name, path in found.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source(name=name))
    monkeypatch.chdir(here)
    return found


def whole(options: SyncOptions) -> dict[str, Any]:
    """All options, those that were not given too."""
    return {name: getattr(options, name) for name in get_type_hints(SyncOptions)}


def test_the_first_place_that_has_a_configuration_decides(
    places: dict[str, Path], tmp_path: Path
) -> None:
    words = ["--config", str(places["option"])]
    environ = {
        "AUDITCTL_CONFIG": str(places["variable"]),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }

    def used() -> str:
        found = result("status", "--format", "json", *words, **environ)
        assert found.status == WRONG  # for no sync has run
        (row,) = found.json
        return str(row["source"])

    assert used() == "option"
    words.clear()
    assert used() == "variable"
    environ["AUDITCTL_CONFIG"] = ""
    assert used() == "folder"
    places["folder"].unlink()
    assert used() == "user"


@pytest.mark.parametrize(
    ("command", "instead"),
    [
        ("sync", "run auditctl PROVIDER sync -o PATH"),
        ("list", "run auditctl PROVIDER list"),
        ("check", "run auditctl PROVIDER check"),
        ("status", "name a destination by its PATH"),
        ("persona list --source s", "leave --source out"),
    ],
)
def test_without_a_configuration_all_places_are_named(
    command: str, instead: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert result(*command.split(), XDG_CONFIG_HOME=str(tmp_path)).ended == (
        USAGE,
        (
            "auditctl: error: There is no configuration: neither --config nor AUDITCTL_CONFIG "
            f"names one, and neither ./auditctl.toml nor {tmp_path}/auditctl/auditctl.toml is "
            f"there. Write one, or {instead}.\n"
        ),
    )


@pytest.mark.parametrize("named", ["option", "variable"])
def test_one_that_is_named_must_be_there(named: str, places: dict[str, Path]) -> None:
    places[named].unlink()
    path = str(places[named])
    words, environ = ([], {"AUDITCTL_CONFIG": path})
    if named == "option":
        words, environ = ["--config", path], {}
    said = f"auditctl: error: The configuration {path} cannot be read: No such file or directory.\n"
    assert result("sync", *words, **environ).ended == (USAGE, said)


# What it says


def test_what_a_source_says_goes_before_the_defaults_and_those_before_the_options_own(
    tmp_path: Path,
) -> None:
    text = """
        [defaults]
        output = "audit/{source}/{date}.csv.gz"
        overlap = "2h"
        where = ["outcome=failure"]
        fields = ["time", "id"]
        concurrency = 2
        account = "acme-prod"
        redact = false

        [sources.first]
        provider = "persona"

        [sources.second]
        provider = "roam"
        output = "/var/log/roam"
        format = "csv"
        since = "2w"
        overlap = "0"
        where = []
        fields = "id,raw.data"
        redact = true
        csv_guard = false
        retry_for = "1h30m"
        demo = true
    """
    found = read(tmp_path, text)
    assert list(found) == ["first", "second"]
    assert (found["first"].provider, found["second"].provider) == (Persona, Roam)
    assert whole(found["first"].options) == whole(
        SyncOptions(
            output=f"{tmp_path}/audit/{{source}}/{{date}}.csv.gz",
            overlap="2h",
            where=["outcome=failure"],
            fields="time,id",
            concurrency=2,
            account="acme-prod",
            redact=False,
        )
    )
    assert whole(found["second"].options) == whole(
        SyncOptions(
            output="/var/log/roam",
            format="csv",
            since="2w",
            overlap="0",
            where=[],
            fields="id,raw.data",
            concurrency=2,
            account="acme-prod",
            csv_guard=False,
            retry_for="1h30m",
            demo=True,
        )
    )
    assert found["first"].place.path == f"{tmp_path}/audit/first/{{date}}.csv.gz"


@pytest.mark.parametrize(
    ("written", "since"),
    [
        ("2026-01-31", "2026-01-31"),
        ("2026-01-31T08:00:00Z", "2026-01-31T08:00:00+00:00"),
        ("2026-01-31 08:00:00.5", "2026-01-31T08:00:00.500000"),
        ('"30d"', "30d"),
        ('"1767225600"', "1767225600"),
        ("1767225600", "1767225600"),
        ("1_767_225_600_123", "1767225600123"),
    ],
)
def test_since_is_a_date_of_toml_or_a_time_as_it_is_typed(
    written: str, since: str, tmp_path: Path
) -> None:
    assert read(tmp_path, source(f"since = {written}"))["s"].options.since == since


def test_a_home_folder_and_a_byte_order_mark_are_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/asha")
    path = tmp_path / "auditctl.toml"
    text = source('api_key_file = "~/key"', output="~/audit/a.jsonl")
    path.write_text(text, encoding="utf-8-sig")
    (found,) = config.read(str(path), PROVIDERS.get).values()
    assert found.options.output == "/home/asha/audit/a.jsonl"
    assert found.options.settings == {"api_key_file": "/home/asha/key"}


def test_paths_are_relative_to_the_folder_of_the_file_not_to_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = source('api_key_file = "keys/persona"', output="logs/{date}.jsonl")
    (tmp_path / "auditctl.toml").write_text(text)
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "logs" / "{date}.jsonl").mkdir(parents=True)  # nothing to this configuration
    monkeypatch.chdir(elsewhere)
    (found,) = config.read("../auditctl.toml", PROVIDERS.get).values()
    assert found.options.output == "../logs/{date}.jsonl"
    assert found.options.settings == {"api_key_file": "../keys/persona"}


def test_the_providers_own_options_are_lists(tmp_path: Path) -> None:
    lines = ('user = ["me", "user000000001"]',)
    (found,) = read(tmp_path, source(*lines, provider="hrhis")).values()
    assert found.options.own == {"users": ("me", "user000000001")}
    (found,) = read(tmp_path, source(provider="hrhis")).values()
    assert found.options.own == {"users": ()}


# Settings


SURROUNDING = {
    "ROAM_API_KEY": "surrounding key",
    "ROAM_TOKEN_FILE": "/surrounding/token",
    "ROAM_BASE_URL": "https://surrounding.example",
    "KEY": "named key",
    "lower": "https://lower.example",
}


@pytest.mark.parametrize(
    ("lines", "places"),
    [
        ([], {}),
        (['api_key_env = "KEY"'], {"api_key": Given("KEY", "named key")}),
        (
            ['api_key_file = "/run/key"', 'base_url = "https://own.example"'],
            {
                "api_key": Given("api_key_file", "/run/key", is_file=True),
                "base_url": Given("base_url", "https://own.example"),
            },
        ),
        (
            ['base_url_file = "/run/url"'],
            {"base_url": Given("base_url_file", "/run/url", is_file=True)},
        ),
        (['base_url_env = "lower"'], {"base_url": Given("base_url_env", "https://lower.example")}),
    ],
    ids=["nothing", "a variable", "a file", "no secret, and in a file", "an odd variable"],
)
def test_what_a_source_says_of_a_setting_hides_what_the_environment_says_of_it(
    lines: list[str], places: dict[str, Given], tmp_path: Path
) -> None:
    (found,) = read(tmp_path, source(*lines, provider="roam")).values()
    assert find(Roam, SURROUNDING, found.options.settings) == {
        "api_key": Given("ROAM_API_KEY", "surrounding key"),
        "base_url": Given("ROAM_BASE_URL", "https://surrounding.example"),
        **places,
    }


@pytest.mark.parametrize(
    ("variable", "named"),
    [
        ("DODOMA_PASSWORD", "DODOMA_PASSWORD"),
        (HIDDEN, "The variable"),  # the secret itself, in the wrong place
        ("hunter2", "The variable"),
    ],
)
@pytest.mark.parametrize("value", [None, "", " \n"])
def test_a_variable_that_is_named_and_not_set_is_said(
    variable: str, named: str, value: str | None, tmp_path: Path
) -> None:
    (found,) = read(tmp_path, source(f'api_key_env = "{variable}"')).values()
    environ = {} if value is None else {variable: value}
    with pytest.raises(AccessError) as caught:
        find(Persona, {"PERSONA_API_KEY": "x", **environ}, found.options.settings)
    assert str(caught.value) == f"{named}, which api_key_env names, is not set. Export it."


def test_a_variable_or_a_file_that_is_not_there_ends_with_4(tmp_path: Path) -> None:
    path = tmp_path / "auditctl.toml"
    path.write_text(
        source('api_key_env = "NOT_SET"', name="a")
        + source('api_key_file = "lost"', name="b", output="b.jsonl")
    )
    found = result("sync", "--config", str(path))
    assert found.status == ACCESS
    assert sorted(found.said.splitlines()) == [
        "auditctl: error: a: NOT_SET, which api_key_env names, is not set. Export it.",
        (
            "auditctl: error: b: The file that api_key_file names cannot be read: No such file or "
            "directory. Check api_key_file."
        ),
    ]
    assert sorted(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("setting", "named"),
    [('api_key_env = "KEY_OF_PROD"', "KEY_OF_PROD"), ('api_key_file = "key"', "api_key_file")],
)
def test_credentials_that_are_refused_are_called_what_the_file_calls_them(
    setting: str, named: str, tmp_path: Path
) -> None:
    path = tmp_path / "auditctl.toml"
    (tmp_path / "key").write_text(KEY)
    with Server(Log(1), faults=lambda _: Fault(401)) as server:
        url = server.environment["PERSONA_BASE_URL"]
        path.write_text(source(f'{setting}\nbase_url = "{url}"', name="prod"))
        config = ("--config", str(path))
        for words in (("sync",), ("persona", "list", "--source", "prod")):
            found = result(*words, *config, KEY_OF_PROD=KEY, PERSONA_API_KEY="other")
            assert found.status == ACCESS
            assert f" Check {named}: " in found.said
            assert "PERSONA_API_KEY" not in found.said


def test_a_server_that_says_the_name_of_a_variable_is_quoted_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "auditctl.toml"
    said = Fault(401, body=b'{"error": "PERSONA_API_KEY and {api_key}"}')
    with Server(Log(1), faults=lambda _: said) as server:
        url = server.environment["PERSONA_BASE_URL"]
        path.write_text(source('api_key_env = "KEY"', f'base_url = "{url}"'))
        found = result("sync", "--config", str(path), KEY=KEY)
    assert "(401: PERSONA_API_KEY and {api_key}). Check KEY: " in found.said


# Mistakes


COMMON = (
    "output, format, schema, ocsf_version, since, overlap, fields, where, redact, csv_guard, "
    "concurrency, retry_for, account, demo, external_rotation"
)
IN_PERSONA = f"provider, {COMMON}, base_url, base_url_file, base_url_env, api_key_file, api_key_env"
NO_SECRET = (
    "Do not write a secret here. Write {0}_file in the source, with the path of a file that holds "
    "it, or {0}_env, with the name of a variable"
)
DURATION = "Cannot read the duration 'soon': write it like 45s, 90m, 12h, 30d, 2w or 1d12h"
TIMES = (
    "Write a duration back from now (45s 90m 12h 30d 2w, 1d12h), a date (2026-01-31), an RFC 3339 "
    "time (2026-01-31T08:00:00Z), epoch seconds, now, today or yesterday"
)
NO_TEST = (
    "write FIELD=VALUE, FIELD!=VALUE, FIELD~REGEX or FIELD!~REGEX; time and status_code also with "
    "<, <=, > and >="
)
NO_PLACEHOLDER = "has an unknown placeholder. Known are {date}, {account}, {provider}, {source}"
TABLE = "Write a table [sources.NAME] for each source, in single brackets"
NO_SOURCES = f"sources: {TABLE}"
NO_PROVIDER = 'Write it like provider = "NAME", as `auditctl providers` shows it'
NO_OUTPUT = (
    "The source s has no output, the PATH of its destination. Write one into its table of "
    'auditctl.toml, as in output = "audit/{source}/{date}.jsonl.gz", or into [defaults].'
)
BAD_NAME = "A source's name has letters, digits, '-', '_' and '.' only"
NO_TRUTH = "Write it like redact = true or false, without quotes"
NO_OVERLAP = 'Write it like overlap = "1h"'
NO_PATH = 'Write it like output = "audit/{date}.jsonl"'
NO_NUMBER = "Write it like concurrency = 4, a whole number from 1 to 64"

IN_ONE_LINE = {
    'user = ["me"]': f"There is no such key. There are {IN_PERSONA}",
    f'api_key = "{HIDDEN}"': NO_SECRET.format("api_key"),
    f'api-key = "{HIDDEN}"': NO_SECRET.format("api_key"),
    f'key = "{HIDDEN}"': f"There is no such key. There are {IN_PERSONA}",
    f'concurrency = "{HIDDEN}"': NO_NUMBER,
    'overlap = "soon"': DURATION,
    "overlap = 60": NO_OVERLAP,
    "since = 08:00:00": 'Write it like since = "30d" or 2026-01-31',
    'where = "id=1"': 'Write it like where = ["outcome=failure"]',
    'fields = ["id", "id"]': "The field 'id' is in --fields twice",
    'format = "table"': 'Write it like format = "jsonl", "csv" or "delta"',
    "since = 20261120": (
        "Cannot read the time '20261120': a number alone is epoch seconds (10 digits) or "
        f"milliseconds (13). Did you mean 2026-11-20? {TIMES}"
    ),
    "concurrency = true": NO_NUMBER,
    'account = " "': "An account needs a name, in UTF-8 and without control characters",
    "concurrency = 0": NO_NUMBER,
    'api_key_file = ["key"]': 'Write it like api_key_file = "/run/secrets/…"',
    "api_key_env = 1": 'Write it like api_key_env = "PERSONA_API_KEY"',
    'demo = "false"': "Write it like demo = true or false, without quotes",
    'base_url = "http://h"': (
        "This address may not be used: plain http would send the "
        "credentials in the clear. Use https:// (http is for 127.0.0.1, ::1 and localhost only)"
    ),
    "since = 9999-01-01": "9999-01-01 is in the future: nothing has happened yet",
}
"""A line of a source of Persona, and what is said of its key."""

MISTAKES = [
    *(
        (source(line), f"line 4: sources.s.{line.partition(' ')[0]}: {said}")
        for line, said in IN_ONE_LINE.items()
    ),
    ("", f"line 1: {NO_SOURCES}"),
    ("[defaults]\noverlap = '1h'", f"line 1: {NO_SOURCES}"),
    ("\nsources = []", f"line 2: {NO_SOURCES}"),
    ("sources = 1", f"line 1: {NO_SOURCES}"),
    (
        "defaults = 'x'\n" + source(),
        "line 1: defaults: Write a table [defaults], in single brackets",
    ),
    ("[sources]\ns = 1", f"line 2: sources.s: {TABLE}"),
    (source() + "\n[source.x]\n", "line 5: source: There are only [defaults] and [sources.NAME]"),
    ('output = "x"\n' + source(), "line 1: output: There are only [defaults] and [sources.NAME]"),
    (
        source("# as in the option", 'csv-guard = "1d"'),
        "line 5: sources.s.csv-guard: There is no such key. Did you mean csv_guard?",
    ),
    (
        source() + "[defaults]\n\nprovider = 'persona'",
        f"line 6: defaults.provider: There is no such key. There are {COMMON}",
    ),
    (
        source() + f"[defaults]\ntoken = '{HIDDEN}'",
        f"line 5: defaults.token: {NO_SECRET.format('api_key')}",
    ),
    (
        f"PERSONA_API_KEY = '{HIDDEN}'\n" + source(),
        f"line 1: PERSONA_API_KEY: {NO_SECRET.format('api_key')}",
    ),
    (
        source("where = []").replace("output = ", 'output = "a\\u0000b" #'),
        "line 3: sources.s.output: The path 'a\\x00b' contains characters that no path may have",
    ),
    (
        source(f'api_key = "{HIDDEN}"', provider="hrhis"),
        f"line 4: sources.s.api_key: {NO_SECRET.format('password')}",
    ),
    (
        source(f'password = ["{HIDDEN}"]', provider="hrhis"),
        f"line 4: sources.s.password: {NO_SECRET.format('password')}",
    ),
    ("[sources.s]\noutput = 'x'", f"line 1: sources.s.provider: {NO_PROVIDER}"),
    ("[sources.s]\nprovider = 1", f"line 2: sources.s.provider: {NO_PROVIDER}"),
    (
        source(provider="acme"),
        (
            "line 2: sources.s.provider: There is no provider 'acme'. There are "
            f"{', '.join(registry.installed())}"
        ),
    ),
    (
        source(provider="personna"),
        "line 2: sources.s.provider: There is no provider 'personna'. Did you mean persona?",
    ),
    (
        source('log = "signin"', provider="entra"),
        "line 4: sources.s.log: Microsoft Entra ID has no log 'signin'. Did you mean signins?",
    ),
    (
        source('username_fiel = "x"', provider="hrhis"),
        "line 4: sources.s.username_fiel: There is no such key. Did you mean username_file?",
    ),
    (source(output=""), f"line 3: sources.s.output: {NO_PATH}"),
    ("[sources.s]\nprovider = 'roam'\noutput = 1", f"line 3: sources.s.output: {NO_PATH}"),
    (
        source(output="-"),
        (
            "line 3: sources.s.output: '-' is no file that sync could append to. Use a PATH such "
            "as audit.jsonl or audit/{date}.jsonl.gz"
        ),
    ),
    (source(output="{day}/x"), f"line 3: sources.s.output: The path '{{day}}/x' {NO_PLACEHOLDER}"),
    (
        "[sources.s]\nprovider = 'roam'\n[defaults]\noutput = '{x'",
        f"line 4: defaults.output: The path '{{x' {NO_PLACEHOLDER}",
    ),
    (source() + '[defaults]\nretry_for = "soon"', f"line 5: defaults.retry_for: {DURATION}"),
    (
        source("", 'since = "2026-02-30"'),
        f"line 5: sources.s.since: Cannot read the time '2026-02-30'. {TIMES}",
    ),
    (
        source('where = ["id=1", "nonsense"]'),
        f"line 4: sources.s.where.1: Cannot read --where 'nonsense': {NO_TEST}",
    ),
    (
        source("where = [", '  "id=1",', '  "(",', "]", "redact = 1"),
        f"line 6: sources.s.where.1: Cannot read --where '(': {NO_TEST}",
    ),
    (
        source('format = "jsonl"', output="{source}.csv"),
        (
            "line 3: sources.s.output: --format jsonl and a file that ends in .csv contradict "
            "each other: {source}.csv. Use another name, or --format csv"
        ),
    ),
    (
        source(output="x.jsonl.zst"),
        (
            "line 3: sources.s.output: x.jsonl.zst: a file that ends in .zst cannot be written: "
            ".gz is the only compression, and Parquet files have their own. Use another name, such "
            "as audit.jsonl.gz"
        ),
    ),
    (
        source('where = ["provider=nobody"]'),
        (
            "line 4: sources.s.where.0: --where 'provider=nobody': provider is never 'nobody'. It "
            f"is one of {', '.join(registry.installed())}"
        ),
    ),
    ("[[sources.s]]\nprovider = 'roam'", f"line 1: sources.s: {TABLE}"),
    (source("email = 1", provider="upstash"), 'line 4: sources.s.email: Write it like email = "…"'),
    (
        source('email = " "', provider="upstash"),
        'line 4: sources.s.email: Write it like email = "…"',
    ),
    (
        source("where = [", "  1", "]"),
        'line 5: sources.s.where.0: Write it like where = ["outcome=failure"]',
    ),
    (
        source('user = "me"', provider="hrhis"),
        'line 4: sources.s.user: Write it like user = ["ID"]',
    ),
    (
        source('api_key_file = "a"', 'base_url = "https://b"', 'api_key_env = "c"'),
        "line 6: sources.s.api_key_env: There is api_key_file already; write one of them",
    ),
    (
        source('base_url_env = "a"', 'base_url = "https://b"'),
        "line 4: sources.s.base_url_env: There is base_url already; write one of them",
    ),
    (
        source() + source(name="t", output="./b/../a.jsonl"),
        "line 4: sources.t: The sources s and t have one output; write {source} into it",
    ),
    (source(name='"a/b"'), f"line 1: sources.a/b: {BAD_NAME}"),
    (source(name='".."'), f"line 1: sources...: {BAD_NAME}"),
    (source(name='""'), f"line 1: sources.: {BAD_NAME}"),
    (source(name='"{date}"'), f"line 1: sources.{{date}}: {BAD_NAME}"),
    (
        source("redact = 1", 'overlap = "soon"', "nope = 1") + "[defaults]\ndemo = 3",
        f"line 4: sources.s.redact: {NO_TRUTH}",
    ),
    (
        "[sources.s]\nprovider = 'roam'\n[defaults]\noutput = 'x'\nredact = 1",
        f"line 5: defaults.redact: {NO_TRUTH}",
    ),
    (
        "[sources]\n\ns = {provider = 'roam', output = 'x', redact = 1}",
        f"line 3: sources.s.redact: {NO_TRUTH}",
    ),
    (
        "[sources.s]\nprovider = 'roam'\noutput = '''\n[sources.s]\nredact = 1\n'''\nredact = 2",
        f"line 7: sources.s.redact: {NO_TRUTH}",
    ),
]


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize(("text", "said"), MISTAKES, ids=repr)
def test_a_mistake_is_said_with_its_line(text: str, said: str, ends: str, tmp_path: Path) -> None:
    end = "" if said.endswith("?") else "."
    assert refusal(tmp_path, text.replace("\n", ends)) == f"auditctl.toml, {said}{end}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[sources.s]\nprovider = persona", "Invalid value (at line 2, column 12)"),
        (f"\n[sources.s]\napi_key = {HIDDEN}", "Invalid value (at line 3, column 11)"),
        (f'[sources.s]\napi_key = "{HIDDEN}', "(at end of document)"),
        (
            f'key = "{HIDDEN}"\nkey = "{HIDDEN}"\n',
            "Cannot overwrite a value (at line 2, column 24)",
        ),
        ("[sources.s", "(at end of document)"),
        (
            f"[sources.s]\nconcurrency = {'1' * 5_000}",
            "set_int_max_str_digits() to increase the limit",
        ),
        (f"a = {'[' * 5_000}", "maximum recursion depth exceeded"),
    ],
)
def test_what_is_no_toml_is_said_with_its_line(text: str, said: str, tmp_path: Path) -> None:
    found = refusal(tmp_path, text)
    assert found.startswith("The configuration auditctl.toml cannot be read: ")
    assert found.endswith(f"{said}.")


def test_what_is_no_text_or_no_file_is_said(tmp_path: Path) -> None:
    path = tmp_path / "auditctl.toml"
    path.write_bytes(b'output = "\xff"')
    for there, reason in (
        (path, "codec can't decode byte 0xff"),
        (tmp_path, "Is a directory."),
        ("/dev/zero", "it is too large to be one."),
    ):
        with pytest.raises(UsageError, match=f"{there} cannot be read: .*{reason}"):
            config.read(str(there), PROVIDERS.get)


VALUES = (
    "1", "-1", "true", '"x"', '""', "[]", "[1]", '["a"]', "{}", "{a=1}", "2026-01-01", "1.5", "nan",
    "08:00:00", '["a",1]', "[[1]]", '"30d"', '"\\u0000"', "99999999999999999999",
)  # fmt: skip
KEYS = (
    *get_type_hints(SyncOptions), "provider", "api_key", "api_key_file", "api_key_env",
    "base_url", "base_url_env", "user", "log", "x", "[sources.s.t]\nx", "[[sources.s]]\nx",
    "[defaults]\nwhere", "[other]\nx",
)  # fmt: skip


@given(
    st.sampled_from(["", "provider = 'persona'\n", "provider = 'hrhis'\noutput = 'x'\n"]),
    st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(VALUES)), max_size=3),
)
def test_pydantics_own_sentences_reach_nobody(start: str, lines: list[tuple[str, str]]) -> None:
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("[sources.s]\n" + start + "".join(f"{key} = {value}\n" for key, value in lines))
        file.flush()
        try:
            config.read(file.name, PROVIDERS.get)
        except UsageError as error:
            said = str(error).removeprefix(file.name)
            theirs = "Input should|Field required|Extra inputs|valid (string|integer|dict)|pydantic"
            assert re.search(theirs, said, re.IGNORECASE) is None


def test_only_what_writes_to_a_source_needs_its_output(folder: Path) -> None:
    Path("auditctl.toml").write_text('[sources.s]\nprovider = "persona"\ndemo = true\n')
    for words in ("list s", "persona list --source s", "check", "persona check --source s"):
        found = result(*words.split())
        assert (found.status, found.said) == (0, "")
    assert json.loads(result("sources", "-f", "json").out) == [
        {"name": "s", "provider": "persona", "log": None, "output": None}
    ]
    assert result("persona", "sync", "--source", "s", "-o", "x.jsonl").status == 0
    for words in ("sync", "sync s", "status", "status s", "verify", "verify s"):
        assert result(*words.split()).ended == (USAGE, f"auditctl: error: {NO_OUTPUT}\n")
    found = result("persona", "sync", "--source", "s")
    assert found.ended == (USAGE, "auditctl: error: Name the file to append to: -o PATH.\n")
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["auditctl.toml", "x.jsonl", "x.jsonl.journal"]


def test_two_names_of_one_file_are_one_output(tmp_path: Path) -> None:
    os.symlink(tmp_path, tmp_path / "also")  # noqa: PTH211 - Path has it the other way round
    text = source() + source(name="t", output="also/a.jsonl")
    assert refusal(tmp_path, text) == (
        "auditctl.toml, line 4: sources.t: The sources s and t have one output; write {source} "
        "into it."
    )


@pytest.mark.parametrize(
    "command", ["sync", "sync s --follow", "status", "status --acknowledge-gaps"]
)
def test_a_mistake_in_one_source_keeps_all_from_running(command: str, tmp_path: Path) -> None:
    path = tmp_path / "auditctl.toml"
    path.write_text(source("demo = true") + source("demo = 1", name="t", output="t"))
    found = result(*command.split(), "--config", str(path))
    assert found.ended == (
        USAGE,
        (
            f"auditctl: error: {path}, line 8: sources.t.demo: Write it like demo = true or false, "
            "without quotes.\n"
        ),
    )
    assert found.out == b""
    assert list(tmp_path.iterdir()) == [path]
