"""`python -m services.console`: settings → app.build() → run."""

from __future__ import annotations

from services.chassis.process import main
from services.console.app import SERVICE, build
from services.console.settings import ConsoleSettings

if __name__ == "__main__":
    main(SERVICE, ConsoleSettings, build)
