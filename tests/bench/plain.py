"""The plainest possible export, the unit L: `python plain.py persona|upstash FILE`."""

import base64
import http.client
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson


def persona() -> Iterator[list[Any]]:
    base = urlsplit(os.environ["PERSONA_BASE_URL"])
    connection = http.client.HTTPConnection(base.netloc)
    headers = {"Authorization": f"Bearer {os.environ['PERSONA_API_KEY']}"}
    link = f"{base.path}/user-audit-logs?"
    while link:
        connection.request("GET", f"{link}&page[size]=100", headers=headers)
        page = orjson.loads(connection.getresponse().read())
        yield page["data"]
        link = page["links"]["next"]


def upstash() -> Iterator[list[Any]]:
    connection = http.client.HTTPConnection(urlsplit(os.environ["UPSTASH_BASE_URL"]).netloc)
    pair = f"{os.environ['UPSTASH_EMAIL']}:{os.environ['UPSTASH_API_KEY']}"
    headers = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
    connection.request("GET", "/auditlogs", headers=headers)
    yield orjson.loads(connection.getresponse().read())


if __name__ == "__main__":
    with Path(sys.argv[2]).open("wb") as file:
        for rows in {"persona": persona, "upstash": upstash}[sys.argv[1]]():
            file.writelines(orjson.dumps(row) + b"\n" for row in rows)
