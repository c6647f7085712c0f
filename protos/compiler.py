"""Runs protoc over our sources, offline and with the tools of the virtual environment only.

`buf/validate/validate.proto` is not vendored: its descriptor comes out of the protovalidate
package, so that the rules in our messages and the validator that reads them cannot drift apart.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from google.protobuf import (
    descriptor_pb2,
    duration_pb2,
    field_mask_pb2,
    struct_pb2,
    timestamp_pb2,
)
from google.protobuf.message import Message
from protovalidate._gen.buf.validate import validate_pb

ROOT = Path(__file__).resolve().parent
VALIDATE = "buf/validate/validate.proto"
PAGE = "switchboard/console/v1/console_service.proto"


class CompilationFailedError(Exception):
    """protoc refused the sources; the message is what it printed."""


def sources(root: Path = ROOT) -> list[str]:
    """Our proto files, relative to the proto root, sorted."""
    return sorted(str(path.relative_to(root)) for path in (root / "switchboard").rglob("*.proto"))


def services() -> list[str]:
    """Those of our proto files that define a gRPC service, by the naming rule `*_service.proto`."""
    return [name for name in sources() if name.endswith("_service.proto")]


def tool(name: str) -> str:
    """Path of a program of the running virtual environment."""
    return str(Path(sys.executable).parent / name)


def write_dependencies(path: Path) -> None:
    """Write the descriptor set of everything that our sources import and do not hold."""
    known = descriptor_pb2.FileDescriptorSet()
    for module in (descriptor_pb2, duration_pb2, field_mask_pb2, struct_pb2, timestamp_pb2):
        module.DESCRIPTOR.CopyToProto(known.file.add())
    known.file.add().ParseFromString(validate_pb.desc().proto.to_binary())
    path.write_bytes(known.SerializeToString(deterministic=True))


def protoc(arguments: list[str]) -> None:
    """Run protoc once. A warning, for example of an unused import, counts as an error.

    Raises:
        CompilationFailedError: protoc or a plugin had something to say.
    """
    command = [sys.executable, "-m", "grpc_tools.protoc", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own tool
    if done.returncode != 0 or done.stderr:
        raise CompilationFailedError(done.stderr.strip())


def write_image(path: Path, *, root: Path, comments: bool) -> None:
    """Write the descriptor set of the sources below `root` with all they import, for buf.

    Raises:
        CompilationFailedError: the sources do not compile.
    """
    with tempfile.TemporaryDirectory() as folder:
        dependencies = Path(folder) / "dependencies.binpb"
        write_dependencies(dependencies)
        source_info = ["--include_source_info"] if comments else []
        protoc(
            [
                f"--descriptor_set_in={dependencies}",
                f"-I{root}",
                "--include_imports",
                *source_info,
                f"--descriptor_set_out={path}",
                *sources(root),
            ]
        )


def write_page(path: Path) -> None:
    """Write the descriptor set that the console's page is made from: messages without options.

    Validation rules and roles are the server's business, and would double what a browser loads.

    Raises:
        CompilationFailedError: the sources do not compile.
    """
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "image.binpb"
        write_image(image, root=ROOT, comments=False)
        known = descriptor_pb2.FileDescriptorSet.FromString(image.read_bytes())
    files = {file.name: file for file in known.file}
    page = descriptor_pb2.FileDescriptorSet()
    for name in _needed(files, PAGE):
        file = page.file.add()
        file.CopyFrom(files[name])
        file.ClearField("dependency")
        file.dependency.extend(dep for dep in files[name].dependency if _is_shown(dep))
        _clear_options(file)
    path.write_bytes(page.SerializeToString(deterministic=True))


def _needed(files: Mapping[str, descriptor_pb2.FileDescriptorProto], name: str) -> list[str]:
    """The file and all it imports, each after what it needs."""
    found: dict[str, None] = {}
    for dependency in filter(_is_shown, files[name].dependency):
        found |= dict.fromkeys(_needed(files, dependency))
    return [*found, name]


def _is_shown(name: str) -> bool:
    return not name.startswith(("buf/", "switchboard/options/"))


def _clear_options(descriptor: Message) -> None:
    """Clear `options` of a descriptor and of all that is in it."""
    if "options" in descriptor.DESCRIPTOR.fields_by_name:
        descriptor.ClearField("options")
    for field, value in descriptor.ListFields():
        if field.message_type is not None and field.is_repeated:
            for item in value:
                _clear_options(item)
