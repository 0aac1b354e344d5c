"""What a provider asks with: questions, and walks over pages that must have an end."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from auditctl.errors import AnswerError
from auditctl.http.answer import Answer
from auditctl.http.page import Page
from auditctl.http.requests import Requests
from auditctl.records import exact
from auditctl.records.redact import scan

MOST_FRUITLESS = 100
"""Answers in a row without a new event, after which the pages are taken to have no end."""


class Client(Requests):
    """Sends a provider's requests, and walks the pages of its log."""

    def pages(  # noqa: PLR0913 - what a provider says of its pages
        self,
        ask: Callable[[str | None], Answer],
        rows: str | None,
        cursor: Callable[[Answer], object],
        *,
        position: str | None = None,
        context: Callable[[Any], object] = lambda _tree: None,
        split: Callable[[Any], Iterable[Any]] | None = None,
        id_name: str = "id",
        part: object = None,
    ) -> Iterator[Page]:
        """Walk pages behind cursors, from the first or from the ``position`` of an earlier page.

        An empty page is no end. Pages that come round again, and a hundred in a row without a new
        event, are an error.

        Args:
            ask: asks for the page behind a cursor; None is the first page.
            rows: the member of the answer that is the list of rows; None if the answer is the list.
            cursor: reads the cursor of the next page in an answer; None or "" ends the walk.
            position: where to go on.
            context: reads in an answer what `normalize` needs beside each event.
            split: makes the events of a row, where there are several.
            id_name: the member that tells rows apart.
            part: which of several walks this is, as parts of a window may share a row.

        Raises:
            AnswerError: an answer has another shape, or the pages have no end.

        """
        at = position
        self._current.fruitless = 0  # of the part before, which came to its end
        while True:
            answer = ask(at)
            if not answer.body and at is None:  # 204: an empty log; behind a cursor it is no end
                yield Page([], None, [answer])
                return
            tree = answer.tree
            members = tree if type(tree) is dict else {}
            found = tree if rows is None else members.get(rows)
            if type(found) is not list:
                raise self.unexpected(f"it lacks the list {rows}" if rows else "it is no list")
            ends = [row.get(id_name) for row in found[:1] + found[-1:] if type(row) is dict]
            if ends and all(type(end) in (str, int) for end in ends):
                self.once(part, *ends)
            else:
                self.once_rows(found, part)
            if split is not None:
                # Before rows are taken apart: numbers are made exact where they are in the tree.
                floats, zeros = scan(found, redact=False, texts=False)
                if floats or (zeros and answer.may_have_negative_zero):
                    answer.restore()
                found = [event for row in found for event in split(row)]
            answers = [answer] if split is None else []
            yield Page(found, context(tree), answers, position=at)
            following = cursor(answer)  # not before: the page itself is whole, wherever that leads
            if following is not None and type(following) not in (str, int):
                raise self.unexpected("the cursor of its next page cannot be read")
            if following in (None, ""):
                return
            at = str(following)
            del answer, answers, tree, members, found  # see `auditctl.export.batches_of`

    def cursor(self, link: object, parameter: str) -> str | None:
        """Take the cursor out of a link to the next page; a null link has none.

        The link itself is not followed: it may drop our parameters, or lead elsewhere.

        Raises:
            AnswerError: the link leads to another origin, or holds no cursor.

        """
        if link is None:
            return None
        if not isinstance(link, str) or not link:
            raise self.unexpected("its link to the next page is no link")
        try:
            self._connection.belongs(link, "a link to the next page")
            cursor = parse_qs(urlsplit(link).query).get(parameter, [""])[0]
            cursor.encode()  # a lone surrogate cannot be asked for
        except ValueError:
            raise self.unexpected("its link to the next page is no link") from None
        if not cursor:
            raise self.unexpected(f"its link to the next page has no {parameter}")
        return cursor

    def more(self, answer: Answer, cursor: str) -> object:
        """Return the cursor of the next page where the member has_more says whether there is one.

        The member ``cursor`` may be there on the last page too, or be null on an empty one.

        Raises:
            AnswerError: the answer does not say whether there is more, or not behind which cursor.

        """
        tree = answer.tree if type(answer.tree) is dict else {}
        has_more, following = tree.get("has_more"), tree.get(cursor)
        has_cursor = following not in (None, "")
        if has_more is False or (has_more is None and not has_cursor):
            return None
        if has_more is not True:
            raise self.unexpected("it does not say whether there is more (has_more)")
        if not has_cursor:
            raise self.unexpected(f"it says that there is more, and lacks {cursor}")
        return following

    def once(self, *page: object) -> None:
        """Check that a page was not read before, by marks such as its first and last id.

        A provider may send the same pages under ever new cursors, without an end.

        Raises:
            AnswerError: it was read before.

        """
        if self._current.before("page", *page):
            raise self._failures.circle("a page that was read before")
        self._current.fruitless = 0

    def once_rows(self, rows: Sequence[object], *about: object) -> None:
        """Check the same by all of a page's rows, where nothing else shows it.

        Rows that are all alike prove nothing when they come again, since they may be twins, and
        nor does an empty page. But such pages must not go on for ever either: see `brought`.

        Raises:
            AnswerError: it was read before, or brings nothing like many before it.

        """
        # As JSON: to compare or to show what is nested deep would end in a RecursionError.
        text = exact.dumps(rows)
        if rows and exact.dumps(rows[0]) != exact.dumps(rows[-1]):
            self.once(*about, text)
        else:
            self.brought([] if self._current.before("page", *about, text) else rows)

    def brought(self, events: Sequence[object]) -> None:
        """Note how many new events an answer brought; `once` and `once_rows` do so themselves.

        Empty pages are no end, but a provider may send them under ever new cursors or numbers.

        Raises:
            AnswerError: this is one of a hundred answers in a row that brought none.

        """
        walk = self._current
        walk.fruitless = 0 if events else walk.fruitless + 1
        if walk.fruitless >= MOST_FRUITLESS:
            raise self._failures.endless(MOST_FRUITLESS)

    def incomplete(self, rows: int, total: int, why: str) -> AnswerError:
        """Return the error for numbered pages that lack rows; ``why`` is the reason."""
        return self._failures.incomplete(rows, total, why)
