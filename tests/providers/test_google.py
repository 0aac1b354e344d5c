"""Google Workspace: rows with several events, page tokens, tokens for a service account."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import httpx
import pytest

from auditctl.commands.check import check
from auditctl.commands.show import described
from auditctl.errors import AccessError, AnswerError, ForbiddenError, RefusedError, ThrottledError
from auditctl.export import batches
from auditctl.formats.jsonl import Jsonl
from auditctl.provider import Secret, Window
from auditctl.providers.google import Google
from auditctl.settings import find, load
from tests.account import TOKEN_URL, account, claims
from tests.service import Service, moment

if TYPE_CHECKING:
    from pathlib import Path

    from auditctl.records.record import Record

GOOGLE = Google(
    service_account=Secret(account(TOKEN_URL)),
    subject="admin@example.com",
    base_url="https://admin.googleapis.com",
)
PATH = "/admin/reports/v1/activity/users/all/applications/"
KIND = "admin#reports#activities"
SPAN = ("2026-01-01", "2026-02-01")
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def event(name: str = "CREATE_USER", *parameters: tuple[str, Any]) -> dict[str, Any]:
    listed = [{"name": parameter, "value": value} for parameter, value in parameters]
    return {"type": "USER_SETTINGS", "name": name, "parameters": listed}


def row(number: int, at: str, *events: Any, **more: Any) -> dict[str, Any]:
    return {
        "kind": "admin#reports#activity",
        "id": {
            "time": at,
            "uniqueQualifier": str(-number),
            "applicationName": "admin",
            "customerId": "C01example",
        },
        "actor": {"callerType": "USER", "email": "asha@example.com", "profileId": "1053"},
        "ipAddress": "192.0.2.7",
        "events": list(events),
        **more,
    }


class Reports:
    """Answers as the API does, newest first; refuses whatever it does not document."""

    def __init__(self, *rows: Any, counts: bool = True) -> None:
        self.rows = rows
        self.counts = counts
        """An event at an end of the window is in it."""
        self.service = Service(self.answer)

    def answer(self, request: httpx.Request) -> Any:
        if str(request.url) == TOKEN_URL:
            return self.token(request)
        assert request.headers["Authorization"] == "Bearer t0ken"
        params = dict(request.url.params)
        assert params.keys() <= {"startTime", "endTime", "maxResults", "pageToken"}
        start, end = params["startTime"], params["endTime"]
        assert RFC3339.fullmatch(start)
        assert RFC3339.fullmatch(end)
        begin, stop = datetime.fromisoformat(start), datetime.fromisoformat(end)
        if begin >= stop or (request.url.path.endswith("/gmail") and stop - begin > GMAIL):
            return httpx.Response(400, json={"error": {"code": 400, "message": "Bad window"}})
        found = [one for one in self.rows if begin < self.time(one) < stop]
        if self.counts:
            found = [one for one in self.rows if begin <= self.time(one) <= stop]
        size, first = int(params["maxResults"]), int(params.get("pageToken", "0"))
        assert 1 <= size <= 1000
        items = found[first : first + size]
        more = {"nextPageToken": str(first + size)} if first + size < len(found) else {}
        return {"kind": KIND, "etag": "x", **({"items": items} if items else {}), **more}

    @staticmethod
    def time(one: Any) -> datetime:
        return datetime.fromisoformat(one["id"]["time"])

    @staticmethod
    def token(request: httpx.Request) -> Any:
        said = claims(parse_qs(request.content.decode())["assertion"][0])
        assert said["sub"] == "admin@example.com"
        assert said["aud"] == TOKEN_URL
        assert said["scope"] == "https://www.googleapis.com/auth/admin.reports.audit.readonly"
        return {"access_token": "t0ken", "expires_in": 3599, "token_type": "Bearer"}

    @property
    def questions(self) -> list[dict[str, str]]:
        return [dict(one.url.params) for one in self.service.asked if str(one.url) != TOKEN_URL]


GMAIL = timedelta(days=30)


def export(*rows: Any, log: str = "admin") -> list[Record]:
    return Reports(*rows).service.export(replace(GOOGLE, log_name=log), *SPAN)


def test_a_row_becomes_a_record() -> None:
    one = row(
        7,
        "2026-01-31T10:00:00.123Z",
        event("CHANGE_PASSWORD", ("USER_EMAIL", "bilal@example.com")),
    )
    (record,) = export(one)
    assert record == {
        "time": "2026-01-31T10:00:00.123Z",
        "provider": "google",
        "account": "C01example",
        "id": "2026-01-31T10:00:00.123Z/-7/0",
        "actor": "asha@example.com",
        "actor_id": "1053",
        "actor_name": None,
        "actor_email": "asha@example.com",
        "action": "CHANGE_PASSWORD",
        "target": "bilal@example.com",
        "outcome": "unknown",
        "status_code": None,
        "source_ip": "192.0.2.7",
        "user_agent": None,
        "session_id": None,
        "raw": one,
    }


def test_each_event_of_a_row_becomes_a_record_and_the_row_is_cut_to_it() -> None:
    events = [event("a"), event("b"), event("a")]
    other = row(2, "2026-01-02T10:00:00Z", event("c"))
    found = export(row(1, "2026-01-03T10:00:00Z", *events), other)
    assert [record["id"] for record in found] == [
        "2026-01-03T10:00:00Z/-1/0",
        "2026-01-03T10:00:00Z/-1/1",
        "2026-01-03T10:00:00Z/-1/2",
        "2026-01-02T10:00:00Z/-2/0",
    ]
    assert [record["action"] for record in found] == ["a", "b", "a", "c"]
    assert [record["raw"]["events"] for record in found[:3]] == [[one] for one in events]
    assert found[1]["raw"] == row(1, "2026-01-03T10:00:00Z", events[1])


@pytest.mark.parametrize("events", [[], None, "x", {}])
def test_a_row_without_events_is_one_record(events: Any) -> None:
    one = row(1, "2026-01-03T10:00:00Z", events=events)
    (record,) = export(one)
    assert (record["id"], record["action"]) == ("2026-01-03T10:00:00Z/-1/0", None)
    assert record["raw"] == one


def test_events_of_any_form_are_exported() -> None:
    events: list[Any] = ["x", "x", None, 7, [], {"name": []}]
    found = export(row(1, "2026-01-03T10:00:00Z", *events))
    assert [record["id"][-2:] for record in found] == ["/0", "/1", "/2", "/3", "/4", "/5"]
    assert [record["raw"]["events"] for record in found] == [[one] for one in events]


def test_numbers_stay_exact_in_each_of_a_rows_events() -> None:
    body = (
        b'{"kind":"reports#activities","items":[{"id":{"time":"2026-01-03T10:00:00Z",'
        b'"uniqueQualifier":-1},"sum":1.10,"events":[{"name":"a","n":-0},{"name":"b","n":1e400}]}]}'
    )
    found = Service.saying({"access_token": "t"}, body).export(GOOGLE, *SPAN)
    first, second = Jsonl(None).rows(found).splitlines()
    assert b'"id":"2026-01-03T10:00:00Z/-1/0"' in first
    assert b'"sum":1.10,"events":[{"name":"a","n":-0}]' in first
    assert b'"sum":1.10,"events":[{"name":"b","n":1e400}]' in second


@pytest.mark.parametrize(
    ("parameters", "more", "expected"),
    [
        ([("doc_id", "1"), ("doc_title", "Plan"), ("USER_EMAIL", "x@example.com")], {}, "Plan"),
        ([("USER_EMAIL", "x@example.com"), ("doc_title", "Plan")], {}, "x@example.com"),
        ([("GROUP_EMAIL", "all@example.com")], {}, "all@example.com"),
        ([("target_user", "t@example.com")], {}, "t@example.com"),
        ([("app_name", "An app")], {}, "An app"),
        ([("affected_email_address", "a@example.com")], {}, "a@example.com"),
        ([("app_name", ""), ("doc_title", "Plan")], {}, "Plan"),
        ([("x", "y")], {"resourceDetails": [{"id": "r1", "title": "A label"}]}, "A label"),
        ([("x", "y")], {"resourceDetails": [{"id": "r1"}, {"id": "r2"}]}, "r1"),
        ([], {"resourceDetails": []}, None),
        ([], {"resourceDetails": "x"}, None),
        ([("x", "y")], {}, None),
    ],
)
def test_the_target_is_a_parameter_or_a_resource(
    parameters: list[tuple[str, Any]], more: dict[str, Any], expected: str | None
) -> None:
    (record,) = export(row(1, "2026-01-03T10:00:00Z", event("a", *parameters), **more))
    assert record["target"] == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("login_success", "success"),
        ("login_failure", "failure"),
        ("2sv_challenge_failed", "failure"),
        ("failed_login", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_outcome_is_in_the_name(name: str, expected: str) -> None:
    (record,) = export(row(1, "2026-01-03T10:00:00Z", event(name)), log="login")
    assert record["outcome"] == expected


def test_a_robot_is_known_by_its_key_and_placeholders_stay() -> None:
    actor = {"callerType": "KEY", "key": "SYSTEM", "profileId": "105250506097979753968"}
    (record,) = export(row(1, "2026-01-03T10:00:00Z", event(), actor=actor))
    assert (record["actor"], record["actor_id"]) == ("SYSTEM", "105250506097979753968")


@pytest.mark.parametrize("ident", [{}, {"time": "2026-01-03T10:00:00Z"}, {"uniqueQualifier": "1"}])
def test_a_row_without_a_whole_id_gets_one_of_its_content(ident: dict[str, Any]) -> None:
    answer = {"kind": KIND, "items": [{"id": ident, "events": [{"name": "a"}, {"name": "b"}]}]}
    found = Service.saying({"access_token": "t"}, answer).export(GOOGLE, *SPAN)
    assert len({record["id"] for record in found}) == 2
    assert all(re.fullmatch("[0-9a-f]{64}", record["id"]) for record in found)


# Pages and windows


def days(count: int, start: str = "2026-01-31") -> list[Any]:
    newest = moment(start)
    times = [newest - timedelta(days=n) for n in range(count)]
    return [row(n, f"{time:%Y-%m-%dT%H:%M:%S.000Z}", event()) for n, time in enumerate(times)]


def test_pages_are_followed_by_their_token_with_the_same_question() -> None:
    rows = [row(n, "2026-01-03T10:00:00Z", event("a"), event("b")) for n in range(2500)]
    reports = Reports(*rows)
    found = reports.service.export(GOOGLE, *SPAN)
    assert len({record["id"] for record in found}) == len(found) == 5000
    first = {"startTime": "2025-12-31T23:59:59.999Z", "endTime": "2026-02-01T00:00:00.000Z"}
    first["maxResults"] = "1000"
    tokens = [{}, {"pageToken": "1000"}, {"pageToken": "2000"}]
    assert reports.questions == [{**first, **token} for token in tokens]
    assert reports.service.asked[1].url.path == f"{PATH}admin"
    assert len(reports.service.asked) == 4


def test_an_empty_log_has_no_list() -> None:
    assert export() == []
    service = Service.saying({"access_token": "t"}, {"unexpected": 1})
    with pytest.raises(AnswerError, match="lacks the list items"):
        service.export(GOOGLE, *SPAN)


@pytest.mark.parametrize("counts", [True, False])
def test_events_at_the_beginning_are_there_and_those_at_the_end_not(*, counts: bool) -> None:
    rows = [row(n, f"2026-0{n}-01T00:00:00.000Z", event()) for n in (2, 1)]
    found = Reports(*rows, counts=counts).service.export(GOOGLE, *SPAN)
    assert [record["id"] for record in found] == ["2026-01-01T00:00:00.000Z/-1/0"]


@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize("oldest_first", [False, True])
def test_gmail_is_asked_for_thirty_days_at_a_time_and_no_event_is_lost_or_doubled(
    *, counts: bool, oldest_first: bool
) -> None:
    reports = Reports(*days(100), counts=counts)
    gmail = replace(GOOGLE, log_name="gmail")
    window = Window(moment("2025-11-01"), moment("2026-02-01"), oldest_first=oldest_first)
    client = reports.service.client(gmail)
    found = [record["id"] for batch in batches(gmail, client, window) for record in batch.records]
    assert len(set(found)) == len(found) == 92
    assert len(reports.questions) == 4
    assert reports.service.asked[1].url.path == f"{PATH}gmail"


def test_a_walk_goes_on_from_a_token() -> None:
    reports = Reports(*days(1200))
    window = Window(moment("2020-01-01"), moment("2026-02-01"))
    (page,) = GOOGLE.pages_from(reports.service.client(GOOGLE), window, "0 1000")
    assert (page.position, len(page.events)) == ("0 1000", 200)


def test_a_walk_in_slices_goes_on_in_the_slice_where_it_was() -> None:
    reports = Reports(*days(70))
    gmail = replace(GOOGLE, log_name="gmail")
    window = Window(moment("2025-12-01"), moment("2026-02-01"))
    client = reports.service.client(gmail)
    whole = [(page.position, len(page.events)) for page in gmail.pages(client, window)]
    assert len(whole) == 3
    client.begin()
    pages = gmail.pages_from(client, window, str(whole[1][0]))
    assert [(page.position, len(page.events)) for page in pages] == whole[1:]


# Refusals


def refused(status: int, reason: str, message: str = "Said by Google") -> Service:
    error = {"code": status, "message": message, "errors": [{"reason": reason}], "status": "X"}
    return Service.saying({"access_token": "t"}, httpx.Response(status, json={"error": error}))


@pytest.mark.parametrize("reason", ["rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"])
def test_a_403_may_mean_too_many_requests(reason: str) -> None:
    with pytest.raises(ThrottledError, match="Said by Google"):
        refused(403, reason).export(GOOGLE, *SPAN)


@pytest.mark.parametrize(
    ("status", "failure", "hint"),
    [
        (403, ForbiddenError, "the privilege Reports"),
        (404, RefusedError, "Check GOOGLE_BASE_URL"),
        (400, RefusedError, "Check --log"),
    ],
)
def test_a_refusal_says_what_to_do(status: int, failure: type[Exception], hint: str) -> None:
    with pytest.raises(failure, match="Said by Google") as said:
        refused(status, "forbidden").export(GOOGLE, *SPAN)
    assert hint in str(said.value)


def test_a_missing_delegation_is_told_with_both_settings() -> None:
    said = {"error": "unauthorized_client", "error_description": "Client is unauthorized."}
    service = Service.saying(httpx.Response(401, json=said))
    with pytest.raises(AccessError) as failure:
        service.export(GOOGLE, *SPAN)
    assert "(401: unauthorized_client, Client is unauthorized.)" in str(failure.value)
    assert "Check GOOGLE_SERVICE_ACCOUNT and GOOGLE_SUBJECT" in str(failure.value)


def test_the_key_is_mostly_in_a_file_and_has_several_lines(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text(f"{account(TOKEN_URL)}\n")
    environ = {"GOOGLE_SERVICE_ACCOUNT_FILE": str(path), "GOOGLE_SUBJECT": "it@example.com"}
    found = load(Google, find(Google, environ, {}))
    assert found.service_account.reveal().count("\n") > 5
    assert found.auth().token_url == TOKEN_URL
    of_variable = {**environ, "GOOGLE_SERVICE_ACCOUNT": path.read_text()}
    with pytest.raises(AccessError, match="are both set"):
        find(Google, of_variable, {})
    del of_variable["GOOGLE_SERVICE_ACCOUNT_FILE"]
    assert load(Google, find(Google, of_variable, {})).auth() == found.auth()


def test_what_is_missing_is_named() -> None:
    with pytest.raises(AccessError) as failure:
        load(Google, find(Google, {}, {}))
    said = "Google Workspace needs GOOGLE_SUBJECT and GOOGLE_SERVICE_ACCOUNT, not set here: "
    assert str(failure.value).startswith(said)
    assert "as in GOOGLE_SERVICE_ACCOUNT_FILE" in str(failure.value)


def test_the_origin_of_the_token_is_told() -> None:
    told = described(Google)["environment"]
    assert "GOOGLE_SERVICE_ACCOUNT (tokens from its token_uri)" in told
    lines = list(check(GOOGLE, Reports().service.client(GOOGLE), datetime.now(UTC)))
    assert f"ok      credentials: a token of {TOKEN_URL}" in lines


def test_every_application_of_the_discovery_document_is_a_log() -> None:
    assert len(Google.logs) == 42
    assert list(Google.logs)[:4] == ["admin", "login", "token", "drive"]
    assert GOOGLE.log_name == "admin"
