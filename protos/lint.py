"""Checks the contracts with buf: `python -m protos.lint` lints and compares with the last release.

`python -m protos.lint --release 1.2.3` records the present contracts as a release. From then on a
change that breaks a reader or a writer of that release fails; it belongs into a new package, `v2`.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from protos import compiler

RELEASES = compiler.ROOT / "releases"
SOURCES = compiler.ROOT / "switchboard"
CONFIG = compiler.ROOT / "buf.yaml"


def main(argv: list[str] | None = None) -> int:
    """Lint and compare, or record a release. Returns the exit status; findings go to stdout."""
    parser = argparse.ArgumentParser(description="Check the contracts")
    parser.add_argument("--release", metavar="VERSION", help="record the contracts as this release")
    version: str | None = parser.parse_args(argv).release
    try:
        findings = unformatted() + check(compiler.ROOT) if version is None else record(version)
    except compiler.CompilationFailedError as error:
        findings = f"{error}\n"
    sys.stdout.write(findings)
    return 1 if findings else 0


def check(root: Path) -> str:
    """What buf finds in the proto sources below `root`, a line each; empty if all is well.

    Raises:
        CompilationFailedError: the sources do not compile.
    """
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "image.binpb"
        compiler.write_image(image, root=root, comments=True)
        findings = buf("lint", str(image))
        release = latest_release()
        if release is not None:
            findings += buf("breaking", str(image), "--against", str(release))
    return findings


def unformatted() -> str:
    """What `buf format -w protos` would change, as a diff; empty if nothing."""
    return buf("format", str(compiler.ROOT), "--path", str(SOURCES), "--diff", "--exit-code")


def record(version: str) -> str:
    """Write the image of release `version`; finds nothing wrong, so returns no findings.

    Raises:
        CompilationFailedError: the sources do not compile.
    """
    RELEASES.mkdir(exist_ok=True)
    compiler.write_image(RELEASES / f"{version}.binpb", root=compiler.ROOT, comments=False)
    return ""


def latest_release() -> Path | None:
    """Image of the highest release, or None before the first."""
    return max(RELEASES.glob("*.binpb"), key=_version, default=None)


def _version(path: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", path.stem))


def buf(*arguments: str) -> str:
    """Run buf and return its findings; empty if it has none."""
    command = [compiler.tool("buf"), *arguments, "--config", str(CONFIG)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own tool
    if done.returncode != 0 and not done.stdout:
        return f"buf {arguments[0]}: {done.stderr.strip()}\n"
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
