"""Two processes of routing on a broker of their own, started once for all tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from services.chassis.lifecycle import App
from services.routing.app import build
from services.routing.settings import RoutingSettings
from tests.component.routing.floor import Floor
from tests.support.served import serving, started
from tests.support.stack import Kafka, Postgres, running_kafka


@pytest.fixture(scope="package")
def broker(stack_folder: Path) -> Iterator[Kafka]:
    """A broker where the topics bear their real names."""
    with running_kafka(stack_folder / "routing") as kafka:
        yield kafka


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def floor(
    broker: Kafka, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Floor]:
    """The service in two processes, ready: each owns half of the shards, both hold sessions."""
    settings: list[Mapping[str, Any]] = []

    def first(shared: Mapping[str, Any]) -> App:
        settings.append(shared)
        return build(RoutingSettings(**shared))

    folder = tmp_path_factory.mktemp("routing")
    async with serving("routing", first, kafka=broker, postgres=postgres, folder=folder) as served:
        second = build(RoutingSettings(**settings[0]))
        async with started(second):
            yield Floor(served, second)
