"""The PATH of a destination: which file a record goes to, and where the journal lies."""

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import quote

from auditctl.errors import UsageError
from auditctl.options import STDOUT
from auditctl.output import LONGEST_NAME
from auditctl.records.record import Record

SUFFIX = ".journal"
MARK = ".cut-"
"""Stands between the name of a file and the time when bytes of it were set aside."""
ASIDE = rf"(?s:(.*)){re.escape(MARK)}[0-9]{{8}}T[0-9]{{6}}\.[0-9]{{6}}Z"
"""Such a name; a file's own, or an account in it, may have the mark too."""
OF_RUN = ("provider", "source")
"""Placeholders that are the same for all records of a run."""
OF_RECORD = ("date", "account")
"""Placeholders that are different from record to record, so that there are several files."""
UNDATED = "undated"
NOBODY = "unknown"
"""Stand for the date and the account of a record that has none."""
LONGEST_VALUE = 100
"""Characters of an account in a file's name."""
LONGEST_BEFORE_MARK = LONGEST_NAME - len(".cut-20261121T112600.123456Z")
"""Bytes of a file's name that leave room for what ends the name of bytes set aside from it."""

_VALUES = {"date": rf"(?:[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}|{UNDATED})", "account": "[^/]+"}
"""Patterns of the values of each placeholder in a file's name."""
PLACEHOLDER = r"\{([^{}]*)\}"


class Template(NamedTuple):
    """A destination's folder, and the names of its files below it."""

    folder: str
    """The deepest one that is the same for all files; the journal lies there."""
    names: str
    """The rest of the PATH: a name, or several of them with ``{date}`` and ``{account}``."""

    @property
    def path(self) -> str:
        """The PATH as a whole."""
        return os.path.join(self.folder, self.names)  # noqa: PTH118 - as the user wrote it

    @property
    def journal(self) -> str:
        """The journal's path: it follows from PATH alone, so its name keeps the placeholders."""
        return os.path.join(self.folder, self.names.replace("/", "-") + SUFFIX)  # noqa: PTH118

    @property
    def compressed(self) -> bool:
        """Return whether the files are gzip."""
        return self.names.lower().endswith(".gz")

    @property
    def several(self) -> bool:
        """Return whether there may be several files."""
        return "{" in self.names

    def path_of(self, name: str) -> str:
        """Return the path of a file that has this name below the folder."""
        return os.path.join(self.folder, name)  # noqa: PTH118

    def name(self, record: Record) -> str:
        """Return the name, below the folder, of the file that a record goes to."""
        values = {
            "date": (record["time"] or UNDATED)[:10],
            "account": _harmless(record["account"]) if record["account"] else NOBODY,
        }
        return re.sub(PLACEHOLDER, lambda match: values[match[1]], self.names)

    def groups(self, records: Sequence[Record]) -> dict[str, Sequence[Record]]:
        """Group records by the file that they go to."""
        if not self.several:
            return {self.names: records} if records else {}
        groups: dict[str, list[Record]] = {}
        for record in records:
            groups.setdefault(self.name(record), []).append(record)
        return dict(groups)

    def aside(self, names: Iterable[str]) -> list[str]:
        """Return the names, below the folder, of files with bytes that were set aside.

        ``names`` are those of the destination's files: others may be of one beside it.
        """
        if self.several:
            # Of the name itself there may be only the beginning.
            within = os.path.join(os.path.dirname(self.names), "")  # noqa: PTH118, PTH120
            found = _glob([*_texts(within), MARK, ""], self.folder)
        else:
            found = []
            with suppress(OSError):
                found = os.listdir(self.folder or ".")  # noqa: PTH208
        # Anything else that has the mark in its name is somebody else's.
        aside = [match for name in found if (match := re.fullmatch(ASIDE, name))]
        known = set(map(short_name, [*names, self.names])) if aside else ()
        return sorted(match[0] for match in aside if match[1] in known)

    def there(self) -> list[str]:
        """Return the names, below the folder, of existing files that may be its own.

        Return none if a name may end in anything: rotated files would be among them.
        """
        if self.names.endswith("}"):
            return []
        values = _names(self.names)
        found = _glob(_texts(self.names), self.folder)
        return [name for name in found if re.fullmatch(values, name) and not self._is_another(name)]

    def _is_another(self, name: str) -> bool:
        """Return whether a file is another destination, or the journal of one."""
        path = self.path_of(name)
        journal = path + SUFFIX
        return name.endswith(SUFFIX) or (journal != self.journal and os.path.exists(journal))  # noqa: PTH110


def parse_template(path: str, **of_run: str) -> Template:
    """Read a PATH; ``of_run`` are the values of the placeholders that a run decides.

    Raises:
        UsageError: it names no file, or has an unknown placeholder.

    """
    if "\0" in path:
        raise UsageError(f"The path {path!r} contains characters that no path may have.")
    check_placeholders(path)
    path = filled(path, of_run)
    if path.endswith(SUFFIX):
        raise UsageError(
            f"{path!r} is the name of a journal. Use another PATH, such as audit.jsonl."
        )
    other = False
    with suppress(OSError, ValueError):  # nothing is there, or can be
        # What else is there instead of a file, such as a FIFO, was put there: a run refuses it.
        mode = os.stat(path).st_mode  # noqa: PTH116
        other = stat.S_ISDIR(mode) or stat.S_ISCHR(mode)
    nameless = os.path.basename(path) in ("", ".", "..", STDOUT)  # noqa: PTH119
    if nameless or other:
        raise UsageError(
            f"{path!r} is no file that sync could append to. Use a PATH such as audit.jsonl or "
            "audit/{date}.jsonl.gz."
        )
    folder, names = os.path.split(path)
    while "{" in folder:
        folder, last = os.path.split(folder)
        names = f"{last}/{names}"
    return Template(folder, names)


def find_files(path: str) -> list[str]:
    """Find the files that a PATH means: itself, or those of a template, the newest first.

    The newest is the one with the latest ``{date}``, else the one that was changed last.
    """
    if "{" not in path or os.path.exists(path):  # noqa: PTH110
        return [path]
    check_placeholders(path)
    pattern = _values(re.split(PLACEHOLDER, path))
    found = []
    for name in _glob(_texts(path)):
        match = re.fullmatch(pattern, name)
        # What lies beside them may have a name like theirs.
        beside = re.fullmatch(ASIDE, name) or name.endswith(SUFFIX) or os.path.exists(name + SUFFIX)  # noqa: PTH110
        if match and not beside and os.path.isfile(name):  # noqa: PTH113
            day = match.groupdict().get("date", "").replace(UNDATED, "")
            found.append((day, os.path.getmtime(name), name))  # noqa: PTH204
    return [name for _, _, name in sorted(found, reverse=True)]


def is_of_a_sync(path: str) -> bool:
    """Return whether a file belongs to a destination: its journal, its data, or bytes set aside."""
    path = os.path.realpath(path)
    if path.endswith(SUFFIX) or os.path.exists(path + SUFFIX):  # noqa: PTH110
        return True
    # A file that is not there has nothing to lose. One that bytes were set aside from may be gone.
    return os.path.exists(path) and bool(re.fullmatch(ASIDE, path) or any(journals_of(path)))  # noqa: PTH110


def journals_of(path: str) -> Iterator[str]:
    """Yield the journals of destinations that a file may belong to, by its name without links."""
    if os.path.exists(path + SUFFIX):  # noqa: PTH110
        yield path + SUFFIX
    folder, name = os.path.split(path)
    while True:
        for journal in _glob(("", "{", "}", SUFFIX), folder):
            if re.fullmatch(_names(journal.removesuffix(SUFFIX)), name):
                yield os.path.join(folder, journal)  # noqa: PTH118
        if folder == os.path.dirname(folder):  # noqa: PTH120
            return
        folder, last = os.path.split(folder)
        name = f"{last}-{name}"  # as in a journal's name


def short_name(name: str) -> str:
    """Return the prefix of the names of files with bytes set aside from a file of this name."""
    folder, last = os.path.split(name)
    if len(os.fsencode(last)) <= LONGEST_BEFORE_MARK:
        return name
    import hashlib

    digest = hashlib.sha256(os.fsencode(last)).hexdigest()[:16]
    return os.path.join(folder, f"{last[:40]}~{digest}")  # noqa: PTH118 - 40 are at most 160 bytes


def find_templates(path: str) -> list[Template]:
    """Find the destinations of a PATH: with ``{source}`` or ``{provider}`` there may be several.

    One that has no journal is among them where the PATH can mean no other.
    """
    path = path.removesuffix(SUFFIX)
    if not any(f"{{{name}}}" in path for name in OF_RUN):
        return [parse_template(path)]
    return [parse_template(path, **found) for found in fillings(path, _journal)]


def fillings(path: str, there: Callable[..., str]) -> list[dict[str, str]]:
    """Return the values of ``{source}`` and ``{provider}`` with which a destination is there.

    ``there`` returns the name that each has on the disk.
    """
    # NUL is the one character that no path has: pieces of text and names of placeholders by turns.
    parts = there(path, **{name: f"\0{name}\0" for name in OF_RUN}).split("\0")
    pattern = _values(parts)
    matches = [re.fullmatch(pattern, found) for found in sorted(_glob(parts[::2]))]
    return [match.groupdict() for match in matches if match]


def _journal(path: str, **of_run: str) -> str:
    return parse_template(path, **of_run).journal


def check_placeholders(path: str, known: Sequence[str] = OF_RECORD + OF_RUN) -> None:
    """Check that a PATH has no placeholders but those that are known."""
    unknown = [name for name in re.findall(PLACEHOLDER, path) if name not in known]
    if unknown or not set("{}").isdisjoint(re.sub(PLACEHOLDER, "", path)):
        names = ", ".join(f"{{{name}}}" for name in known)
        raise UsageError(f"The path {path!r} has an unknown placeholder. Known are {names}.")


def filled(path: str, of_run: Mapping[str, str]) -> str:
    """Put the values of the placeholders that a run decides into a PATH."""
    for name, value in of_run.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def _texts(template: str) -> Sequence[str]:
    """Return what a template has before, between and behind its placeholders."""
    return re.split(PLACEHOLDER, template)[::2]


def _glob(texts: Iterable[str], folder: str = "") -> list[str]:
    """Find the paths below a folder that are these texts with anything between them."""
    import glob

    pattern = "*".join(map(glob.escape, texts))
    return glob.glob(pattern, root_dir=folder or None, include_hidden=True)  # noqa: PTH207


def _values(parts: Sequence[str]) -> str:
    """Return the pattern of a template's parts, with a group for each placeholder."""
    pattern = re.escape(parts[0])
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        # Twice in a PATH it is twice the same; a brace is of another PATH's placeholders.
        again = f"(?P<{name}>" in pattern
        pattern += f"(?P={name})" if again else f"(?P<{name}>{_VALUES.get(name, '[^/{}]+')})"
        pattern += re.escape(text)
    return pattern


def _names(template: str) -> str:
    """Return the pattern of all names that a template can make."""
    parts = enumerate(re.split(PLACEHOLDER, template))
    return "".join(_VALUES.get(part, ".*") if n % 2 else re.escape(part) for n, part in parts)


def _harmless(value: str) -> str:
    """Encode a value from a log as part of a file's name: in no other folder, never hidden.

    Two values never make the same name, and none makes one of what else there is: a journal, bytes
    set aside, records without an account.
    """
    name = quote(value, safe="@+ ", errors="surrogatepass").replace("~", "%7E")
    if name.startswith(".") or name in (NOBODY, SUFFIX[1:]):  # x.{account} would be a journal
        name = f"%{ord(name[0]):02X}{name[1:]}"
    if name.endswith(SUFFIX) or re.fullmatch(ASIDE, name):
        name = "%2E".join(name.rsplit(".", 1))
    if len(name) <= LONGEST_VALUE:
        return name
    import hashlib

    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{name[: LONGEST_VALUE - 17]}~{digest}"
