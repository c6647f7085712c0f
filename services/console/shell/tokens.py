"""The tokens of those who look at a board: its watches are made with one of them."""

from __future__ import annotations

import asyncio


class Tokens:
    """The latest token that was not refused is the best; each comes and goes with its browser."""

    def __init__(self) -> None:
        self._held: list[str] = []
        self._refused: set[str] = set()
        self._changed = asyncio.Event()

    def add(self, token: str) -> None:
        """A browser has come."""
        self._held.append(token)
        self._changed.set()

    def remove(self, token: str) -> None:
        """A browser has gone."""
        self._held.remove(token)
        if token not in self._held:
            self._refused.discard(token)

    def refuse(self, token: str) -> None:
        """An upstream does not take this token."""
        if token in self._held:
            self._refused.add(token)

    async def best(self) -> str:
        """A token to call with; waits until there is one."""
        while True:
            good = [token for token in self._held if token not in self._refused]
            if good:
                return good[-1]
            self._changed.clear()
            await self._changed.wait()
