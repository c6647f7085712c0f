"""A customer writes on their handset: the simulated provider brings it to intake, signed."""

from __future__ import annotations

from typing import Any

import aiohttp

from local.demo.fate import Fate
from local.demo.figures import Figures
from local.demo.people import Door
from local.demo.retrying import PATIENCE_S
from local.demo.script import Utterance
from local.verify.ledgers import ACCEPTED, REFUSED, UNKNOWN

TIMEOUT = aiohttp.ClientTimeout(total=PATIENCE_S)
"""As long as providers repeat a webhook: the answer tells how that has ended."""


class HandsetDoor:
    """One provider, as its users know it."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        simulator: str,
        door: Door,
        account_id: str,
        figures: Figures,
    ) -> None:
        """Write to the account of ours that the provider has."""
        self.account_id = account_id
        self._session = session
        self._url = f"{simulator}/admin/inbound"
        self._door = door
        self._figures = figures

    async def send(self, utterance: Utterance) -> Fate:
        """Write one message; a provider that does not answer leaves its fate unknown."""
        said = {
            "provider": self._door.value,
            "account_id": self.account_id,
            "from": utterance.person.address,
            "text": utterance.text,
        }
        try:
            async with self._session.post(self._url, json=said, timeout=TIMEOUT) as answer:
                answer.raise_for_status()
                return self._fate(await answer.json())
        except (aiohttp.ClientError, TimeoutError) as problem:
            self._figures.problem(f"{self._door.value} {type(problem).__name__}")
            return Fate(UNKNOWN, "")

    def _fate(self, told: dict[str, Any]) -> Fate:
        """What intake's last answer to the provider means."""
        name, [status] = str(told["id"]), told["answers"]
        if 200 <= status < 300:
            return Fate(ACCEPTED, name)
        self._figures.problem(f"{self._door.value} {status}")
        is_refused = 400 <= status < 500 and status not in {408, 429}
        return Fate(REFUSED if is_refused else UNKNOWN, name)
