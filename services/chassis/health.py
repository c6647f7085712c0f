"""What a process says about itself: live (the event loop turns) and ready (all checks hold).

Readiness never depends on lag, and a dependency that is away never makes a process dead.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

BEAT_SECONDS: Final = 1.0
LIVE_WITHIN_SECONDS: Final = 10.0
DRAINING: Final = "draining"


class Health:
    """The checks of one process by name; a check holds when its reason is the empty string."""

    def __init__(self, *checks: str) -> None:
        self._reasons: dict[str, str] = dict.fromkeys(checks, "not started")
        self._listeners: list[Callable[[bool], None]] = []
        self._on_drain: list[Callable[[], None]] = []
        self._beat = time.monotonic()

    @property
    def ready(self) -> bool:
        """Whether every check holds."""
        return not any(self._reasons.values())

    @property
    def live(self) -> bool:
        """Whether the event loop has turned within the last seconds."""
        return time.monotonic() - self._beat < LIVE_WITHIN_SECONDS

    @property
    def checks(self) -> Mapping[str, str]:
        """Reason by check, empty where it holds."""
        return dict(self._reasons)

    def passing(self, check: str) -> None:
        """The check holds from now on."""
        self._set(check, "")

    def failing(self, check: str, reason: str) -> None:
        """The check fails; the reason is shown by /readyz, so it names no customer."""
        self._set(check, reason)

    def drain(self) -> None:
        """Not ready from now on, for ever; end what would never end by itself."""
        self.failing(DRAINING, "draining")
        for callback in self._on_drain:
            callback()

    def on_drain(self, callback: Callable[[], None]) -> None:
        """Call `callback` when the drain begins, before any component is stopped."""
        self._on_drain.append(callback)

    def watch(self, listener: Callable[[bool], None]) -> None:
        """Call `listener(ready)` now and whenever readiness changes, on the event loop."""
        self._listeners.append(listener)
        listener(self.ready)

    def beat(self) -> None:
        """Record that the loop turns."""
        self._beat = time.monotonic()

    def _set(self, check: str, reason: str) -> None:
        before = self.ready
        self._reasons[check] = reason
        if self.ready != before:
            for listener in self._listeners:
                listener(self.ready)
