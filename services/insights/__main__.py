"""`python -m services.insights`: serve. `python -m services.insights rebuild`: drop and rebuild."""

from __future__ import annotations

import asyncio
import sys

from services.chassis.process import main
from services.chassis.settings import EXIT_BAD_SETTINGS, load
from services.insights.app import SERVICE, build, rebuild
from services.insights.settings import InsightsSettings

if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            main(SERVICE, InsightsSettings, build)
        case ["rebuild"]:
            generation = asyncio.run(rebuild(load(InsightsSettings)))
            sys.stdout.write(f"All windows are dropped; generation {generation} is being built.\n")
        case _:
            sys.stderr.write("usage: python -m services.insights [rebuild]\n")
            raise SystemExit(EXIT_BAD_SETTINGS)
