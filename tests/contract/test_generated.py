"""The generated code is what the sources give, and all three kinds of it share its messages."""

from __future__ import annotations

import inspect
from pathlib import Path

from google.protobuf.message import Message
from switchboard.intake.v1 import conversation_service_connect as connect
from switchboard.intake.v1 import conversation_service_pb2 as messages
from switchboard.intake.v1 import conversation_service_pb2_grpc as grpc_stubs

from protos import generate


def test_the_committed_code_is_up_to_date(tmp_path: Path) -> None:
    fresh = tmp_path / "gen"
    generate.generate(fresh)

    assert list(generate.differences(fresh, generate.TARGET)) == []


def test_drift_is_found(tmp_path: Path) -> None:
    kept, fresh = tmp_path / "kept", tmp_path / "fresh"
    for folder in (kept, fresh):
        folder.mkdir()
        (folder / "same.py").write_text("a")
        (folder / "changed.py").write_text(folder.name)
    (kept / "surplus.py").touch()
    (fresh / "missing.py").touch()

    drift = list(generate.differences(fresh, kept))

    assert drift == ["changed.py", "missing.py", "surplus.py"]


def test_a_swap_leaves_only_the_new_code(tmp_path: Path) -> None:
    target, fresh = tmp_path / "gen", tmp_path / "work" / "gen"
    for folder in (target, fresh):
        folder.mkdir(parents=True)
        (folder / folder.parent.name).touch()

    generate.swap(fresh, target)

    assert generate.files(target) == {"work"}


def test_connect_and_grpc_use_the_same_messages() -> None:
    assert issubclass(messages.ReplyRequest, Message)
    parameters = inspect.signature(connect.ConversationService.reply).parameters
    assert "ReplyRequest" in str(parameters["request"].annotation)
    assert hasattr(grpc_stubs.ConversationServiceServicer, "Reply")
