"""The command line's options, and its one-sentence refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from local import cli
from local.commands.up import parse_replicas
from local.errors import StackError
from local.supervisor.plan import Options


def test_replicas_become_processes_with_names() -> None:
    options = Options(services=("routing", "console"), replicas=parse_replicas(["routing=2"]))
    assert options.instances() == [
        ("routing", "routing-1"),
        ("routing", "routing-2"),
        ("console", "console-1"),
    ]


@pytest.mark.parametrize("value", ["routing", "routing=0", "routing=ten", "none=2"])
def test_replicas_that_make_no_sense_are_refused(value: str) -> None:
    with pytest.raises(StackError, match="--replicas"):
        parse_replicas([value])


def test_status_of_a_stack_that_is_down_fails_and_says_how_to_start_it(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli.app, ["status", "--home", str(tmp_path)])
    assert (result.exit_code, "switchboard up" in result.output) == (1, True)


def test_down_of_a_stack_that_is_down_is_no_mistake(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli.app, ["down", "--home", str(tmp_path)])
    assert (result.exit_code, result.output.strip()) == (0, "The stack wasn't running.")


def test_a_token_of_an_unknown_role_is_refused(tmp_path: Path) -> None:
    arguments = ["token", "--role", "emperor", "--home", str(tmp_path)]
    result = CliRunner().invoke(cli.app, arguments)
    assert isinstance(result.exception, StackError)
