"""A stateful Singer pipeline: `python sync_singer.py FOLDER [LOOKBACK]` appends to FOLDER/data."""

# The tap: https://sdk.meltano.com/en/latest/incremental_replication.html (replication key, state;
# newest first, so it is not sorted). LOOKBACK is what many taps call lookback_window; the SDK has
# none. The target writes each record as it comes, as target-jsonl does (`RecordSink`). The state
# is the last line that the target wrote, also after a kill, as
# https://sdk.meltano.com/en/latest/implementation/state.html says.
# Runs where the tool is installed, not the project, and is written as its users write.
# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ARG002, PLW1510

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from singer_sdk import RESTStream, Tap, Target
from singer_sdk import typing as th
from singer_sdk.authenticators import BearerTokenAuthenticator
from singer_sdk.pagination import JSONPathPaginator
from singer_sdk.sinks import RecordSink

ANY = th.ObjectType(additional_properties=True)
role, folder, *lookback = sys.argv[1:] if sys.argv[1] in ("tap", "target") else ["", *sys.argv[1:]]
data, states = Path(folder, "data", "logs.jsonl"), Path(folder, "states.jsonl")


def moment(record):
    return datetime.fromisoformat(record["attributes"]["created-at"])


class Until(JSONPathPaginator):
    """Stops at the page that reaches back to what is known."""

    start = datetime(1970, 1, 1, tzinfo=UTC)

    def has_more(self, response):
        page = response.json()
        return bool(page["links"]["next"]) and moment(page["data"][-1]) >= self.start


class Logs(RESTStream):
    name = "logs"
    path = "/user-audit-logs"
    url_base = os.environ.get("PERSONA_BASE_URL")
    records_jsonpath = "$.data[*]"
    primary_keys = ("id",)
    replication_key = "created_at"
    schema = th.PropertiesList(
        th.Property("id", th.StringType),
        th.Property("created_at", th.DateTimeType),
        th.Property("type", th.StringType),
        th.Property("attributes", ANY),
        th.Property("relationships", ANY),
    ).to_dict()

    @property
    def authenticator(self):
        return BearerTokenAuthenticator(token=os.environ["PERSONA_API_KEY"])

    @property
    def since(self):
        start = self.get_starting_timestamp(None)
        return start - timedelta(seconds=float(lookback[0]) if lookback else 0) if start else None

    def get_new_paginator(self):
        paginator = Until("$.data[-1:].id")
        paginator.start = self.since or paginator.start
        return paginator

    def get_url_params(self, context, next_page_token):
        return {"page[size]": 100} | ({"page[after]": next_page_token} if next_page_token else {})

    def post_process(self, row, context=None):
        if self.since and moment(row) < self.since:
            return None
        return {**row, "created_at": row["attributes"]["created-at"]}


class AuditTap(Tap):
    name = "tap-audit"
    config_jsonschema = th.PropertiesList().to_dict()

    def discover_streams(self):
        return [Logs(self)]


class Lines(RecordSink):
    def process_record(self, record, context):
        with data.open("a") as file:
            file.write(json.dumps(record, default=str) + "\n")


class LinesTarget(Target):
    name = "target-lines"
    config_jsonschema = th.PropertiesList().to_dict()
    default_sink_class = Lines


if role == "tap":
    told = states.read_text().split("\n")[:-1] if states.exists() else []
    AuditTap(state=json.loads(told[-1]) if told else None).sync_all()
elif role == "target":
    LinesTarget().listen()
else:
    data.parent.mkdir(exist_ok=True)
    words = [sys.executable, __file__]
    tap = subprocess.Popen([*words, "tap", folder, *lookback], stdout=subprocess.PIPE)
    with states.open("a") as file:
        target = subprocess.run([*words, "target", folder], stdin=tap.stdout, stdout=file)
    sys.exit(tap.wait() or target.returncode)
