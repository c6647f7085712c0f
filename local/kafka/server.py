"""One Kafka broker as a child process: format its storage, start it, know when it serves."""

from __future__ import annotations

import secrets
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from local.errors import MissingPrerequisiteError, StackError
from local.kafka import config
from local.kafka.jars import ensure_jars, jars_folder
from local.ports import is_listening
from local.process import Command

HEAP_MB = 384
QUICK = "-XX:TieredStopAtLevel=1"
"""Serves at once; a broker that runs for longer than a minute is a quarter cheaper without it."""
JVM = (
    "-XX:+UseSerialGC",
    QUICK,
    "-XX:+PerfDisableSharedMem",
    "-Xshare:auto",
    "-Xss512k",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)
FORMAT_TIMEOUT_S = 60.0
STOP_SIGNAL = signal.SIGTERM


@dataclass(frozen=True, slots=True)
class KafkaServer:
    """One broker under its own folder: `server.properties`, `data/`, `kafka.log`."""

    node: config.Node
    cluster: tuple[config.Node, ...]
    folder: Path

    @property
    def bootstrap(self) -> str:
        """Give the address clients start from."""
        return config.bootstrap(self.cluster)

    def prepare(self, *, cluster_id: str) -> None:
        """Fetch the jars, write the settings and format the storage where that is still to do.

        Raises:
            StackError: Java, Maven or the storage tool failed.
        """
        jars = ensure_jars()
        self.folder.mkdir(parents=True, exist_ok=True)
        values = config.properties(node=self.node, cluster=self.cluster, data=self._data)
        self._properties.write_text("".join(f"{key}={value}\n" for key, value in values.items()))
        if not (self._data / "meta.properties").exists():
            self._format(jars, cluster_id)

    def command(self, *, log: Path | None = None) -> Command:
        """Give the program to run; `prepare` comes before it is started."""
        return Command(
            name=f"kafka-{self.node.id}",
            argv=(*_java(jars_folder()), f"-Xmx{HEAP_MB}m", "kafka.Kafka", str(self._properties)),
            log=log or self.folder / "kafka.log",
            cwd=self.folder,
        )

    def is_ready(self) -> bool:
        """Tell whether the broker accepts clients (it listens only once it may serve)."""
        return is_listening(self.node.broker_port)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    def _format(self, jars: Path, cluster_id: str) -> None:
        result = subprocess.run(
            [
                *(*_java(jars), "kafka.tools.StorageTool", "format"),
                *("--cluster-id", cluster_id, "--config", str(self._properties)),
            ],
            capture_output=True,
            text=True,
            timeout=FORMAT_TIMEOUT_S,
            check=False,
        )
        if result.returncode != 0:
            raise StackError(f"Kafka could not format its storage:\n  {result.stderr.strip()}")


def new_cluster_id() -> str:
    """Make a cluster id in Kafka's own notation (a UUID in 22 base64 characters).

    Like Kafka's own ids it never starts with a dash, which a command line takes for an option.
    """
    return "sw" + secrets.token_urlsafe(15)


def single(*, folder: Path, broker_port: int, controller_port: int) -> KafkaServer:
    """Describe the usual local cluster: one broker that is its own controller."""
    node = config.Node(id=1, broker_port=broker_port, controller_port=controller_port)
    return KafkaServer(node=node, cluster=(node,), folder=folder)


def cluster(*, folder: Path, ports: Sequence[tuple[int, int]]) -> tuple[KafkaServer, ...]:
    """Describe a cluster of (broker port, controller port) nodes, a folder each."""
    nodes = tuple(
        config.Node(id=number, broker_port=broker, controller_port=controller)
        for number, (broker, controller) in enumerate(ports, start=1)
    )
    return tuple(
        KafkaServer(node=node, cluster=nodes, folder=folder / str(node.id)) for node in nodes
    )


def _java(jars: Path) -> tuple[str, ...]:
    java = shutil.which("java")
    if java is None:
        raise MissingPrerequisiteError(
            "Java is missing: install a Java 17 runtime"
            " (Debian: apt install openjdk-17-jre-headless)."
        )
    return (java, *JVM, "-cp", f"{jars}/*")
