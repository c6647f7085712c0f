"""What an installation may choose about delivery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zlib import crc32

from services.intake.core.delivery.model import Barrier
from services.intake.core.model import Channel

_SECOND_MS = 1000
_MINUTE_MS = 60 * _SECOND_MS
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS

_LIVES_MS: Mapping[Channel, int] = {Channel.EMAIL: 4 * _DAY_MS}
"""How long a message is worth sending, where that is not a day.

Mail is expected to be tried for 4 to 5 days (RFC 5321, 4.5.4.1). Elsewhere the customer has long
asked again, and the windows of Meta's channels have closed.
"""


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """How often and how long we try, and how long we look for what we do not know.

    `calls_per_account_max` bounds the calls under way for one account within one shard.
    `attempts_max` is one attempt and three retries: a retry is for what is wrong with one message;
    what is wrong with a provider is waited for at the account's gate, and no message pays for it.
    `failures_max` attempts in a row, within `failures_window_ms`, that do not reach the provider
    shut the gate. `evidence_window_ms` is how long an uncertain message is kept at hand for a late
    receipt.
    """

    calls_per_account_max: int = 8
    attempts_max: int = 4
    retry_first_ms: int = _SECOND_MS
    retry_most_ms: int = 5 * _MINUTE_MS
    lookup_first_ms: int = _SECOND_MS
    lookup_most_ms: int = _MINUTE_MS
    absences_max: int = 4
    doubt_window_ms: int = 15 * _MINUTE_MS
    evidence_window_ms: int = _DAY_MS
    failures_max: int = 3
    failures_window_ms: int = _MINUTE_MS
    throttled_first_ms: int = _SECOND_MS
    unreachable_first_ms: int = 5 * _SECOND_MS
    shut_most_ms: int = 5 * _MINUTE_MS
    asked_most_ms: int = _HOUR_MS

    def retry_delay_ms(self, message_id: str, attempts: int, asked_ms: int) -> int:
        """Exponential with jitter, and never sooner than the provider asked for."""
        backoff_ms = min(self.retry_first_ms << max(attempts - 1, 0), self.retry_most_ms)
        return max(_jittered(backoff_ms, message_id), min(asked_ms, self.retry_most_ms))

    def lookup_delay_ms(self, message_id: str, lookups: int) -> int:
        """Tripling: a message that the provider took shows within seconds, or much later."""
        delay_ms = min(self.lookup_first_ms * 3**lookups, self.lookup_most_ms)
        return _jittered(delay_ms, message_id)

    def shut_ms(self, barrier: Barrier, times: int, asked_ms: int, seed: str) -> int:
        """How long an account waits: doubling with jitter, and no less than it was asked to.

        Of what is asked `asked_most_ms` counts: a slip of a provider is not to end an account.
        `seed` names the attempt that shut the gate, so that the shards of an account, and the
        accounts of a provider, do not come back all at once.
        """
        first_ms = (
            self.throttled_first_ms if barrier is Barrier.THROTTLED else self.unreachable_first_ms
        )
        backoff_ms = min(first_ms << min(times - 1, 30), self.shut_most_ms)
        return _jittered(max(backoff_ms, min(asked_ms, self.asked_most_ms)), seed)

    def deadline_ms(self, channel: Channel, queued_at_ms: int, expires_at_ms: int) -> int:
        """After which a message is not worth sending."""
        return expires_at_ms or queued_at_ms + _LIVES_MS.get(channel, _DAY_MS)


def _jittered(delay_ms: int, seed: str) -> int:
    """Up to half as much again. Drawn from an id: a decision replays to itself."""
    return delay_ms + delay_ms * (crc32(seed.encode()) % 500) // 1000
