"""The feedback service on a broker of its own, started once for the module."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from services.feedback.app import build
from services.feedback.settings import FeedbackSettings
from tests.support.served import Served, serving
from tests.support.stack import Kafka, Postgres, running_kafka

OWN: Mapping[str, Any] = {
    "public_url": "https://feedback.example",
    "survey_link_key": "a key of tests, long enough to sign",
    "survey_delay_seconds": 0,
    "survey_cooldown_days": 0,
}


@pytest.fixture(scope="module")
def broker(stack_folder: Path) -> Iterator[Kafka]:
    """A broker where the topics bear their real names."""
    with running_kafka(stack_folder / "feedback") as kafka:
        yield kafka


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def feedback(
    broker: Kafka, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    """The service, ready."""
    folder = tmp_path_factory.mktemp("feedback")
    async with serving(
        "feedback",
        lambda shared: build(FeedbackSettings(**shared, **OWN)),
        kafka=broker,
        postgres=postgres,
        folder=folder,
    ) as served:
        yield served
