"""Events of OCSF and documents of ECS, held against the schemas of both."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from ocsf_json_schema import (  # type: ignore[import-untyped]
    OcsfJsonSchemaEmbedded,
    get_ocsf_schema,
)

from auditctl import registry
from auditctl.events import Meaning, Table, names_in, read, table
from auditctl.events.classes import CATEGORIES, CLASSES, LATER, SHARED, caption
from auditctl.events.subject import LATER_METHODS, METHODS
from auditctl.formats.ecs import NO_TIME as ECS_NO_TIME
from auditctl.formats.ecs import VERSION, Ecs
from auditctl.formats.ocsf import LONGEST_TEXT, NO_TIME, SEVERITIES, STATUSES, Ocsf
from auditctl.records import exact
from auditctl.records.record import FIELDS, OUTCOMES, Record
from tests.conftest import STRINGS, TEXTS, utf8
from tests.program import result
from tests.tape import FOLDER, provider_class

VERSIONS = ("1.3.0", "1.8.0")
PROVIDERS = sorted(registry.installed())
NOW = datetime(2026, 1, 31, 8, 9, 10, 123456, UTC)
NOW_MS = 1_769_846_950_123
BY_UID = {one.uid: name for name, one in CLASSES.items()}
BASE_URLS = {"": "https://api.example.com:8443/v1"}
ECS = json.loads((Path(__file__).parent / "ecs.json").read_text())

every_version = pytest.mark.parametrize("version", VERSIONS)
every_provider = pytest.mark.parametrize("name", PROVIDERS)


@cache
def official(version: str) -> Any:
    return get_ocsf_schema(version)


@cache
def validator(version: str, name: str) -> Draft202012Validator:
    made = OcsfJsonSchemaEmbedded(official(version)).get_class_schema(name, profiles=[])
    return Draft202012Validator(made)


def ocsf(version: str, *records: Record, base_urls: Mapping[str, str] = BASE_URLS) -> list[Any]:
    """Write records, and return the events, each of which is valid and has the event as it came."""
    lines = Ocsf(version, base_urls, NOW).rows(records).split(b"\n")
    assert lines.pop() == b""
    events = [json.loads(line) for line in lines]
    for event, record in zip(events, records, strict=True):
        check_ocsf(version, event)
        raw = event.get("raw_data") or event["unmapped"]["raw_data"]
        assert utf8(raw) == exact.dumps(record["raw"])
    return events


def check_ocsf(version: str, event: Any) -> None:
    assert event["metadata"]["version"] == version
    errors = validator(version, BY_UID[event["class_uid"]]).iter_errors(event)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def ecs(*records: Record) -> list[Any]:
    lines = Ecs("2026-01-31T08:09:10.123Z").rows(records).split(b"\n")
    assert lines.pop() == b""
    documents = [json.loads(line) for line in lines]
    for document in documents:
        check_ecs(document)
    return documents


def check_ecs(document: Any) -> None:
    for name, value in leaves(document):
        if name.startswith("auditctl."):
            assert type(value) is str
            continue
        kind = ECS["fields"][name]
        values = value if kind.endswith("[]") else [value]
        assert type(values) is list
        assert values
        for one in values:
            assert type(one) is (int if kind == "long" else str)
            if kind.startswith("ip"):
                ip_address(one)
            if kind == "date":
                assert datetime.fromisoformat(str(one)).tzinfo
    event = document["event"]
    assert event["outcome"] in ECS["outcomes"]
    assert event["kind"] in ECS["kinds"]
    assert ("category" in event) == ("type" in event)
    for category in event.get("category", []):
        assert set(event["type"]) <= set(ECS["categories"][category])


def leaves(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        if type(inner) is dict:
            assert inner, f"{prefix}{name} is empty"
            yield from leaves(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", inner


def record(**values: Any) -> Record:
    blank = dict.fromkeys(FIELDS)
    return {**blank, "provider": "okta", "id": "1", "outcome": "unknown", "raw": {}, **values}


# Every event there is


def cassettes() -> list[Record]:
    lines = [
        line for path in sorted(FOLDER.glob("*.jsonl")) for line in path.read_bytes().splitlines()
    ]
    values = [exact.loads(line) for line in lines]
    return [value for value in values if type(value) is dict and set(FIELDS) <= value.keys()]


@every_version
def test_every_event_of_the_cassettes_is_valid(version: str) -> None:
    found = cassettes()
    assert {one["provider"] for one in found} == set(PROVIDERS)
    ocsf(version, *found)
    ecs(*found)


def logs(name: str) -> list[list[str]]:
    """Name the logs of a provider; further ones of Google have the same sample data."""
    known = list(provider_class(name).logs)
    return [["--log", log] for log in known[:4]] if len(known) > 1 else [[]]


@every_provider
def test_every_kind_of_event_of_the_sample_data_is_valid(name: str) -> None:
    for log in logs(name):
        run = result(name, "list", "--demo", "--since", "30d", *log)
        assert run.ended == (0, "")
        kinds = {kind(one): one for one in map(exact.loads, run.out.splitlines())}
        assert kinds
        for version in VERSIONS:
            ocsf(version, *kinds.values())
        ecs(*kinds.values())


def kind(one: Record) -> Any:
    """Return what the shape of an event depends on: its name, and which fields have what."""
    is_request = one["action"] and "/" in one["action"]
    name = one["action"].partition(" ")[0] if is_request else one["action"]
    filled = tuple(field for field in FIELDS if one[field] is not None)
    raw = frozenset(one["raw"]) if type(one["raw"]) is dict else None
    return name, filled, one["outcome"], one["target"] == "[red]Demo[/red]\u202e", raw


NAMES = [name.replace("*", "x") for one in PROVIDERS for name, _ in names_in(read(one))]
anything = st.none() | STRINGS.map(lambda text: utf8(text).decode()) | st.sampled_from(NAMES)
TIMES = ["2025-12-10T23:59:59.999Z", "0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.9999999999Z"]
addresses = st.none() | st.ip_addresses().map(str) | st.just("1:2:3:4:5:6:255.255.255.255")
people = st.none() | st.emails() | st.sampled_from(["a@b", "a@b.c\n", "x", "@", "Müller@ü.example"])
KEYS = re.findall(
    r"\w+",
    "target type id displayName user team entity context attributes method path object_type "
    "aux_uuid root_resource summary events parameters name value severity",
)
places = st.recursive(
    st.none() | st.text(max_size=3) | st.integers(-9, 9) | st.sampled_from(["User", "Group"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
)
records = st.builds(
    record,
    provider=st.sampled_from([*PROVIDERS, "a-plugin"]),
    time=st.none() | st.sampled_from(TIMES),
    account=anything,
    actor_id=anything,
    actor_name=anything,
    actor_email=people,
    action=anything,
    target=anything,
    outcome=st.sampled_from(OUTCOMES),
    status_code=st.none() | st.integers(-(2**70), 2**70),
    source_ip=addresses,
    user_agent=anything,
    session_id=anything,
    raw=TEXTS.map(lambda text: exact.loads(utf8(text))) | places,
).map(lambda one: {**one, "actor": one["actor_email"] or one["actor_name"] or one["actor_id"]})


@given(st.lists(records, max_size=4))
def test_whatever_an_event_is_it_is_valid(found: list[Record]) -> None:
    for one in found:
        exact.replace_surrogates(one)
    for version in VERSIONS:
        ocsf(version, *found)
    ecs(*found)


# The class

LOGIN = {"action": {"type": "login"}, "actor": {"context": "dash"}}


@pytest.mark.parametrize(
    ("provider", "action", "raw", "class_", "activity"),
    [
        ("okta", "user.session.start", {}, 3002, 1),
        ("okta", "user.session.end", {}, 3002, 2),
        ("okta", "app.oauth2.as.sso", {}, 3002, 1),
        ("okta", "user.account.lock", {}, 3001, 9),
        ("okta", "user.account.privilege.grant", {}, 3005, 1),
        ("okta", "group.user_membership.add", {}, 3006, 3),
        ("okta", "system.api_token.create", {}, 3004, 1),
        ("okta", "nobody.knows", {}, 6003, 99),
        ("github", "business.sso_response", {}, 3002, 1),
        ("github", "team.remove_member", {}, 3006, 4),
        ("github", "org.update_member", {}, 3005, 1),
        ("github", "hook.create", {}, 3004, 1),
        ("github", "git.clone", {}, 6003, 2),
        ("google", "CREATE_USER", {"id": {"applicationName": "admin"}}, 3001, 1),
        ("google", "logout", {"id": {"applicationName": "login"}}, 3002, 2),
        ("google", "download", {"id": {"applicationName": "drive"}}, 6001, 7),
        ("google", "authorize", {"id": {"applicationName": "token"}}, 6003, 1),
        ("entra", "Sign-in", {}, 3002, 1),
        ("entra", "Add member to group", {"category": "GroupManagement"}, 3006, 3),
        ("entra", "Add member to role", {"category": "RoleManagement"}, 3005, 1),
        ("entra", "Update policy", {"category": "Policy"}, 3004, 3),
        ("onepassword", "suspend", {"object_type": "user"}, 3001, 5),
        ("onepassword", "grant", {"object_type": "uva"}, 3005, 1),
        ("onepassword", "export", {}, 6001, 7),
        ("onepassword", "mfa_ok", {}, 3002, 1),
        ("cloudflare", "Log in", LOGIN, 3002, 1),
        ("openai", "login.failed", {}, 3002, 1),
        ("openai", "user.added", {}, 3001, 1),
        ("anthropic", "account_deleted", {}, 3001, 6),
        ("tailscale", "LOGIN ADMIN_CONSOLE", {}, 3002, 1),
        ("tailscale", "UPDATE USER.USER_ROLE", {}, 3005, 1),
        ("atlassian", "user_added_to_group", {}, 3006, 3),
        ("atlassian", "user_login_failed", {}, 3002, 1),
        ("slack", "user_logout", {}, 3002, 2),
        ("slack", "role_change_to_admin", {}, 3005, 1),
        ("pagerduty", "create user_reference", {}, 3001, 1),
        ("persona", "GET /x", {"attributes": {"method": "GET", "path": "/x"}}, 4002, 3),
        ("hrhis", "POST /x", {"method": "POST", "resource": "/x"}, 4002, 6),
        ("upstash", "Reset Password", {}, 3001, 4),
        ("roam", "ENTER_ROOM", {}, 6001, 2),
    ],
)
def test_an_events_name_decides_its_class(
    provider: str, action: str, raw: Any, class_: int, activity: int
) -> None:
    one = record(
        provider=provider,
        action=action,
        raw=raw,
        target="Payroll",
        actor="ada",
        actor_id="ada",
        source_ip="192.0.2.1",
        status_code=200,
    )
    for version in VERSIONS:
        (event,) = ocsf(version, one)
        assert (event["class_uid"], event["activity_id"]) == (class_, activity)
        assert event["type_uid"] == class_ * 100 + activity
        assert activity != 99 or event["activity_name"] == action


@pytest.mark.parametrize("action", ["nobody.knows", None])
@pytest.mark.parametrize("provider", ["okta", "a-plugin"])
@every_version
def test_an_unknown_event_is_what_is_known_of_it(version: str, provider: str, action: Any) -> None:
    one = record(provider=provider, action=action)
    who = {"actor": "ada", "actor_id": "ada"}
    known = [
        one | who | {"source_ip": "::1", "target": "x"},
        one | who | {"target": "x"},
        one | {"source_ip": "::1", "target": "x"},
        one | who,
        one,
    ]
    events = ocsf(version, *known)
    assert [event["class_uid"] for event in events] == [6003, 3004, 3004, 0, 0]
    told = ("activity_id", "activity_name")
    other = (99, action) if action else (0, "Unknown")
    assert {tuple(event[name] for name in told) for event in events} == {other}
    assert [one["event"].get("category") for one in ecs(*known)] == [
        ["api"],
        ["configuration"],
        ["configuration"],
        None,
        None,
    ]


def test_a_known_event_that_lacks_what_its_class_requires_keeps_its_activity() -> None:
    (event,) = ocsf("1.8.0", record(provider="github", action="git.clone", target="acme/x"))
    assert (event["class_uid"], event["activity_name"]) == (3004, "Read")


# What is where


WHOLE = record(
    time="2025-12-10T23:59:59.9999999Z",
    account="acme",
    id="42",
    actor="ada@example.com",
    actor_id="a1",
    actor_name="Ada",
    actor_email="ada@example.com",
    action="group.user_membership.add",
    target="Bob / Payroll",
    outcome="failure",
    status_code=403,
    source_ip="2001:db8::1",
    user_agent="curl/8",
    session_id="s1",
    raw={
        "published": "2025-12-11T02:59:59.9999999+03:00",
        "severity": "WARN",
        "big": exact.Number("1e400"),
        "target": [
            {"type": "User", "id": "u2", "displayName": "Bob", "alternateId": "bob@example.com"},
            {"type": "UserGroup", "id": "g1", "displayName": "Payroll"},
        ],
    },
)


def test_an_event_of_ocsf_has_everything_in_its_place() -> None:
    (event,) = ocsf("1.8.0", WHOLE)
    assert event == {
        "time": 1_765_411_199_999,
        "category_uid": 3,
        "category_name": "Identity & Access Management",
        "class_uid": 3006,
        "class_name": "Group Management",
        "activity_id": 3,
        "activity_name": "Add User",
        "type_uid": 300603,
        "type_name": "Group Management: Add User",
        "severity_id": 3,
        "severity": "Medium",
        "status_id": 2,
        "status": "Failure",
        "status_code": "403",
        "metadata": {
            "version": "1.8.0",
            "product": {"name": "Okta", "vendor_name": "Okta"},
            "log_provider": "okta",
            "uid": "42",
            "event_code": "group.user_membership.add",
            "original_time": "2025-12-11T02:59:59.9999999+03:00",
            "tenant_uid": "acme",
        },
        "actor": {
            "user": {"uid": "a1", "name": "Ada", "email_addr": "ada@example.com"},
            "session": {"uid": "s1"},
        },
        "src_endpoint": {"ip": "2001:db8::1"},
        "http_request": {"user_agent": "curl/8"},
        "http_response": {"code": 403},
        "group": {"uid": "g1", "name": "Payroll"},
        "user": {"uid": "u2", "name": "Bob", "email_addr": "bob@example.com"},
        "raw_data": exact.dumps(WHOLE["raw"]).decode(),
        "unmapped": {"target": "Bob / Payroll"},
    }


def test_what_1_3_0_has_no_place_for_is_unmapped() -> None:
    (event,) = ocsf("1.3.0", WHOLE)
    assert event["unmapped"] == {
        "actor_id": "a1",
        "actor_name": "Ada",
        "actor_email": "ada@example.com",
        "target": "Bob / Payroll",
        "session_id": "s1",
    }
    assert "actor" not in event


def test_a_document_of_ecs_has_everything_in_its_place() -> None:
    (document,) = ecs(WHOLE)
    assert document == {
        "@timestamp": "2025-12-10T23:59:59.9999999Z",
        "ecs": {"version": VERSION},
        "event": {
            "kind": "event",
            "module": "okta",
            "dataset": "okta.system",
            "id": "42",
            "action": "group.user_membership.add",
            "category": ["iam"],
            "type": ["group", "change"],
            "outcome": "failure",
            "created": "2026-01-31T08:09:10.123Z",
            "original": exact.dumps(WHOLE["raw"]).decode(),
        },
        "user": {
            "id": "a1",
            "email": "ada@example.com",
            "full_name": "Ada",
            "target": {"id": "u2", "name": "Bob", "email": "bob@example.com"},
        },
        "group": {"id": "g1", "name": "Payroll"},
        "related": {
            "ip": ["2001:db8::1"],
            "user": ["a1", "Ada", "ada@example.com", "u2", "Bob", "bob@example.com"],
        },
        "source": {"ip": "2001:db8::1"},
        "user_agent": {"original": "curl/8"},
        "http": {"response": {"status_code": 403}},
        "organization": {"id": "acme"},
        "auditctl": {"target": "Bob / Payroll", "session_id": "s1"},
    }


REQUEST = record(
    provider="persona",
    time="2025-12-10T23:59:59.999Z",
    action="PATCH /cases",
    status_code=200,
    outcome="success",
    source_ip="192.0.2.1",
    raw={"attributes": {"method": "PATCH", "path": "/cases?page=2"}},
)


def test_a_request_has_its_server_and_its_path() -> None:
    old, new = (ocsf(version, REQUEST)[0] for version in VERSIONS)
    assert new["http_request"]["http_method"] == "PATCH"
    assert (new["activity_id"], new["activity_name"]) == (9, "Patch")
    assert (old["activity_id"], old["activity_name"]) == (99, "PATCH /cases"), "1.3.0 has no PATCH"
    assert "http_method" not in old["http_request"]
    for event in (old, new):
        assert event["http_request"]["url"] == {"path": "/cases", "query_string": "page=2"}
        assert event["dst_endpoint"] == {"hostname": "api.example.com"}
    (document,) = ecs(REQUEST)
    assert document["http"] == {"request": {"method": "PATCH"}, "response": {"status_code": 200}}
    assert document["url"] == {"path": "/cases", "query": "page=2", "original": "/cases?page=2"}
    assert document["event"]["category"] == ["web"]


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("http://127.0.0.1:8080", {"ip": "127.0.0.1"}),
        ("http://[::1]/x", {"ip": "::1"}),
        ("https://a-b.example/demo", {"hostname": "a-b.example"}),
        ("https://b\u00fccher.example", {"name": "b\u00fccher.example"}),
    ],
)
@every_version
def test_the_server_is_an_address_or_a_name(version: str, url: str, endpoint: Any) -> None:
    (event,) = ocsf(version, REQUEST, base_urls={"": url})
    assert event["dst_endpoint"] == endpoint


def test_a_request_without_a_status_is_none_in_1_3_0() -> None:
    one = REQUEST | {"status_code": None, "actor": "ada", "actor_id": "ada"}
    old, new = (ocsf(version, one)[0] for version in VERSIONS)
    assert (old["class_uid"], new["class_uid"]) == (6003, 4002)
    assert old["api"] == {"operation": "PATCH /cases?page=2"}


@every_version
def test_an_event_without_a_time_has_that_of_the_run_and_says_so(version: str) -> None:
    (event,) = ocsf(version, record(raw={"published": "soon"}))
    assert event["time"] == NOW_MS
    assert event["unmapped"]["time"] == NO_TIME
    assert event["metadata"]["original_time"] == "soon"
    (document,) = ecs(record())
    assert document["@timestamp"] == document["event"]["created"]
    assert document["auditctl"]["time"] == ECS_NO_TIME


@every_version
def test_an_address_that_is_none_is_not_called_one(version: str) -> None:
    one = WHOLE | {"action": "user.session.start", "target": None, "actor_email": "a@b"}
    one |= {"actor_id": None, "session_id": None}
    (event,) = ocsf(version, one)
    assert event["user"] == {"name": "Ada"}
    assert event["unmapped"] == {"actor_email": "a@b"}


@every_version
def test_texts_are_cut_only_in_1_3_0_and_nothing_is_lost(version: str) -> None:
    long = "é" * (LONGEST_TEXT + 1)
    fields = ("account", "id", "actor_id", "actor_name", "action", "target", "user_agent")
    one = record(
        **dict.fromkeys(fields, long),
        time="2025-12-10T23:59:59.999Z",
        actor=long,
        source_ip="::1",
        raw={"published": long},
    )
    (event,) = ocsf(version, one)
    cut = long[:LONGEST_TEXT] if version == "1.3.0" else long
    assert event["metadata"]["uid"] == event["metadata"]["original_time"] == cut
    assert event["api"]["operation"] == event["actor"]["user"]["uid"] == cut
    if version == "1.3.0":
        whole = {**dict.fromkeys((*fields, "actor"), long), "raw_data": exact_text(one)}
        assert event["unmapped"] == whole
        assert "raw_data" not in event
    else:
        assert "unmapped" not in event
        assert event["raw_data"] == exact_text(one)


def test_a_text_that_was_cut_is_whole_where_its_class_has_no_place_for_it() -> None:
    long = "é" * (LONGEST_TEXT + 1)
    names = ("target", "user_agent", "session_id", "actor_name")
    for action in (None, "GET /x"):
        one = record(provider="persona", action=action, **dict.fromkeys(names, long))
        one |= {"status_code": 200, "raw": {"attributes": {"method": "GET", "path": "/x"}}}
        (event,) = ocsf("1.3.0", one)
        unmapped = event["unmapped"]
        assert {name: unmapped[name] for name in names} == dict.fromkeys(names, long)


def exact_text(one: Record) -> str:
    return exact.dumps(one["raw"]).decode()


def test_a_document_has_no_time_finer_than_nanoseconds() -> None:
    (document,) = ecs(record(time="2025-12-10T23:59:59.99999999999Z"))
    assert document["@timestamp"] == "2025-12-10T23:59:59.999999999Z"


# The tables


@every_provider
def test_a_table_says_what_there_is(name: str) -> None:
    data = read(name)
    listed = list(names_in(data))
    assert len({one for one, _ in listed}) == len(listed), "a name has two meanings"
    for _, meaning in listed:
        assert meaning.activity in {"other", *CLASSES[meaning.class_].activities}
    known = {"product", "vendor", "dataset", "event", "time", "target", "severity", "places"}
    assert data.keys() <= known | {"actor_name_is_login"} | CLASSES.keys()
    assert {"product", "vendor", "dataset", "time"} <= data.keys()
    objects = {"user", "group", "entity", "service", "privilege", "request"}
    assert data.get("places", {}).keys() <= objects
    assert table(name).meaning(record(provider=name, action=None, raw=None)) is None


def test_a_name_goes_before_a_pattern_and_the_first_pattern_before_the_others() -> None:
    found = Table(
        "x",
        {
            "authentication": {"other": ["a.*", "*.c"]},
            "account_change": {"lock": ["a.b"], "create": ["*.c"], "delete": ["a.b.*"]},
        },
    )
    meanings = [found.meaning(record(action=name)) for name in ("a.b", "a.b.c", "x.c", "x")]
    first = Meaning("authentication", "other")
    assert meanings == [Meaning("account_change", "lock"), first, first, None]


def test_a_long_name_is_compared_by_its_beginning() -> None:
    name = "user_" + "mfa" * 100_000
    assert table("atlassian").meaning(record(action=name)) == Meaning("account_change", "other")


@every_version
def test_the_classes_are_those_of_the_schema(version: str) -> None:
    for name, ours in CLASSES.items():
        theirs = official(version)["classes"][name]
        assert (ours.uid, ours.title) == (theirs["uid"], theirs["caption"])
        assert ours.category == theirs.get("category_uid", 0)
        if ours.category:
            assert CATEGORIES[ours.category] == theirs["category_name"]
        captions = {
            int(number): one["caption"]
            for number, one in theirs["attributes"]["activity_id"]["enum"].items()
        }
        for activity, number in ours.activities.items():
            is_there = version != "1.3.0" or (name, activity) not in LATER
            assert captions.get(number) == (caption(activity) if is_there else None)
        has = validator(version, name).schema["properties"].keys()
        shared = ours.has if version == "1.3.0" else ours.has | ours.has_later
        assert shared == has & set(SHARED)
    attributes = official(version)["classes"]["authentication"]["attributes"]
    for number, text in [*STATUSES.values(), *SEVERITIES.items()]:
        named = "status_id" if (number, text) in STATUSES.values() else "severity_id"
        assert attributes[named]["enum"][str(number)]["caption"] == text
    methods = METHODS if version == "1.3.0" else METHODS + LATER_METHODS
    http = validator(version, "http_activity").schema["$defs"]["http_request"]["properties"]
    assert set(methods) == set(http["http_method"]["enum"])


@every_provider
def test_the_dataset_begins_with_the_module_as_ecs_wants(name: str) -> None:
    assert table(name).dataset.startswith(f"{name}.")


def test_ecs_is_of_the_version_that_its_fields_are_of() -> None:
    assert ECS["version"] == VERSION
    for ours in CLASSES.values():
        if ours.ecs:
            kinds = {*ours.ecs[1:], *ours.types.values()}
            assert kinds <= set(ECS["categories"][ours.ecs[0]])
