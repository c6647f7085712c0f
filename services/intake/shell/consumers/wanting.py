"""How the threader tells of files that shall be fetched, now and after a change of owners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from services.intake.core.media import WantedMedia


@dataclass(frozen=True, slots=True)
class MediaWanted:
    """A message is committed that names this file."""

    wanted: WantedMedia


class Adopting(Protocol):
    """Who is told of files that were wanted before this process had the shard."""

    def adopt(self, wanted: Sequence[WantedMedia]) -> None:
        """Fetch them, unless this very process is about to."""
