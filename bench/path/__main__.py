"""`make bench-path`: a webhook's way to an offer beside a chain of bare loops, in one run.

Both sides stay up and are driven in turns of seconds: what else the machine does meets both alike.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import uvloop

from bench.path import chain, ours, rig
from bench.path.chain import Chain
from bench.path.figures import Figures, Run, p50, p99
from bench.path.meter import Meter
from bench.report import finish

WARM_SECONDS = 2.0
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
        async with chain.running(stack, kept, "bare") as loops, ours.serving(stack) as meter:
            await _rest(figures, loops, meter)
            print("warming up the broker", flush=True)
            await chain.contest(loops, rate=max(rates), seconds=WARMING_SECONDS, warm_seconds=1)
            for turn in range(rounds):
                print(f"round {turn + 1} of {rounds}", flush=True)
                for rate in rates:
                    tenant = f"bench-{turn}-{rate}"
                    both = (
                        ("bare", partial(chain.contest, loops)),
                        ("ours", partial(ours.contest, stack, meter, tenant=tenant)),
                    )
                    for side, drive in both if turn % 2 else reversed(both):
                        run = await drive(rate=rate, seconds=seconds, warm_seconds=WARM_SECONDS)
                        _add(figures, side, rate, run)
                loads.append(os.getloadavg()[0])
            figures.resident_mb = loops.meter.resident_mb() | meter.resident_mb()


async def _rest(figures: Figures, loops: Chain, meter: Meter) -> None:
    """What everything takes while nothing is asked of it."""
    bare, served = await asyncio.gather(
        loops.meter.idle_percent(IDLE_SECONDS), meter.idle_percent(IDLE_SECONDS)
    )
    figures.idle_percent = bare | served


def _add(figures: Figures, side: str, rate: int, run: Run) -> None:
    figures.add(side, rate, run)
    found = f"p50 {p50(run.latencies_ms):.1f} ms, p99 {p99(run.latencies_ms):.1f} ms"
    print(f"  {side} at {rate}/s: {found}, {sum(run.cpu_ms.values()):.2f} CPU ms", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rates", type=int, nargs="+", default=[100, 300], help="messages a second"
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a measured run")
    parser.add_argument("--rounds", type=int, default=7, help="repetitions of each contest")
    options = parser.parse_args()
    main(rates=options.rates, seconds=options.seconds, rounds=options.rounds)
