"""1Password's Events API: what was done in an account, who signed in, and which items were used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from auditctl.provider import Log, Order, Provider, Secret, secret, setting
from auditctl.reading import joined, outcome_of, reach

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from auditctl.provider import Answer, Client, Fields, Page, Window

PAGE_SIZE = 1000  # the most that the API gives; its default is 100
UNIT = timedelta(milliseconds=1)  # is an event at start_time counted? Not documented
_FEATURES = {"audit": "auditevents", "signins": "signinattempts", "usages": "itemusages"}
"""What the API calls each log, in paths and among the features of a token."""
_CLIENT = ("app_name", "app_version", "platform_name")


def _log(name: str, title: str) -> Log:
    return Log(
        order=Order.OLDEST_FIRST,
        permission=f"an Events Reporting token with the feature {_FEATURES[name]}",
        retention="not documented",
        filters_by_time=True,
        title=title,
    )


@dataclass(frozen=True, kw_only=True)
class OnePassword(Provider):
    """Questions and cursors in the body of a POST, oldest first."""

    name = "onepassword"
    title = "1Password"
    logs = {
        "audit": _log("audit", "actions in the account"),
        "signins": _log("signins", "attempts to sign in"),
        "usages": _log("usages", "uses of items in shared vaults"),
    }
    rate_limit = "not documented"
    docs = "https://developer.1password.com/docs/events-api/reference/"
    sample = "auditctl.demo.onepassword:answer"
    hints = {
        401: "Check {token}, a token of an Events Reporting integration that has not expired, and "
        "{base_url}: each region has a host of its own (events.1password.com, .ca, .eu).",
        403: "The token in {token} needs the feature of the log that is read: issue one under "
        "Integrations > Events Reporting.",
        404: "Check {base_url}: the host of your account's region, without a path.",
    }

    token: Secret = secret()
    base_url: str = setting("https://events.1password.com")

    def lacking(self, client: Client) -> Mapping[str, str]:
        """Look up which features the token lacks."""
        features = reach(client.get("/api/v2/auth/introspect").tree, "features")
        if type(features) is not list:
            raise client.unexpected("it lacks the list features")
        return {log: name for log, name in _FEATURES.items() if name not in features}

    def pages_from(self, client: Client, window: Window, position: str | None) -> Iterator[Page]:
        """Follow the cursor until ``has_more`` is false."""
        path = f"/api/v2/{_FEATURES[self.log_name]}"
        since, until = window.widened(UNIT).iso()
        first = {"limit": PAGE_SIZE, "start_time": since, "end_time": until}

        def ask(cursor: str | None) -> Answer:
            # A cursor goes alone: it has the window and the limit that it was made with.
            return client.ask("POST", path, json=first if cursor is None else {"cursor": cursor})

        def cursor(answer: Answer) -> object:
            return client.more(answer, "cursor")  # the last page has one too, for later events

        return client.pages(ask, "items", cursor, position=position, id_name="uuid")

    def normalize(self, event: Mapping[str, Any], context: object) -> Fields:  # noqa: ARG002
        """Read one event of the log."""
        return {
            "time": event.get("timestamp"),
            "id": event.get("uuid"),
            "action": event.get("action"),
            **_READERS[self.log_name](event),
        }


def _audit(event: Mapping[str, Any]) -> Fields:
    return {
        **_actor(event.get("actor_details")),
        "actor_id": event.get("actor_uuid"),
        "target": joined(event.get("object_type"), event.get("object_uuid")),
        "source_ip": reach(event, "session", "ip"),
        "session_id": reach(event, "session", "uuid"),
    }


def _signin(event: Mapping[str, Any]) -> Fields:
    good = ("success", "firewall_reported_success")
    return {
        **_actor(event.get("target_user")),
        **_client(event.get("client")),
        "action": event.get("type"),
        "outcome": outcome_of(event.get("category"), (), good, "failure"),
        "session_id": event.get("session_uuid"),
    }


def _usage(event: Mapping[str, Any]) -> Fields:
    item = event.get("item_uuid")
    return {
        **_actor(event.get("user")),
        **_client(event.get("client")),
        "target": item and joined("item", item),
    }


def _actor(user: object) -> Fields:
    return {
        "actor_id": reach(user, "uuid"),
        "actor_name": reach(user, "name"),
        "actor_email": reach(user, "email"),
    }


def _client(client: object) -> Fields:
    return {
        "source_ip": reach(client, "ip_address"),
        "user_agent": joined(*(reach(client, name) for name in _CLIENT)),
    }


_READERS = {"audit": _audit, "signins": _signin, "usages": _usage}
