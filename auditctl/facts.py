"""The facts that a provider states: which are required, and checks made when its class is."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from auditctl.log import Log, Order

Check = tuple[Callable[[Any], bool], str]
"""A test of a value, and in words what passes it."""


class FactError(TypeError):
    """A provider lacks something, or a fact that it states cannot be what it is."""


def _maps(key: type, value: type) -> Callable[[Any], bool]:
    def is_one(found: object) -> bool:
        return isinstance(found, Mapping) and all(
            isinstance(one, key) and isinstance(other, value) for one, other in found.items()
        )

    return is_one


_TEXT = (lambda value: isinstance(value, str), "a text")
_DURATION = (lambda value: value is None or isinstance(value, timedelta), "a timedelta or None")
_BOOL = (lambda value: isinstance(value, bool), "True or False")
_ORDERS = ", ".join(f"Order.{order.name}" for order in Order)
_LOGS = (
    lambda value: _maps(str, Log)(value) and len(value) > 0,
    "a mapping of names to Logs, with one at least",
)
REQUIRED_OF_A_LOG = ("order", "permission", "retention")
REQUIRED = ("name", "title", *REQUIRED_OF_A_LOG, "rate_limit", "docs")
"""Facts that a provider must state for itself or for each of its logs."""
CHECKS: dict[str, Check] = {
    **dict.fromkeys(REQUIRED, _TEXT),
    "order": (lambda value: value in list(Order), f"one of {_ORDERS}"),
    "keeps": _DURATION,
    "overlap": _DURATION,
    "has_ids": _BOOL,
    "headers": (_maps(str, str), "a mapping of names to texts"),
    "hints": (_maps(int, str), "a mapping of HTTP statuses to texts"),
    "forbids_wrong_credentials": _BOOL,
    "sample": (
        lambda value: value is None or (isinstance(value, str) and ":" in value),
        'a text like "module:function", or None',
    ),
}


def check_facts(cls: Any) -> None:  # noqa: ANN401 - the class of a provider, which imports this
    """Check the facts that a class states, and those of its logs.

    Raises:
        FactError: one cannot be what it is; the message names it.

    """
    for fact in filter(partial(hasattr, cls), CHECKS):
        _check(fact, getattr(cls, fact), CHECKS[fact])
    if "logs" in vars(cls):
        _check("logs", cls.logs, _LOGS)
        for name, log in cls.logs.items():
            for fact in filter(CHECKS.get, Log._fields):
                _check(f"{fact} of the log {name}", getattr(log, fact), CHECKS[fact])


def _check(fact: str, value: object, check: Check) -> None:
    is_sound, expected = check
    if not is_sound(value):
        raise FactError(f"its fact {fact} is {value!r}, and must be {expected}")
