"""Each process gets the settings its service wants, and nobody gets another's secrets."""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from local import credentials, endpoints, environment
from local.home import ROOT, Home
from local.simulator.account import parse
from local.simulator.providers import PROVIDERS
from local.supervisor.plan import SERVICES, Options, make
from services.chassis.settings import ServiceSettings, load
from services.intake.shell.channels.discovery import discover

WITH_SETTINGS = [
    service for service in SERVICES if (ROOT / "services" / service / "settings.py").exists()
]


def world(folder: Path) -> environment.World:
    ports = {f"{service}-1-{kind}": 1 for service in SERVICES for kind in ("http", "grpc")}
    return environment.World(
        home=Home(folder),
        credentials=credentials.load(Home(folder)),
        kafka_bootstrap="127.0.0.1:9092",
        partitions=8,
        postgres_port=5432,
        ports=ports | {"simulator-http": 2, "simulator-smtp": 3},
    )


def settings_class(service: str) -> type[ServiceSettings]:
    module = importlib.import_module(f"services.{service}.settings")
    [found] = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, ServiceSettings)
        and value.__module__ == module.__name__
    ]
    return found


@pytest.mark.parametrize("service", WITH_SETTINGS)
def test_a_service_s_settings_are_complete(
    service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("SWITCHBOARD_")]:
        monkeypatch.delenv(name)
    settings = environment.service(world(tmp_path), service=service, name=f"{service}-1")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    loaded = load(settings_class(service))
    assert (loaded.partitions, loaded.bind_host, loaded.dev) == (8, "127.0.0.1", True)


def test_a_service_does_not_get_another_s_secrets(tmp_path: Path) -> None:
    here = world(tmp_path)
    held = {
        service: environment.service(here, service=service, name=f"{service}-1")
        for service in SERVICES
    }
    for service, settings in held.items():
        text = str(settings)
        assert here.credentials.postgres_password not in text
        assert (here.credentials.account_key in text) == (service == "intake")
        assert (here.credentials.link_key in text) == (service == "feedback")
        others = [environment.role(other) for other in SERVICES if other != service]
        assert not [role for role in others if role in text]


def test_intake_calls_the_simulator_for_every_provider_that_it_can_send_with(
    tmp_path: Path,
) -> None:
    here = world(tmp_path)
    settings = environment.service(here, service="intake", name="intake-1")
    api_urls = json.loads(settings["SWITCHBOARD_PROVIDER_API_URLS"])
    assert set(api_urls.values()) == {"http://127.0.0.1:2"}
    assert api_urls.keys() == PROVIDERS.keys() - {"mail"}
    sending = {each.provider for each in discover() if each.sender is not None}
    assert api_urls.keys() <= sending


def test_both_sides_of_an_account_agree(tmp_path: Path) -> None:
    here = world(tmp_path)
    played = parse(environment.simulator(here)["SIMULATOR_ACCOUNTS"])
    stated = {each.account_id: each for each in endpoints.endpoints(here.credentials)}
    hooks = {hook.path for channel in discover() for hook in channel.hooks}
    for each in played:
        ours = stated[each.account_id]
        assert (each.secrets, each.settings) == (ours.secrets, ours.settings)
        assert all(len(secret) >= 32 for secret in each.secrets.values())
        [webhook] = each.webhooks
        path = urlsplit(webhook).path.replace(each.account_id, "{account_id}")
        assert path in hooks
        assert not [secret for secret in each.secrets.values() if secret in repr((each, ours))]


def test_the_plan_has_every_process_on_ports_of_its_own(tmp_path: Path) -> None:
    plan = make(Home(tmp_path), Options(replicas={"routing": 2}))
    assert [unit.name for unit in plan.services if unit.service == "routing"] == [
        "routing-1",
        "routing-2",
    ]
    ports = [port for unit in plan.services for port in (unit.http_port, unit.grpc_port)]
    assert len(set(ports)) == len(ports) == 2 * 7


def test_the_next_plan_takes_the_same_ports(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert make(home, Options()).kafka_bootstrap == make(home, Options()).kafka_bootstrap
