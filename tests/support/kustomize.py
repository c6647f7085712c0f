"""Renders deploy/k8s with a real kustomize: one of this machine, else one built once by Go."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.architecture.tree import ROOT

MODULE = "sigs.k8s.io/kustomize/kustomize/v5@v5.7.1"
BUILD_TIMEOUT_S = 600
RENDER_TIMEOUT_S = 60
CACHED = Path.home() / ".cache" / "switchboard" / MODULE.rpartition("@")[2]


@cache
def render(folder: str) -> tuple[dict[str, Any], ...]:
    """Give every object that `folder` (relative to deploy/k8s) renders to.

    Raises:
        subprocess.CalledProcessError: it doesn't render; stderr says why.
    """
    done = subprocess.run(
        [*_command(), str(ROOT / "deploy" / "k8s" / folder)],
        capture_output=True,
        text=True,
        check=True,
        timeout=RENDER_TIMEOUT_S,
    )
    return tuple(each for each in yaml.safe_load_all(done.stdout) if each)


def lacking() -> str | None:
    """Give the sentence why nothing can be rendered here, None where it can."""
    if (CACHED / "kustomize").exists() or any(map(shutil.which, ("kustomize", "kubectl", "go"))):
        return None
    return "no kustomize, kubectl or Go here to render deploy/k8s"


@cache
def _command() -> tuple[str, ...]:
    if found := shutil.which("kustomize"):
        return found, "build"
    if (found := shutil.which("kubectl")) and _renders(found):
        return found, "kustomize"
    if not (CACHED / "kustomize").exists():
        subprocess.run(
            ["go", "install", MODULE],
            env=os.environ | {"GOBIN": str(CACHED)},
            check=True,
            timeout=BUILD_TIMEOUT_S,
        )
    return str(CACHED / "kustomize"), "build"


def _renders(kubectl: str) -> bool:
    """Tell whether this kubectl is whole: some are stubs that fetch the real one."""
    done = subprocess.run(
        [kubectl, "kustomize", "--help"], capture_output=True, check=False, timeout=30
    )
    return done.returncode == 0
