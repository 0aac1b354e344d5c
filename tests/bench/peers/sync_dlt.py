"""A stateful dlt pipeline: `python sync_dlt.py files|duckdb FOLDER [LAG]` loads what is new."""

# As https://dlthub.com/docs/general-usage/incremental/cursor shows for an API that is not asked
# for a time: a cursor field, a primary key, and `row_order` to stop at what is known. LAG is that
# of https://dlthub.com/docs/general-usage/incremental/lag. Files of JSON Lines are
# appended to; DuckDB merges by the primary key, which is what that page shows together with lag.
# Runs where the tool is installed, not the project, and is written as its users write.
# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ARG001

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import dlt
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

kind, folder, *lag = sys.argv[1:]
files = kind == "files"
start = datetime(1970, 1, 1, tzinfo=UTC)
since = dlt.sources.incremental(
    'attributes."created-at"',
    initial_value=start,
    row_order="desc",
    lag=float(lag[0]) if lag else None,
)


@dlt.resource(primary_key="id", write_disposition="append" if files else "merge")
def logs(created_at=since):
    cursor = JSONResponseCursorPaginator(cursor_path="data[-1:].id", cursor_param="page[after]")
    client = RESTClient(
        os.environ["PERSONA_BASE_URL"], auth=BearerTokenAuth(os.environ["PERSONA_API_KEY"])
    )
    for page in client.paginate(
        "user-audit-logs", params={"page[size]": 100}, paginator=cursor, data_selector="data"
    ):
        for row in page:
            row["attributes"]["created-at"] = datetime.fromisoformat(
                row["attributes"]["created-at"]
            )
        yield page


pipeline = dlt.pipeline(
    "persona",
    pipelines_dir=f"{folder}/state",
    destination=dlt.destinations.filesystem(f"{folder}/data")
    if files
    else dlt.destinations.duckdb(f"{folder}/logs.duckdb"),
)
pipeline.run(logs(), **({"loader_file_format": "jsonl"} if files else {}))
if not files:  # so that they can be counted like those of the others
    Path(folder, "data").mkdir(exist_ok=True)
    with pipeline.sql_client() as client:
        lines = [json.dumps({"id": row[0]}) for row in client.execute_sql("SELECT id FROM logs")]
    Path(folder, "data", "ids.jsonl").write_text("\n".join(lines))
