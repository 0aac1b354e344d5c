"""Google Workspace's activity reports: what admins and users did in each of its applications."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
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
from auditctl.reading import first_in, first_of, joined, listed, mapping, outcome_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from auditctl.provider import Answer, Client, Fields, Page, Window

PAGE_SIZE = 1000  # the most that the API gives, and its default
UNIT = timedelta(milliseconds=1)  # is an event at startTime counted? Not documented
LONGEST = {"gmail": timedelta(days=30)}  # of a window that may be asked for, by log
SCOPE = "https://www.googleapis.com/auth/admin.reports.audit.readonly"
_APPLICATIONS = (  # all that the API's Discovery document lists; the first is read by default
    "admin login token drive access_evaluation access_transparency admin_data_action assignments "
    "calendar chat chrome chrome_sync classroom cloud_search contacts context_aware_access "
    "data_migration data_studio directory_sync gcp gemini_in_workspace_apps gemini_notebook gmail "
    "gplus graduation groups groups_enterprise jamboard keep ldap meet meet_hardware mobile "
    "profile rules saml takeout tasks user_accounts vault voice workspace_studio"
)
_TARGETS = (
    "USER_EMAIL", "GROUP_EMAIL", "doc_title", "target_user", "app_name", "affected_email_address",
)  # fmt: skip
_LIMITS = ("rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded")


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
        errors = map(mapping, listed(mapping(mapping(answer.tree).get("error")).get("errors")))
        is_limit = any(error.get("reason") in _LIMITS for error in errors)
        return {403: 429}.get(answer.status, answer.status) if is_limit else answer.status

    def pages_from(self, client: Client, window: Window, position: str | None) -> Iterator[Page]:
        """Ask again with each page token; for some logs in slices."""
        path = f"/admin/reports/v1/activity/users/all/applications/{self.log_name}"
        numbers: dict[int, int] = {}  # of a page's events in their rows, by their identity

        def split(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
            there = listed(mapping(row).get("events"))
            for number, event in enumerate([{**row, "events": [one]} for one in there] or [row]):
                numbers[id(event)] = number
                yield event

        def walk(part: Window, position: str | None) -> Iterator[Page]:
            start, end = part.iso()
            asked = {"startTime": start, "endTime": end, "maxResults": PAGE_SIZE}

            def ask(token: str | None) -> Answer:
                answer = client.get(path, {**asked, "pageToken": token})
                if str(mapping(answer.tree).get("kind")).endswith("reports#activities"):
                    answer.tree.setdefault("items", [])  # there is no list if there are no rows
                numbers.clear()
                return answer

            return client.pages(
                ask,
                "items",
                lambda answer: answer.tree.get("nextPageToken"),
                position=position,
                context=lambda _: numbers,
                split=split,
                part=start,
            )

        return walk_slices(window, LONGEST.get(self.log_name, timedelta.max), UNIT, walk, position)

    def normalize(self, event: Mapping[str, Any], context: object) -> Fields:
        """Read a row with one event; ``context`` has the event's number in the row as it came."""
        ident, actor = mapping(event.get("id")), mapping(event.get("actor"))
        key = ident.get("time"), ident.get("uniqueQualifier")
        number = context.get(id(event), 0) if isinstance(context, dict) else 0
        only: Mapping[str, Any] = next(map(mapping, listed(event.get("events"))), {})
        return {
            "time": key[0],
            "account": ident.get("customerId"),
            "id": None if None in key or "" in key else joined(*key, number, by="/"),
            "actor_id": actor.get("profileId"),
            "actor_name": actor.get("key"),
            "actor_email": actor.get("email"),
            "action": only.get("name"),
            "target": _target(only, event),
            "outcome": outcome_in(only.get("name"), ("_failure", "_failed"), ("_success",)),
            "source_ip": event.get("ipAddress"),
        }


def _target(event: Mapping[str, Any], row: Mapping[str, Any]) -> object:
    """Find the object acted upon: among the event's parameters, else the row's resources."""
    parameters = map(mapping, listed(event.get("parameters")))
    named = [one.get("value") for one in parameters if one.get("name") in _TARGETS]
    resources = listed(row.get("resourceDetails"))
    return first_of(*named, *(first_in(one, "title", "id") for one in resources[:1]))
