"""The fold under everything that can go wrong around it: the windows are those of the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.bus.fates import BusUnavailable, Fenced, Gap, StoreUnavailable
from services.insights.core.cursor import Cursor, Stamp
from services.insights.core.model import Counts, Part, PartKey, Place, Window, WindowKey
from services.insights.handlers import Folding, Taken
from services.insights.ports import Batch
from tests.support.kpi_store import MemoryStore

PLACES = (Place("routing.events.v1", 0), Place("routing.events.v1", 1), Place("sla.events.v1", 0))
MINUTES = tuple(WindowKey("acme", minute * 60_000, "billing", "SMS") for minute in range(3))


@dataclass
class Table:
    """A working copy that may forget, as Faust's does when a window is old."""

    parts: dict[PartKey, Part] = field(default_factory=dict)

    def get(self, key: PartKey) -> Part:
        return self.parts.get(key, Part())

    def put(self, key: PartKey, part: Part) -> None:
        self.parts[key] = part


@dataclass
class FlakyStore(MemoryStore):
    """Loses its connection as told: before the commit, or after it."""

    fail: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    async def save(self, batch: Batch) -> Sequence[Window]:
        fail, self.fail = self.fail, ""
        if fail == "before":
            raise StoreUnavailable(fail)
        windows = await super().save(batch)
        if fail == "after":
            raise StoreUnavailable(fail)
        return windows


@dataclass
class Outside:
    """The log and the listeners: what was published, and what is to be read again."""

    starts_at: dict[Place, int] = field(default_factory=dict)
    rewound: dict[Place, int] = field(default_factory=dict)
    published: dict[WindowKey, Window] = field(default_factory=dict)
    fail: bool = False

    async def starts(self, places: Iterable[Place]) -> Mapping[Place, int]:
        return {place: self.starts_at.get(place, 0) for place in places}

    async def rewind(self, place: Place, offset: int) -> None:
        self.rewound[place] = offset

    async def publish(self, windows: Sequence[Window]) -> None:
        if self.fail:
            self.fail = False
            raise BusUnavailable("told to")
        for window in windows:
            known = self.published.get(window.key)
            assert known is None or known.revision <= window.revision
            self.published[window.key] = window


class Bench:
    """A fold with its surroundings; `restart` is a crash."""

    def __init__(self) -> None:
        self.store = FlakyStore()
        self.outside = Outside()
        self.table = Table()
        self.acknowledged = 0
        self.restart()

    def restart(self) -> None:
        self.folding = Folding(
            parts=self.table, store=self.store, log=self.outside, feed=self.outside
        )

    def counts(self) -> dict[WindowKey, Counts]:
        return {key: window.counts for key, window in self.store.windows.items()}


def taken(place: Place, offset: int, minute: int, **counts: int) -> Taken:
    return Taken(place, offset, MINUTES[minute], counts or {"offered": 1})


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_what_is_read_again_counts_once(bench: Bench) -> None:
    for _ in range(2):
        bench.folding.take(taken(PLACES[0], 0, 0))
        bench.folding.take(taken(PLACES[0], 1, 0))
        assert (await bench.folding.flush()).records == 2
        bench.restart()
    assert bench.counts() == {MINUTES[0]: {"offered": 2}}


async def test_what_a_relay_wrote_twice_counts_once(bench: Bench) -> None:
    for offset, number in enumerate((1, 2, 2, 1, 3)):
        stamp = Stamp(1, number)
        bench.folding.take(
            Taken(PLACES[0], offset, MINUTES[0], {"offered": 1}, "routing.matcher/0", stamp)
        )
    await bench.folding.flush()
    assert bench.counts() == {MINUTES[0]: {"offered": 3}}


async def test_a_number_that_is_missing_ends_the_process(bench: Bench) -> None:
    for offset, number in enumerate((1, 3)):
        bench.folding.take(
            Taken(PLACES[0], offset, None, {}, "routing.matcher/0", Stamp(1, number))
        )
    with pytest.raises(Gap, match=r"routing\.matcher/0 skipped"):
        await bench.folding.flush()


async def test_what_was_passed_over_is_read_again(bench: Bench) -> None:
    bench.folding.take(taken(PLACES[0], 0, 0))
    bench.folding.take(taken(PLACES[0], 2, 0))
    await bench.folding.flush()
    assert bench.outside.rewound == {PLACES[0]: 1}
    assert bench.counts() == {MINUTES[0]: {"offered": 1}}
    for offset in (3, 1, 2, 3):  # what was under way comes first, then what was asked for
        bench.folding.take(taken(PLACES[0], offset, 0))
    await bench.folding.flush()
    assert bench.counts() == {MINUTES[0]: {"offered": 4}}


async def test_what_retention_has_taken_is_given_up(bench: Bench) -> None:
    bench.outside.starts_at[PLACES[0]] = 500
    for _ in range(2):
        bench.folding.take(taken(PLACES[0], 500, 0))
        await bench.folding.flush()
    assert bench.outside.rewound == {PLACES[0]: 500}
    assert bench.counts() == {MINUTES[0]: {"offered": 1}}
    assert bench.store.known[PLACES[0]].next_offset == 501


async def test_a_window_that_the_table_has_forgotten_goes_on(bench: Bench) -> None:
    bench.folding.take(taken(PLACES[0], 0, 0, offered=1, wait_ms_max=9))
    await bench.folding.flush()
    bench.table.parts.clear()
    bench.folding.take(taken(PLACES[0], 1, 0, offered=1, wait_ms_max=5))
    await bench.folding.flush()
    assert bench.counts() == {MINUTES[0]: {"offered": 2, "wait_ms_max": 9}}


async def test_a_table_left_from_before_a_rebuild_does_no_harm(bench: Bench) -> None:
    bench.table.parts[PartKey(PLACES[0], MINUTES[0])] = Part(77, {"offered": 1000})
    bench.folding.take(taken(PLACES[0], 0, 0))
    await bench.folding.flush()
    assert bench.counts() == {MINUTES[0]: {"offered": 1}}


async def test_two_owners_of_a_place_are_one_too_many(bench: Bench) -> None:
    bench.folding.take(taken(PLACES[0], 0, 0))
    await bench.folding.flush()
    zombie = bench.folding
    bench.restart()
    bench.folding.take(taken(PLACES[0], 1, 0))
    await bench.folding.flush()
    zombie.take(taken(PLACES[0], 1, 0))
    zombie.take(taken(PLACES[0], 2, 0))
    bench.table.parts.clear()
    with pytest.raises(Fenced):
        await zombie.flush()
    assert bench.counts() == {MINUTES[0]: {"offered": 2}}


async def test_what_was_not_told_is_told_after_a_restart(bench: Bench) -> None:
    bench.folding.take(taken(PLACES[0], 0, 0))
    bench.outside.fail = True
    with pytest.raises(BusUnavailable):
        await bench.folding.flush()
    assert not bench.outside.published
    await bench.folding.flush()
    assert bench.outside.published[MINUTES[0]].counts == {"offered": 1}


async def test_what_a_crash_left_untold_is_told_by_the_next_process(bench: Bench) -> None:
    bench.folding.take(taken(PLACES[0], 0, 0))
    bench.outside.fail = True
    with pytest.raises(BusUnavailable):
        await bench.folding.flush()
    bench.restart()
    await bench.folding.flush()
    assert bench.outside.published == bench.store.windows


async def test_what_comes_while_cursors_are_read_waits_for_the_next_flush(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def meanwhile(places: Iterable[Place]) -> Mapping[Place, Cursor]:
        bench.folding.take(taken(PLACES[0], 1, 0))
        bench.folding.take(taken(PLACES[1], 0, 0))
        return {}

    bench.folding.take(taken(PLACES[0], 0, 0))
    monkeypatch.setattr(bench.store, "cursors", meanwhile)
    assert (await bench.folding.flush()).records == 1
    monkeypatch.undo()
    assert (await bench.folding.flush()).records == 2
    assert bench.counts() == {MINUTES[0]: {"offered": 3}}
    assert not bench.outside.rewound


async def test_nothing_taken_asks_nobody(bench: Bench) -> None:
    bench.store.fail = "before"
    assert (await bench.folding.flush()).records == 0


MISHAPS = ("flush", "expire", "fail before", "fail after", "fail publish")
steps = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(1, 4)),
        st.tuples(st.sampled_from(MISHAPS), st.just(0)),
        st.tuples(st.sampled_from(("crash", "forget")), st.integers(0, 2)),
    ),
    max_size=40,
)


class Story:
    """A log of records, and a process that reads it with mishaps."""

    def __init__(self, log: Sequence[tuple[Place, int]]) -> None:
        self.bench = Bench()
        self.records: dict[Place, list[Taken]] = {place: [] for place in PLACES}
        self.reading = dict.fromkeys(PLACES, 0)
        for place, minute in log:
            self.records[place].append(taken(place, len(self.records[place]), minute))

    async def play(self, step: str, number: int) -> None:
        match step.partition(" "):
            case ("take", _, _):
                self._take(number)
            case ("flush", _, _):
                with suppress(StoreUnavailable, BusUnavailable):
                    await self.bench.folding.flush()
            case ("expire", _, _):
                self.bench.table.parts.clear()
            case ("fail", _, "publish"):
                self.bench.outside.fail = True
            case ("fail", _, when):
                self.bench.store.fail = when
            case _:
                self._interrupt(step, number)

    def _take(self, number: int) -> None:
        for place, records in self.records.items():
            begin = self.reading[place]
            for record in records[begin : begin + number]:
                self.bench.folding.take(record)
                self.reading[place] += 1

    def _interrupt(self, step: str, again: int) -> None:
        if step == "crash":
            self.bench.restart()
        else:
            self.bench.folding.forget()
        for place in PLACES:  # Faust reads on from what was acknowledged, or before it
            known = self.bench.store.known.get(place)
            self.reading[place] = max(0, (known.next_offset if known else 0) - again)


@given(steps, st.lists(st.tuples(st.sampled_from(PLACES), st.integers(0, 2)), max_size=30))
async def test_any_history_gives_the_windows_of_the_log(
    history: list[tuple[str, int]], log: list[tuple[Place, int]]
) -> None:
    """Crashes, lost answers, expired windows and moving partitions leave no trace in the counts."""
    story = Story(log)
    for step, number in [*history, *[("take", 30), ("flush", 0)] * 4]:
        await story.play(step, number)
    counted = Counter(MINUTES[minute] for _, minute in log)
    assert story.bench.counts() == {key: {"offered": n} for key, n in counted.items()}
    assert story.bench.outside.published == story.bench.store.windows
