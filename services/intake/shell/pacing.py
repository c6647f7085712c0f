"""Gives each message of an account with a stated rate its time: one slot after the other.

The rate is the account's own, over all processes: each takes the share of it that it has of the
shards, whatever their number, so nothing has to be agreed on. A message whose slot is near waits
here; one whose slot is far goes back to its lane, and keeps the slot until it comes again. Thus no
backlog stands between an attempt that is committed and its call, where a crash would leave doubt.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

NEAR_SECONDS: Final = 2.0
LATE_SECONDS: Final = 10.0
"""How long after its time a slot may still be used: timers are not exact."""
HORIZON_SECONDS: Final = 300.0
"""How far ahead slots are given away. Whoever finds none asks again by then."""


@dataclass(slots=True)
class _Line:
    """The slots of one account: when the next begins, and whose the ones before it are."""

    next_s: float = 0.0
    taken: OrderedDict[str, float] = field(default_factory=OrderedDict)


class Pacer:
    """The slots of one process. Times are seconds of `monotonic`."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lines: dict[str, _Line] = {}

    def wait_seconds(
        self, account_id: str, message_id: str, *, per_second: float, weight: int
    ) -> float:
        """How long a message has to wait for its slot, which is as long as its weight.

        A wait of `NEAR_SECONDS` or less is an order to wait so long and call; after a longer one
        the message is to come again.
        """
        now_s = self._monotonic()
        line = self._lines.setdefault(account_id, _Line())
        _forget_missed(line, now_s)
        slot_s = line.taken.get(message_id)
        if slot_s is None:
            slot_s = max(now_s, line.next_s)
            if slot_s - now_s > HORIZON_SECONDS:
                return slot_s - now_s
            line.next_s = slot_s + weight / per_second
            line.taken[message_id] = slot_s
        wait_s = max(0.0, slot_s - now_s)
        if wait_s <= NEAR_SECONDS:
            del line.taken[message_id]
        return wait_s


def _forget_missed(line: _Line, now_s: float) -> None:
    """Give up slots whose message did not come: it was settled, or has another owner now."""
    while line.taken:
        message_id, slot_s = next(iter(line.taken.items()))
        if slot_s >= now_s - LATE_SECONDS:
            return
        del line.taken[message_id]
