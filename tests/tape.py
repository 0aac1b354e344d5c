"""Plays cassettes to the command line, and records new ones with nobody's data in them."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import responses
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import vcr  # type: ignore[import-untyped]
from vcr.request import Request  # type: ignore[import-untyped]
from vcr.serializers import yamlserializer  # type: ignore[import-untyped]

from auditctl import registry, settings
from auditctl.declared import account_keys, in_paths, variables
from auditctl.http.client import Client
from auditctl.provider import Provider
from auditctl.records import exact
from auditctl.records.redact import REDACTED, scan
from tests import program
from tests.account import TOKEN_URL, account

FOLDER = Path(__file__).parent.parent / "cassettes"
MATCHED = ("method", "scheme", "host", "port", "path", "query", "body")
RECORDED = "-recorded"


@dataclass(frozen=True)
class Cassette:
    """What a service said once, which words were typed, and how the run must end."""

    path: Path
    arguments: list[str]
    status: int = 0
    says: str = ""
    """All that stands on standard error."""
    environment: Mapping[str, str] = field(default_factory=dict)
    now: str = ""
    """The moment of the run, where it makes a difference."""

    @property
    def provider(self) -> str:
        return self.path.stem.partition("-")[0]

    @property
    def expected(self) -> Path:
        return self.path.with_suffix(".jsonl")


def load(path: Path) -> Any:
    return yamlserializer.deserialize(path.read_text())


def cassette(path: Path) -> Cassette:
    return Cassette(path, **load(path)["metadata"])


def provider_class(name: str) -> type[Provider]:
    provider = registry.load(name, pytest.fail)
    assert provider is not None
    return provider


def play(tape: Cassette, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run the command line with the cassette for a network; every answer in it is asked for."""
    provider = provider_class(tape.provider)
    required = {
        names[0]: "example" for names, default in variables(provider).values() if default is None
    }
    for name in list(os.environ):
        if name.startswith(f"{tape.provider.upper()}_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in {**required, **tape.environment}.items():
        monkeypatch.setenv(name, value)
    if tape.now:
        now = datetime.fromisoformat(tape.now)
        monkeypatch.setattr(Client, "now", lambda _: now)
    for setting in account_keys(provider):
        monkeypatch.setenv(variables(provider)[setting][0][0], account(TOKEN_URL))
    player = vcr.VCR(
        record_mode="none",
        match_on=MATCHED,
        # It is another one each time, and signed with a key that is.
        filter_post_data_parameters=[("assertion", "example")],
    )
    with player.use_cassette(str(tape.path)) as played:
        status = program.run(tape.provider, *tape.arguments, **os.environ)
    assert played.all_played
    return status


def record(name: str, path: Path) -> Cassette:
    """Export yesterday's log with the settings of this environment, and keep what was said.

    Nothing is kept but what `Scrubber` lets through, so the cassette may be shown to anybody.
    """
    provider = provider_class(name)
    default = variables(provider)["base_url"][1]
    shown = default or f"https://{name}.example.org"
    places = settings.find(provider, os.environ, {})
    scrubber = Scrubber(settings.load(provider, places).base_url, shown)
    today = datetime.now(UTC).date()
    window = ["--since", f"{today - timedelta(days=1)}", "--until", f"{today}"]
    recorder = vcr.VCR(
        record_mode="all",
        before_record_request=scrubber.request,
        before_record_response=scrubber.response,
        decode_compressed_response=True,
    )
    path.unlink(missing_ok=True)
    with recorder.use_cassette(str(path)):
        # One question after another, so that who stands first in the log has number 1.
        options = ["--concurrency", "1", "--output", os.devnull]
        assert program.run(name, "list", *window, *options, **os.environ) == 0
    environment = {} if default else {f"{name.upper()}_BASE_URL": shown}
    for setting in in_paths(provider):
        variable = variables(provider)[setting][0][0]
        if variable in os.environ:
            environment[variable] = scrubber.example(os.environ[variable])
    for setting in chain.from_iterable(provider.one_of):
        variable = variables(provider)[setting][0][0]
        if variable in os.environ:
            environment.setdefault(variable, "example")
    tape = Cassette(path, ["list", *window], environment=environment)
    inscribe(tape)
    return tape


def inscribe(tape: Cassette) -> None:
    """Write into the cassette what is said about it."""
    about = {"arguments": tape.arguments, "status": tape.status, "says": tape.says}
    if tape.environment:
        about["environment"] = dict(tape.environment)
    whole = {**load(tape.path), "metadata": about}
    tape.path.write_text(yamlserializer.serialize(whole))


REQUEST_HEADERS = frozenset(
    {"accept", "anthropic-version", "content-type", "key-inflection", "user-agent"}
)
RESPONSE_HEADERS = re.compile(r"content-type|date|retry-after|ratelimit-[a-z]+")
WRITTEN_HEADERS = re.compile(rf"{RESPONSE_HEADERS.pattern}|link|x-rate-?limit-[a-z]+")
"""Those of cassettes that were written by hand: none is recorded with a link in it."""

_TIME = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|[+-]\d\d:?\d\d)?)?")
_DIGITS = re.compile(r"\d{1,6}")
_METHOD = re.compile("GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS")
# What may stay: only under these names, and only if it looks as it must.
TEXTS = {
    "created-at": _TIME,
    "timestamp": _TIME,
    "time": _TIME,
    "method": _METHOD,
    "type": re.compile("user|user-audit-log|user-session|inquiry"),
    "statuscode": _DIGITS,
    "page": _DIGITS,
    "pageSize": _DIGITS,
    "total": _DIGITS,
    "statusname": re.compile("|".join(filter(None, responses.values()))),
    "eventType": re.compile("[A-Z]{2,12}(_[A-Z]{2,12}){0,3}"),
    "platform": re.compile("web|electron|ios|android|sip|bot"),
    "kind": re.compile("RoomLocation|AudienceLocation"),
    "source": re.compile("CONSOLE"),
    "start_time": _TIME,
    "eventTime": _TIME,
    "processedAt": _TIME,
    "end_time": _TIME,
    "created_at": _TIME,
    "category": re.compile("success|firewall_reported_success|[a-z]{3,12}_failed"),
    "result": re.compile("success|failure"),
    "count": _DIGITS,
}
NUMBERS = frozenset(
    {"timestamp", "ttl", "action", "response-status", "page", "pageSize", "pageCount", "total"}
    | {"statuscode", "statusCode", "httpStatusCode", "limit", "status_code", "effective_at"}
    | {"date_create", "code"}
)
# Names of fields that say nothing about anybody; others are numbered, since an object may be
# keyed by people.
NAMES = frozenset(
    {*TEXTS, *NUMBERS}
    | {"data", "links", "next", "prev", "included", "id", "attributes", "relationships", "user"}
    | {"user-session", "path", "get-params", "post-params", "ip-address", "user-agent", "context"}
    | {"inquiry-id", "email-address", "name-first", "name-last", "impersonator-email-address"}
    | {"log_id", "customer_id", "actor", "action_string", "entity", "secondary_entity"}
    | {"third_entity", "readable_format", "ip", "reason", "notes"}
    | {"ok", "auditLogs", "name", "email", "location", "roomId", "positionNumber", "sectionNumber"}
    | {"nextCursor", "error", "errors", "title", "details", "message", "status", "httpStatus"}
    | {"pager", "nextPage", "userLogs", "users", "logs", "resource", "referer", "firstName"}
    | {"surname", "lastUpdated", "lastLogin", "enabled", "host", "cookie", "authorization"}
    | {"x-real-ip", "x-forwarded-for", "accept"}
    | {"items", "cursor", "has_more", "uuid", "actor_uuid", "actor_details", "object_type"}
    | {"object_uuid", "session", "target_user", "client", "app_name", "app_version"}
    | {"platform_name", "ip_address", "session_uuid", "item_uuid"}
    | {"success", "messages", "result_info", "cursors", "after", "account", "description", "raw"}
    | {"token_name", "user_agent", "zone"}
    | {"first_id", "last_id", "service_account"}
    | {"organization_id", "user_id", "email_address", "filename"}
    | {"version", "tailnet", "eventGroupID", "loginName", "displayName", "target", "property"}
    | {"meta", "page_size", "container"}
    | {"entries", "response_metadata", "next_cursor", "entity", "ua", "session_id"}
)
# Parts of paths, and names in queries.
WORDS = frozenset(
    {"", "api", "v0", "v1", "internal", "dashboard", "user-audit-logs", "auditlogs", "inquiries"}
    | {"cases", "accounts", "user-sessions", "expire", "userauditlog.list", "userLogs", "users"}
    | {"me", "logs", "userRoles", "records", "login"}
    | {"v2", "auditevents", "signinattempts", "itemusages"}
    | {"client", "v4", "audit", "organization", "audit_logs", "compliance", "activities"}
    | {"tailnet", "-", "logging", "configuration", "admin", "orgs", "events-stream"}
)
PARAMETERS = {
    "page[after]": None,
    "page[before]": None,
    "page[size]": _DIGITS,
    "page": _DIGITS,
    "pageSize": _DIGITS,
    "paging": re.compile("true|false"),
    "fields": re.compile("id"),
    "date": _TIME,
    "cursor": None,
    "since": _TIME,
    "before": _TIME,
    "direction": re.compile("asc|desc"),
    "limit": _DIGITS,
    "effective_at[gte]": re.compile(r"\d{1,10}"),
    "effective_at[lt]": re.compile(r"\d{1,10}"),
    "after": None,
    "created_at.gte": _TIME,
    "created_at.lt": _TIME,
    "after_id": None,
    "start": _TIME,
    "end": _TIME,
    "from": re.compile(r"\d{13}"),
    "to": re.compile(r"\d{13}"),
    "sortOrder": re.compile("asc|desc"),
    "oldest": re.compile(r"\d{1,10}"),
    "latest": re.compile(r"\d{1,10}"),
}

# What ids begin with: the kind of object is what a record's target goes by.
KINDS = frozenset({"ual", "user", "uses", "inq", "case", "act", "rep", "ver"})


@dataclass
class Scrubber:
    """Lets through what its lists name, and puts numbered examples in the place of all else.

    The same value has the same example everywhere, so that cursors and joins still work.
    """

    base_url: str
    """Where the service really is."""
    shown: str
    """Where it is to seem to be."""
    examples: dict[str, int] = field(default_factory=dict)

    def request(self, request: Any) -> Any:
        kept = {name: value for name, value in request.headers.items() if name in REQUEST_HEADERS}
        body = self._body(request.body) if request.body else b""
        return Request(request.method, self._url(request.uri), body, kept)

    def response(self, response: Any) -> Any:
        code = response["status"]["code"]
        return {
            "status": {"code": code, "message": responses.get(code, "")},
            "headers": {
                name.lower(): value
                for name, value in response["headers"].items()
                if RESPONSE_HEADERS.fullmatch(name.lower())
            },
            "body": {"string": self._body(response["body"]["string"])},
        }

    def _body(self, body: bytes) -> bytes:
        try:
            tree = [exact.loads(body)]
        except ValueError:
            return b"not JSON"
        scan(tree)
        return exact.dumps(self._value("", tree[0]))

    def _value(self, name: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {self._name(key): self._value(key, inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._value(name, inner) for inner in value]
        if isinstance(value, str):
            return self._text(name, value)
        if value is None or isinstance(value, bool) or name in NUMBERS:
            return value
        return self._number(str(value))

    def _name(self, name: str) -> str:
        return name if name in NAMES else f"field{self._number(name)}"

    def _text(self, name: str, text: str) -> str:
        if text in ("", "NA", REDACTED):
            return text
        if name in TEXTS and TEXTS[name].fullmatch(text):
            return text
        if text.startswith(("/", "http://", "https://")):
            return self._url(text)
        return self.example(text)

    def _number(self, value: str) -> int:
        return self.examples.setdefault(value, len(self.examples) + 1)

    def example(self, text: str) -> str:
        if ", " in text:
            return ", ".join(self.example(part) for part in text.split(", "))
        number = self._number(text)
        if "@" in text:
            return f"user{number}@example.com"
        try:
            version = ipaddress.ip_address(text).version
        except ValueError:
            kind = text.partition("_")[0]
            return f"{kind}_example{number}" if kind in KINDS else f"example{number}"
        return f"192.0.2.{number % 256}" if version == 4 else f"2001:db8::{number:x}"

    def _url(self, text: str) -> str:
        try:
            parts, base, shown = urlsplit(text), urlsplit(self.base_url), urlsplit(self.shown)
        except ValueError:
            return self.example(text)
        origin = ""
        if parts.netloc:
            ours = parts.netloc == base.netloc
            origin = f"{shown.scheme}://{shown.netloc}" if ours else "https://example.com"
        path, root = parts.path, base.path.rstrip("/")
        below = path.startswith(f"{root}/")
        segments = path[len(root) :].split("/") if below else path.split("/")
        path = "/".join(part if part in WORDS else self.example(part) for part in segments)
        query = [self._parameter(*pair) for pair in parse_qsl(parts.query, keep_blank_values=True)]
        where = origin + (shown.path.rstrip("/") if below else "") + path
        return f"{where}?{urlencode(query)}" if query else where

    def _parameter(self, name: str, value: str) -> tuple[str, str]:
        if name not in PARAMETERS:
            return self._name(name), self._text("", value)
        form = PARAMETERS[name]
        return name, value if form and form.fullmatch(value) else self._text("", value)
