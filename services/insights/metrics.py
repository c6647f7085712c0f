"""What insights shows of itself."""

from __future__ import annotations

from services.chassis.telemetry.metrics import Catalogue


class Metrics:
    """Declared once a process."""

    def __init__(self, catalogue: Catalogue) -> None:
        by_topic = {"topic": "the four topics that are read"}
        self.records = catalogue.counter(
            "insights_records_total", "records counted", labels=by_topic
        )
        self.letters = catalogue.counter(
            "insights_dead_letters_total", "records that could not be read", labels=by_topic
        )
        self.windows = catalogue.counter(
            "insights_windows_saved_total", "windows saved and published, each time they changed"
        )
        self.flush = catalogue.histogram(
            "insights_flush_seconds", "from the save of a batch to its acknowledgement"
        )
        self.waiting = catalogue.gauge(
            "insights_waiting_records", "records taken and not yet saved"
        )
        self.lag = catalogue.gauge("insights_lag_records", "records in the log and not yet taken")
        self.watchers = catalogue.gauge("insights_watchers", "open streams of windows")
