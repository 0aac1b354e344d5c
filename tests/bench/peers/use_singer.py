"""A Singer tap: `python use_singer.py persona|upstash` writes messages to stdout."""

# Runs where the tool is installed, not the project, and is written as its users write.
# mypy: ignore-errors
# ruff: noqa: ANN001, ANN003, ANN201, ARG002

import os
import sys

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import BasicAuthenticator, BearerTokenAuthenticator
from singer_sdk.pagination import JSONPathPaginator

ANY = th.ObjectType(additional_properties=True)
STRING = th.StringType
TEXT_OR_OBJECT = th.CustomType({"type": ["string", "object", "null"]})
ATTRIBUTES = {
    "path": STRING, "method": STRING, "get-params": TEXT_OR_OBJECT, "post-params": TEXT_OR_OBJECT,
    "ip-address": STRING, "user-agent": STRING, "response-status": th.IntegerType,
    "created-at": th.DateTimeType, "impersonator-email-address": STRING, "context": ANY,
}  # fmt: skip


def properties(**types):
    return [th.Property(name, kind) for name, kind in types.items()]


class Persona(RESTStream):
    name = "persona"
    path = "/user-audit-logs"
    url_base = os.environ["PERSONA_BASE_URL"]
    records_jsonpath = "$.data[*]"
    schema = th.PropertiesList(
        *properties(id=STRING, type=STRING),
        th.Property("attributes", th.ObjectType(*properties(**ATTRIBUTES))),
        th.Property("relationships", ANY),
    ).to_dict()
    authenticator = BearerTokenAuthenticator(token=os.environ["PERSONA_API_KEY"])

    def get_new_paginator(self):
        return JSONPathPaginator("$.data[-1:].id")

    def get_url_params(self, context, next_page_token):
        return {"page[size]": 100} | ({"page[after]": next_page_token} if next_page_token else {})


class Upstash(RESTStream):
    name = "upstash"
    path = "/auditlogs"
    url_base = os.environ["UPSTASH_BASE_URL"]
    schema = th.PropertiesList(
        *properties(
            log_id=STRING, customer_id=STRING, actor=STRING, action_string=STRING, source=STRING,
            entity=STRING, secondary_entity=STRING, third_entity=STRING, readable_format=STRING,
            ip=STRING, reason=STRING, notes=STRING, timestamp=th.IntegerType,
            action=th.IntegerType, ttl=th.IntegerType,
        )
    ).to_dict()  # fmt: skip
    authenticator = BasicAuthenticator(
        username=os.environ["UPSTASH_EMAIL"], password=os.environ["UPSTASH_API_KEY"]
    )


class AuditTap(Tap):
    name = "tap-audit"
    config_jsonschema = th.PropertiesList().to_dict()

    def discover_streams(self):
        return [{"persona": Persona, "upstash": Upstash}[sys.argv[1]](self)]


AuditTap().sync_all()
