"""What the stack needs of this machine, said before anything starts."""

from __future__ import annotations

from local.errors import MissingPrerequisiteError
from local.home import Home
from local.kafka.jars import are_cached
from local.postgres.binaries import program
from local.prerequisites import missing_for_stack, read_machine


def require_stack(home: Home) -> None:
    """Pass if the stack can start here.

    Raises:
        MissingPrerequisiteError: The text has one sentence for each thing to install or free.
    """
    program("postgres")
    home.path.mkdir(parents=True, exist_ok=True)
    sentences = missing_for_stack(read_machine(home.path), has_jars=are_cached())
    if sentences:
        raise MissingPrerequisiteError("\n".join(sentences))
