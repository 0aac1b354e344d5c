"""A dlt pipeline: `python use_dlt.py persona|upstash FOLDER` writes JSON Lines there."""

# Runs where the tool is installed, not the project, and is written as its users write.
# mypy: ignore-errors
# ruff: noqa: ANN201

import os
import sys

import dlt
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth, HttpBasicAuth
from dlt.sources.helpers.rest_client.paginators import (
    JSONResponseCursorPaginator,
    SinglePagePaginator,
)

name, folder = sys.argv[1:]
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"


@dlt.resource
def persona():
    cursor = JSONResponseCursorPaginator(cursor_path="data[-1:].id", cursor_param="page[after]")
    client = RESTClient(
        os.environ["PERSONA_BASE_URL"], auth=BearerTokenAuth(os.environ["PERSONA_API_KEY"])
    )
    yield from client.paginate(
        "user-audit-logs", params={"page[size]": 100}, paginator=cursor, data_selector="data"
    )


@dlt.resource
def upstash():
    auth = HttpBasicAuth(os.environ["UPSTASH_EMAIL"], os.environ["UPSTASH_API_KEY"])
    client = RESTClient(os.environ["UPSTASH_BASE_URL"], auth=auth)
    yield from client.paginate("auditlogs", paginator=SinglePagePaginator())


pipeline = dlt.pipeline(
    name, pipelines_dir=f"{folder}/work", destination=dlt.destinations.filesystem(folder)
)
pipeline.run({"persona": persona, "upstash": upstash}[name](), loader_file_format="jsonl")
