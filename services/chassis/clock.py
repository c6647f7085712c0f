"""The wall clock as a port. Only shells ask it; cores get their time from the log."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time in unix milliseconds."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""


class SystemClock:
    """The machine's clock; may jump, so it is never used to measure a duration."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1_000_000
