"""Other people's tools, each in a virtual environment of its own outside the project."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.measure import FOLDER

if TYPE_CHECKING:
    from tests.bench.measure import Job, Site

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "auditctl-bench"
TOOLS = {
    "dlt": "dlt==1.31.0",
    "singer": "singer-sdk==0.54.9",
    "airbyte": "airbyte-cdk==7.39.1",
    "grove": "grove==2.2.0",
}
WANTED = {**TOOLS, "httpie": "httpie==3.2.4", "dlt-duckdb": "dlt[duckdb]==1.31.0"}
MARKS = {"persona": b'"ual_', "upstash": b'"0b9f3f7e-'}  # each event has one of these, once


def install() -> None:
    """Install what is missing, from PyPI."""
    for tool, requirement in WANTED.items():
        if not installed(tool):
            subprocess.run([sys.executable, "-m", "venv", "--clear", CACHE / tool], check=True)
            python = str(CACHE / tool / "bin" / "python")
            subprocess.run([python, "-m", "pip", "install", "-q", requirement], check=True)
            (CACHE / tool / requirement).touch()


def installed(tool: str) -> Path | None:
    """Return the interpreter of a tool that was installed to the end."""
    home = CACHE / tool
    return home / "bin" / "python" if (home / WANTED[tool]).exists() else None


def job(site: Site, tool: str, provider: str) -> Job | None:
    """Make the tool's export, into an empty folder."""
    if not (interpreter := installed(tool)):
        return None
    folder = FOLDER / tool
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    words = (f"peers/use_{tool}.py", provider, str(folder))
    return site.python(*words, interpreter=str(interpreter), output=folder / "out")


def delivered(done: Job) -> int:
    """Count the events that a tool left in its folder."""
    mark = MARKS[done.command[2]]
    count = 0
    for path in Path(done.command[3]).rglob("*"):
        # dlt keeps a copy of what it loaded in its working folder.
        if path.is_file() and path.suffix in (".gz", "") and "work" not in path.parts:
            with gzip.open(path) if path.suffix else path.open("rb") as file:
                count += sum(line.count(mark) for line in file)
    return count
