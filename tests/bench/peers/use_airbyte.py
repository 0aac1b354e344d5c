"""An Airbyte source: `python use_airbyte.py persona|upstash FOLDER` writes messages to stdout."""

# Runs where the tool is installed, not the project, and is written as its users write.
# mypy: ignore-errors

import json
import os
import sys
from pathlib import Path

from airbyte_cdk.cli.source_declarative_manifest import run

PERSONA = """
    requester:
      type: HttpRequester
      url_base: "{{ config['PERSONA_BASE_URL'] }}"
      path: /user-audit-logs
      authenticator: {type: BearerAuthenticator, api_token: "{{ config['PERSONA_API_KEY'] }}"}
      request_parameters: {"page[size]": "100"}
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
UPSTASH = """
    requester:
      type: HttpRequester
      url_base: "{{ config['UPSTASH_BASE_URL'] }}"
      path: /auditlogs
      authenticator:
        type: BasicHttpAuthenticator
        username: "{{ config['UPSTASH_EMAIL'] }}"
        password: "{{ config['UPSTASH_API_KEY'] }}"
    record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: []}}
"""
SOURCE = """
version: 6.0.0
type: DeclarativeSource
check: {type: CheckStream, stream_names: [logs]}
spec: {type: Spec, connection_specification: {type: object, additionalProperties: true}}
streams:
- type: DeclarativeStream
  name: logs
  schema_loader: {type: InlineSchemaLoader, schema: {type: object, additionalProperties: true}}
  retriever:
    type: SimpleRetriever
"""

name, folder = sys.argv[1:]
stream = {"name": "logs", "json_schema": {}, "supported_sync_modes": ["full_refresh"]}
wanted = {"stream": stream, "sync_mode": "full_refresh", "destination_sync_mode": "append"}
texts = {
    "manifest-path": SOURCE + {"persona": PERSONA, "upstash": UPSTASH}[name],
    "config": json.dumps({k: v for k, v in os.environ.items() if k.startswith(name.upper())}),
    "catalog": json.dumps({"streams": [wanted]}),
}
sys.argv[1:] = ["read"]
for option, text in texts.items():
    Path(folder, f"{option}.json").write_text(text)
    sys.argv += [f"--{option}", f"{folder}/{option}.json"]
run()
