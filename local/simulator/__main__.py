"""The simulator's process: settings from `SIMULATOR_…`, serves until SIGTERM."""

from __future__ import annotations

import os
from pathlib import Path

from aiohttp import web

from local.ports import LOOPBACK
from local.simulator.app import Settings, build

SHUTDOWN_S = 2.0


async def _application() -> web.Application:
    settings = Settings(
        ledger=Path(os.environ["SIMULATOR_LEDGER"]),
        account_sid=os.environ["SIMULATOR_ACCOUNT_SID"],
        auth_token=os.environ["SIMULATOR_AUTH_TOKEN"],
    )
    return build(settings)


def main() -> None:
    """Serve."""
    web.run_app(
        _application(),
        host=os.environ.get("SIMULATOR_HOST", LOOPBACK),
        port=int(os.environ["SIMULATOR_PORT"]),
        access_log=None,
        print=None,
        shutdown_timeout=SHUTDOWN_S,
        reuse_address=True,
    )


if __name__ == "__main__":
    main()
