"""The image: it holds what its programs import, and everything it is made of is locked."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest

from tests.architecture.tree import ROOT, SERVICES

DOCKERFILE = (ROOT / "deploy" / "docker" / "Dockerfile").read_text()
PROGRAMS = (
    *(f"services.{service}.__main__" for service in SERVICES),
    "local.containers",
    "local.simulator.__main__",
    "local.cli",
)
WITHOUT_THE_REST = """
import importlib, sys
from importlib.metadata import packages_distributions
program, *locked = sys.argv[1:]
kept = {"switchboard", *locked}
name = lambda owner: owner.lower().replace("_", "-")
owned = packages_distributions().items()
rest = {top for top, owners in owned if not kept & set(map(name, owners))}

class Absent:
    def find_spec(self, module, path=None, target=None):
        if module.partition(".")[0] in rest:
            raise ModuleNotFoundError(f"{module} is not in the image")

sys.meta_path.insert(0, Absent())
importlib.import_module(program)
"""
"""Imports a program as in the image: whatever isn't locked for it isn't there."""


def locked(name: str) -> set[str]:
    text = (ROOT / name).read_text()
    return set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))


def imported(program: str, *distributions: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT_THE_REST, program, *distributions]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_image_holds_what_a_program_imports(program: str) -> None:
    done = imported(program, *locked("requirements.lock"))
    assert done.returncode == 0, done.stderr


def test_a_package_that_the_image_lacks_is_missed() -> None:
    done = imported("local.containers", *locked("requirements.lock") - {"asyncpg"})
    assert "asyncpg is not in the image" in done.stderr


def test_development_runs_on_the_versions_of_the_image() -> None:
    pins = re.compile(r"^([a-z0-9-]+==\S+)", re.MULTILINE)
    image, development = (
        set(pins.findall((ROOT / name).read_text()))
        for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert image <= development


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_locked_package_has_its_hashes(name: str) -> None:
    blocks = re.split(r"^(?=[a-z0-9-]+==)", (ROOT / name).read_text(), flags=re.MULTILINE)[1:]
    assert len(blocks) > 50
    assert all("--hash=sha256:" in block for block in blocks)


def test_what_a_fresh_machine_installs_offline_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["build-system"]["build-backend"] == "hatchling.build"
    assert {"hatchling", "editables", "uv"} <= locked("requirements-dev.lock")


def test_the_image_runs_as_nobody_in_particular() -> None:
    users = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)
    assert users == ["10001:10001"]
    assert "--require-hashes" in DOCKERFILE


def test_everything_the_image_copies_is_there() -> None:
    stages = re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE)
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        for path in source.split():
            assert (ROOT / path).exists(), path
    assert set(re.findall(r"^COPY --from=([a-z]+) ", DOCKERFILE, re.MULTILINE)) <= set(stages)
