"""One conversation after another, end to end: nothing lost, nothing twice, nothing told."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path

from local.demo import canaries
from tests.e2e.conftest import Result, Stack

MESSAGES = 15 * 12


def test_a_demo_loses_and_doubles_nothing(demo: Result) -> None:
    assert demo.status == 0, demo.err + demo.out
    figures = demo.json
    assert (figures["lost"], figures["doubled"], figures["violations"]) == (0, 0, 0)
    assert figures["accepted"] == MESSAGES
    assert (figures["refused"], figures["unknown"]) == (0, 0)


def test_every_step_of_the_way_was_gone(demo: Result) -> None:
    figures = demo.json
    steps = ("offered", "assigned", "replied", "delivered", "resolved", "surveyed", "answered")
    assert [step for step in steps if figures[step] < MESSAGES / 20] == []
    assert not any(figures["backlog"].values())
    assert figures["webhook_to_offer_ms"]["p50"] > 0
    assert figures["webhook_to_delivered_ms"]["p99"] > 0


def test_verify_alone_comes_to_the_same_verdict(stack: Stack, demo: Result) -> None:
    verified = stack.run("verify", "-o", "json")
    assert verified.status == 0, verified.out
    looked_at = verified.json["looked_at"]
    assert looked_at["sent"] >= demo.json["accepted"]
    assert min(looked_at[what] for what in ("effects", "work", "clocks", "surveys")) > 0


def test_no_planted_address_or_text_is_told_to_telemetry(stack: Stack, demo: Result) -> None:
    assert demo.json["canaries"] == 20
    told = [
        f"{canary} in {name}"
        for name, text in telemetry(stack)
        for canary in canaries.ALL
        if canary in text or canary.removeprefix("+") in text
    ]
    assert told == []


def test_the_search_for_canaries_would_find_them(stack: Stack, demo: Result) -> None:
    """The planted ones did come through: the provider, who must know them, knows them."""
    ledger = (stack.home.ledgers / "provider.jsonl").read_text()
    assert [address for address in canaries.ADDRESSES if address not in ledger] == []
    names = [name for name, text in telemetry(stack) if text]
    assert {"intake-1.log", "intake-1.jsonl", "intake metrics"} <= set(names)


def telemetry(stack: Stack) -> Iterator[tuple[str, str]]:
    """Give all that the processes tell about themselves: logs, spans, metrics."""
    folders = (stack.home.log("x").parent, stack.home.spans)
    files: list[Path] = [path for folder in folders for path in sorted(folder.iterdir())]
    for path in files:
        yield path.name, path.read_text(errors="replace")
    for each in stack.state.processes:
        if each.grpc_port:
            url = f"http://127.0.0.1:{each.http_port}/metrics"
            with urllib.request.urlopen(url, timeout=10) as answer:
                yield f"{each.service} metrics", answer.read().decode()
