"""What the failures of a store mean: the table was changed, or it cannot be reached or written."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import pytest
from deltalake import DeltaTable

from auditctl.errors import IntegrityError, OutputError
from auditctl.sync.delta.path import TablePath
from auditctl.sync.delta.store import CREATIONS, Store, cannot_write, failure

if TYPE_CHECKING:
    from pathlib import Path

ARROW = "\n          \x1b[31m\u21b3\x1b[0m "
NOT_SUPPORTED = f"Kernel error -> Operation not supported{ARROW}"
STORE = "The store of s3://lake/audit cannot be reached, or refuses: "
REMEDY = ". Check the network, and the credentials in the environment."


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            (
                f"{NOT_SUPPORTED}an error occurred while loading credentials{ARROW}"
                "failed to load IMDS session token"
            ),
            "failed to load IMDS session token",
        ),
        (
            f'Generic error{ARROW}failed to parse "perhaps" as boolean',
            'failed to parse "perhaps" as boolean',
        ),
        (
            f'Generic Config error{ARROW}Failed to parse "perhaps" as S3PutConditional',
            'Failed to parse "perhaps" as S3PutConditional',
        ),
        (
            '"TOKIO_WORKER_THREADS" must be usize, error: invalid digit found in string, value: x',
            '"TOKIO_WORKER_THREADS" must be usize, error: invalid digit found in string, value: x',
        ),
        (
            f"Generic HTTP client error{ARROW}builder error{ARROW}relative URL without a base",
            "relative URL without a base",
        ),
        (
            (
                f"{NOT_SUPPORTED}an error occurred while loading credentials{ARROW}"
                "No such file or directory (os error 2)"
            ),
            "No such file or directory",
        ),
        (
            (
                f"Generic GCS error{ARROW}Unable to open service account file from /x{ARROW}"
                "No such file or directory (os error 2)"
            ),
            "No such file or directory",
        ),
        (
            (
                f"Kernel error -> Generic S3 error{ARROW}HTTP error{ARROW}tcp connect error{ARROW}"
                "Connection refused (os error 111)"
            ),
            "Connection refused",
        ),
    ],
)
def test_a_store_that_cannot_be_reached(said: str, reason: str) -> None:
    found = failure("s3://lake/audit", OSError(said))
    assert (type(found), str(found)) == (OutputError, f"{STORE}{reason}{REMEDY}")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            (
                "Generic S3 error: Server returned non-2xx status code: 416: <Error>"
                "<Message>The requested range is not satisfiable</Message></Error>"
            ),
            "The requested range is not satisfiable",
        ),
        (
            (
                "Kernel error: Json error: Truncated record whilst reading string\n"
                "   0: <unknown>\n   1: clone3\n             at ./misc/clone3.S:81:0\n"
            ),
            "Truncated record whilst reading string",
        ),
    ],
)
def test_what_was_changed(said: str, reason: str) -> None:
    found = failure("s3://lake/audit", OSError(said))
    assert type(found) is IntegrityError
    assert str(found).endswith(f" is not what was written, or a part of it is gone: {reason}.")


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE, errno.ESTALE])
def test_a_disk_that_fails_is_no_change_of_the_table(number: int) -> None:
    assert type(failure("lake", OSError(number, os.strerror(number), "lake/x"))) is OutputError


@pytest.mark.parametrize(
    "refused",
    [
        OSError("Generic LocalFileSystem error: Permission denied (os error 13)"),
        PermissionError(13, "Permission denied", "lake/_delta_log/00000000000000000001.json"),
    ],
)
def test_a_folder_has_no_network_and_no_credentials(refused: OSError) -> None:
    read = failure("lake", refused)
    written = cannot_write(
        "lake",
        OSError('Error: Os { code: 28, kind: StorageFull, message: "No space left on device" }'),
    )
    assert (type(read), str(read)) == (
        OutputError,
        "Cannot read lake: Permission denied. Check the disk, and your rights in the folder.",
    )
    assert str(written) == (
        "Cannot write lake: No space left on device. What was committed before stays; check the "
        "disk, and your rights in the folder."
    )


def test_a_table_that_the_last_attempt_creates_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create, failures = DeltaTable.create, [OSError("busy")] * (CREATIONS - 1)

    def fail_at_first(*arguments: Any, **options: Any) -> DeltaTable:
        if failures:
            raise failures.pop()
        return create(*arguments, **options)

    monkeypatch.setattr(DeltaTable, "create", fail_at_first)
    store = Store(TablePath(str(tmp_path / "lake")), {})
    store.load_or_create()
    assert store.version == 0
