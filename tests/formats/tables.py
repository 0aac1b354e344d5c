"""The tables of docs/ocsf.md, made of the package's data: `python -m tests.formats.tables`."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from auditctl import registry
from auditctl.events import names_in, read, table
from auditctl.events.classes import CLASSES, caption
from auditctl.registry import titles

PAGE = Path(__file__).parents[2] / "docs" / "ocsf.md"
BEGIN, END = "<!-- made of the data -->\n", "<!-- end -->\n"


def page(text: str) -> str:
    """Return the page with tables of today's data."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables()}{END}{after}"


def tables() -> str:
    """Write the classes, and then a section per provider."""
    lines = ["| class | OCSF | ECS: `event.category` | `event.type` |", "| --- | --- | --- | --- |"]
    for one in CLASSES.values():
        category, *kinds = one.ecs or ("none",)
        further = dict.fromkeys(one.types.values())
        shown = [*kinds, " or ".join(further)] if category != "none" else ["none"]
        lines.append(f"| {one.title} | {one.uid} | {category} | {', '.join(shown)} |")
    named = titles()
    for reference, name in sorted(
        ((reference, name) for name, reference in registry.installed().items()),
        key=lambda pair: named[pair[0]].lower(),
    ):
        lines += ["", f"### {named[reference]}", "", *_of(name)]
    return "\n".join([*lines, "", ""])


def _of(name: str) -> list[str]:
    data = read(name)
    parts = [part if part[0] != "/" else f"raw{part}" for part in data.get("event", ["action"])]
    known = table(name)
    words = " ".join(f"`{part.replace('/', '.')}`" for part in parts)
    product = f"Product: {known.product}, of {known.vendor}."
    lines = [
        f"Compared with {words}. {product} `event.dataset`: `{known.dataset}`.",
        "",
        "| class | activity | events |",
        "| --- | --- | --- |",
    ]
    for meaning, names in groupby(names_in(data), key=lambda pair: pair[1]):
        title = CLASSES[meaning.class_].title
        listed = ", ".join(f"`{event}`" for event, _ in names)
        lines.append(f"| {title} | {caption(meaning.activity)} | {listed} |")
    return lines


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
