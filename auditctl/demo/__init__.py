"""Sample data that stands in for the network, below the HTTP client."""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from datetime import datetime


def transport(name: str, now: datetime) -> httpx.MockTransport:
    """Return a transport that answers as the provider of that name would at `now`."""
    module_name = f"{__name__}.{name}"
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name:  # the demo is there, something that it needs is not
            raise
        module = None
    # Not every module here is a demo: a provider may bear the name of one that is not.
    answer = getattr(module, "answer", None)
    if answer is None:
        message = f"{name} has no sample data: leave --demo out, and give it its settings"
        raise LookupError(message)
    return httpx.MockTransport(functools.partial(answer, now=now))
