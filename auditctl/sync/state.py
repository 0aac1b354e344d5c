"""What a journal's lines come to: all that a destination knows of itself."""

from dataclasses import dataclass, field

from auditctl.sync.lines import FIRST_PREV, Line, says_nothing

STATE_EVERY = 64 * 1024
"""Bytes of lines after which the whole state is written again, or more where it is large."""
STATE_SHARE, STATE_EACH = 8, 128
"""How many times its size must have been written since, before the state is written again, and
about how many bytes each file and each id take in it."""


@dataclass
class File:
    """A data file as it was when its last commit was done."""

    length: int = 0
    mtime_ns: int = 0
    inode: int = 0


@dataclass
class State:
    """What the lines come to."""

    line: int = -1
    """The last line's number."""
    head: str = FIRST_PREV
    """The last line's hash."""
    anchor: str = FIRST_PREV
    """The hash of the last line that stays: one that only says that nothing was found does not."""
    at: str | None = None
    shape: Line = field(default_factory=dict)
    """What the destination was begun with, and what may not change."""
    since: str | None = None
    """Where it was begun, as it was typed."""
    files: dict[str, File] = field(default_factory=dict)
    window: Line | None = None
    """What the last run read: since, until, position and whether it is done."""
    covered: Line | None = None
    seen: str = ""
    """The latest end of any window: what is dated before it may have been seen by now."""
    success: str | None = None
    """When a window was last read to its end."""
    latest: str | None = None
    """The newest event's time."""
    records: int = 0
    gaps: list[Line] = field(default_factory=list)
    """Hours that cannot be had any more, not yet acknowledged."""
    waived: list[Line] = field(default_factory=list)
    """The gaps that were acknowledged last."""
    kept: dict[str, str | None] = field(default_factory=dict)
    """Ids that may be seen again however old they get: id -> time, where it has one."""

    def apply(self, line: Line) -> None:
        """Go on to the state after a line."""
        if "state" in line:
            whole = line["state"]
            self.shape = whole["shape"]
            self.since = whole["since"]
            self.anchor = whole["anchor"]
            self.waived = whole["waived"]
            self.files = {name: File(*values) for name, values in whole["files"].items()}
            self.kept = whole["kept"]
        for name in line["moved"]:
            self.files.pop(name, None)
        for entry in line["files"]:
            length = entry["offset"] + entry["length"]
            self.files[entry["name"]] = File(length, entry["mtime_ns"], entry["inode"])
        self.kept.update(line["kept"])
        self.waived = line["acknowledged"] or self.waived
        self.line = line["line"]
        self.head = line["hash"]
        if not says_nothing(line):
            self.anchor = line["hash"]
        self.at = line["at"]
        self.window = line["window"]
        self.covered = line["covered"]
        self.seen = line["seen"]
        self.success = line["success"]
        self.latest = line["latest"]
        self.records = line["records"]
        self.gaps = line["gaps"]

    def whole(self) -> Line:
        """Give what a line with the state holds beside its own."""
        files = {name: [f.length, f.mtime_ns, f.inode] for name, f in self.files.items()}
        return {
            "shape": self.shape,
            "since": self.since,
            "anchor": self.anchor,
            "waived": self.waived,
            "files": files,
            "kept": self.kept,
        }

    @property
    def enough(self) -> int:
        """Give the bytes of lines after which the whole state is worth writing again."""
        return max(STATE_EVERY, STATE_SHARE * STATE_EACH * (len(self.files) + len(self.kept)))

    @property
    def done_at(self) -> str | None:
        """When the last line was written, if that one tells of a window read to its end."""
        return self.at if self.window is not None and self.window["done"] else None
