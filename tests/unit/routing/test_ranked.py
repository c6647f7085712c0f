"""The persistent sorted sequence against Python's own list."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from services.routing.core import ranked
from services.routing.core.ranked import Ranked

keys = st.tuples(st.integers(-3, 3), st.integers(0, 400))
steps = st.lists(st.tuples(st.booleans(), keys), max_size=300)


@given(start=st.lists(keys, max_size=2_000), steps=steps)
@settings(max_examples=100, deadline=None)
def test_it_behaves_as_a_sorted_set_and_never_changes(
    start: list[tuple[int, int]], steps: list[tuple[bool, tuple[int, int]]]
) -> None:
    sequence, model = Ranked.of(start), set(start)
    for adds, key in steps:
        before, seen = sequence, list(sequence)
        sequence = sequence.add(key) if adds else sequence.drop(key)
        (model.add if adds else model.discard)(key)
        assert list(before) == seen
    assert list(sequence) == sorted(model)
    assert len(sequence) == len(model)
    assert sequence.first == min(model, default=None)
    assert all(0 < len(chunk) <= ranked._CHUNK for chunk in sequence.chunks)


def test_chunks_are_joined_again_when_most_keys_are_gone() -> None:
    sequence = Ranked.of((0, n) for n in range(20_000))
    for n in range(20_000):
        if n % 100:
            sequence = sequence.drop((0, n))
    assert len(sequence) == 200
    assert len(sequence.chunks) < 8
