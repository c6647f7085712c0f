"""What the stack keeps on disk: ports that stay, secrets that stay secret, a state others read."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from local import credentials, state
from local.errors import StackError
from local.home import HOME_VARIABLE, Home
from local.ports import assign, free_ports
from local.process import created_s, find
from local.state import ProcessState, StackState


def test_free_ports_are_different() -> None:
    assert len(set(free_ports(20))) == 20


def test_a_port_is_kept_while_it_is_free() -> None:
    remembered = {"a": 4001, "b": 4002, "gone": 4003}
    ports = assign(["a", "b", "c"], remembered=remembered, usable=lambda port: port != 4002)
    assert ports["a"] == 4001
    assert ports["b"] != 4002
    assert set(ports) == {"a", "b", "c"}


def test_secrets_are_made_once_and_private(tmp_path: Path) -> None:
    home = Home(tmp_path)
    first = credentials.load(home)
    assert credentials.load(home) == first
    assert stat.S_IMODE(home.credentials.stat().st_mode) == 0o600
    assert len(first.twilio_account_sid) == 34
    assert credentials.load(Home(tmp_path / "other")) != first


def test_state_comes_back_as_it_was_written(tmp_path: Path) -> None:
    home = Home(tmp_path)
    written = StackState(
        phase=state.READY,
        kafka_bootstrap="127.0.0.1:1",
        processes=(ProcessState(name="intake-1", service="intake", http_port=1, grpc_port=2),),
    )
    state.save(home, written)
    assert state.load(home) == written
    changed = written.with_process(replace(written.processes[0], status="ready", pid=7))
    assert changed.of("intake")[0].pid == 7
    assert changed.http("intake") == ("http://127.0.0.1:1",)
    assert state.endpoints(changed)["services"]["intake"]["grpc"] == ["127.0.0.1:2"]


def test_endpoints_hold_no_secret(tmp_path: Path) -> None:
    shown = state.endpoints(StackState(postgres_admin_dsn="postgresql://admin:secret@host/db"))
    assert "secret" not in str(shown)


def test_a_folder_nobody_used_is_a_stopped_stack(tmp_path: Path) -> None:
    assert not state.load(Home(tmp_path)).is_supervised()
    with pytest.raises(StackError, match="switchboard up"):
        state.require_running(Home(tmp_path))


def test_a_pid_that_another_process_took_is_not_ours() -> None:
    pid = os.getpid()
    assert find(pid, created_s=created_s(pid)) is not None
    assert find(pid, created_s=created_s(pid) - 100) is None


def test_the_data_folder_is_chosen_by_option_then_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "variable"))
    assert Home.choose(tmp_path / "option").path == tmp_path / "option"
    assert Home.choose().path == tmp_path / "variable"
    monkeypatch.delenv(HOME_VARIABLE)
    assert Home.choose().path.name == ".switchboard"
