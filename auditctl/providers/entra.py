"""Microsoft Entra ID's logs in Microsoft Graph: changes in the directory, and who signed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from auditctl.provider import (
    ClientCredentials,
    Log,
    Order,
    Provider,
    Secret,
    origin,
    secret,
    setting,
)
from auditctl.reading import first_in, mapping, names_in, outcome_of, reach

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from auditctl.provider import Answer, Client, Fields, Page, Window

PAGE_SIZE = 999
"""The most that Graph's lists give."""
_LISTS = {
    "directory": ("/auditLogs/directoryAudits", "activityDateTime"),
    "signins": ("/auditLogs/signIns", "createdDateTime"),
}
"""Where each log is, and which member is its time."""
_PERSON = ("id", "displayName", "userPrincipalName")
_NAMES = ("displayName", "userPrincipalName", "id")


def _log(order: Order, title: str, more: str = "") -> Log:
    return Log(
        order=order,
        permission="an app registration with the application permission AuditLog.Read.All, with "
        f"admin consent{more}",
        retention="by licence: 30 days with P1 or P2",
        keeps=timedelta(days=30),
        overlap=timedelta(hours=6),
        filters_by_time=True,
        title=title,
    )


@dataclass(frozen=True, kw_only=True)
class Entra(Provider):
    """Pages behind links that must be followed, with a token of another origin."""

    name = "entra"
    title = "Microsoft Entra ID"
    logs = {
        "directory": _log(Order.AS_ASKED, "changes in the directory"),
        "signins": _log(Order.NONE_DOCUMENTED, "interactive sign-ins", ", and a P1 or P2 licence"),
    }
    rate_limit = "not known; Retry-After comes with a 429"
    docs = "https://learn.microsoft.com/graph/api/resources/azure-ad-auditlog-overview"
    sample = "auditctl.demo.entra:answer"
    hints = {
        401: "Check {tenant_id}, {client_id} and {client_secret}: the secret's value, not its id, "
        "of a client secret that has not expired.",
        403: "The app {client_id} needs the application permission AuditLog.Read.All with admin "
        "consent; sign-ins need Directory.Read.All in some tenants, and a P1 or P2 licence.",
        404: "Check {base_url}: https://graph.microsoft.com/v1.0, or that of a national cloud.",
    }

    tenant_id: str = setting(also=("AZURE_TENANT_ID",), in_path=True)
    client_id: str = setting(also=("AZURE_CLIENT_ID",))
    client_secret: Secret = secret("AZURE_CLIENT_SECRET")
    login_url: str = origin("https://login.microsoftonline.com")
    base_url: str = setting("https://graph.microsoft.com/v1.0")

    def auth(self) -> ClientCredentials:
        """Ask for a token of the tenant, for the origin of Graph."""
        graph = urlsplit(self.base_url)
        url = f"{self.login_url.rstrip('/')}/{self.tenant_id}/oauth2/v2.0/token"
        scope = f"{graph.scheme}://{graph.netloc}/.default"
        return ClientCredentials(url, self.client_id, self.client_secret, scope)

    def pages_from(self, client: Client, window: Window, position: str | None) -> Iterator[Page]:
        """Follow the link to each next page, as Graph demands."""
        path, time = _LISTS[self.log_name]
        since, until = window.iso()
        ends = (since and f"{time} ge {since}", until and f"{time} le {until}")
        way = "asc" if window.oldest_first else "desc"
        first = {
            "$filter": " and ".join(filter(None, ends)) or None,
            "$orderby": f"{time} {way}" if self.log.order is Order.AS_ASKED else None,
            "$top": PAGE_SIZE,
        }

        def ask(link: str | None) -> Answer:
            return client.get(path, first) if link is None else client.follow(link)

        def following(answer: Answer) -> object:
            return answer.tree.get("@odata.nextLink")

        return client.pages(ask, "value", following, position=position)

    def normalize(self, event: Mapping[str, Any], context: object) -> Fields:  # noqa: ARG002
        """Read one event of the log that was asked for."""
        return _signin(event) if self.log_name == "signins" else _change(event)


def _change(event: Mapping[str, Any]) -> Fields:
    initiator = mapping(event.get("initiatedBy"))
    user, app = mapping(initiator.get("user")), mapping(initiator.get("app"))
    is_user = first_in(user, *_PERSON) is not None
    return {
        "time": event.get("activityDateTime"),
        "id": event.get("id"),
        "actor_id": user.get("id") if is_user else app.get("servicePrincipalId"),
        "actor_name": user.get("displayName") if is_user else app.get("displayName"),
        "actor_email": user.get("userPrincipalName") if is_user else None,
        "action": event.get("activityDisplayName"),
        "target": names_in(event.get("targetResources"), *_NAMES),
        "outcome": outcome_of(event.get("result"), ("failure", "timeout"), ("success",)),
        "source_ip": user.get("ipAddress"),
    }


def _signin(event: Mapping[str, Any]) -> Fields:
    code = reach(event, "status", "errorCode")
    return {
        "time": event.get("createdDateTime"),
        "id": event.get("id"),
        "actor_id": event.get("userId"),
        "actor_name": event.get("userDisplayName"),
        "actor_email": event.get("userPrincipalName"),
        "action": "Sign-in",
        "target": event.get("appDisplayName"),
        "outcome": ("failure" if code else "success") if type(code) is int else code,
        "source_ip": event.get("ipAddress"),
        "user_agent": event.get("userAgent"),
    }
