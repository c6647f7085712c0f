"""What this machine must have before `make setup` starts; run by whatever Python 3 there is.

Each thing that's missing gives one sentence that says what to install; nothing has been started or
downloaded by then. Only the standard library, and only syntax that Python 3.8 reads: this file has
to be able to say that the Python is too old.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

PYTHON_MIN = (3, 11)
PYTHON_MAX = (3, 13)
JAVA_MIN = 17
NODE_MIN = (20, 19)
DISK_FREE_BYTES_MIN = 3 * 1024**3
PORTS_MIN = 24
COMMAND_TIMEOUT_S = 20


class Machine(NamedTuple):
    """The readings the checks judge, so that a test can hand in any machine."""

    python: tuple[int, int]
    has_venv: bool
    java: str | None
    maven: bool
    node: str | None
    npm: bool
    disk_free_bytes: int
    ports_free: int


def missing(machine: Machine) -> list[str]:
    """Give one sentence for each missing prerequisite; empty when the set-up can start."""
    return [
        *_python(machine),
        *lacks_java(machine),
        *lacks_maven(machine),
        *_node(machine),
        *lacks_disk(machine),
        *lacks_ports(machine),
    ]


def missing_for_stack(machine: Machine, *, has_jars: bool) -> list[str]:
    """Give one sentence for each thing the stack can't start without.

    Maven is needed only as long as Kafka's jars aren't cached, Node not at all: pages are built.
    """
    maven = () if has_jars else lacks_maven(machine)
    return [*lacks_java(machine), *maven, *lacks_disk(machine), *lacks_ports(machine)]


def read_machine(folder: Path) -> Machine:
    """Read this machine; `folder` is where the set-up will write."""
    return Machine(
        python=(sys.version_info[0], sys.version_info[1]),
        has_venv=_has_module("venv") and _has_module("ensurepip"),
        java=_output("java", "-version"),
        maven=shutil.which("mvn") is not None,
        node=_output("node", "--version"),
        npm=shutil.which("npm") is not None,
        disk_free_bytes=shutil.disk_usage(str(folder)).free,
        ports_free=_count_free_ports(PORTS_MIN),
    )


def version(text: str | None) -> tuple[int, int]:
    """Give the first version in a text (`v20.19.2`: 20, 19; `openjdk "21"`: 21, 0), else 0, 0."""
    found = re.search(r"(\d+)(?:\.(\d+))?", text or "")
    return (int(found.group(1)), int(found.group(2) or 0)) if found else (0, 0)


def _python(machine: Machine) -> Iterable[str]:
    wanted = f"{_dotted(PYTHON_MIN)} to {_dotted(PYTHON_MAX)}"
    if not PYTHON_MIN <= machine.python <= PYTHON_MAX:
        yield (
            f"Python {wanted} is missing (found {_dotted(machine.python)}): install python3.11, "
            "or name one with `make PYTHON=/path/to/python3.11`."
        )
    elif not machine.has_venv:
        yield "Python's venv module is missing: install it (Debian: apt install python3-venv)."


def lacks_java(machine: Machine) -> Iterable[str]:
    """Say whether Apache Kafka has a Java to run on."""
    if version(machine.java) < (JAVA_MIN, 0):
        yield (
            f"Java {JAVA_MIN} or newer is missing: install a runtime for Apache Kafka "
            f"(Debian: apt install openjdk-{JAVA_MIN}-jre-headless)."
        )


def lacks_maven(machine: Machine) -> Iterable[str]:
    """Say whether Kafka's jars can be fetched."""
    if not machine.maven:
        yield "Maven is missing: install Apache Maven 3.8 or newer (Debian: apt install maven)."


def _node(machine: Machine) -> Iterable[str]:
    if version(machine.node) < NODE_MIN:
        wanted = _dotted(NODE_MIN)
        yield f"Node {wanted} or newer is missing: install it to build the pages."
    elif not machine.npm:
        yield "npm is missing: install it beside Node (Debian: apt install npm)."


def lacks_disk(machine: Machine) -> Iterable[str]:
    """Say whether there is room for data and logs."""
    if machine.disk_free_bytes < DISK_FREE_BYTES_MIN:
        free_gb = machine.disk_free_bytes / 1024**3
        wanted_gb = DISK_FREE_BYTES_MIN // 1024**3
        yield f"Disk is short: {free_gb:.1f} GB free here, {wanted_gb} GB needed; make room."


def lacks_ports(machine: Machine) -> Iterable[str]:
    """Say whether every process finds its listeners' ports."""
    if machine.ports_free < PORTS_MIN:
        yield (
            f"Loopback ports are short: {machine.ports_free} free of {PORTS_MIN} needed; "
            "stop what holds them."
        )


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(str(part) for part in version)


def _has_module(name: str) -> bool:
    try:
        __import__(name)
    except ImportError:
        return False
    return True


def _output(program: str, flag: str) -> str | None:
    """Give what `program flag` says about itself, or None where it can't be run."""
    if shutil.which(program) is None:
        return None
    try:
        done = subprocess.run(
            [program, flag],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=COMMAND_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace")


def _count_free_ports(wanted: int) -> int:
    held = []
    try:
        for _ in range(wanted):
            held.append(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            held[-1].bind(("127.0.0.1", 0))
    except OSError:
        return len(held) - 1
    finally:
        for probe in held:
            probe.close()
    return wanted


def main() -> int:
    """Print what's missing, a sentence a line; exit status 1 if anything is."""
    sentences = missing(read_machine(Path.cwd()))
    for sentence in sentences:
        sys.stderr.write(sentence + "\n")
    return 1 if sentences else 0


if __name__ == "__main__":
    raise SystemExit(main())
