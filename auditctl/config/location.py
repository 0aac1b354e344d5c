"""Where auditctl.toml is."""

import os
from collections.abc import Mapping
from contextlib import suppress

from auditctl.errors import UsageError

VARIABLE = "AUDITCTL_CONFIG"
NAME = "auditctl.toml"


def find(named: str | None, environ: Mapping[str, str], instead: str = "") -> str:
    """Find the configuration; ``instead`` is what a user of the command can do without one."""
    if named or environ.get(VARIABLE):
        return named or environ[VARIABLE]
    if os.path.exists(NAME):  # noqa: PTH110
        return NAME
    missing = f"./{NAME} is not there"
    import platformdirs

    # A container's user often has no home folder, and no entry in passwd that could name one.
    with suppress(RuntimeError):
        own = os.path.join(platformdirs.user_config_dir("auditctl"), NAME)  # noqa: PTH118
        if os.path.exists(own):  # noqa: PTH110
            return own
        missing = f"neither ./{NAME} nor {own} is there"
    raise UsageError(
        f"There is no configuration: neither --config nor {VARIABLE} names one, and {missing}. "
        f"Write one{instead and f', or {instead}'}."
    )
