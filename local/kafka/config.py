"""The broker's settings: one place for what differs from Apache Kafka's defaults, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from local.ports import LOOPBACK


@dataclass(frozen=True, slots=True)
class Node:
    """One broker that is its own controller (KRaft combined mode)."""

    id: int
    broker_port: int
    controller_port: int


def bootstrap(nodes: Sequence[Node]) -> str:
    """Give the bootstrap address of a cluster, `host:port,…`."""
    return ",".join(f"{LOOPBACK}:{node.broker_port}" for node in nodes)


def properties(*, node: Node, cluster: Sequence[Node], data: Path) -> dict[str, str]:
    """Give the server.properties of one node.

    Time comes from the log (LogAppendTime), topics are only made by the provisioner, and an idle
    broker costs next to nothing: no no-op metadata records, few threads, small internal topics.
    """
    replicas = str(min(3, len(cluster)))
    return {
        **_network(node, cluster),
        **_storage(data),
        **_idle(),
        "default.replication.factor": replicas,
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.replication.factor": replicas,
        "share.coordinator.state.topic.replication.factor": replicas,
        "min.insync.replicas": "2" if len(cluster) > 2 else "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.min.isr": "1",
    }


def _network(node: Node, cluster: Sequence[Node]) -> dict[str, str]:
    voters = ",".join(f"{each.id}@{LOOPBACK}:{each.controller_port}" for each in cluster)
    return {
        "process.roles": "broker,controller",
        "node.id": str(node.id),
        "controller.quorum.voters": voters,
        "listeners": (
            f"PLAINTEXT://{LOOPBACK}:{node.broker_port},"
            f"CONTROLLER://{LOOPBACK}:{node.controller_port}"
        ),
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{node.broker_port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        # A broker that was killed is let in again after this long.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "1000",
    }


def _storage(data: Path) -> dict[str, str]:
    return {
        "log.dirs": str(data),
        "log.segment.bytes": str(64 * 1024 * 1024),
        # Index files are sized in advance: 1 MB each keeps hundreds of partitions small on disk.
        "log.index.size.max.bytes": str(1024 * 1024),
        "log.message.timestamp.type": "LogAppendTime",
        "auto.create.topics.enable": "false",
        "num.partitions": "1",
        "num.recovery.threads.per.data.dir": "2",
        "log.cleaner.dedupe.buffer.size": str(4 * 1024 * 1024),
    }


def _idle() -> dict[str, str]:
    return {
        "num.network.threads": "2",
        "num.io.threads": "4",
        "background.threads": "2",
        "log.cleaner.threads": "1",
        "num.replica.fetchers": "1",
        "offsets.topic.num.partitions": "8",
        "transaction.state.log.num.partitions": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        "metadata.max.idle.interval.ms": "0",
        "group.initial.rebalance.delay.ms": "500",
        "group.min.session.timeout.ms": "1000",
        "offsets.retention.check.interval.ms": "600000",
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "60000",
    }
