"""Google Workspace's activity reports: what admins and users did in each of its applications.

Source: https://developers.google.com/workspace/admin/reports/reference/rest/v1/activities/list
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from auditctl.provider import (
    Log,
    Order,
    Provider,
    Secret,
    ServiceAccount,
    service_account_key,
    setting,
    walk_slices,
)
from auditctl.reading import first_of, joined, mapping, non_empty, outcome_in, reach

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from auditctl.provider import Answer, Client, Fields, Page, Window

PAGE_SIZE = 1000
"""The most that the API gives, and its default."""
UNIT = timedelta(milliseconds=1)
"""The unit of its times: whether an event at ``startTime`` counts is not documented."""
LONGEST = {"gmail": timedelta(days=30)}
"""The longest window that may be asked for, by log."""
SCOPE = "https://www.googleapis.com/auth/admin.reports.audit.readonly"
_APPLICATIONS = (
    "admin login token drive access_evaluation access_transparency admin_data_action assignments "
    "calendar chat chrome chrome_sync classroom cloud_search contacts context_aware_access "
    "data_migration data_studio directory_sync gcp gemini_in_workspace_apps gemini_notebook gmail "
    "gplus graduation groups groups_enterprise jamboard keep ldap meet meet_hardware mobile "
    "profile rules saml takeout tasks user_accounts vault voice workspace_studio"
)
"""All that the API's Discovery document lists; the first is read by default."""
_LISTS = ("reports#activities", "admin#reports#activities")
"""The kinds of an answer that has no list of rows if there are none."""
_TARGETS = (
    "USER_EMAIL", "GROUP_EMAIL", "doc_title", "target_user", "app_name", "affected_email_address",
)  # fmt: skip
"""Parameters of an event that name what it was done to."""
_THROTTLED = ("rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded")
_TOO_MANY, _FORBIDDEN = 429, 403


@dataclass(frozen=True, kw_only=True)
class Google(Provider):
    """Cursor pages, newest first; each row has one event or several."""

    name = "google"
    title = "Google Workspace"
    logs = {
        name: Log(
            order=Order.NEWEST_FIRST,
            permission="a service account with domain-wide delegation for the scope "
            "admin.reports.audit.readonly, and an admin to act as who may see reports",
            retention="6 months (most applications)",
            keeps=timedelta(days=180),
            overlap=timedelta(hours=24),
            filters_by_time=True,
        )
        for name in _APPLICATIONS.split()
    }
    rate_limit = "by the project's quota"
    docs = "https://developers.google.com/workspace/admin/reports/reference/rest/v1/activities/list"
    sample = "auditctl.demo.google:answer"
    hints = {
        400: "Check --log, and whether {subject} is an admin of this Workspace.",
        401: "Check {service_account} and {subject}: the service account's client ID needs "
        "domain-wide delegation for the scope admin.reports.audit.readonly, given in the Admin "
        "console under Security > API controls, and {subject} must be an active admin.",
        403: "{subject} must be an admin with the privilege Reports, and the Admin SDK API must be "
        "enabled in the service account's project.",
        404: "Check {base_url}: https://admin.googleapis.com, without a path.",
    }

    subject: str = setting()
    service_account: Secret = service_account_key()
    base_url: str = setting("https://admin.googleapis.com")

    def auth(self) -> ServiceAccount:
        """Ask for a token with the service account's key, as the admin it acts as."""
        return ServiceAccount(self.service_account, self.subject, SCOPE)

    def true_status(self, answer: Answer) -> int:
        """Read the reason of a 403: it may be that there were too many requests."""
        errors = reach(answer.tree, "error", "errors") if answer.status == _FORBIDDEN else None
        reasons = [mapping(one).get("reason") for one in errors] if type(errors) is list else []
        return _TOO_MANY if any(one in _THROTTLED for one in reasons) else answer.status

    def pages(self, client: Client, window: Window) -> Iterator[Page]:
        """Ask again with each page token."""
        return self.pages_from(client, window, None)

    def pages_from(self, client: Client, window: Window, position: str | None) -> Iterator[Page]:
        """Ask again with each page token from a position on; for some logs in slices."""
        longest = LONGEST.get(self.log_name)
        if longest is None:
            return self._walk(client, window.widened(UNIT), position)
        return walk_slices(window, longest, UNIT, partial(self._walk, client), position)

    def _walk(self, client: Client, window: Window, position: str | None) -> Iterator[Page]:
        path = f"/admin/reports/v1/activity/users/all/applications/{self.log_name}"
        start, end = window.iso()
        params = {"startTime": start, "endTime": end, "maxResults": PAGE_SIZE}
        numbers: dict[int, int] = {}
        """The number of each of a page's events in its row, by the event's identity."""

        def ask(token: str | None) -> Answer:
            answer = client.get(path, {**params, "pageToken": token})
            if mapping(answer.tree).get("kind") in _LISTS:
                answer.tree.setdefault("items", [])
            numbers.clear()
            return answer

        def split(row: object) -> Iterator[object]:
            for number, event in enumerate(_events(row)):
                numbers[id(event)] = number
                yield event

        return client.pages(
            ask,
            "items",
            lambda answer: answer.tree.get("nextPageToken"),
            position=position,
            context=lambda _: numbers,
            split=split,
            part=start,
        )

    def normalize(self, event: Mapping[str, Any], context: object) -> Fields:
        """Read a row with one event; ``context`` has the event's number in the row as it came."""
        ident, actor = mapping(event.get("id")), mapping(event.get("actor"))
        only = _only(event)
        name = only.get("name")
        number = context.get(id(event), 0) if type(context) is dict else 0
        return {
            "time": ident.get("time"),
            "account": ident.get("customerId"),
            "id": _id(ident.get("time"), ident.get("uniqueQualifier"), number),
            "actor_id": actor.get("profileId"),
            "actor_name": actor.get("key"),
            "actor_email": actor.get("email"),
            "action": name,
            "target": _target(only, event),
            "outcome": outcome_in(name, ("_failure", "_failed"), ("_success",)),
            "source_ip": event.get("ipAddress"),
        }


def _events(row: object) -> Iterator[object]:
    """Cut a row into one for each of its events; one without events stays as it is."""
    events = mapping(row).get("events")
    if type(events) is list and events:
        yield from ({**mapping(row), "events": [event]} for event in events)
    else:
        yield row


def _only(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the one event of a row."""
    events = row.get("events")
    return mapping(events[0] if type(events) is list and events else None)


def _id(time: object, qualifier: object, number: int) -> object:
    """Make an id: rows have the first two, and the events of a row their order."""
    parts = time, qualifier
    if any(non_empty(part) is None for part in parts):
        return None
    return joined(*parts, number, by="/")


def _target(event: Mapping[str, Any], row: Mapping[str, Any]) -> object:
    """Find the object acted upon: among the event's parameters, else the row's resources."""
    parameters = event.get("parameters")
    for parameter in map(mapping, parameters if type(parameters) is list else ()):
        value = non_empty(parameter.get("value"))
        if value is not None and any(parameter.get("name") == name for name in _TARGETS):
            return value
    resources = row.get("resourceDetails")
    resource = mapping(resources[0] if type(resources) is list and resources else None)
    return first_of(resource.get("title"), resource.get("id"))
