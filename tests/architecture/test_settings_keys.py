"""The settings that compose and Kubernetes give are those that the code reads, and the reverse."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from docs.generator.built import compose, compose_environment, load_settings
from local.containers import SERVICES as CONTAINERS
from local.containers import ProvisionSettings, secret_fields, settings_class
from services.chassis.settings import PREFIX, SECRETS_DIR
from tests.architecture.tree import ROOT, SERVICES

KUBERNETES = ROOT / "deploy" / "k8s" / "base" / "settings"
LOCAL_ONLY = {f"{PREFIX}DEV", f"{PREFIX}TRACE_FILE"}  # no container sets them by default


def env_file(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def kubernetes_environment(service: str) -> dict[str, str]:
    return env_file(KUBERNETES / "switchboard.env") | env_file(KUBERNETES / f"{service}.env")


def environments(service: str) -> dict[str, dict[str, str]]:
    given = compose()["services"][service]["environment"]
    return {"compose": dict.fromkeys(given, ""), "k8s": kubernetes_environment(service)}


def fields(service: str) -> set[str]:
    return {PREFIX + name.upper() for name in settings_class(service).model_fields}


def secrets(service: str) -> set[str]:
    return {PREFIX + name.upper() for name in secret_fields(settings_class(service))}


@pytest.mark.parametrize("service", SERVICES)
def test_nothing_is_given_that_nobody_reads(service: str) -> None:
    for where, given in environments(service).items():
        assert set(given) - fields(service) - {SECRETS_DIR} == set(), where


@pytest.mark.parametrize("service", SERVICES)
def test_everything_that_is_read_is_given(service: str) -> None:
    for where, given in environments(service).items():
        wanted = fields(service) - secrets(service) - LOCAL_ONLY
        assert wanted - set(given) == set(), where


@pytest.mark.parametrize("service", SERVICES)
def test_no_secret_is_given_in_the_open(service: str) -> None:
    for where, given in environments(service).items():
        assert secrets(service) & set(given) == set(), where
        assert SECRETS_DIR in given, where


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_boots_on_what_it_is_given(service: str) -> None:
    in_compose = load_settings(service, compose_environment(service))
    in_kubernetes = load_settings(service, kubernetes_environment(service))
    for settings in (in_compose, in_kubernetes):
        assert (settings.grpc_port, settings.http_port) == (50051, 8080)
        assert settings.bind_host == "0.0.0.0"


def test_a_setting_that_lacks_is_seen() -> None:
    given = compose_environment("sla")
    del given[f"{PREFIX}AUTH_ISSUER"]
    with pytest.raises(ValidationError, match="auth_issuer"):
        load_settings("sla", given)


def test_the_provisioning_job_is_given_what_it_reads() -> None:
    given = set(compose()["services"]["provision"]["environment"]) - {SECRETS_DIR}
    known = {PREFIX + name.upper() for name in ProvisionSettings.model_fields}
    assert given <= known
    assert known - given == {f"{PREFIX}ADMIN_DSN"}, "the one secret among them"


def test_the_containers_are_the_services() -> None:
    assert CONTAINERS == SERVICES
