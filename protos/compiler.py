"""Runs protoc over our sources, offline and with the tools of the virtual environment only.

`buf/validate/validate.proto` is not vendored: its descriptor comes out of the protovalidate package, so that the
rules in our messages and the validator that reads them cannot drift apart.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from google.protobuf import (
    descriptor_pb2,
    duration_pb2,
    field_mask_pb2,
    timestamp_pb2,
)
from protovalidate._gen.buf.validate import validate_pb

ROOT = Path(__file__).resolve().parent
SOURCES = ROOT / "switchboard"
VALIDATE = "buf/validate/validate.proto"


class CompilationFailedError(Exception):
    """protoc refused the sources; the message is what it printed."""


def sources() -> list[str]:
    """Our proto files, relative to the proto root, sorted."""
    return sorted(str(path.relative_to(ROOT)) for path in SOURCES.rglob("*.proto"))


def services() -> list[str]:
    """Those of our proto files that define a gRPC service, by the naming rule `*_service.proto`."""
    return [name for name in sources() if name.endswith("_service.proto")]


def tool(name: str) -> str:
    """Path of a program of the running virtual environment."""
    return str(Path(sys.executable).parent / name)


def write_dependencies(path: Path) -> None:
    """Write the descriptor set of everything our sources import and protoc does not bring."""
    known = descriptor_pb2.FileDescriptorSet()
    for module in (descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2):
        module.DESCRIPTOR.CopyToProto(known.file.add())
    known.file.add().ParseFromString(validate_pb.desc().proto.to_binary())
    path.write_bytes(known.SerializeToString(deterministic=True))


def protoc(arguments: list[str]) -> None:
    """Run protoc once.

    Raises:
        CompilationFailedError: protoc or a plugin ended with an error.
    """
    command = [sys.executable, "-m", "grpc_tools.protoc", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own tool
    if done.returncode != 0:
        raise CompilationFailedError(done.stderr.strip())


def write_image(path: Path, dependencies: Path) -> None:
    """Write the descriptor set of our sources with imports and comments: what buf lints and compares."""
    protoc(
        [
            f"--descriptor_set_in={dependencies}",
            f"-I{ROOT}",
            "--include_imports",
            "--include_source_info",
            f"--descriptor_set_out={path}",
            *sources(),
        ]
    )
