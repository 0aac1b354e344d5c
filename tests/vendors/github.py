"""GitHub's audit log API: https://docs.github.com/en/enterprise-cloud@latest/rest/orgs/orgs."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx

from tests.vendors import KEY, Refusal, Vendor, expect, moment

_ends = re.compile(
    r"created:>=(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) created:<=(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"
).fullmatch
USED_UP = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "4102444800"}


def error(message: str) -> Any:
    return {"message": message, "documentation_url": "https://docs.github.com/rest"}


class Service(Vendor):
    name = "github"
    environment = {"GITHUB_ORG": "acme", "GH_TOKEN": KEY}
    logs = ("web", "git", "all")
    page_size = 100
    id_name = "_document_id"
    refusals = (
        Refusal("token", 401, error(f"Bad credentials {KEY}"), 4, "Bad credentials [REDACTED]"),
        Refusal("rights", 403, error("Must have admin rights"), 4, "Must have admin rights"),
        Refusal("plan", 404, error("Not Found"), 6, "404: Not Found). GitHub says this of"),
        Refusal("limit", 403, error("Rate limit exceeded"), 5, "Rate limit exceeded", USED_UP),
        Refusal("secondary", 403, error("Slow down"), 5, "Slow down", {"Retry-After": "60"}),
    )

    def event(self, n: int, moment: datetime) -> Any:
        milliseconds = round(moment.timestamp() * 1000)
        return {
            "@timestamp": milliseconds,
            "_document_id": f"doc{n}",
            "action": "git.clone" if self.log == "git" else "repo.create",
            "actor": "octocat",
            "actor_id": n % 7,
            "created_at": milliseconds,
            "org": "acme",
            "repo": "acme/hello",
        }

    def answer(self, request: httpx.Request) -> httpx.Response:
        sent = {
            "authorization": f"Bearer {KEY}",
            "accept": "application/vnd.github+json",
            "X_GitHub_Api_Version": "2022-11-28",
        }
        params = expect(request, "/orgs/acme/audit-log", **sent)
        after = params.pop("after", None)
        assert params.keys() == {"phrase", "include", "order", "per_page"}
        assert (params["include"], params["per_page"]) == (self.log, "100")
        ends = _ends(params["phrase"])
        assert ends is not None
        since, until = map(moment, ends.groups())
        newest_first = {"desc": True, "asc": False}[params["order"]]
        if after is not None:  # it belongs to one question
            own, _, after = after.partition("|")
            assert own == params["phrase"]
        found = self.found(since, until, newest_first=newest_first, counts_ends=True)
        rows, cursor = self.page(found, after, self.page_size)
        cursor = cursor and f"{params['phrase']}|{cursor}"
        # As GitHub writes it: another path, and parameters that the next question does not need.
        target = f"https://api.github.com/organizations/7/audit-log?after={quote(cursor, safe='')}"
        links = {"Link": f'<{target}&per_page=100>; rel="next"'} if cursor else {}
        return httpx.Response(200, json=rows, headers=links)
