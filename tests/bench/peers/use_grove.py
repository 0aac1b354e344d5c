"""A Grove connector: `python use_grove.py persona|upstash FOLDER` writes gzipped NDJSON there."""

# Runs where the tool is installed, not the project, and is written as its users write.
# mypy: ignore-errors
# ruff: noqa: ANN201, S113

import os
import sys

import requests

name, folder = sys.argv[1:]
os.environ |= {"GROVE_OUTPUT_HANDLER": "local_file", "GROVE_OUTPUT_LOCAL_FILE_PATH": folder}

from grove.connectors import BaseConnector  # noqa: E402
from grove.constants import CHRONOLOGICAL, REVERSE_CHRONOLOGICAL  # noqa: E402
from grove.models import ConnectorConfig  # noqa: E402


class Persona(BaseConnector):
    CONNECTOR = "persona"
    POINTER_PATH = 'attributes."created-at"'
    LOG_ORDER = REVERSE_CHRONOLOGICAL

    def collect(self):
        self.pointer = "2020-01-01"
        headers = {"Authorization": f"Bearer {self.key}"}
        params = {"page[size]": "100"}
        while True:
            # Without a session: none of Grove's own connectors keeps one.
            page = requests.get(
                f"{os.environ['PERSONA_BASE_URL']}/user-audit-logs", headers=headers, params=params
            ).json()
            self.save(page["data"])
            if not page["links"]["next"]:
                break
            params["page[after]"] = page["data"][-1]["id"]


class Upstash(BaseConnector):
    CONNECTOR = "upstash"
    POINTER_PATH = "timestamp"
    LOG_ORDER = CHRONOLOGICAL

    def collect(self):
        self.pointer = 0
        auth = (os.environ["UPSTASH_EMAIL"], self.key)
        self.save(requests.get(f"{os.environ['UPSTASH_BASE_URL']}/auditlogs", auth=auth).json())


kind, prefix = {"persona": (Persona, "PERSONA"), "upstash": (Upstash, "UPSTASH")}[name]
config = ConnectorConfig(
    name=name, connector=name, identity="example", key=os.environ[f"{prefix}_API_KEY"]
)
kind(config, {"runtime": "bench", "runtime_id": "bench"}).run()
