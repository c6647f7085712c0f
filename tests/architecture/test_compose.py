"""docker-compose.yml: valid, every service in it, ports as the code listens, little allowed."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from docs.generator.built import compose
from tests.architecture.tree import ROOT, SERVICES

HTTP, GRPC = "8080", "50051"


def validate(path: Path) -> subprocess.CompletedProcess[str]:
    command = [
        str(Path(sys.executable).with_name("check-jsonschema")),
        *("--builtin-schema", "vendor.compose-spec", "--output-format", "json", str(path)),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def ours() -> dict[str, dict[str, Any]]:
    return {
        name: each for name, each in compose()["services"].items() if each["image"] == "switchboard"
    }


def test_it_is_valid_compose() -> None:
    done = validate(ROOT / "docker-compose.yml")
    assert done.returncode == 0, done.stdout


def test_a_wrong_key_is_seen(tmp_path: Path) -> None:
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text((ROOT / "docker-compose.yml").read_text().replace("restart:", "restartz:", 1))
    done = validate(wrong)
    assert done.returncode == 1
    assert "restartz" in json.dumps(json.loads(done.stdout))


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_runs_in_it(service: str) -> None:
    given = compose()["services"][service]
    assert given["command"] == [f"services.{service}"]
    inside = {mapping.rpartition(":")[2] for mapping in given["ports"]}
    assert inside == {HTTP, GRPC}
    assert given["environment"]["SWITCHBOARD_HTTP_PORT"] == HTTP
    assert given["environment"]["SWITCHBOARD_GRPC_PORT"] == GRPC
    assert HTTP in given["healthcheck"]["test"][-1]


def test_no_port_is_taken_twice_or_open_to_the_network() -> None:
    published = [port for each in compose()["services"].values() for port in each.get("ports", ())]
    assert len({port.split(":")[1] for port in published}) == len(published)
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_every_command_is_a_module_that_can_be_run() -> None:
    for name, each in ours().items():
        module = each["command"][0]
        if "entrypoint" not in each:
            runnable = find_spec(f"{module}.__main__") if is_package(module) else find_spec(module)
            assert runnable is not None, name


def is_package(module: str) -> bool:
    return hasattr(import_module(module), "__path__")


def test_our_containers_may_do_little() -> None:
    for name, each in ours().items():
        assert each["read_only"] is True, name
        assert each["cap_drop"] == ["ALL"], name


def test_what_is_mounted_is_declared() -> None:
    declared = set(compose()["volumes"])
    for name, each in compose()["services"].items():
        used = {volume.split(":")[0] for volume in each.get("volumes", ())}
        assert used <= declared, name


def test_whoever_waits_for_another_can() -> None:
    names = set(compose()["services"])
    for name, each in compose()["services"].items():
        for other, wait in each.get("depends_on", {}).items():
            assert other in names, name
            if wait["condition"] == "service_healthy":
                assert "healthcheck" in compose()["services"][other], other
