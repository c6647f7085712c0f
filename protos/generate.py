"""Generates protos/gen: `python -m protos.generate`, or `--check` to fail on drift.

The topic registry is packed beside the messages, as `switchboard.topics`, for the wheel's sake;
`page.binpb` is what the console's page is made from, where no Python is at hand.

Messages are google protobuf classes; gRPC stubs and Connect code share them. Type stubs come from
mypy-protobuf, because protoc's own fail `mypy --strict`. Code is made in a temporary folder beside
the target and swapped in, so that a failed run leaves the old code alone.
"""

from __future__ import annotations

import argparse
import filecmp
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from protos import compiler

TARGET = compiler.ROOT / "gen"
TOPICS = compiler.ROOT / "topics"


def main(argv: list[str] | None = None) -> int:
    """Generate, or with `--check` compare. Returns the exit status."""
    parser = argparse.ArgumentParser(description="Generate protos/gen")
    parser.add_argument("--check", action="store_true", help="change nothing; fail if code drifted")
    check: bool = parser.parse_args(argv).check
    with tempfile.TemporaryDirectory(dir=compiler.ROOT, prefix=".gen-") as folder:
        fresh = Path(folder) / "gen"
        try:
            generate(fresh)
        except compiler.CompilationFailedError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        if not check:
            swap(fresh, TARGET)
            return 0
        drift = list(differences(fresh, TARGET))
    for name in drift:
        sys.stderr.write(f"protos/gen/{name} differs from its source: run `make protos`\n")
    return 1 if drift else 0


def generate(target: Path) -> None:
    """Write all generated code into the new folder `target`.

    Raises:
        CompilationFailedError: the sources do not compile.
    """
    target.mkdir()
    dependencies = target.parent / "dependencies.binpb"
    compiler.write_dependencies(dependencies)
    common = [f"--descriptor_set_in={dependencies}", f"-I{compiler.ROOT}"]
    plugins = [
        f"--plugin={name}={compiler.tool(name)}"
        for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc", "protoc-gen-connectrpc")
    ]
    messages = [f"--python_out={target}", f"--mypy_out=quiet:{target}"]
    compiler.protoc([*common, *plugins, *messages, *compiler.sources(), compiler.VALIDATE])
    calls = [
        f"--grpc_python_out={target}",
        f"--mypy_grpc_out=quiet:{target}",
        f"--connectrpc_out={target}",
        "--connectrpc_opt=protobuf=google",
    ]
    compiler.protoc([*common, *plugins, *calls, *compiler.services()])
    compiler.write_page(target / "page.binpb")
    shutil.copytree(TOPICS, target / "switchboard" / "topics")
    mark_packages(target)


def mark_packages(target: Path) -> None:
    """Make each folder of ours a typed package; `buf` stays a namespace that others may share."""
    ours = target / "switchboard"
    for folder in (ours, *(path for path in ours.rglob("*") if path.is_dir())):
        (folder / "__init__.py").touch()
    (ours / "py.typed").touch()


def swap(fresh: Path, target: Path) -> None:
    """Put `fresh` in the place of `target`."""
    old = fresh.parent / "old"
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def files(folder: Path) -> set[str]:
    """Names of all files below the folder, caches left out."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def differences(fresh: Path, target: Path) -> Iterator[str]:
    """Names of files that are missing, surplus or different in `target`, sorted."""
    made, kept = files(fresh), files(target) if target.exists() else set()
    for name in sorted(made | kept):
        both = name in made and name in kept
        if not both or not filecmp.cmp(fresh / name, target / name, shallow=False):
            yield name


if __name__ == "__main__":
    sys.exit(main())
