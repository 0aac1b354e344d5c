"""The record as a pydantic model: its JSON Schema, and a check for whoever reads records."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class AuditRecord(BaseModel):
    """One audit event of any provider."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
        # Not left to the docstring: with PYTHONOPTIMIZE=2 there is none.
        json_schema_extra={"description": "One audit event of any provider."},
    )

    time: Annotated[
        str | None,
        Field(
            description="When it happened: RFC 3339, UTC, at least milliseconds; null if unknown.",
            pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3,}Z$",
            json_schema_extra={"format": "date-time"},
        ),
    ]
    provider: Annotated[str, Field(description="The provider's subcommand.")]
    account: Annotated[
        str | None, Field(description="The account of the log: from the event, else --account.")
    ]
    id: Annotated[
        str,
        Field(
            description="The provider's id; where there is none, SHA-256 of the event's content.",
            min_length=1,
        ),
    ]
    actor: Annotated[
        str | None,
        Field(description="The best name for who did it: e-mail address, else name, else id."),
    ]
    actor_id: Annotated[str | None, Field(description="The provider's id of who did it.")]
    actor_name: Annotated[str | None, Field(description="The name of who did it.")]
    actor_email: Annotated[str | None, Field(description="The e-mail address of who did it.")]
    action: Annotated[
        str | None,
        Field(description="The provider's own word, or METHOD and path without the query."),
    ]
    target: Annotated[str | None, Field(description="What it was done to.")]
    outcome: Annotated[
        Literal["success", "failure", "unknown"],
        Field(description="Read from status_code: 1 to 399 is a success."),
    ]
    status_code: Annotated[int | None, Field(description="The HTTP status of the logged request.")]
    source_ip: Annotated[str | None, Field(description="The IP address that it came from.")]
    user_agent: Annotated[str | None, Field(description="The client of the logged request.")]
    session_id: Annotated[str | None, Field(description="The id of the session; never a cookie.")]
    raw: Annotated[
        Any,
        Field(description="The event as the provider sent it, credentials redacted."),
    ]


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of one record."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **AuditRecord.model_json_schema(mode="serialization"),
    }
