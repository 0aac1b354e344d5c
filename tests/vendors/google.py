"""Google's Admin SDK Reports API, and its tokens: the Discovery document admin:reports_v1."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import httpx

from tests.account import TOKEN_URL, account, claims
from tests.vendors import Refusal, TokenVendor, expect, iso, moment

if TYPE_CHECKING:
    from collections.abc import Mapping

SCOPE = "https://www.googleapis.com/auth/admin.reports.audit.readonly"
PATH = "/admin/reports/v1/activity/users/all/applications/"
is_time = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)").fullmatch


def error(status: int, message: str, reason: str) -> Any:
    said = {"code": status, "message": message, "status": "X"}
    return {"error": {**said, "errors": [{"message": message, "reason": reason}]}}


class Service(TokenVendor):
    name = "google"
    environment = {"GOOGLE_SERVICE_ACCOUNT": account(TOKEN_URL), "GOOGLE_SUBJECT": "it@example.com"}
    page_size = 1000
    id_name = "etag"
    logs = ("admin", "login", "gmail")
    refusals = (
        Refusal("token", 401, error(401, "Invalid Credentials", "authError"), 4, "Invalid Cred"),
        Refusal("privilege", 403, error(403, "Caller lacks Reports", "forbidden"), 4, "lacks Rep"),
        Refusal("rate", 403, error(403, "Slow down", "rateLimitExceeded"), 5, "Slow down"),
        Refusal("rate-of-user", 403, error(403, "Slow", "userRateLimitExceeded"), 5, "Slow"),
        Refusal("quota", 403, error(403, "Used up", "quotaExceeded"), 5, "Used up"),
        Refusal("window", 400, error(400, "Bad startTime", "invalid"), 6, "Bad startTime"),
        Refusal("down", 503, error(503, "Backend error", "backendError"), 3, "Backend error"),
    )

    def event(self, n: int, moment: datetime) -> Any:
        return {
            "kind": "admin#reports#activity",
            "id": {"time": iso(moment), "uniqueQualifier": f"-{n}", "customerId": "C01"},
            "etag": f"e{n}",
            "actor": {"callerType": "USER", "email": "ann@example.com", "profileId": "1053"},
            "events": [{"type": "x", "name": "login_success"}],
        }

    def is_of_token(self, request: httpx.Request) -> bool:
        return str(request.url) == TOKEN_URL

    def tokens_from(self, url: str) -> Mapping[str, str]:
        return {"GOOGLE_SERVICE_ACCOUNT": account(f"{url}/token")}

    def token(self, request: httpx.Request, value: str) -> httpx.Response:
        form = {name: one for name, (one,) in parse_qs(request.content.decode()).items()}
        said = claims(form.pop("assertion"))
        assert form == {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}
        assert 0 < said["exp"] - said["iat"] <= 3600
        assert said["iss"].startswith("auditor@")
        assert (said["sub"], said["aud"], said["scope"]) == ("it@example.com", TOKEN_URL, SCOPE)
        return httpx.Response(200, json={"access_token": value, "expires_in": 3599})

    def answer(self, request: httpx.Request) -> httpx.Response:
        params = expect(request, f"{PATH}{self.log}", authorization=self.bearer)
        cursor = params.pop("pageToken", None)
        assert params.keys() == {"startTime", "endTime", "maxResults"}
        assert all(is_time(params[name]) for name in ("startTime", "endTime"))
        assert 1 <= int(params["maxResults"]) <= self.page_size
        since, until = moment(params["startTime"]), moment(params["endTime"])
        assert since < until
        assert since < datetime.now(UTC)
        assert self.log != "gmail" or until - since <= timedelta(days=30)
        found = self.found(since, until, newest_first=True)
        rows, following = self.page(found, cursor, int(params["maxResults"]))
        body = {"kind": "admin#reports#activities", "etag": "x"}
        items = {"items": rows} if rows else {}
        more = {"nextPageToken": following} if following else {}
        return httpx.Response(200, json={**body, **items, **more})
