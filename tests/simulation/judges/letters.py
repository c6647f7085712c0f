"""Dead letters: only what nobody can read is set aside, and a parked entity has a letter."""

from __future__ import annotations

from tests.simulation.judges.reading import check
from tests.simulation.world import World


async def judge(world: World) -> None:
    """No handler has failed, and nothing is parked without cause."""
    letters = [letter for store in world.stores.values() for letter in store.open_letters()]
    for letter in letters:
        unreadable = letter.entity.startswith("key/")
        check(unreadable, f"dead letter of {letter.entity}: {letter.error}")
    entities = {letter.entity for letter in letters}
    for group in world.groups.values():
        for member in group.members:
            for shard in member.node.engine.shards.values():
                check(shard.parked <= entities, f"parked without a letter: {shard.parked}")
