"""`python -m services.intake`: settings → app.build() → run."""

from __future__ import annotations

from services.chassis.process import main
from services.intake.app import SERVICE, build
from services.intake.settings import IntakeSettings

if __name__ == "__main__":
    main(SERVICE, IntakeSettings, build, log_keys=["account_id", "reference"])
