"""`make bench-path`: a webhook's way to an offer beside a chain of bare loops, in one run."""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import uvloop

from bench.path import chain, ours, rig
from bench.path.figures import Figures, Run, p50, p99
from bench.path.rig import Rig
from bench.report import finish

WARM_SECONDS = 3.0
IDLE_SECONDS = 10.0
WARMING_SECONDS = 25.0  # its compiler is done by then


def main(*, rates: Sequence[int], seconds: float, rounds: int) -> None:
    """Measure both sides in turns, on one broker and one database."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # new topics take it a moment
    figures, loads = Figures(), [os.getloadavg()[0]]
    with tempfile.TemporaryDirectory(prefix="switchboard-path-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        uvloop.run(_contest(folder, figures, loads, rates=rates, seconds=seconds, rounds=rounds))
    figures.show()
    print(f"load average before and after each round: {', '.join(f'{at:.1f}' for at in loads)}")
    finish("path", figures.goals(), load_average=[round(at, 2) for at in loads])


async def _contest(
    folder: Path,
    figures: Figures,
    loads: list[float],
    *,
    rates: Sequence[int],
    seconds: float,
    rounds: int,
) -> None:
    async with rig.running(folder) as stack:
        kept = folder / "sample.json"
        (await ours.sampled(stack)).save(kept)
        print("warming up the broker", flush=True)
        async with chain.running(stack, kept, "warming") as loops:
            await chain.contest(loops, rate=max(rates), seconds=WARMING_SECONDS, warm_seconds=1)
        for turn in range(rounds):
            print(f"round {turn + 1} of {rounds}", flush=True)
            await _bare(stack, kept, figures, turn, rates=rates, seconds=seconds)
            await _ours(stack, figures, turn, rates=rates, seconds=seconds)
            loads.append(os.getloadavg()[0])


async def _ours(
    stack: Rig, figures: Figures, turn: int, *, rates: Sequence[int], seconds: float
) -> None:
    async with ours.serving(stack) as meter:
        if not turn:
            figures.idle_percent |= await meter.idle_percent(IDLE_SECONDS)
        for rate in rates:
            run = await ours.contest(
                stack,
                meter,
                tenant=f"bench-{turn}-{rate}",
                rate=rate,
                seconds=seconds,
                warm_seconds=WARM_SECONDS,
            )
            _add(figures, "ours", rate, run)
        figures.resident_mb |= meter.resident_mb()


async def _bare(
    stack: Rig,
    sample: Path,
    figures: Figures,
    turn: int,
    *,
    rates: Sequence[int],
    seconds: float,
) -> None:
    async with chain.running(stack, sample, f"bare-{turn}") as loops:
        if not turn:
            idle = await loops.meter.idle_percent(IDLE_SECONDS)
            figures.idle_percent |= {name: idle[name] for name in chain.names()}
        for rate in rates:
            run = await chain.contest(loops, rate=rate, seconds=seconds, warm_seconds=WARM_SECONDS)
            _add(figures, "bare", rate, run)
        figures.resident_mb |= loops.meter.resident_mb()


def _add(figures: Figures, side: str, rate: int, run: Run) -> None:
    figures.add(side, rate, run)
    found = f"p50 {p50(run.latencies_ms):.1f} ms, p99 {p99(run.latencies_ms):.1f} ms"
    print(f"  {side} at {rate}/s: {found}, {sum(run.cpu_ms.values()):.2f} CPU ms", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rates", type=int, nargs="+", default=[100, 300], help="messages a second"
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a measured run")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of each contest")
    options = parser.parse_args()
    main(rates=options.rates, seconds=options.seconds, rounds=options.rounds)
