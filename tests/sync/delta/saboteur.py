"""Runs auditctl with small commits, and kills it (SIGKILL) at one of its commits to a table.

    python -m tests.sync.delta.saboteur before|within|after|never NUMBER auditctl's words…

"within" kills at some moment of the commit, while the library writes files or the log.
"""

import os
import random
import signal
import sys
import threading
from typing import Any

from deltalake import write_deltalake

from auditctl.sync.delta import destination

SMALL = 40
"""Records of a commit."""
LONGEST = {False: 0.04, True: 0.4}
"""Seconds that a commit may take: to a folder, and over S3."""


def main() -> None:
    when, number, *words = sys.argv[1:]
    left = int(number)
    longest = LONGEST[any("://" in word for word in words)]

    def kill() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def sabotaged(*args: Any, **kwargs: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0 and when == "before":
            kill()
        if left == 0 and when == "within":
            threading.Timer(random.uniform(0, longest), kill).start()
        write_deltalake(*args, **kwargs)
        if left == 0 and when == "after":
            kill()

    destination.MAX_RECORDS = SMALL
    vars(destination)["write_deltalake"] = sabotaged
    sys.argv[1:] = words
    from auditctl.__main__ import main as auditctl

    auditctl()


if __name__ == "__main__":
    main()
