"""Microsoft Graph's audit logs, with tokens of another origin."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import httpx

from tests.vendors import KEY, Refusal, TokenVendor, expect, iso, moment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

TOKEN_URL = "https://login.microsoftonline.com/acme.example/oauth2/v2.0/token"
GRAPH = "https://graph.microsoft.com"
LISTS = {
    "directory": ("/v1.0/auditLogs/directoryAudits", "activityDateTime"),
    "signins": ("/v1.0/auditLogs/signIns", "createdDateTime"),
}


def error(code: str, message: str) -> Any:
    return {"error": {"code": code, "message": message, "innerError": {"request-id": "r1"}}}


class Service(TokenVendor):
    name = "entra"
    environment = {
        "ENTRA_TENANT_ID": "acme.example",
        "AZURE_CLIENT_ID": "app-1",
        "ENTRA_CLIENT_SECRET": KEY,
    }
    page_size = 999
    logs = ("directory", "signins")
    refusals = (
        Refusal("token", 401, error("InvalidAuthenticationToken", "No token"), 4, "No token"),
        Refusal("consent", 403, error("Forbidden", "Not authorized"), 4, "Not authorized"),
        Refusal("licence", 403, error("X", "Tenant is not premium"), 4, "Tenant is not premium"),
        Refusal("rate", 429, error("TooMany", "Slow"), 5, "Slow", {"Retry-After": "9"}),
        Refusal("filter", 400, error("BadRequest", "Invalid filter"), 6, "Invalid filter"),
        Refusal("down", 503, error("ServiceUnavailable", "Later"), 3, "Later"),
    )

    def event(self, n: int, moment: datetime) -> Any:
        time = iso(moment)[:-1] + "0000Z"
        if self.log == "signins":
            return {"id": f"s-{n}", "createdDateTime": time, "status": {"errorCode": n % 2}}
        user = {"id": "u1", "displayName": "Ann", "userPrincipalName": "ann@example.com"}
        return {
            "id": f"Directory_{n}",
            "activityDateTime": time,
            "activityDisplayName": "Update user",
            "result": "success",
            "initiatedBy": {"user": user, "app": None},
            "targetResources": [{"id": "t1", "displayName": "Bob"}],
        }

    def is_of_token(self, request: httpx.Request) -> bool:
        return str(request.url) == TOKEN_URL

    def tokens_from(self, url: str) -> Mapping[str, str]:
        return {"ENTRA_LOGIN_URL": url}

    def token(self, request: httpx.Request, value: str) -> httpx.Response:
        assert {name: one for name, (one,) in parse_qs(request.content.decode()).items()} == {
            "grant_type": "client_credentials",
            "client_id": "app-1",
            "client_secret": KEY,
            "scope": f"{GRAPH}/.default",
        }
        return httpx.Response(200, json={"access_token": value, "expires_in": 3599})

    def answer(self, request: httpx.Request) -> httpx.Response:
        path, time = LISTS[self.log]
        params = expect(request, path, authorization=self.bearer)
        cursor = params.pop("$skiptoken", None)
        way = params.get("$orderby", f"{time} desc")
        assert way in (f"{time} asc", f"{time} desc")
        assert params.keys() - {"$orderby"} == {"$filter", "$top"}
        assert params["$top"] == "999"
        ends = re.fullmatch(rf"{time} ge (\S+) and {time} le (\S+)", params["$filter"])
        assert ends
        since, until = map(moment, ends.groups())
        newest_first = way.endswith("desc") and self.log == "directory"
        found = self.found(since, until, newest_first=newest_first, counts_ends=True)
        rows, following = self.page(found, cursor, self.page_size)
        link = httpx.URL(f"{GRAPH}{path}", params={**params, "$skiptoken": following})
        more = {"@odata.nextLink": str(link)} if following else {}
        return httpx.Response(200, json={"@odata.context": "x", "value": rows, **more})
