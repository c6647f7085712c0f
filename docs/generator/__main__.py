"""`python -m docs.generator` writes the generated documents; `--check` changes nothing."""

from __future__ import annotations

import sys

from docs.generator import pages


def main(arguments: list[str]) -> int:
    """Write, or compare; exit status 1 where a page differs from the code."""
    if arguments != ["--check"]:
        pages.write()
        return 0
    drifted = pages.drifted()
    for path in drifted:
        sys.stderr.write(f"{path} differs from the code: run `make docs`\n")
    return 1 if drifted else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
