"""All that follows from the contracts: `python -m protos`, or `--check` to change nothing.

Generates the code and the AsyncAPI document, then lints and compares with the last release.
"""

from __future__ import annotations

import sys

from protos import asyncapi, generate, lint


def main(arguments: list[str]) -> int:
    """Run every step that does not need an earlier one that failed. Returns the exit status."""
    return generate.main(arguments) or lint.main([]) or asyncapi.main(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
