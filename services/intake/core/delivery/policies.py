"""What an installation may choose about delivery."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

_SECOND_MS = 1000
_MINUTE_MS = 60 * _SECOND_MS
_HOUR_MS = 60 * _MINUTE_MS


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """How often and how long we try, and how long we look for what we do not know.

    `calls_per_account_max` bounds the calls under way for one account within one shard.
    `evidence_window_ms` is how long an uncertain message is kept at hand for a late receipt.
    """

    calls_per_account_max: int = 8
    attempts_max: int = 12
    retry_first_ms: int = _SECOND_MS
    retry_most_ms: int = 5 * _MINUTE_MS
    lookup_first_ms: int = _SECOND_MS
    lookup_most_ms: int = _MINUTE_MS
    absences_max: int = 4
    doubt_window_ms: int = 15 * _MINUTE_MS
    evidence_window_ms: int = 24 * _HOUR_MS

    def retry_delay_ms(self, message_id: str, attempts: int, asked_ms: int) -> int:
        """Exponential with jitter, and never sooner than the provider asked for."""
        backoff_ms = min(self.retry_first_ms << (attempts - 1), self.retry_most_ms)
        return max(_jittered(backoff_ms, message_id), min(asked_ms, self.retry_most_ms))

    def lookup_delay_ms(self, message_id: str, lookups: int) -> int:
        """Tripling: a message that the provider took shows within seconds, or much later."""
        delay_ms = min(self.lookup_first_ms * 3**lookups, self.lookup_most_ms)
        return _jittered(delay_ms, message_id)


def _jittered(delay_ms: int, message_id: str) -> int:
    """Up to half as much again. Drawn from the id: a decision replays to itself."""
    return delay_ms + delay_ms * (crc32(message_id.encode()) % 500) // 1000
