"""`python -m services.feedback`: settings → app.build() → run."""

from __future__ import annotations

from services.chassis.process import main
from services.feedback.app import SERVICE, build
from services.feedback.settings import FeedbackSettings

if __name__ == "__main__":
    main(SERVICE, FeedbackSettings, build)
