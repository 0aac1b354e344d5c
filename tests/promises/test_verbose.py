"""--verbose: a line for each request, without a secret."""

from __future__ import annotations

import json
import re

import pytest

from tests.server import DROP, KEY, LOGS, Fault, Persona, linked, redirect, too_many
from tests.world import ANSWERS, asked, every_provider

LINE = re.compile(r"GET (/\S+) (\d{3}|no answer) (\d+) ms (\d+) bytes")


@pytest.mark.parametrize("name", ["upstash", "roam"])
def test_verbose_says_a_line_per_request_that_tells_method_path_status_time_and_bytes(
    name: str,
) -> None:
    faults = [too_many(0), DROP]
    found, requests = asked(name, "-v", "--concurrency", "1", faults=faults)
    lines = [match for line in found.said.splitlines() if (match := LINE.fullmatch(line))]
    assert [match[1].partition("?")[0] for match in lines] == [r.path for r in requests]
    statuses = ["429", "no answer", *["200"] * ANSWERS[name]]
    assert [match[2] for match in lines] == statuses
    assert [int(match[4]) > 0 for match in lines] == [status != "no answer" for status in statuses]


def test_verbose_says_a_line_per_redirect() -> None:
    hops = [redirect(f"{Persona.path}?hop={n}&token={KEY}") for n in (1, 2)]
    found, requests = asked("persona", "-v", faults=[*hops, redirect("//elsewhere.example/x")])
    lines = [match for line in found.said.splitlines() if (match := LINE.fullmatch(line))]
    assert [match[2] for match in lines] == ["302"] * 3
    queries = ["page[size]=100", "hop=1&token=[REDACTED]", "hop=2&token=[REDACTED]"]
    assert [match[1] for match in lines] == [f"{Persona.path}?{query}" for query in queries]
    assert len(requests) == 3


@every_provider
def test_verbose_in_json_gives_the_facts_of_each_request(name: str) -> None:
    found, _ = asked(name, "-v", "--log-format", "json")
    told = [json.loads(line) for line in found.said.splitlines()]
    requests = [entry for entry in told if "path" in entry]
    assert len(requests) == ANSWERS[name]
    for entry in requests:
        assert entry.keys() >= {"time", "level", "message", "method", "milliseconds", "bytes"}
        assert (entry["method"], entry["status"]) == ("GET", 200)
        assert entry["path"].startswith(LOGS[name].path)


def test_verbose_hides_what_a_query_may_hold_and_moves_no_cursor() -> None:
    link = "?page%5Bafter%5D=x%26token%3Dhidden%1B%5B2J"
    end = Fault(body=b'{"data":[],"links":{"next":null}}')
    found, requests = asked("persona", "-v", faults=[linked(link), end])
    assert len(requests) == 2
    assert "hidden" not in found.said
    assert "\x1b" not in found.said
