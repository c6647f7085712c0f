"""Prometheus metrics, declared before use: name, meaning and the bound of every label.

A service declares its metrics in `metrics.py` on one `Catalogue`; the documentation is printed from
it. No globals: each catalogue owns its registry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.exposition import choose_encoder

NOT_BASE_UNITS: Final = frozenset(
    {"ms", "millis", "milliseconds", "minutes", "kb", "mb", "percent"}
)
RESERVED_ENDINGS: Final = frozenset({"total", "count", "sum", "bucket", "created"})
SHARED_PREFIXES: Final = ("chassis", "grpc_server", "http_server")
LATENCY_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10)
"""Seconds. 0.25, 1 and 2 are the thresholds of the service level objectives."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """One line of the catalogue. `labels` maps each label to what bounds its values."""

    name: str
    kind: str
    meaning: str
    labels: Mapping[str, str]


class Catalogue:
    """The metrics of one process."""

    def __init__(self, service: str, *, process: bool = False) -> None:
        """`process` adds the resident memory, CPU time and open files of this process."""
        self.service = service
        self.registry = CollectorRegistry()
        self.declarations: list[Declaration] = []
        if process:
            ProcessCollector(registry=self.registry)
            PlatformCollector(registry=self.registry)

    def counter(
        self, name: str, meaning: str, *, labels: Mapping[str, str] | None = None
    ) -> Counter:
        """Declare a count of events; its name ends in `_total`."""
        names = self._declare(name, "counter", meaning, labels or {})
        return Counter(name, meaning, names, registry=self.registry)

    def gauge(self, name: str, meaning: str, *, labels: Mapping[str, str] | None = None) -> Gauge:
        """Declare a level that rises and falls."""
        names = self._declare(name, "gauge", meaning, labels or {})
        return Gauge(name, meaning, names, registry=self.registry)

    def histogram(
        self,
        name: str,
        meaning: str,
        *,
        labels: Mapping[str, str] | None = None,
        buckets: Sequence[float] = LATENCY_BUCKETS,
    ) -> Histogram:
        """Declare a distribution; buckets are upper bounds in the unit of the name."""
        names = self._declare(name, "histogram", meaning, labels or {})
        return Histogram(name, meaning, names, registry=self.registry, buckets=buckets)

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """Body and content type for a scrape; OpenMetrics, with exemplars, where accepted."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def markdown(self) -> str:
        """The catalogue as a Markdown table, in order of declaration."""
        rows = ["| metric | kind | meaning | labels |", "|---|---|---|---|"]
        for item in self.declarations:
            labels = "; ".join(f"`{label}`: {bound}" for label, bound in item.labels.items())
            rows.append(f"| `{item.name}` | {item.kind} | {item.meaning} | {labels or '–'} |")
        return "\n".join(rows) + "\n"

    def _declare(
        self, name: str, kind: str, meaning: str, labels: Mapping[str, str]
    ) -> tuple[str, ...]:
        if not name.startswith(tuple(f"{p}_" for p in (self.service, *SHARED_PREFIXES))):
            raise ValueError(f"metric {name} must begin with {self.service}_")
        unit = name.rsplit("_", 1)[-1]
        if unit != "total" if kind == "counter" else unit in RESERVED_ENDINGS | NOT_BASE_UNITS:
            raise ValueError(f"metric {name}: counters end in _total, others in a base unit")
        if unbounded := [label for label in labels if label == "id" or label.endswith("_id")]:
            raise ValueError(f"metric {name}: ids are unbounded labels: {unbounded}")
        self.declarations.append(Declaration(name, kind, meaning, dict(labels)))
        return tuple(labels)
