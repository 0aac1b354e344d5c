"""The entry point of ``auditctl`` and ``python -m auditctl``."""

import gc
import os
import sys


def script() -> None:
    """Run the command line and end the process, at once.

    Python would free its memory first, object by object, which takes a thirtieth of a fetch. By
    then output is flushed and files are closed.
    """
    try:
        main()
    except SystemExit as ended:
        if isinstance(ended.code, str):
            raise
        os._exit(ended.code or 0)
    os._exit(0)


def main() -> None:
    """Run the command line."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        # Answered here, because importing the command line takes longer than all of this.
        from auditctl import __version__

        try:
            # Not print(), whose failure comes when the process ends: too late to say a word.
            os.write(1, f"auditctl {__version__}\n".encode())
        except OSError:
            pass  # the command line below says what that means
        else:
            return
    # Imports leave hardly any garbage, and looking for it takes a tenth of their time: the
    # collector starts with the command's own work, if there is any.
    gc.disable()
    try:
        from auditctl.cli.app import app
        from auditctl.cli.boundary import run

        run(app)
    except KeyboardInterrupt:  # before a command has taken the signals over
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - the command line could not be imported
        from contextlib import suppress

        from auditctl.errors import failure

        failed = failure(error)
        with suppress(OSError):  # nobody may be there to read it
            os.write(2, f"auditctl: error: {failed}\n".encode())
        sys.exit(failed.status)


if __name__ == "__main__":
    script()
