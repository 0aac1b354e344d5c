"""`check`, `providers` and `schema`: what holds, and what each provider needs."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from email.utils import formatdate

import pytest

from auditctl import registry
from auditctl.declared import needed
from auditctl.records.record import FIELDS
from tests.program import Run, closed, process, result
from tests.server import DROP, LOGS, NOT_JSON, WRONG_SHAPE, Fault, Server, redirect, too_many
from tests.tape import provider_class
from tests.world import ROWS, SPAN, every_provider, log

UNREACHABLE, ACCESS, THROTTLED, STRANGE = 3, 4, 5, 6

# check


@every_provider
def test_check_proves_each_thing_in_a_line(name: str) -> None:
    history = LOGS[name](ROWS, span=SPAN)
    with Server(history) as server:
        found = result(name, "check", **server.environment)
    assert (found.status, found.said) == (0, "")
    lines = found.out.decode().splitlines()
    for word in ("reachable", "credentials", "permission", "clock", "newest record"):
        assert len([line for line in lines if word in line]) == 1
    assert all(line.startswith("ok ") for line in lines)
    newest = [history.moment(0), history.moment(ROWS - 1)]
    assert any(f"{moment:%Y-%m-%dT%H:%M:%S}" in found.out.decode() for moment in newest)


NOT_THE_API = "answered, but not as the API"
FAILURES: dict[str, tuple[Fault, int, list[str], str]] = {
    "401": (Fault(401), ACCESS, ["reachable"], "credentials"),
    "403": (Fault(403), ACCESS, ["reachable", "credentials"], "permission"),
    "404": (Fault(404), STRANGE, ["reachable"], "answer"),
    "400": (Fault(400), STRANGE, ["reachable"], "answer"),
    "redirect": (redirect("https://elsewhere.example/"), STRANGE, ["reachable"], "answer"),
    "strange": (WRONG_SHAPE, STRANGE, ["reachable"], "answer"),
    "500": (Fault(500), UNREACHABLE, [], f"reachable: {NOT_THE_API}"),
    "501": (Fault(501), UNREACHABLE, [], f"reachable: {NOT_THE_API}"),
    "503": (Fault(503), UNREACHABLE, [], f"reachable: {NOT_THE_API}"),
    "page": (NOT_JSON, UNREACHABLE, [], f"reachable: {NOT_THE_API}"),
    "404 page": (
        replace(NOT_JSON, status=404),
        STRANGE,
        ["reachable"],
        f"answer: {NOT_THE_API}",
    ),
    "dropped": (DROP, UNREACHABLE, [], "reachable"),
    "429": (too_many(9), THROTTLED, ["reachable"], "rate limit"),
}


@pytest.mark.parametrize(("fault", "status", "proven", "failed"), FAILURES.values(), ids=FAILURES)
@every_provider
def test_check_says_what_holds_and_ends_with_the_status_of_what_does_not(
    name: str, fault: Fault, status: int, proven: list[str], failed: str
) -> None:
    with Server(log(name), faults=lambda _: fault) as server:
        found = result(name, "check", "--retry-for", "0s", **server.environment)
    assert found.status == status
    if name == "hrhis" and fault.status == 403:  # which is also its answer to strangers
        proven, failed = ["reachable"], "credentials or permission"
    *held, last = found.text.splitlines()
    assert [line.partition(":")[0] for line in held] == [f"ok      {step}" for step in proven]
    assert last == f"FAILED  {failed}"
    assert found.said.startswith("auditctl: error: ")
    assert found.said.count("\n") == 1


def test_check_does_not_take_back_what_an_answer_has_proven() -> None:
    empty = Fault(edit=lambda body: re.sub(rb'"data":\[.*?\],"links"', b'"data":[],"links"', body))
    with Server(log("persona"), faults={1: empty, 2: too_many(9)}) as server:
        found = result("persona", "check", "--retry-for", "0s", **server.environment)
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
        found = result("persona", "check", **server.environment)
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
        quiet = result("persona", "check", option, "-v", **server.environment)
        closed_ = process(
            "persona", "check", option, environ=server.environment, command=closed(">&-")
        )
        server.faults = lambda _: Fault(401)
        refused = result("persona", "check", option, **server.environment)
    assert quiet == closed_ == Run(0, b"", "")
    assert (refused.status, refused.out) == (ACCESS, b"")
    assert refused.said.startswith("auditctl: error: Persona refused the credentials")


@every_provider
def test_check_holds_for_an_empty_log_and_for_sample_data(name: str) -> None:
    with Server(log(name, 0)) as server:
        found = result(name, "check", **server.environment)
    assert (found.status, found.said) == (0, "")
    assert re.search(r"newest record.*: none", found.out.decode())
    assert result(name, "check", "--demo").status == 0


# providers and schema


def test_providers_tells_in_one_row_what_each_provider_needs() -> None:
    found = result("providers")
    assert (found.status, found.said) == (0, "")
    header, *rows = found.out.decode().splitlines()
    titles = ("environment", "permission", "order", "retention", "rate limit", "docs")
    assert [title for title in titles if title not in header] == []
    by_name = {row.split()[0]: row for row in rows}
    assert sorted(by_name) == sorted(registry.installed())
    for name in LOGS:
        row = by_name[name]
        assert [variable for variable in needed(provider_class(name)) if variable not in row] == []
        assert f"{name.upper()}_BASE_URL" in row
        assert len(re.split(" {2,}", row)) == len(re.split(" {2,}", header))
    assert ["none documented" in by_name[name] for name in ("upstash", "hrhis")] == [True, True]
    assert "newest first" in by_name["persona"]


def test_providers_tells_programs_the_same() -> None:
    found = result("providers", "-f", "json")
    assert (found.status, found.said) == (0, "")
    rows = {row["provider"]: row for row in json.loads(found.out)}
    assert sorted(rows) == sorted(registry.installed())
    facts = ("permission", "order", "retention", "rate_limit", "docs")
    assert all(row[fact] for row in rows.values() for fact in facts)
    for name in LOGS:
        read = rows[name]["environment"]
        required = [one for one in read if one["required"]]
        assert [" or ".join([one["name"], *one["alternatives"]]) for one in required] == (
            needed(provider_class(name))
        )
        assert [one["default"] for one in required] == [None] * len(required)
        assert sum(one["secret"] for one in read) == 1
        assert f"{name.upper()}_BASE_URL" in [one["name"] for one in read]
    read = [*rows["entra"]["environment"], *rows["google"]["environment"]]
    assert {one["name"]: one["tokens_from"] for one in read if one["tokens_from"]} == {
        "ENTRA_LOGIN_URL": "https://login.microsoftonline.com",
        "GOOGLE_SERVICE_ACCOUNT": "its token_uri",
    }


def test_the_schema_describes_each_field_in_order() -> None:
    found = result("schema")
    assert (found.status, found.said) == (0, "")
    schema = json.loads(found.out)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert (*schema["properties"],) == FIELDS == (*schema["required"],)
    assert schema["additionalProperties"] is False
    assert all(described["description"] for described in schema["properties"].values())
    assert schema["properties"]["outcome"]["enum"] == ["success", "failure", "unknown"]
