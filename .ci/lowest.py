"""Print the lower bounds of all dependencies as exact versions: a constraints file for pip."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
for requirement in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
    # A constraint names no extras.
    print(re.sub(r"(\[.*\])?>=([0-9.]+).*", r"==\2", requirement))  # noqa: T201 - that is its output
