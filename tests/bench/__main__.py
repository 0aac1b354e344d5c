"""Measures the goals that are named, or all, and says which of them are met."""

from __future__ import annotations

import argparse
import subprocess
import sys

from tests.bench import peers
from tests.bench.goals import GOALS, Line
from tests.bench.measure import AUDITCTL


def main() -> int:
    """Print a line for each figure; the status tells whether all of them are within bounds."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    told = (
        "its number, all, peers: installs what goals 3 and 10 and kills compare with, or kills:"
        " kills sync and its peers, and counts what is missing or doubled"
    )
    names = [*GOALS, "all", "peers", "kills"]
    parser.add_argument("goal", nargs="+", choices=names, help=told)
    parser.add_argument("--kills", type=int, default=20, help="first runs to kill, of each tool")
    parser.add_argument("--seed", type=int, default=1, help="where the dice of kills begin")
    args = parser.parse_args()
    wanted = args.goal
    if "peers" in wanted:
        peers.install()
    if not AUDITCTL.exists():
        parser.error(f"install the project first: there is no {AUDITCTL}")
    if "kills" in wanted:
        # Not at the top: a child's peak is counted from this process's size, see `Job.run`.
        from tests.bench import kills

        kills.main(args.kills, args.seed)
    if not {*GOALS, "all"} & {*wanted}:
        return 0
    numbers = [*GOALS] if "all" in wanted else [goal for goal in wanted if goal in GOALS]
    if len(numbers) > 1:
        # Each in a process of its own: a child's peak is counted from its parent's size.
        command = [sys.executable, "-m", "tests.bench"]
        return max(subprocess.call([*command, number]) for number in numbers)
    missed = 0
    show("goal", "what", "measured", "limit", "")
    for line in GOALS[numbers[0]]():
        missed += not line.ok
        verdict = "" if line.limit is None else "ok" if line.ok else "NOT MET"
        show(numbers[0], line.what, figure(line, line.measured), figure(line, line.limit), verdict)
    return 1 if missed else 0


def figure(line: Line, value: float | None) -> str:
    """Write a figure with its unit."""
    return "" if value is None else f"{value:.3g} {line.unit}".strip()


def show(*cells: str) -> None:
    """Write one row at once: a run takes minutes."""
    sys.stdout.write("{:>4}  {:<44}{:>12}{:>12}  {}\n".format(*cells))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
