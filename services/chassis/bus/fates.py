"""The three fates of a failure: retry, dead-letter, crash. Nothing is skipped.

- Retry: the infrastructure is away (`StoreUnavailable`, `BusUnavailable`); the same write set is
  sent again until it is back.
- Dead-letter: this record can never work (it raises, or `WriteRefused`); it is set aside with its
  error, its entity is parked.
- Crash: the process can no longer be trusted (every other `BusError`: it lost its shard, or the
  log has a hole): exit 70 and let the supervisor start it afresh.
"""

from __future__ import annotations


class BusError(Exception):
    """What the bus itself raises."""


class StoreUnavailable(BusError):
    """The database did not answer, so a commit's outcome may be unknown. Settled, then retried."""


class BusUnavailable(BusError):
    """Kafka did not acknowledge in time: not known accepted. It may appear once, never twice."""


class WriteRefused(BusError):
    """A constraint or a type of the database refused a row: some record of the batch is bad."""


class Fenced(BusError):
    """Another process owns the shard now. What this one holds is stale."""


class Gap(BusError):
    """A writer's sequence skipped: records are missing from the log or from this reader."""


class LogMoved(BusError):
    """The log no longer holds the next offset, or the topic is another one of the same name."""


class LayoutRefused(BusError):
    """The stored layout or partition count is not the one this process was built for."""


class TooManyDeadLetters(BusError):
    """The share of dead letters passed its limit: the fault is here, not in the records."""


def ends_process(error: Exception) -> bool:
    """Whether a failure in parse, decide or evolve is the process's; else it is the record's."""
    return isinstance(error, (BusError, MemoryError))
