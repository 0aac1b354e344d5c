"""How long troubles are waited out."""

from __future__ import annotations

import threading
from datetime import timedelta

from auditctl.http.retry import FIRST_PAUSE, PassingError, Patience, Trouble


def test_a_tiny_wait_is_waited_out_once_and_then_backed_off_from() -> None:
    pauses: list[float] = []
    patience = Patience("Persona", timedelta(hours=1), lambda _, seconds: pauses.append(seconds))
    trouble = Trouble(patience, threading.Event())
    for _ in range(6):
        trouble.outlast(PassingError("answered 429", throttled=True, wait=0.001))
    assert pauses[0] == 0.001
    assert all(pause >= FIRST_PAUSE * 2**n / 2 for n, pause in enumerate(pauses[1:], 1))


def test_a_wait_worth_the_name_is_exact_however_often() -> None:
    pauses: list[float] = []
    patience = Patience("Persona", timedelta(hours=1), lambda _, seconds: pauses.append(seconds))
    trouble = Trouble(patience, threading.Event())
    for _ in range(6):
        trouble.outlast(PassingError("answered 429", throttled=True, wait=FIRST_PAUSE))
    assert pauses == [FIRST_PAUSE] * 6
