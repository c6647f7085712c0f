"""`python -m services.sla`: settings → app.build() → run."""

from __future__ import annotations

from services.chassis.process import main
from services.sla.app import SERVICE, build
from services.sla.settings import SlaSettings

if __name__ == "__main__":
    main(SERVICE, SlaSettings, build)
