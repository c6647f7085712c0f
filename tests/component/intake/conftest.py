"""The house is built once a session; every test visits it with customers of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.component.intake.house import House, Visit, build, furnish
from tests.support import stack


@pytest.fixture(scope="session")
def house(
    kafka: stack.Kafka, postgres: stack.Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """Intake and the simulator, running."""
    folder: Path = tmp_path_factory.mktemp("intake")
    built = build(kafka, postgres, folder)
    built.simulator.start()
    built.intake.start()
    asyncio.run(furnish(built))
    yield built
    built.intake.stop()
    built.simulator.stop()


@pytest.fixture
async def visit(house: House) -> AsyncIterator[Visit]:
    """Open doors."""
    async with house.visit() as opened:
        yield opened
