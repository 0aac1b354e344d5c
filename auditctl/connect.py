"""A provider and its client, made of settings and options."""

import gc
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from auditctl.console import Console
from auditctl.context import Context
from auditctl.errors import UsageError
from auditctl.options import FetchOptions

if TYPE_CHECKING:
    from auditctl.http.client import Client
    from auditctl.http.connection import Exchange
    from auditctl.provider import Provider

COLLECTED_AFTER = 20_000
"""The collector's threshold: so many more new objects than freed ones, before it looks."""


def connect(
    provider: type["Provider"],
    options: FetchOptions,
    context: Context,
    now: datetime,
    on_trouble: Callable[[str], None] = lambda _sentence: None,
) -> tuple["Provider", "Client"]:
    """Return the provider with its settings, and a client; with ``--demo`` sample data instead.

    ``on_trouble`` is called with a sentence for each trouble that is waited out.

    Raises:
        AuditctlError: the settings, or an option, cannot be used.

    """
    from auditctl import settings
    from auditctl.faults import blamed

    patience = options.patience()
    with blamed(provider):
        again = transport = None
        if options.demo:
            from auditctl import demo

            ready = settings.sample(provider, **options.own)
            try:
                transport = demo.transport(provider, now)
            except LookupError as error:
                raise UsageError(f"{error}.") from None
        else:
            places = settings.find(provider, context.environ, options.settings)
            load = partial(settings.load, provider, places, **options.own)
            ready = load()
            again = load if settings.may_change(places) else None

        from auditctl.http.client import Client

        client = Client(
            ready,
            again=again,
            retry_for=patience,
            concurrency=options.concurrency,
            transport=transport,
            on_exchange=partial(_tell_exchange, context.console) if options.verbose else None,
            on_pause=partial(_tell_pause, context.console, on_trouble),
        )
    # What is imported by now stays, and pages go when their last name does: the collector need
    # not look at either again and again. It was off so far, see `auditctl.__main__`.
    gc.freeze()
    gc.set_threshold(COLLECTED_AFTER)
    gc.enable()
    return ready, client


def _tell_pause(
    console: Console, on_trouble: Callable[[str], None], sentence: str, seconds: float
) -> None:
    on_trouble(f"{sentence}.")
    console.detail(f"{sentence}; asking again in {seconds:.0f} s", pause=seconds)
    # What one waits for first: the line may be too long for the terminal.
    console.progress(f"Asking again in {seconds:.0f} s: {sentence}", now=True)


def _tell_exchange(console: Console, exchange: "Exchange") -> None:
    console.detail(
        f"{exchange.method} {exchange.path} {exchange.status or 'no answer'} "
        f"{exchange.milliseconds:.0f} ms {exchange.bytes} bytes",
        **exchange._asdict(),
    )
