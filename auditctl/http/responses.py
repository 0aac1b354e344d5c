"""Each response is the answer to its question, or a refusal, which is raised."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import httpx

from auditctl.http import body
from auditctl.http.answer import Answer, parse
from auditctl.http.errors import FORBIDDEN, RETRIED, UNAUTHORIZED, Failures

LARGEST_REFUSAL = 64 * 1024
"""Bytes read of an answer that refuses: enough to say why."""
TELLING = RETRIED | {UNAUTHORIZED, FORBIDDEN}
"""Statuses that say enough though the body breaks off."""
MOST_ERRORS = 3
"""The most errors of a list that are quoted."""
MOST_LEVELS = 20
"""Levels of an error body that are looked into; JSON may be nested without an end."""
_WORDS = (
    "title", "details", "detail", "error", "Error", "error_description", "message", "Message",
    "msg", "reason", "description", "errorSummary", "errorCauses", "errorMessage", "error_message",
    "faultstring", "summary",
)  # fmt: skip
"""Members that say what is wrong: JSON:API's, RFC 9457's, RFC 6749's and those of many others."""
_KNOWN = {*_WORDS, "errors", "needed"}
NO_CONTENT = frozenset({204, 205})
"""Statuses that say that there is nothing: no trouble that passes, unlike an empty body."""


class Responses(NamedTuple):
    """Tells answers from refusals, by the status that the service means."""

    failures: Failures
    true_status: Callable[[Answer], int]

    def answer(self, response: httpx.Response) -> Answer:
        """Return the answer; raise what a refusal means."""
        answer: Answer | None = None
        content = _read(response)
        code = response.status_code
        with suppress(ValueError):
            answer = parse(content, code, response.headers)
        status = self.true_status(
            answer or Answer(None, content, status=code, headers=response.headers)
        )
        if not httpx.codes.is_success(status):
            words = message_in(answer.tree if answer else content.decode(errors="replace"))
            raise self.failures.of_status(status, response.headers, words)
        if answer is None and not content and status in NO_CONTENT:
            return Answer(None, b"", status=code, headers=response.headers)
        if answer is None:
            raise self.failures.not_json(response.headers, content)
        return answer


def _read(response: httpx.Response) -> bytes:
    """Read an answer's body; of a refusal, as much as there is and is needed."""
    if response.is_success:
        return body.read(response)
    content = b""
    try:
        for chunk in body.chunks(response):
            content += chunk
            if len(content) >= LARGEST_REFUSAL:
                break
    except (httpx.TransportError, httpx.DecodingError):
        if response.status_code not in TELLING:
            raise  # only the body may tell what it means
    return content


def message_in(tree: Any, levels: int = MOST_LEVELS) -> str:  # noqa: ANN401 - JSON is any value
    """Find what a vendor's error body says, in any of the shapes seen."""
    if isinstance(tree, str):
        return "" if tree.lstrip()[:1] in ("<", "") else tree
    if not levels or not isinstance(tree, dict | list):
        return str(tree) if type(tree) is int else ""
    inner = partial(message_in, levels=levels - 1)
    if isinstance(tree, list):
        return ", ".join(filter(None, map(inner, tree)))
    errors = tree.get("errors")
    if isinstance(errors, dict):  # by the field that each is about
        errors = list(errors.values())
    needed = inner(tree.get("needed"))
    found = [
        *(inner(tree.get(name)) for name in _WORDS),
        *map(inner, errors[:MOST_ERRORS] if isinstance(errors, list) else [errors]),
        needed and f"needed: {needed}",
    ]
    if not any(found):  # under other names; the same again would double with each level
        others = [tree[name] for name in tree if name not in _KNOWN]
        found = [*map(inner, others[:MOST_ERRORS])]
    return ", ".join(filter(None, dict.fromkeys(found)))
