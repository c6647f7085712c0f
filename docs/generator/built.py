"""Every service as docker-compose.yml would start it, wired but not started."""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from local import credentials
from local.containers import SERVICES, secrets_of, settings_class
from local.home import Home
from services.chassis.rpc.methods import Service
from services.chassis.settings import PREFIX, SECRETS_DIR, ServiceSettings
from services.chassis.telemetry.metrics import Catalogue

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Built:
    """What is known of a service once its parts are put together."""

    service: str
    settings: type[ServiceSettings]
    catalogue: Catalogue
    rpcs: tuple[Service, ...]


@cache
def build_all() -> tuple[Built, ...]:
    """Build every service; nothing connects to anything."""
    return tuple(asyncio.run(_build(service)) for service in SERVICES)


@cache
def compose() -> Mapping[str, Any]:
    """Give docker-compose.yml."""
    read: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return read


def compose_environment(service: str) -> dict[str, str]:
    """Give the environment of a service's container, what the shell would add left out."""
    given = compose()["services"][service]["environment"]
    return {name: str(value) for name, value in given.items() if value is not None}


def load_settings(service: str, environment: Mapping[str, str]) -> ServiceSettings:
    """Read a service's settings out of an environment, and made-up secrets of its secret folder.

    Raises:
        pydantic.ValidationError: the environment doesn't do.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        secrets = secrets_of(service, home, credentials.load(home), "postgres:5432")
        for name, value in secrets.items():
            (home.path / name).write_text(value)
        with only(environment):
            kind: Any = settings_class(service)
            settings: ServiceSettings = kind(_secrets_dir=folder)
    return settings


@contextmanager
def only(environment: Mapping[str, str]) -> Iterator[None]:
    """Let the process see these of our variables and no others."""
    kept = dict(os.environ)
    for name in list(os.environ):
        if name.startswith(PREFIX):
            del os.environ[name]
    os.environ.update({k: v for k, v in environment.items() if k != SECRETS_DIR})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


async def _build(service: str) -> Built:
    settings = load_settings(service, compose_environment(service))
    app = importlib.import_module(f"services.{service}.app").build(settings)
    reached = list(_reachable(app))
    (catalogue,) = {id(each): each for each in reached if isinstance(each, Catalogue)}.values()
    rpcs = {each.descriptor.full_name: each for each in reached if isinstance(each, Service)}
    return Built(service, type(settings), catalogue, tuple(rpcs[name] for name in sorted(rpcs)))


def _reachable(start: object) -> Iterator[object]:
    """Give everything an app holds, however its parts hold it; modules and classes left out."""
    seen = {id(start), *(id(vars(module)) for module in sys.modules.values())}
    waiting = [start]
    while waiting:
        each = waiting.pop()
        yield each
        for found in gc.get_referents(each):
            if id(found) not in seen and not isinstance(found, type | ModuleType):
                seen.add(id(found))
                waiting.append(found)
