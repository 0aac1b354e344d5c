"""Responses judged: each is the answer that was asked for, or a refusal."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import httpx

from auditctl.http import arrays, body
from auditctl.http.answer import Answer, parse
from auditctl.http.body import TooLargeError
from auditctl.http.cuts import CutArrayError
from auditctl.http.errors import FORBIDDEN, RETRIED, UNAUTHORIZED, Refusals, said_in

LARGEST_REFUSAL = 64 * 1024
"""Bytes read of an answer that refuses: enough to say why."""
TELLING = RETRIED | {UNAUTHORIZED, FORBIDDEN}
"""Statuses that say enough though the body breaks off."""
NO_CONTENT = frozenset({204, 205})
"""Statuses that say that there is nothing: no trouble that passes, unlike an empty body."""


class Judge(NamedTuple):
    """Tells answers from refusals, by the status that the service means."""

    refusals: Refusals
    true_status: Callable[[Answer], int]

    def answer(
        self,
        response: httpx.Response,
    ) -> Answer:
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
            said = said_in(answer.tree if answer else content.decode(errors="replace"))
            raise self.refusals.of_status(status, response.headers, said)
        if answer is None and not content and status in NO_CONTENT:
            return Answer(None, b"", status=code, headers=response.headers)
        if answer is None:
            raise self.refusals.not_json(response.headers, content)
        return answer

    def accepted(
        self,
        response: httpx.Response,
        rows: Iterator[arrays.Rows],
        name: str | None,
        members: Mapping[str, Any],
    ) -> Iterator[arrays.Rows]:
        """Pass rows on if the members beside them do not say that they are a refusal."""
        beside = Answer(members, b"", status=response.status_code, headers=response.headers)

        def status() -> int:
            return self.true_status(beside)

        is_array = True
        try:
            for some in rows:
                # A refusal is read to its end: what it says may come after its rows.
                if httpx.codes.is_success(status()):
                    yield some
        except arrays.NotAnArrayError:
            is_array = False
        except CutArrayError:
            raise self.refusals.cut(response.headers) from None
        except arrays.ChangedError:
            raise self.refusals.changed() from None
        except TooLargeError:
            what = "a row, or the rest of the object, is larger than any that is read"
            raise self.refusals.strange(what) from None
        if not httpx.codes.is_success(status()):
            raise self.refusals.of_status(status(), response.headers, said_in(members))
        if not is_array:
            raise self.refusals.strange(
                f"it lacks the list {name}" if name else "its answer is no array"
            )


def _read(response: httpx.Response) -> bytes:
    """Read an answer's body; of a refusal, as much as there is and is needed."""
    if response.is_success:
        return body.read(response)
    said = b""
    try:
        for chunk in body.chunks(response):
            said += chunk
            if len(said) >= LARGEST_REFUSAL:
                break
    except (httpx.TransportError, httpx.DecodingError):
        if response.status_code not in TELLING:
            raise  # its meaning may be said in the body
    return said
