"""A stateful Airbyte source: `python sync_airbyte.py FOLDER [LOOKBACK]` appends to FOLDER/data."""

# https://docs.airbyte.com/connector-development/config-based/understanding-the-yaml-file/incremental-syncs
# says `is_data_feed` and `is_client_side_incremental` for an API that goes from the newest event
# to the oldest and is not asked for a time, and `lookback_window` for late ones. This script is
# the destination: it appends each record and keeps the last state message once the records before
# it are written, as https://docs.airbyte.com/understanding-airbyte/airbyte-protocol has it.
# Runs where the tool is installed, not the project, and is written as its users write.
# mypy: ignore-errors

import json
import os
import subprocess
import sys
from pathlib import Path

folder, *lookback = sys.argv[1:]
SOURCE = """
version: 6.0.0
type: DeclarativeSource
check: {type: CheckStream, stream_names: [logs]}
spec: {type: Spec, connection_specification: {type: object, additionalProperties: true}}
streams:
- type: DeclarativeStream
  name: logs
  primary_key: [id]
  schema_loader: {type: InlineSchemaLoader, schema: {type: object, additionalProperties: true}}
  incremental_sync:
    type: DatetimeBasedCursor
    cursor_field: created_at
    datetime_format: "%Y-%m-%dT%H:%M:%S.%fZ"
    start_datetime: "1970-01-01T00:00:00.000000Z"
    is_data_feed: true
    is_client_side_incremental: true
    LOOKBACK
  transformations:
  - type: AddFields
    fields:
    - {path: [created_at], value: "{{ record['attributes']['created-at'] }}", value_type: string}
  retriever:
    type: SimpleRetriever
    requester:
      type: HttpRequester
      url_base: "{{ config['PERSONA_BASE_URL'] }}"
      path: /user-audit-logs
      authenticator: {type: BearerAuthenticator, api_token: "{{ config['PERSONA_API_KEY'] }}"}
      request_parameters: {"page[size]": "100"}
      error_handler:
        type: DefaultErrorHandler
        backoff_strategies: [{type: WaitTimeFromHeader, header: Retry-After}]
    record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: [data]}}
    paginator:
      type: DefaultPaginator
      page_token_option:
        {type: RequestOption, inject_into: request_parameter, field_name: "page[after]"}
      pagination_strategy:
        type: CursorPagination
        cursor_value: "{{ last_record['id'] }}"
        stop_condition: "{{ not response['links']['next'] }}"
"""

stream = {"name": "logs", "json_schema": {}, "supported_sync_modes": ["incremental"]}
wanted = {
    "stream": stream,
    "sync_mode": "incremental",
    "destination_sync_mode": "append",
    "cursor_field": ["created_at"],
}
texts = {
    "manifest-path": SOURCE.replace(
        "LOOKBACK", f"lookback_window: PT{lookback[0]}S" if lookback else ""
    ),
    "config": json.dumps({k: v for k, v in os.environ.items() if k.startswith("PERSONA")}),
    "catalog": json.dumps({"streams": [wanted]}),
}
words = [str(Path(sys.executable).with_name("source-declarative-manifest")), "read"]
for option, text in texts.items():
    Path(folder, f"{option}.json").write_text(text)
    words += [f"--{option}", f"{folder}/{option}.json"]
state = Path(folder, "state.json")
if state.exists():
    words += ["--state", str(state)]
Path(folder, "data").mkdir(exist_ok=True)
with (
    Path(folder, "data", "logs.jsonl").open("a") as file,
    subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as source,
):
    for line in source.stdout:
        message = json.loads(line)
        if message["type"] == "RECORD":
            file.write(json.dumps(message["record"]["data"]) + "\n")
            file.flush()
        elif message["type"] == "STATE":
            Path(folder, "state.new").write_text(json.dumps([message["state"]]))
            Path(folder, "state.new").replace(state)
sys.exit(source.returncode)
