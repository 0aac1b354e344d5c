"""A Grove connector: `python use_grove.py persona|upstash FOLDER` writes gzipped NDJSON there."""

# Run as its users do: by the command `grove`, which keeps its pointers in memory if it is told
# nothing else. Without a session: none of the connectors that come with Grove keeps one.
# Runs where the tool is installed, not the project, and is written as its users write.
# mypy: ignore-errors
# ruff: noqa: ANN201, S113

import os
import sys

import requests
from grove.connectors import BaseConnector
from grove.constants import CHRONOLOGICAL, REVERSE_CHRONOLOGICAL
from sync_grove import collect


class Persona(BaseConnector):
    CONNECTOR = "persona"
    POINTER_PATH = 'attributes."created-at"'
    LOG_ORDER = REVERSE_CHRONOLOGICAL

    def collect(self):
        self.pointer = "2020-01-01"
        headers = {"Authorization": f"Bearer {self.key}"}
        params = {"page[size]": "100"}
        while True:
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


if __name__ == "__main__":
    name, folder = sys.argv[1:]
    kind, prefix = {"persona": ("Persona", "PERSONA"), "upstash": ("Upstash", "UPSTASH")}[name]
    collect(folder, f"{name} = use_grove:{kind}", os.environ[f"{prefix}_API_KEY"])
