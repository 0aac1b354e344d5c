"""A Grove connector with a cache that stays: `python sync_grove.py FOLDER` adds to FOLDER/data."""

# Written as the connectors that come with Grove are (tfc_audit_trails collects newest first, the
# client is that of slack_audit), found by an entry point, configured by a document in a folder and
# run by the command `grove`: https://hashicorp-forge.github.io/grove/ (internals, quickstart). The
# pointer, the window and the lock are Grove's own.
# Runs where the tool is installed, not the project, and is written as its users write.
# mypy: ignore-errors
# ruff: noqa: ANN001, ANN003, ANN201, S113

import json
import os
import sys
import time
from pathlib import Path

import requests
from grove.connectors import BaseConnector
from grove.constants import REVERSE_CHRONOLOGICAL
from grove.entrypoints.local_process import entrypoint
from grove.exceptions import NotFoundException, RequestFailedException


class Persona(BaseConnector):
    CONNECTOR = "persona"
    POINTER_PATH = 'attributes."created-at"'
    LOG_ORDER = REVERSE_CHRONOLOGICAL

    def get(self, params):
        while True:
            try:
                response = requests.get(
                    f"{os.environ['PERSONA_BASE_URL']}/user-audit-logs",
                    headers={"Authorization": f"Bearer {self.key}"},
                    params=params,
                )
                response.raise_for_status()
                return response.json()
            except requests.exceptions.RequestException as err:
                if getattr(err.response, "status_code", None) != 429:
                    raise RequestFailedException(err) from err
                time.sleep(int(err.response.headers.get("Retry-After", "1")))

    def collect(self):
        try:
            since = self.pointer
        except NotFoundException:
            since = self.pointer = "1970-01-01T00:00:00.000Z"
        params = {"page[size]": "100"}
        while True:
            page = self.get(params)
            new = [row for row in page["data"] if row["attributes"]["created-at"] >= since]
            self.save(new)
            if len(new) < len(page["data"]) or not page["links"]["next"]:
                break
            params["page[after]"] = page["data"][-1]["id"]


def collect(folder, connector, key, **settings):
    """Run the command `grove` with one connector, `name = module:class`, writing to folder/data."""
    name, _, _ = connector.partition(" ")
    kept = {part: Path(folder) / part for part in ("data", "cache", "config", "plugin")}
    info = kept["plugin"] / f"{name}-1.dist-info"
    for path in (*kept.values(), info):
        path.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Name: {name}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[grove.connectors]\n{connector}\n")
    document = {"name": name, "identity": "example", "connector": name, "key": key, "frequency": 0}
    (kept["config"] / f"{name}.json").write_text(json.dumps(document))
    sys.path.append(str(kept["plugin"]))
    os.environ |= {
        "GROVE_CONFIG_LOCAL_FILE_PATH": str(kept["config"]),
        "GROVE_CACHE_LOCAL_FILE_PATH": str(kept["cache"]),
        "GROVE_OUTPUT_HANDLER": "local_file",
        "GROVE_OUTPUT_LOCAL_FILE_PATH": str(kept["data"]),
        **settings,
    }
    entrypoint()


if __name__ == "__main__":
    connector = "persona = sync_grove:Persona"
    key = os.environ["PERSONA_API_KEY"]
    collect(sys.argv[1], connector, key, GROVE_CACHE_HANDLER="local_file")
