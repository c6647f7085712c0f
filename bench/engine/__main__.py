"""`make bench-engine`: throughput, latency of a hop and CPU of a batch, side by side in one run."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles

from bench.engine import contest
from bench.engine.contest import BARE, OURS, STOCK, Contestant, spread
from bench.report import Goal, finish, table
from tests.support.stack import Kafka, Postgres, running_kafka, running_postgres

BATCHES = (500, 1000, 4000)
TURNS = 3  # a round of latency and CPU: both sides stay up and take turns of seconds


def main(*, rounds: int, messages: int) -> None:
    """Run every contest on one broker and one database."""
    with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with running_kafka(folder) as kafka, running_postgres(folder, durable=True) as postgres:
            asyncio.run(_contest(kafka, postgres, folder, rounds=rounds, messages=messages))


async def _contest(
    kafka: Kafka, postgres: Postgres, folder: Path, *, rounds: int, messages: int
) -> None:
    bare = [Contestant("bare", BARE, batch) for batch in BATCHES]
    speeds: dict[str, list[float]] = {}
    for turn in range(rounds):
        print(f"throughput, round {turn + 1} of {rounds}", flush=True)
        for who in (*bare, OURS, STOCK):
            load = messages // 10 if who is STOCK else messages
            async with contest.on_course(who, kafka, postgres, folder, preload=load) as course:
                speed = await contest.throughput(who, course)
            speeds.setdefault(f"{who.name} ≤{who.batch}" if who in bare else who.name, []).append(
                speed
            )
    hops: dict[str, list[float]] = {}
    costs: dict[str, list[float]] = {}
    pair = (replace(bare[1], name="bare"), OURS)
    async with AsyncExitStack() as stack:
        courses = {
            who.name: await stack.enter_async_context(
                contest.on_course(who, kafka, postgres, folder)
            )
            for who in pair
        }
        for course in courses.values():
            await contest.warm(course)
        for turn in range(TURNS * rounds):
            print(f"latency and CPU, turn {turn + 1} of {TURNS * rounds}", flush=True)
            for name, course in list(courses.items())[:: 1 if turn % 2 else -1]:
                found = await course.latencies_ms(300, 3)
                hops.setdefault(name, []).append(median(found))
                hops.setdefault(name + " p99", []).append(quantiles(found, n=100)[98])
                costs.setdefault(name, []).append(await course.cpu_ms_a_record(150))
    _report(speeds, hops, costs)


def _report(
    speeds: dict[str, list[float]], hops: dict[str, list[float]], costs: dict[str, list[float]]
) -> None:
    table(
        ["throughput", "messages/s: median (range)"],
        [[name, spread(values)] for name, values in speeds.items()],
    )
    table(
        ["one hop at 300/s", "ms: median (range)"],
        [[name, spread(values)] for name, values in hops.items()],
    )
    table(
        ["a batch of one record", "CPU ms: median (range)"],
        [[name, spread(values)] for name, values in costs.items()],
    )
    best = max(median(values) for name, values in speeds.items() if name.startswith("bare"))
    ours = median(speeds["ours"])
    finish(
        "engine",
        [
            Goal("throughput against the bare loop", ours / best, 0.8),
            Goal("throughput against stock Faust", ours / median(speeds["stock Faust"]), 5),
            Goal(
                "hop p50 against bare",
                _ratio(hops),
                1.3,
                at_most=True,
            ),
            Goal(
                "CPU of a one-record batch against bare",
                _ratio(costs),
                1.7,
                at_most=True,
            ),
        ],
    )


def _ratio(values: dict[str, list[float]]) -> float:
    """Ours to bare, the median over rounds: a machine that slows down meets both of a round."""
    return median(a / b for a, b in zip(values["ours"], values["bare"], strict=True))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of each contest")
    parser.add_argument("--messages", type=int, default=60_000, help="messages of a throughput run")
    options = parser.parse_args()
    main(rounds=options.rounds, messages=options.messages)
