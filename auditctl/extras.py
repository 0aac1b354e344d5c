"""Dependencies that are installed only by those who want them."""

from importlib.util import find_spec

from auditctl.errors import UsageError

MODULES = {"": (), "lake": ("arro3", "deltalake", "pyarrow"), "dask": ("distributed",)}
"""The extras of the package, and the modules that each installs."""


def require(extra: str, what: str) -> None:
    """Check, without importing it, that an extra is installed that ``what`` needs."""
    if any(find_spec(module) is None for module in MODULES[extra]):
        raise UsageError(
            f"{what} needs more packages. Install them: pip install 'auditctl[{extra}]'"
        )
