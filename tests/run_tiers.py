"""`make test`: every tier in order, its time, and at the end what ran, what was skipped and why.

All tiers run even when one fails, so that one run tells everything; the exit status is that of the
first failure. A tier that mostly waits for servers runs aside of those that only compute, which
give way to it; its output comes when it has ended. A tier is skipped only where this machine lacks
something the tier can't do without, and the last lines say so. `python -m tests.run_tiers unit
types` runs the named ones.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.support import browser, kustomize

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
CLOSING_LINE = re.compile(r"^=* ?(?P<words>.*\b\d+ (?:passed|failed|errors?)\b.*) in [\d.]+s\b.*$")
COUNT = re.compile(r"(\d+) (passed|failed|errors?)")


def present() -> str | None:
    """Need nothing that the set-up hasn't installed."""
    return None


@dataclass(frozen=True, slots=True)
class Tier:
    """One rung of the ladder: commands that run one after another until one fails.

    `lacking` gives the sentence why the tier can't run on this machine, None where it can.
    `aside`: waits more than it computes. `alone`: wants the machine to itself.
    """

    name: str
    commands: tuple[tuple[str, ...], ...]
    lacking: Callable[[], str | None] = present
    aside: bool = False
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """How one tier ended; `status` is an exit status, None for a tier that was skipped."""

    tier: str
    status: int | None
    seconds: float
    words: str


def tool(name: str, *arguments: str) -> tuple[str, ...]:
    """Give the command for a program of this virtual environment."""
    return (str(BIN / name), *arguments)


def python(*arguments: str) -> tuple[str, ...]:
    """Give the command for this Python."""
    return (sys.executable, *arguments)


def pytest(*arguments: str) -> tuple[str, ...]:
    """Give the command for tests; colours off, so that the closing line stays a plain line."""
    return python("-m", "pytest", "--color=no", "-p", "no:cacheprovider", *arguments)


PAGES = (
    "tests/e2e/test_console_page.py",
    "tests/e2e/test_chat_page.py",
    "tests/e2e/test_chat_files_page.py",
)
INTAKE = "tests/component/intake"  # as many tests as all other services together
TIERS = (
    Tier("lint", (tool("ruff", "format", "--check", "."), tool("ruff", "check", "."))),
    Tier("types", (tool("mypy"),)),
    Tier("protos", (python("-m", "protos", "--check"),)),
    Tier("arch", (tool("lint-imports", "--no-logo"), pytest("tests/architecture"))),
    Tier("manifests", (pytest("tests/manifests"),), kustomize.lacking),
    Tier("unit", (pytest("tests/unit"),)),
    Tier("contract", (pytest("tests/contract"),)),
    Tier("component", (pytest("tests/component", f"--ignore={INTAKE}"),), aside=True),
    Tier("intake", (pytest(INTAKE),), aside=True),
    Tier("simulation", (pytest("tests/simulation"),)),
    Tier("e2e", (pytest("tests/e2e", *(f"--ignore={page}" for page in PAGES)),), alone=True),
    Tier("page", (pytest(*PAGES),), browser.lacking, alone=True),
    Tier("chaos", (pytest("tests/chaos", "-s"),), alone=True),
)


def show(line: str) -> None:
    """Pass a line of output on."""
    sys.stdout.write(line)
    sys.stdout.flush()


def run(tier: Tier, show: Callable[[str], object] = show, *, gives_way: bool = False) -> Result:
    """Run one tier, its output passing through as it comes."""
    show(f"\n──── {tier.name}\n")
    if reason := tier.lacking():
        return Result(tier.name, None, 0.0, reason)
    started = time.monotonic()
    words = ""
    for command in tier.commands:
        status, closing = _echo(("nice", *command) if gives_way else command, show)
        words = closing or words
        if status:
            break
    return Result(tier.name, status, time.monotonic() - started, words)


def run_all(tiers: Sequence[Tier]) -> list[Result]:
    """Run tiers in ladder order, the waiting ones aside until one wants to be alone."""
    beside = any(not (tier.aside or tier.alone) for tier in tiers)
    said: dict[str, list[str]] = {tier.name: [] for tier in tiers if tier.aside and beside}
    found: dict[str, Result] = {}
    with ThreadPoolExecutor() as pool:
        aside = {t.name: pool.submit(run, t, said[t.name].append) for t in tiers if t.name in said}

        def join() -> None:
            for name in [name for name in aside if name not in found]:
                found[name] = aside[name].result()
                show("".join(said[name]))

        for tier in tiers:
            if tier.name not in said:
                if tier.alone:
                    join()
                waited_for = any(not future.done() for future in aside.values())
                found[tier.name] = run(tier, gives_way=waited_for)
        join()
    return [found[tier.name] for tier in tiers]


def _echo(command: Sequence[str], show: Callable[[str], object]) -> tuple[int, str]:
    """Run a command and show its output; give its status and what pytest's closing line said."""
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    closing = ""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as child:
        for line in child.stdout or ():
            show(line)
            if found := CLOSING_LINE.match(line.strip()):
                closing = found["words"]
    return child.returncode, closing


def report(results: Sequence[Result], seconds: float) -> list[str]:
    """Give the closing lines: a row a tier, what was skipped and why, the sum of the tests.

    `seconds` is the time of all; tiers that ran side by side took less than their sum.
    """
    lines = ["", f"{'tier':<12}{'result':<9}{'seconds':>8}  tests"]
    lines += [_row(result) for result in results]
    ran = [result.tier for result in results if result.status is not None]
    skipped = [result for result in results if result.status is None]
    lines.append(f"ran: {', '.join(ran) or 'nothing'}")
    lines += [f"skipped: {result.tier}: {result.words}" for result in skipped]
    if not skipped:
        lines.append("skipped: nothing")
    lines.append(_sum(results, seconds))
    return lines


def _row(result: Result) -> str:
    outcome = {None: "skipped", 0: "passed"}.get(result.status, "FAILED")
    words = "" if result.status is None else result.words
    return f"{result.tier:<12}{outcome:<9}{result.seconds:>8.1f}  {words}".rstrip()


def _sum(results: Sequence[Result], seconds: float) -> str:
    """Give one line in pytest's own form over all tiers."""
    totals: dict[str, int] = {}
    for result in results:
        if result.status is not None:
            for count, what in COUNT.findall(result.words):
                key = what.removesuffix("s") if what.startswith("error") else what
                totals[key] = totals.get(key, 0) + int(count)
    order = [name for name in ("failed", "error", "passed") if name in totals]
    counts = ", ".join(f"{totals[name]} {name}" for name in order) or "no tests"
    return f"===== {counts} in {seconds:.2f}s ====="


def status_of(results: Sequence[Result]) -> int:
    """Give the exit status: that of the first tier that failed."""
    return next((result.status for result in results if result.status), 0)


def chosen(names: Sequence[str]) -> list[Tier]:
    """Give the tiers of these names in ladder order; `all` is every one.

    Raises:
        SystemExit: a name is not a tier's; the text lists them.
    """
    known = [tier.name for tier in TIERS]
    unknown = set(names) - {*known, "all"}
    if unknown or not names:
        raise SystemExit(f"name tiers out of: all, {', '.join(known)}")
    return [tier for tier in TIERS if "all" in names or tier.name in names]


def main(names: Sequence[str]) -> int:
    """Run the named tiers and print the report."""
    started = time.monotonic()
    results = run_all(chosen(names))
    print("\n".join(report(results, time.monotonic() - started)), flush=True)
    return status_of(results)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
