"""The status of files, from their journal alone."""

import time
from datetime import datetime, timedelta
from functools import partial

from auditctl.errors import AuditctlError
from auditctl.paths import Template
from auditctl.sync.files.journal import Journal
from auditctl.sync.files.replay import is_held, read_state
from auditctl.sync.state import State
from auditctl.sync.status import (
    Status,
    alarms,
    describe_age,
    describe_foreign_journal,
    describe_owner,
    describe_unbegun,
)


def read_status(
    template: Template, source: str | None, *, now: datetime, max_age: timedelta | None
) -> Status:
    """Read the status of a destination, without its data."""
    path, journal = template.path, template.journal
    status = partial(Status, source, path)
    try:
        state = read_state(journal)
    except AuditctlError as error:
        return status(State(), running=False, wrong=str(error))
    if state is None:
        wrong = f"No sync has run for {path}: {journal} is not there."
        return status(State(), running=False, wrong=describe_owner(template) or wrong)
    if state.shape and state.shape["output"] != template.names:
        return status(state, running=False, wrong=describe_foreign_journal(template, state))
    running = is_held(journal)
    if state.line < 0 and not running:
        wrong = f"{describe_unbegun(path, None)} See its runs' output."
        return status(state, running=False, wrong=wrong)
    found = describe_age(path, state, now, max_age), alarms(path, state)
    aside = template.aside(state.files)
    return status(
        state,
        running=running,
        wrong=" ".join(filter(None, found)),
        files=sum(1 for file in state.files.values() if file.length),
        aside=aside,
        uncommitted=[name for name in aside if name in state.aside],
    )


def acknowledge_files(template: Template) -> None:
    """Note that gaps and deleted files are known, so that they are no failure any more."""
    state = read_state(template.journal)
    if state is None or not (state.gaps or state.deleted):
        return
    journal = Journal(template.journal, 0, time.sleep)
    try:
        state = journal.state
        journal.append(
            state.next()._replace(gaps=(), acknowledged=state.gaps, deleted_acknowledged=True)
        )
    finally:
        journal.close()
