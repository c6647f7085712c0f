"""The broker's jars: named by pom.xml, fetched once by Maven into a cache folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from local.errors import MissingPrerequisiteError, StackError

KAFKA_VERSION = "4.3.1"
POM = Path(__file__).with_name("pom.xml")
MAVEN_TIMEOUT_S = 600.0


def cache_root() -> Path:
    """Give the folder for downloads: `SWITCHBOARD_CACHE`, else the user's cache folder."""
    chosen = os.environ.get("SWITCHBOARD_CACHE")
    base = os.environ.get("XDG_CACHE_HOME")
    if chosen:
        return Path(chosen)
    return (Path(base) if base else Path.home() / ".cache") / "switchboard"


def jars_folder() -> Path:
    """Give the folder that holds the broker's jars, once they have been fetched."""
    return cache_root() / f"kafka-{KAFKA_VERSION}"


def are_cached() -> bool:
    """Tell whether the broker can start without a download."""
    return (jars_folder() / f"kafka_2.13-{KAFKA_VERSION}.jar").exists()


def ensure_jars() -> Path:
    """Fetch the jars unless they are cached; gives their folder.

    The folder appears by one rename, so a broken download is never taken for a whole one.

    Raises:
        MissingPrerequisiteError: Maven is needed and absent.
        StackError: Maven failed; the text carries its last lines.
    """
    folder = jars_folder()
    if are_cached():
        return folder
    if shutil.which("mvn") is None:
        raise MissingPrerequisiteError(
            "Maven is missing: install Apache Maven 3.8 or newer (Debian: apt install maven)."
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        _run_maven(partial)
        if not are_cached():
            shutil.rmtree(folder, ignore_errors=True)
            partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _run_maven(output: Path) -> None:
    result = subprocess.run(
        [
            *("mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies"),
            *("-DincludeScope=runtime", f"-DoutputDirectory={output}"),
        ],
        capture_output=True,
        text=True,
        timeout=MAVEN_TIMEOUT_S,
        check=False,
    )
    if result.returncode != 0:
        last = "\n  ".join((result.stdout + result.stderr).strip().splitlines()[-8:])
        raise StackError(f"Maven could not fetch Apache Kafka {KAFKA_VERSION}:\n  {last}")
