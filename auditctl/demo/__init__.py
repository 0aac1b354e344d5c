"""Sample data in place of the network, below the HTTP client."""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from datetime import datetime

    from auditctl.provider import Provider


def transport(provider: type[Provider], now: datetime) -> httpx.MockTransport:
    """Return a transport that answers as the provider's service would at ``now``.

    Raises:
        LookupError: the provider has no sample data.

    """
    if provider.sample is None:
        raise LookupError(
            f"{provider.name} has no sample data: leave --demo out, and give it its settings"
        )
    module, _, function = provider.sample.partition(":")
    try:
        answer = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        if error.name not in (module, function):
            raise
        raise LookupError(
            f"{provider.name} has no sample data: there is no {provider.sample}"
        ) from None
    return httpx.MockTransport(functools.partial(answer, now=now))
