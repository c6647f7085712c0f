"""Connection overrides: how a callback URL's fragment changes the provider's retries.

`#rc=3&rp=5xx,ct` asks for three retries on 5xx answers and failed connections. Without a fragment
there is one retry, only where no connection came about; the whole takes 15 seconds at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, urldefrag

TOTAL_S_MAX = 15.0
RETRIES_MAX = 5


@dataclass(frozen=True, slots=True)
class Overrides:
    """How one callback is called."""

    url: str
    """Without its fragment: what is requested and signed."""
    retries: int = 1
    policy: frozenset[str] = frozenset({"ct"})
    total_s: float = TOTAL_S_MAX

    def wants_retry(self, status: int) -> bool:
        """Tell whether an answer is retried; 0 stands for no connection, -1 for no answer."""
        kind = {0: "ct", -1: "rt"}.get(status, f"{status // 100}xx")
        return kind in self.policy or ("all" in self.policy and kind in {"ct", "rt", "4xx", "5xx"})


def parse(callback: str) -> Overrides:
    """Split a callback URL into what is called and how; unknown keys are ignored."""
    url, fragment = urldefrag(callback)
    given = {key: values[-1] for key, values in parse_qs(fragment).items()}
    return Overrides(
        url=url,
        retries=min(RETRIES_MAX, _number(given.get("rc"), 1)),
        policy=frozenset(given.get("rp", "ct").split(",")),
        total_s=min(TOTAL_S_MAX, _number(given.get("tt"), 15_000) / 1000),
    )


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdigit() else default
