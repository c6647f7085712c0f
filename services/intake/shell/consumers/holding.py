"""What a shard of the threader has in memory: a few dossiers, and who has revisions that wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from immutables import Map

from services.intake.core.model import Dossier


@dataclass(frozen=True, slots=True)
class Dossiers:
    """Immutable, as every state. `early_homes` is resident and complete.

    So nobody has to ask whether something waits for a message: hardly ever does anything.
    """

    shard: int
    held: Map[str, Dossier] = Map()
    early_homes: frozenset[str] = frozenset()

    def __contains__(self, home_id: str) -> bool:
        return home_id in self.held

    def __getitem__(self, home_id: str) -> Dossier:
        return self.held[home_id]

    def set(self, home_id: str, dossier: Dossier) -> Dossiers:
        """With the dossier of a home as it is now."""
        held = self.held.set(home_id, dossier)
        if bool(dossier.early) == (home_id in self.early_homes):
            return replace(self, held=held)
        return replace(self, held=held, early_homes=self.early_homes ^ {home_id})

    def with_read(self, fresh: Mapping[str, Dossier], *, most: int) -> Dossiers:
        """With dossiers as they were just read; if that were more than `most`, with no others."""
        fits = len(self.held) + len(fresh) <= most
        return replace(self, held=self.held.update(fresh) if fits else Map(fresh))
