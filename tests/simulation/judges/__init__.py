"""What must hold, as ARCHITECTURE.md says: judged over tables and topics, by raising `Violation`.

Judges share no code with what they judge where they can help it: they fold the topics anew, slowly
and obviously, and compare.
"""

from __future__ import annotations

from tests.simulation.judges import decisions, ends, holding, letters, messages, replay, timelines
from tests.simulation.world import World


async def at_rest(world: World) -> None:
    """While nothing moves: nothing is lost or doubled, and everybody who can work does."""
    await messages.judge(world)
    await holding.judge(world)
    await decisions.judge(world)
    await letters.judge(world)
    await replay.memory_is_what_is_stored(world)


async def at_the_end(world: World) -> None:
    """After everything has come to its end."""
    await at_rest(world)
    await ends.judge(world)
    await timelines.judge(world)
    await replay.judge(world)
