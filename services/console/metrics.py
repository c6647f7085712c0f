"""What the console shows of itself."""

from __future__ import annotations

from services.chassis.telemetry.metrics import Catalogue


class Metrics:
    """Declared once a process."""

    def __init__(self, catalogue: Catalogue) -> None:
        by_source = {"source": "the five parts of a board"}
        self.browsers = catalogue.gauge("console_browsers", "open streams to browsers")
        self.boards = catalogue.gauge("console_boards", "boards kept: one a tenant and domain")
        self.steps = catalogue.counter(
            "console_upstream_steps_total", "messages that upstream watches told", labels=by_source
        )
        self.losses = catalogue.counter(
            "console_upstream_losses_total", "upstream watches that ended", labels=by_source
        )
        self.dropped = catalogue.counter(
            "console_browsers_dropped_total", "streams ended because the browser did not keep up"
        )
