"""The clocks service on a broker of its own, started once for the module."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.sla.app import build
from services.sla.settings import SlaSettings
from tests.support.served import Served, serving
from tests.support.stack import Kafka, Postgres, running_kafka


@pytest.fixture(scope="module")
def broker(stack_folder: Path) -> Iterator[Kafka]:
    """A broker where the topics bear their real names."""
    with running_kafka(stack_folder / "sla") as kafka:
        yield kafka


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sla(
    broker: Kafka, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    """The service, ready."""
    folder = tmp_path_factory.mktemp("sla")
    async with serving(
        "sla",
        lambda shared: build(SlaSettings(**shared)),
        kafka=broker,
        postgres=postgres,
        folder=folder,
    ) as served:
        yield served
