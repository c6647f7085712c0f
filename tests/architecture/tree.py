"""The repository's own files, as the tidy rules read them."""

from __future__ import annotations

import ast
import io
import subprocess
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("intake", "routing", "sla", "feedback", "insights", "console")
BINARY = frozenset({".png", ".ico", ".woff2", ".pb", ".binpb", ".jpg", ".gif"})
GENERATED = "protos/gen/"
SILENT = frozenset(
    {
        tokenize.COMMENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
        tokenize.INDENT,
        tokenize.NEWLINE,
        tokenize.NL,
    }
)


@dataclass(frozen=True, slots=True)
class Source:
    """One text file; `path` is relative to the root, with forward slashes."""

    path: str
    text: str

    @property
    def is_python(self) -> bool:
        """Tell whether a person wrote this Python."""
        return self.path.endswith(".py") and not self.path.startswith(GENERATED)

    def tree(self) -> ast.Module:
        """Parse it.

        Raises:
            SyntaxError: it isn't Python.
        """
        return ast.parse(self.text, filename=self.path)

    def line_of(self, position: int) -> int:
        """Give the line number of a character position."""
        return self.text.count("\n", 0, position) + 1


def code_lines(source: Source) -> int:
    """Count the lines that hold code: no blank line, no comment, no docstring."""
    documented = {
        line
        for node in ast.walk(source.tree())
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    coded = {
        line
        for token in tokenize.generate_tokens(io.StringIO(source.text).readline)
        if token.type not in SILENT
        for line in range(token.start[0], token.end[0] + 1)
    }
    return len(coded - documented)


def listed(root: Path) -> list[str]:
    """Give every file git knows or would add: a rule bites before the commit, not after."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return sorted(set(done.stdout.splitlines()))


def sources(root: Path = ROOT) -> Iterator[Source]:
    """Give every text file of the repository."""
    for path in listed(root):
        file = root / path
        if file.suffix in BINARY or not file.is_file():
            continue
        try:
            yield Source(path, file.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            continue
