"""Checks of this machine: what has to be there before the stack can start."""

from __future__ import annotations

from collections.abc import Iterable

from local.doctor.check import Category, Check
from local.errors import MissingPrerequisiteError
from local.home import Home
from local.kafka.jars import KAFKA_VERSION, are_cached
from local.postgres.binaries import POSTGRES_MAJOR, program
from local.prerequisites import lacks_disk, lacks_java, lacks_maven, lacks_ports, read_machine


def category(home: Home) -> Category:
    """Give the checks of this machine; the data folder is where it would write."""
    machine = read_machine(home.path if home.path.exists() else home.path.parent)
    maven = () if are_cached() else lacks_maven(machine)
    return Category(
        "machine",
        [
            _check("Java 17 or newer runs", lacks_java(machine)),
            _check(f"Apache Kafka {KAFKA_VERSION} is cached, or Maven can fetch it", maven),
            _check(f"PostgreSQL {POSTGRES_MAJOR} is installed", _lacks_postgres()),
            _check("the disk has room", lacks_disk(machine)),
            _check("enough loopback ports are free", lacks_ports(machine)),
        ],
    )


def _check(description: str, sentences: Iterable[str]) -> Check:
    """Make a check of a sentence "what is wrong: what to do"; no sentence, nothing wrong."""
    wrong, _, hint = next(iter(sentences), "").partition(": ")

    async def run() -> str | None:
        return wrong or None

    return Check(description, hint, run)


def _lacks_postgres() -> Iterable[str]:
    try:
        program("postgres")
    except MissingPrerequisiteError as missing:
        yield str(missing)
