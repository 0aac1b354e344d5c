"""What every provider promises, whoever wrote it: shown with its own sample data."""

from __future__ import annotations

import ast
import importlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import auditctl
from auditctl import demo, registry
from auditctl.batch import Batch
from auditctl.declared import variables
from auditctl.errors import AuditctlError
from auditctl.export import batches, batches_of, most_recent
from auditctl.http.answer import parse
from auditctl.http.client import Client
from auditctl.provider import Order, Page, Window
from auditctl.records.record import Record
from auditctl.records.schema import AuditRecord
from auditctl.settings import sample
from tests import tape
from tests.program import result
from tests.server import LOGS
from tests.vendors import VENDORS

PROVIDERS = sorted(registry.installed())
PACKAGE = Path(auditctl.__file__).parent
ROOT = PACKAGE.parent

every_provider = pytest.mark.parametrize("name", PROVIDERS)
LOGS_OF_A_KIND = 4
"""Logs of one provider that are tested: Google has forty more, which differ in their name only."""
every_log = pytest.mark.parametrize(
    ("name", "log"),
    [
        (name, log)
        for name in PROVIDERS
        for log in list(tape.provider_class(name).logs)[:LOGS_OF_A_KIND]
    ],
)


# Facts


@every_provider
def test_its_facts_are_filled_in(name: str) -> None:
    provider = tape.provider_class(name)
    assert provider.name == name
    assert re.fullmatch(r"[a-z][a-z0-9]*", name)
    assert provider.__name__.lower() == name
    assert all(type(log.order) is Order for log in provider.logs.values())
    assert all(log.permission and log.retention for log in provider.logs.values())
    assert provider.rate_limit
    assert provider.docs.startswith("https://")
    assert {401, 403} <= provider.hints.keys()
    assert all(hint.endswith(".") for hint in provider.hints.values())
    read = variables(provider)
    assert all(names[0] == f"{name}_{field}".upper() for field, (names, _) in read.items())
    assert "base_url" in read


def test_what_is_listed_once_is_there_in_every_place() -> None:
    modules = {path.stem for path in (PACKAGE / "providers").glob("[!_]*.py")}
    demos = {
        path.stem
        for path in (PACKAGE / "demo").glob("[!_]*.py")
        if hasattr(importlib.import_module(f"auditctl.demo.{path.stem}"), "answer")
    }
    headings = re.findall(r"(?m)^## (.+)$", (ROOT / "docs" / "providers.md").read_text())
    titles = [tape.provider_class(name).title for name in PROVIDERS]
    walks = {path.stem for path in tape.FOLDER.glob("*.yaml")}
    expected = set(PROVIDERS)
    assert modules == expected
    assert demos == expected
    assert LOGS.keys() | VENDORS.keys() == expected
    assert [registry.titles()[registry.installed()[name]] for name in PROVIDERS] == titles
    assert [title for title in titles if title not in headings] == []
    assert expected <= walks
    assert {walk.partition("-")[0] for walk in walks} == expected


# Reading events


EVER = Window(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
NOW = datetime(2025, 12, 10, 15, 4, 5, tzinfo=UTC)


@pytest.fixture(autouse=True, scope="module")
def clock() -> Iterator[None]:
    """Let it be the moment of the sample data."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Client, "now", lambda _: NOW)
        yield


@cache
def words(name: str) -> list[str]:
    """Find all that a provider's module calls by name: the fields of its events among it."""
    tree = ast.parse((PACKAGE / "providers" / f"{name}.py").read_text())
    texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return sorted({text for text in texts if isinstance(text, str) and len(text) < 40})


def json_values(name: str) -> st.SearchStrategy[Any]:
    keys = st.sampled_from(words(name)) | st.text(max_size=5)
    leaves = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=9)
        | st.sampled_from(["", "NA", "2025-12-10T15:04:05.678Z", "a@example.com", "inq_Example1"])
        | st.sampled_from(words(name))
    )
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5),
        max_leaves=30,
    )


def with_a_change(tree: Any, replaced: Any, place: int) -> Any:
    """Give a copy of a JSON value in which one of the values inside is another."""
    places: list[tuple[Any, Any]] = []
    copy = [json.loads(json.dumps(tree))]
    todo: list[Any] = [copy]
    for value in todo:  # grows while it is read
        inside = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in inside:
            places.append((value, key))
            if isinstance(inner, dict | list):
                todo.append(inner)
    holder, key = places[place % len(places)]
    holder[key] = replaced
    return copy[0]


@every_provider
@settings(max_examples=30)
@given(data=st.data())
def test_any_json_becomes_a_record_that_the_schema_accepts(name: str, data: st.DataObject) -> None:
    provider = sample(tape.provider_class(name))
    body = json.dumps([data.draw(json_values(name)), data.draw(json_values(name))])
    event, context = parse(body.encode()).tree
    if isinstance(event, dict):
        provider.normalize(event, context)  # does not raise
    batch = next(batches_of(provider, [Page([event], context)], EVER)).records
    assert [AuditRecord.model_validate(record).raw for record in batch] == [batch[0]["raw"]]


@every_provider
@settings(max_examples=20)
@given(data=st.data())
def test_whatever_one_answer_holds_records_or_a_foreseen_failure_come_of_it(
    name: str, data: st.DataObject
) -> None:
    first = answer_of_demo(name)
    changed = with_a_change(first, data.draw(json_values(name)), data.draw(st.integers(0, 10**4)))
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=changed))
    provider = sample(tape.provider_class(name))
    client = Client(provider, transport=transport, retry_for=timedelta(), concurrency=1)
    window = Window(NOW - timedelta(hours=1), NOW)
    try:
        for batch in batches(provider, client, window):
            for record in batch.records:
                AuditRecord.model_validate(record)
    except AuditctlError:
        pass
    finally:
        client.close()


@cache
def answer_of_demo(name: str) -> Any:
    """Give the first answer that the sample data has, its list cut to a few events."""
    answers: list[httpx.Response] = []
    sent = demo.transport(tape.provider_class(name), NOW)

    def keep(request: httpx.Request) -> httpx.Response:
        response = httpx.Response(200, content=sent.handle_request(request).read())
        answers.append(response)
        return response

    provider = sample(tape.provider_class(name))
    client = Client(provider, transport=httpx.MockTransport(keep), concurrency=1)
    next(iter(provider.pages(client, Window(NOW - timedelta(hours=1), NOW))))
    client.close()
    body = answers[0].json()
    lists = [body] if isinstance(body, list) else [v for v in body.values() if type(v) is list]
    for events in lists:
        del events[3:]
    return body


# The sample data's walk


def walk(name: str, log: str, since: timedelta, until: timedelta = timedelta()) -> Iterator[Batch]:
    provider = sample(tape.provider_class(name), log_name=log)
    client = Client(provider, transport=demo.transport(tape.provider_class(name), NOW))
    window = Window(NOW - since, NOW - until)
    return batches(provider, client, window)


@cache
def export(name: str, log: str, since: timedelta, until: timedelta = timedelta()) -> list[Record]:
    """Export sample data, which nobody changes."""
    return [record for batch in walk(name, log, since, until) for record in batch.records]


def order(name: str, log: str) -> Order:
    return tape.provider_class(name).logs[log].order.of(EVER)


@every_log
def test_its_sample_data_are_sound_records_each_with_an_id_of_its_own(name: str, log: str) -> None:
    found = export(name, log, timedelta(days=30))
    assert len(found) > 100
    assert len({record["id"] for record in found}) == len(found)
    assert {record["outcome"] for record in found} <= {"success", "failure", "unknown"}
    for record in found:
        assert AuditRecord.model_validate(record).provider == name
        best = record["actor_email"] or record["actor_name"] or record["actor_id"]
        assert record["actor"] == best


@every_log
def test_two_halves_of_a_window_hold_what_the_whole_holds(name: str, log: str) -> None:
    month, middle = timedelta(days=30), timedelta(days=11, hours=7)
    whole_window = export(name, log, month)
    newer, older = export(name, log, middle), export(name, log, month, middle)
    assert newer
    assert older
    if order(name, log) is Order.NONE_DOCUMENTED:
        assert sorted(map(str, newer + older)) == sorted(map(str, whole_window))
    elif order(name, log).is_newest_first:
        assert newer + older == whole_window
    else:
        assert older + newer == whole_window


@every_log
@pytest.mark.parametrize("limit", [1, 7, 150])
def test_a_limit_gives_the_head_of_the_sorted_whole(name: str, log: str, limit: int) -> None:
    month = timedelta(days=30)
    by_age = sorted(export(name, log, month), key=lambda record: str(record["time"]), reverse=True)
    ordered = order(name, log).is_newest_first
    newest = most_recent(walk(name, log, month), limit, ordered=ordered)
    assert [record for batch in newest for record in batch.records] == by_age[:limit]


@every_provider
def test_its_demo_needs_no_settings_and_says_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Client, "now", lambda _: datetime.now(UTC))  # as the sample data has it
    found = result(name, "list", "--demo", "--since", "1h")
    assert found.ended == (0, "")
    assert len(found.records) >= 1
    for line in found.out.splitlines():
        AuditRecord.model_validate_json(line)
