"""The simulator's process: settings from `SIMULATOR_…`, serves until SIGTERM."""

from __future__ import annotations

import os
from pathlib import Path

from aiohttp import web

from local.ports import LOOPBACK
from local.simulator.account import parse
from local.simulator.app import Settings, build

SHUTDOWN_S = 2.0


async def _application(host: str) -> web.Application:
    smtp_port = os.environ.get("SIMULATOR_SMTP_PORT")
    settings = Settings(
        ledger=Path(os.environ["SIMULATOR_LEDGER"]),
        accounts=parse(os.environ["SIMULATOR_ACCOUNTS"]),
        smtp=(host, int(smtp_port)) if smtp_port else None,
    )
    return build(settings)


def main() -> None:
    """Serve."""
    host = os.environ.get("SIMULATOR_HOST", LOOPBACK)
    web.run_app(
        _application(host),
        host=host,
        port=int(os.environ["SIMULATOR_PORT"]),
        access_log=None,
        print=None,
        shutdown_timeout=SHUTDOWN_S,
        reuse_address=True,
    )


if __name__ == "__main__":
    main()
