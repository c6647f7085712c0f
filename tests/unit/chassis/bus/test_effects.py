"""What an input does, as it is gathered."""

from __future__ import annotations

from google.protobuf.struct_pb2 import Struct

from services.chassis.bus.effects import Effects


def emitted(*names: str) -> bytes:
    """A message with a map whose entries were put in this order, as it is emitted."""
    message = Struct()
    for name in names:
        message[name] = True
    effects = Effects("counter.sum|counts|0|0", now_ms=0)
    effects.emit("totals", "key", message)
    return effects.emissions[0].value


def test_a_replay_emits_the_same_bytes_maps_included() -> None:
    names = [f"name-{number}" for number in range(50)]
    assert emitted(*names) == emitted(*reversed(names))
