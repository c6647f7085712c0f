"""Play one seed again and tell every step: `python -m tests.simulation --seed 7 --steps 300`."""

from __future__ import annotations

import argparse
import sys
import traceback

from tests.simulation.story import STEPS, play


def main() -> int:
    """Tell the run; the exit status is 1 where something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--steps", type=int, default=STEPS)
    asked = parser.parse_args()
    try:
        outcome = play(asked.seed, steps=asked.steps, aloud=True)
    except Exception as error:  # noqa: BLE001 - it is this seed's finding, told in full
        traceback.print_exception(error)
        print(f"seed {asked.seed} of {asked.steps} steps does not hold")
        return 1
    print(f"seed {asked.seed} of {asked.steps} steps holds, {outcome.digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
