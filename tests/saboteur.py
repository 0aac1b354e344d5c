"""Runs auditctl and kills it (SIGKILL, as the kernel does) at one of its writes to the disk.

    python -m tests.saboteur before|within|after NUMBER auditctl's words…

counts what changes the disk: writes, syncs, cuts, new files and folders. "within" lets half of a
write through; what cannot be halved is killed before.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

CHANGES = (
    "writev", "pwrite", "fsync", "ftruncate", "truncate", "utime", "mkdir", "open", "unlink",
)  # fmt: skip


def main() -> None:
    when, number, *words = sys.argv[1:]
    left = int(number)

    def sabotaged(name: str, change: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            left -= name != "open" or bool(args[1] & os.O_CREAT)
            if left == 0:
                left = -1
                if when == "within" and name == "pwrite":
                    file, data, offset = args
                    change(file, data[: len(data) // 2], offset)
                if when == "within" and name == "writev":
                    file, pieces = args
                    data = b"".join(pieces)
                    change(file, [data[: len(data) // 2]])
                if when == "after":
                    change(*args, **kwargs)
                os.kill(os.getpid(), signal.SIGKILL)
            return change(*args, **kwargs)

        return call

    for name in CHANGES:
        setattr(os, name, sabotaged(name, getattr(os, name)))
    sys.argv[1:] = words
    from auditctl.__main__ import main as auditctl

    auditctl()


if __name__ == "__main__":
    main()
