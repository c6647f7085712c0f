"""How fast somebody may go on: token buckets, as many as are in use, within bounds."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

KEPT_MAX: Final = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_s: float


class Buckets:
    """One bucket a key: `burst` at once, then `per_second`. A full one need not be remembered."""

    def __init__(
        self,
        *,
        burst: int,
        per_second: float,
        kept_max: int = KEPT_MAX,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst = burst
        self._per_second = per_second
        self._kept_max = kept_max
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait_ms(self, key: str) -> int:
        """Take one: 0, or in how many milliseconds there is one to take."""
        bucket = self._filled(key)
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return 0
        return math.ceil((1 - bucket.tokens) / self._per_second * 1000)

    def _filled(self, key: str) -> _Bucket:
        now_s = self._monotonic()
        bucket = self._buckets.setdefault(key, _Bucket(self._burst, now_s))
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._kept_max:
            self._buckets.popitem(last=False)  # the one that was asked least lately
        gained = (now_s - bucket.at_s) * self._per_second
        bucket.tokens, bucket.at_s = min(self._burst, bucket.tokens + gained), now_s
        return bucket
