"""GitHub's audit log of an organization or an enterprise."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from auditctl.provider import Log, Order, Page, Provider, Secret, secret, setting
from auditctl.reading import email_in, first_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from auditctl.provider import Answer, Client, Fields, Window

PAGE_SIZE = 100
"""The most that the API gives; its default is 30."""
FORBIDDEN, THROTTLED = 403, 429
TARGETS = ("repo", "team", "user", "org", "business")


def _log(title: str, retention: str, days: int) -> Log:
    return Log(
        title=title,
        order=Order.AS_ASKED,
        permission="a classic token with read:audit_log, of an owner of the organization or an "
        "administrator of the enterprise (GitHub Enterprise Cloud)",
        retention=retention,
        keeps=timedelta(days=days),
        overlap=timedelta(hours=3),
        filters_by_time=True,
    )


@dataclass(frozen=True, kw_only=True)
class GitHub(Provider):
    """Pages behind cursors, in either order; the window is a search phrase."""

    name = "github"
    title = "GitHub"
    logs = {
        "web": _log("events but those of Git", "180 days", 180),
        "git": _log("clones, fetches and pushes", "7 days", 7),
        "all": _log("both", "180 days, Git events 7 days", 180),
    }
    rate_limit = "1,750 requests an hour for each user and IP address"
    docs = "https://docs.github.com/en/enterprise-cloud@latest/rest/orgs/orgs"
    headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
    sample = "auditctl.demo.github:answer"
    one_of = (("org",), ("enterprise",))
    only_one = True
    hints = {
        401: "Check {token}: it must be a token that is neither expired nor revoked.",
        403: "The token in {token} needs the scope read:audit_log, its user must be an owner of "
        "the organization or an administrator of the enterprise, and the token must be authorized "
        "for SAML single sign-on if that is in use.",
        404: "GitHub says this of missing rights too: check {org} or {enterprise}, the scope "
        "read:audit_log of {token}, and that the plan is GitHub Enterprise Cloud.",
    }

    org: str = setting("", in_path=True)
    enterprise: str = setting("", in_path=True)
    token: Secret = secret("GH_TOKEN")
    base_url: str = setting("https://api.github.com")

    def true_status(self, answer: Answer) -> int:
        """Tell throttling from a refusal: GitHub may answer 403 to both."""
        waits = answer.header("Retry-After") is not None
        if answer.status == FORBIDDEN and (waits or answer.header("X-RateLimit-Remaining") == "0"):
            return THROTTLED
        return answer.status

    def pages_from(self, client: Client, window: Window, position: str | None) -> Iterator[Page]:
        """Walk the pages by the cursor that is in the link to each next one."""
        path = f"/orgs/{self.org}" if self.org else f"/enterprises/{self.enterprise}"
        since, until = (None if end is None else _iso(end) for end in window.seconds())
        ends = (since and f"created:>={since}", until and f"created:<={until}")

        def ask(cursor: str | None) -> Answer:
            return client.get(
                f"{path}/audit-log",
                {
                    "phrase": " ".join(filter(None, ends)) or None,
                    "include": self.log_name,
                    "order": "asc" if window.oldest_first else "desc",
                    "per_page": PAGE_SIZE,
                    "after": cursor,
                },
            )

        def following(answer: Answer) -> str | None:
            return client.cursor(answer.link("next"), "after")

        return client.pages(ask, None, following, position=position, id_name="_document_id")

    def normalize(self, event: Mapping[str, Any], context: object) -> Fields:  # noqa: ARG002
        """Read one event."""
        return {
            "time": first_in(event, "@timestamp", "created_at"),
            "account": first_in(event, "org", "business"),
            "id": event.get("_document_id"),
            "actor_id": event.get("actor_id"),
            "actor_name": event.get("actor"),
            "actor_email": email_in(event.get("external_identity_nameid")),
            "action": event.get("action"),
            "target": first_in(event, *TARGETS),
            "source_ip": event.get("actor_ip"),
            "user_agent": event.get("user_agent"),
            "session_id": event.get("actor_session"),
        }


def _iso(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
