"""`make bench-intake`: the edge beside a bare one, the threader beside an empty processor."""

from __future__ import annotations

import argparse
import asyncio
import logging
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median

from bench.engine.contest import spread
from bench.intake import doors, lookups, mailbox
from bench.intake.threads import ROTE
from bench.path import rig
from bench.path.rig import Rig
from bench.report import Goal, finish, table

Figures = dict[str, list[float]]
Costs = dict[tuple[str, int], list[float]]


def main(*, rounds: int, seconds: float, messages: int) -> None:
    """Measure all on one broker and one database."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # new topics take it a moment
    with tempfile.TemporaryDirectory(prefix="switchboard-intake-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        asyncio.run(_measure(folder, rounds=rounds, seconds=seconds, messages=messages))


async def _measure(folder: Path, *, rounds: int, seconds: float, messages: int) -> None:
    figures: Figures = defaultdict(list)
    async with rig.running(folder) as stack:
        async with doors.open_edges(stack, folder) as edges:
            for turn in range(rounds + 1):
                print(f"doors, round {turn} of {rounds}", flush=True)
                found = await _doors(edges, seconds, reverse=bool(turn % 2))
                if turn:  # the first one warms up
                    for key, value in found.items():
                        figures[key].append(value)
        for turn in range(rounds):
            print(f"threads, round {turn + 1} of {rounds}", flush=True)
            await mailbox.filled(stack, messages, first=turn * messages)
            for processor in mailbox.PROCESSORS[:: 1 if turn % 2 else -1]:
                speed = await mailbox.speed(stack, processor, messages)
                figures[processor].append(speed)
                print(f"  {processor}: {speed:,.0f}/s", flush=True)
        costs = await _lookups(stack)
    _report(figures, costs)


async def _doors(
    edges: dict[str, doors.Edge], seconds: float, *, reverse: bool
) -> dict[str, float]:
    found: dict[str, float] = {}
    for side in doors.SIDES[:: -1 if reverse else 1]:
        edge = edges[side]
        found[f"{side} fastest"] = await doors.fastest(edge, seconds)
        found[f"{side} p99"] = doors.p99(await doors.latencies_ms(edge, doors.RATE, seconds))
    over = await doors.beyond(edges["ours"], found["ours fastest"] * doors.BEYOND, seconds)
    found["beyond goodput"] = over.accepted_a_second
    found["beyond p50"] = doors.p50(over.accepted_ms)
    found["beyond p99"] = doors.p99(over.accepted_ms)
    found["beyond refused p50"] = doors.p50(over.refused_ms)
    found["beyond refused share"] = len(over.refused_ms) / (
        len(over.refused_ms) + len(over.accepted_ms)
    )
    alone, beside, grown_mb = await doors.beside_harm(edges["ours"], seconds)
    found["alone p50"], found["beside harm p50"] = doors.p50(alone), doors.p50(beside)
    found["grown MB"] = grown_mb
    return found


async def _lookups(stack: Rig) -> Costs:
    few = await lookups.filled(await stack.database("few"), lookups.FEW)
    print("filling a database with two million addresses", flush=True)
    many = await lookups.filled(await stack.database("many"), lookups.MANY)
    try:
        for query in lookups.QUERIES.values():
            print(f"  {await lookups.plan(many, query)}")
        return await lookups.costs_ms(few, many)
    finally:
        await few.close()
        await many.close()


def _report(figures: Figures, costs: Costs) -> None:
    table(
        ["doors and threads", "median (range): /s, ms"],
        [[name, spread(values)] for name, values in figures.items()],
    )
    rows = [
        [f"{name}, {batch} at a time", f"{few:.3f}", f"{many:.3f}", f"{many / few:.2f}"]
        for (name, batch), (few, many) in costs.items()
    ]
    table(["lookup, ms", f"{lookups.FEW:,}", f"{lookups.MANY:,}", "ratio"], rows)
    single = [cost for (_, batch), cost in costs.items() if batch == 1]
    few, many = (sum(cost[side] for cost in single) for side in (0, 1))
    accepted = _ratio(figures, "ours fastest", "bare fastest")
    threaded = _ratio(figures, mailbox.THREADER, ROTE)
    goodput = _ratio(figures, "beyond goodput", "ours fastest")
    p50_s, p99_s = (median(figures[f"beyond {name}"]) / 1000 for name in ("p50", "p99"))
    harmed = _ratio(figures, "beside harm p50", "alone p50")
    refused_s = median(figures["beyond refused p50"]) / 1000
    finish(
        "intake",
        [
            Goal("webhooks against a bare handler", accepted, 0.8),
            Goal("threader against an empty handler with its rows and records", threaded, 0.35),
            Goal("lookup among a million against few", many / few, 1.1, at_most=True),
            Goal("goodput at five times too much", goodput, 0.9),
            Goal("p50 at five times too much, s", p50_s, 0.25, at_most=True),
            Goal("p99 at five times too much, s", p99_s, 1, at_most=True),
            Goal("p50 of a refusal, s", refused_s, 0.05, at_most=True),
            Goal("latency of others beside harm", harmed, 1.2, at_most=True),
            Goal("memory grown by harm, MB", median(figures["grown MB"]), 20, at_most=True),
        ],
        p99_ms_at_300=round(median(figures["ours p99"]), 1),
    )


def _ratio(figures: Figures, ours: str, theirs: str) -> float:
    """The median over rounds: a machine that slows down meets both of a round."""
    return median(a / b for a, b in zip(figures[ours], figures[theirs], strict=True))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="repetitions of each contest")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a measured run")
    parser.add_argument("--messages", type=int, default=20_000, help="messages of a run of threads")
    options = parser.parse_args()
    main(rounds=options.rounds, seconds=options.seconds, messages=options.messages)
