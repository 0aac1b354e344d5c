import errno
import fcntl
import gzip
import os
import re
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from auditctl.errors import OutputError
from auditctl.output import standard_output, whole_file
from tests.program import in_place_of

NOBODY = 65534
LARGE = b"x" * 1_000_000


class Interruption(BaseException):
    """Something that is no Exception, such as SIGINT."""


def names(folder: Path) -> list[str]:
    """Give what lies in a folder, drafts included."""
    return sorted(path.name for path in folder.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def powerless() -> Iterator[None]:
    """Give up root's right to write everywhere, if the tests run as root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_a_file_is_its_owners_alone_and_whole(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "out.jsonl"
    before = os.umask(umask)
    try:
        with whole_file(str(path)) as write:
            write(b"one\n")
            write(LARGE)
            write(b"")
            assert not path.exists()
    finally:
        os.umask(before)
    assert path.read_bytes() == b"one\n" + LARGE
    assert mode(path) == 0o600
    assert names(tmp_path) == ["out.jsonl"]


def test_nothing_written_is_an_empty_file(tmp_path: Path) -> None:
    with whole_file(str(tmp_path / "out")):
        pass
    assert (tmp_path / "out").read_bytes() == b""


def test_another_file_of_this_name_is_replaced_at_the_end_with_its_rights(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")
    path.chmod(0o644)
    with whole_file(str(path)) as write:
        write(LARGE)
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == LARGE
    assert mode(path) == 0o600


@pytest.mark.parametrize("name", ["out", "out.gz"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, Interruption, GeneratorExit])
def test_after_an_exception_all_is_as_before(
    tmp_path: Path, name: str, error: type[BaseException]
) -> None:
    for before in ([], ["old"]):
        for content in before:
            (tmp_path / name).write_text(content)
        with pytest.raises(error), whole_file(str(tmp_path / name)) as write:  # noqa: PT012
            write(LARGE)
            raise error
        assert [file.read_text() for file in tmp_path.iterdir()] == before


def test_a_gz_file_is_compressed_and_the_same_each_time(tmp_path: Path) -> None:
    written = []
    for name in ("a.jsonl.gz", "b.gz"):
        with whole_file(str(tmp_path / name)) as write:
            for _ in range(100):
                write(b"record\n" * 100)
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    assert gzip.decompress(written[0]) == b"record\n" * 10_000
    assert written[0][4:8] == bytes(4)  # no time inside
    assert len(written[0]) < 10_000


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "link"
    link.symlink_to("there/real")
    for content in (b"one", b"two"):  # the first makes the file
        with whole_file(str(link)) as write:
            write(content)
        assert link.is_symlink()
        assert (tmp_path / "there/real").read_bytes() == content
    assert names(tmp_path / "there") == ["real"]


@pytest.mark.parametrize("name", ["x", "n" * 255, "ü" * 127, "a\udcff"])
def test_any_name_that_a_file_may_have_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with whole_file(name) as write:
        write(b"x")
    assert names(tmp_path) == [name]


@pytest.mark.parametrize("name", ["", ".", "missing/out", "file/out", "loop", "n" * 300])
def test_what_cannot_be_a_file_is_an_output_error(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("old")
    (tmp_path / "loop").symlink_to("loop")
    said = rf"^Cannot write {name or '.*'}: .+\."
    with pytest.raises(OutputError, match=said), whole_file(name):
        pytest.fail("it was lent")
    assert names(tmp_path) == ["file", "loop"]
    assert (tmp_path / "file").read_text() == "old"


def test_a_folder_that_one_may_not_write_in_is_an_output_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    said = r"Permission denied.*may write"
    with powerless(), pytest.raises(OutputError, match=said), whole_file(str(tmp_path / "out")):
        pytest.fail("it was lent")
    tmp_path.chmod(0o755)
    assert names(tmp_path) == []


def test_a_full_disk_is_an_output_error() -> None:
    said = r"No space left on device\. Free some space"
    with pytest.raises(OutputError, match=said), whole_file("/dev/full") as write:
        write(LARGE)


def test_a_device_is_written_to_and_stays() -> None:
    with whole_file("/dev/null") as write:
        write(LARGE)
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.parametrize("name", ["pipe", "pipe.gz"])
def test_a_named_pipe_is_written_to_and_stays(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    os.mkfifo(path)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(path.read_bytes()), daemon=True)
    reader.start()
    with whole_file(str(path)) as write:
        write(LARGE)
    reader.join(30)  # only a pipe that nobody opened takes so long
    # The suffix compresses, whatever bears it.
    assert (gzip.decompress(read[0]) if name.endswith(".gz") else read[0]) == LARGE
    assert path.is_fifo()
    assert names(tmp_path) == [name]


def test_what_a_descriptor_leads_to_is_written_to_though_it_has_no_name() -> None:
    reader, writer = os.pipe()
    with whole_file(f"/dev/fd/{writer}") as write:
        write(b"a record\n")
    assert os.read(reader, 100) == b"a record\n"
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize("moment", ["open", "replace"])
def test_an_interrupt_leaves_no_draft_whenever_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    real = getattr(os, moment)

    def interrupted(*args: Any) -> None:
        real(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, moment, interrupted)
    with pytest.raises(KeyboardInterrupt), whole_file(str(tmp_path / "a")) as write:
        write(b"a record\n")
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["a"] * (moment == "replace")


def test_standard_output_gets_each_write_at_once() -> None:
    there, here = os.pipe()
    with in_place_of(1, here), standard_output() as write:
        os.close(here)
        write(b"one\n")
        assert os.read(there, 100) == b"one\n"
        write(b"two\n")
        assert os.read(there, 100) == b"two\n"
    assert os.read(there, 100) == b""
    os.close(there)


def refused(number: int) -> Callable[..., None]:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


NO_MODES = [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS]


@pytest.mark.parametrize(
    ("call", "number"),
    [
        *(("fchmod", number) for number in NO_MODES),
        *(("fsync", number) for number in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS)),
    ],
)
def test_a_file_system_that_can_do_less_is_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    monkeypatch.setattr(os, call, refused(number))
    path = tmp_path / "out"
    with whole_file(str(path)) as write:
        write(b"a record\n")
    assert path.read_bytes() == b"a record\n"
    assert mode(path) == 0o600  # as it was made
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_what_the_disk_did_not_take_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(os, "fsync", refused(number))
    with pytest.raises(OutputError), whole_file(str(tmp_path / "out")) as write:
        write(b"a record\n")
    assert names(tmp_path) == []


@pytest.mark.parametrize("call", ["open", "replace"])
@pytest.mark.parametrize("number", [errno.EBUSY, errno.EPERM, errno.EXDEV, errno.EROFS])
def test_a_file_that_no_other_can_replace_stays_and_the_message_says_how_to_write_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    path = tmp_path / "my file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, call, refused(number))
    hint = re.escape(f"Write to standard output instead: > '{path}'") + "$"
    with pytest.raises(OutputError, match=hint), whole_file(str(path)) as write:
        write(b"a record\n")
    with pytest.raises(OutputError) as failed, whole_file(str(tmp_path / "new")) as write:
        write(b"a record\n")
    assert "standard output" not in str(failed.value)  # where it would not help
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["my file"]


def test_of_two_that_write_one_file_at_once_the_later_is_there_whole(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with whole_file(str(path)) as write:
        write(LARGE)
        with whole_file(str(path)) as write_too:
            write_too(b"shorter\n")
        assert path.read_bytes() == b"shorter\n"
        write(b"end\n")
    assert path.read_bytes() == LARGE + b"end\n"
    assert names(tmp_path) == ["out"]


def test_a_file_is_put_in_its_place_under_a_lock_that_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    waits: list[float] = []
    checks: list[int] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        fcntl.flock(other, fcntl.LOCK_UN)

    def check() -> None:
        checks.append(len(waits))
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)

    clock = SimpleNamespace(monotonic=lambda: 0.0, sleep=sleep)
    monkeypatch.setattr("auditctl.output.time", clock)
    try:
        with whole_file(str(tmp_path / "a"), check) as write:
            write(b"x")
        assert checks == [1]
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(other)
