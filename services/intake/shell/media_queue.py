"""Which file is fetched next: of the accounts with files that are due, each in its turn."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import heappop, heappush

from services.intake.core.media import WantedMedia


@dataclass(order=True, slots=True)
class Errand:
    """A file to be fetched from `due_s` on, by a monotonic clock; `attempts` went before."""

    due_s: float
    number: int
    wanted: WantedMedia = field(compare=False)
    attempts: int = field(default=0, compare=False)


class MediaQueue:
    """Errands of one process. One account with a slow provider holds up no other."""

    def __init__(self, *, at_once: int, per_account: int) -> None:
        self._at_once = at_once
        self._per_account = per_account
        self._known: set[tuple[str, str]] = set()
        self._later: list[Errand] = []
        self._ready: OrderedDict[str, deque[Errand]] = OrderedDict()
        self._running: Counter[str] = Counter()
        self._numbers = 0

    def __len__(self) -> int:
        """How many files are wanted."""
        return len(self._known)

    def add(self, wanted: Iterable[WantedMedia], now_s: float) -> None:
        """Take files up that are not known yet, to be fetched at once."""
        for each in wanted:
            if each.key not in self._known:
                self._known.add(each.key)
                self._put(each, now_s, attempts=0)

    def take(self, now_s: float) -> Errand | None:
        """The next errand that may be run now; it counts as running until it is told of."""
        while self._later and self._later[0].due_s <= now_s:
            errand = heappop(self._later)
            self._ready.setdefault(errand.wanted.account_id, deque()).append(errand)
        if self._running.total() >= self._at_once:
            return None
        for account_id, errands in self._ready.items():
            if self._running[account_id] < self._per_account:
                return self._started(account_id, errands)
        return None

    def next_due_s(self) -> float | None:
        """When the next errand will be due that is not."""
        return self._later[0].due_s if self._later else None

    def done(self, errand: Errand) -> None:
        """The file needs no more fetching."""
        self._known.discard(errand.wanted.key)
        self._ended(errand)

    def again(self, errand: Errand, due_s: float) -> None:
        """The file is to be tried again."""
        self._ended(errand)
        self._put(errand.wanted, due_s, attempts=errand.attempts + 1)

    def _put(self, wanted: WantedMedia, due_s: float, *, attempts: int) -> None:
        self._numbers += 1
        heappush(self._later, Errand(due_s, self._numbers, wanted, attempts))

    def _started(self, account_id: str, errands: deque[Errand]) -> Errand:
        errand = errands.popleft()
        if errands:
            self._ready.move_to_end(account_id)
        else:
            del self._ready[account_id]
        self._running[account_id] += 1
        return errand

    def _ended(self, errand: Errand) -> None:
        account_id = errand.wanted.account_id
        self._running[account_id] -= 1
        if not self._running[account_id]:
            del self._running[account_id]
