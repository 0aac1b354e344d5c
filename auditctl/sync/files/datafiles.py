"""The data files of a destination on the disk: inspected, created, repaired."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from auditctl.errors import IntegrityError
from auditctl.output import cannot
from auditctl.paths import Template, journals_of, short_name
from auditctl.sync.destination import Opening
from auditctl.sync.files.chain import read_lines
from auditctl.sync.files.commits import File, FileEntry, FileState
from auditctl.sync.files.disk import (
    close,
    create_file,
    cut_back,
    foreign,
    inspect,
    is_same,
    make_folder,
    open_file,
    set_changed,
)
from auditctl.sync.profile import FileProfile
from auditctl.sync.state import Deleted
from auditctl.window import now_text

if TYPE_CHECKING:
    from auditctl.sync.files.aside import Aside


@dataclass(eq=False, repr=False)
class DataFiles:
    """The data files of a destination that this run holds."""

    profile: FileProfile
    state: FileState
    """The state of the files by the journal."""
    opening: Opening
    moved: list[str] = field(default_factory=list)
    """Files found moved away, to be noted in the next line."""
    deleted: list[Deleted] = field(default_factory=list)
    """Those of them that are nowhere in their folder, to be noted in the next line too."""
    renewed: bool = False
    """Files were found correct in another place; the next line notes which."""
    aside: list["Aside"] = field(default_factory=list)
    """Bytes found after the last commits of files, until `clear_aside` has compared them."""

    @property
    def _template(self) -> Template:
        return self.profile.template

    def _path(self, name: str) -> str:
        return self._template.path_of(name)

    def recover(self) -> None:
        """Set aside what was written without a commit, and check the files for other changes.

        A file with the size, the time of change and the inode that were noted is taken for
        unchanged; any other is read again from its first byte.

        Raises:
            IntegrityError: a file is shorter than what was committed, or was changed.
            OutputError: something cannot be set aside.

        """
        self._recall()
        gone, doubtful = [], {}
        for name, file in self.state.files.items():
            found = self._found(name, file)
            if found is None:
                gone += [name] if file.length else []
            elif _stamp(found) != file:
                doubtful[name] = found
        if gone:
            self._note_gone(gone)
        if doubtful:
            self._prove(doubtful)

    def _note_gone(self, names: Sequence[str]) -> None:
        """Note that files were moved away; those that are nowhere in their folder were deleted.

        What a killed run wrote to a file that was renamed is set aside there: it comes again in
        the file begun anew.
        """
        from auditctl.sync.files.integrity import find_contents
        from auditctl.sync.status import describe_deletion

        self.moved += names
        try:
            there = find_contents(self._template, names, self.state.files)
            for name, path in there.items():
                file, found = self.state.files[name], os.stat(path)  # noqa: PTH116
                if found.st_ino == file.inode and found.st_size > file.length:
                    self._set_aside(name, path)
        except OSError as error:
            raise cannot(self._template.path, error) from None
        deleted = [name for name in names if name not in there]
        if deleted and not self.opening.external_rotation:
            now = now_text()
            self.deleted += [Deleted(name, self.state.files[name].length, now) for name in deleted]
            self.opening.warn(describe_deletion(self._template.path, deleted))

    def _prove(self, found: Mapping[str, os.stat_result]) -> None:
        """Read files again that do not look as they were left, and set aside what is too much."""
        from auditctl.sync.files.integrity import prove_files

        prove_files(self._template, found)
        for name, now in found.items():
            path = self._path(name)
            file = self.state.files[name]
            try:
                if now.st_size > file.length:
                    self._set_aside(name, path)
                if file.length:
                    # It is now what was noted, so the next run need not read it again.
                    set_changed(path, file.mtime_ns)
            except OSError as error:
                raise cannot(path, error) from None
            self.renewed |= now.st_ino != file.inode
            self.state.files[name] = file._replace(inode=now.st_ino)

    def _set_aside(self, name: str, source: str) -> None:
        """Set aside what a file, wherever it is now, has after its last commit."""
        from auditctl.sync.files.aside import set_aside

        short = short_name(name)
        end = set_aside(source, self.state.files[name].length, self._path(short))
        self.aside.append(self._read_aside(short + end))

    def _read_aside(self, name: str) -> "Aside":
        from auditctl.sync.files.aside import read_aside

        path, packed = self._path(name), self._template.compressed
        return read_aside(name, path, self.profile.header, self.profile.stable, compressed=packed)

    def _recall(self) -> None:
        """Take over what earlier runs set aside and did not compare."""
        names = self._template.aside(self.state.files)
        try:
            self.aside = [self._read_aside(name) for name in names if name not in self.state.aside]
        except OSError as error:
            raise cannot(self._template.path, error) from None

    def find(self, rows: Iterable[bytes]) -> None:
        """Note that rows are in the destination, which may be among those that were set aside."""
        for row in rows:
            for aside in self.aside:
                aside.find(row)

    def clear_aside(self) -> list[str]:
        """Remove what was set aside if all of it is in the destination; return what stays.

        Raises:
            OutputError: it cannot be removed.

        """
        if not self.aside:
            return []
        from auditctl.sync.files.integrity import Files
        from auditctl.sync.status import describe_aside

        if not all(aside.is_known for aside in self.aside):
            # Runs before this one may have written it. Which ones, no clock can tell.
            with closing(Files(self._template)) as files:
                for _, commit in read_lines(self._template.journal):
                    for entry in commit.files:
                        self.find(files.rows(entry, csv=bool(self.profile.header)))
        stays = [aside.name for aside in self.aside if not aside.is_known]
        for name in (aside.name for aside in self.aside if aside.is_known):
            try:
                os.unlink(self._path(name))  # noqa: PTH108
            except OSError as error:
                raise cannot(self._path(name), error) from None
        self.aside = []
        if stays:
            self.opening.warn(describe_aside(self._template.path, stays))
        return stays

    def check_file(self, name: str) -> None:
        """Check that a file is still as this run left it.

        Raises:
            IntegrityError: it is not.

        """
        file = self.state.files.get(name)
        if file is None or name in self.moved:
            return
        found = self._found(name, file)
        if found is None:
            if file.length:
                self._note_gone([name])
            return
        if found.st_size != file.length:
            raise IntegrityError(
                f"{self._path(name)} has {found.st_size} bytes, but {file.length} were committed: "
                "somebody else writes to it. Nothing was overwritten; restore it from a backup, or "
                "move it away."
            )
        if file.length and _stamp(found) != file:
            self._prove({name: found})

    def _found(self, name: str, file: File) -> os.stat_result | None:
        """Look at a file; None if it is not there and must be begun anew."""
        path = self._path(name)
        found = inspect(path)
        if found is None or found.st_ino == file.inode:
            return found
        if not found.st_size:
            return None  # logrotate's "create" puts an empty file in its place
        if not file.length and file.inode:  # there is no content yet by which to know it
            raise foreign(path)
        return found

    def is_fresh(self, name: str) -> bool:
        """Return whether a file must be begun before something is written to it."""
        file = self.state.files.get(name)
        if file is None or name in self.moved:
            return True
        return not file.length and self._found(name, file) is None

    def open(self, name: str) -> int | None:
        """Open a file at the end of which to write; None if it is not the one it was."""
        file = self.state.files[name]
        try:
            descriptor = open_file(self._path(name), os.O_WRONLY)
        except FileNotFoundError:
            return None
        found = os.fstat(descriptor)
        if (found.st_size, found.st_ino) == (file.length, file.inode):
            return descriptor
        close(descriptor)
        return None

    def take_back(self, entry: FileEntry) -> None:
        """Take off what this run has just written to a file.

        Raises:
            IntegrityError, OSError: it is another file now, or somebody has written on.

        """
        file = open_file(self._path(entry.name), os.O_WRONLY)
        try:
            if os.fstat(file).st_ino == entry.inode:
                cut_back(file, entry.offset, entry.end)
                set_changed(file, self.state.files[entry.name].mtime_ns)
        finally:
            close(file)

    def create(self, name: str, begun: Mapping[str, File]) -> File:
        """Make a new file; one that is there is taken if it is empty and nobody else's.

        Raises:
            IntegrityError: it is somebody else's.
            OutputError: it cannot be made.

        """
        path = self._path(name)
        try:
            make_folder(os.path.dirname(path))  # noqa: PTH120
            found = create_file(path)
            for other, file in {**self.state.files, **begun}.items():
                if (
                    other != name
                    and file.inode == found.st_ino
                    and is_same(self._path(other), path)
                ):
                    raise IntegrityError(
                        f"{path} and {self._path(other)} are one file here: the file system does "
                        "not tell their names apart. Nothing was overwritten; choose a disk that "
                        "does, or a PATH whose names differ by more."
                    )
            if found.st_size or found.st_nlink > 1 or self._is_of_another(path):
                raise foreign(path)
        except OSError as error:
            raise cannot(path, error) from None
        return File(0, found.st_mtime_ns, found.st_ino)

    def _is_of_another(self, path: str) -> bool:
        """Return whether a link leads to a file of another destination."""
        real = os.path.realpath(path)
        names = os.path.relpath(path, self._template.folder or ".")
        if real == os.path.join(os.path.realpath(self._template.folder or "."), names):  # noqa: PTH118
            return False
        return any(not is_same(one, self._template.journal) for one in journals_of(real))


def _stamp(found: os.stat_result) -> File:
    """Return what a commit would note of a file as it is now."""
    return File(found.st_size, found.st_mtime_ns, found.st_ino)
