"""`python -m services.routing`: settings → app.build() → run."""

from __future__ import annotations

from services.chassis.process import main
from services.routing.app import SERVICE, build
from services.routing.settings import RoutingSettings

if __name__ == "__main__":
    main(SERVICE, RoutingSettings, build, log_keys=["sessions"])
