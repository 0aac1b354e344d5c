"""The program's door: ``auditctl`` and ``python -m auditctl`` come in here."""

import gc
import sys


def main() -> None:
    """Run the command line."""
    if sys.argv[1:] == ["--version"]:
        # Answered here, because importing the command line takes longer than all of this.
        from auditctl import __version__

        print(f"auditctl {__version__}")  # noqa: T201
        return
    # Imports leave hardly any garbage, and looking for it takes a tenth of their time: the
    # collector starts with the command's own work, if there is any.
    gc.disable()
    try:
        from auditctl.cli import run

        run()
    except KeyboardInterrupt:  # before a command has taken the signals over
        sys.exit(130)


if __name__ == "__main__":
    main()
