"""What a tidy rule is: whom it looks at, what it finds there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tests.architecture.tree import Source

Where = Callable[[Source], bool]


@dataclass(frozen=True, slots=True)
class Finding:
    """One place that breaks a rule, and what to write instead."""

    path: str
    line: int
    says: str

    def __str__(self) -> str:
        """Give `path:line: what to do`, which editors can follow."""
        return f"{self.path}:{self.line}: {self.says}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A house rule that a program can check, one file at a time."""

    name: str
    where: Where
    find: Callable[[Source], Iterable[Finding]]

    def __call__(self, source: Source) -> list[Finding]:
        """Give what the rule finds in a file; nothing where the file isn't its business."""
        return list(self.find(source)) if self.where(source) else []


def anywhere(source: Source) -> bool:
    """Every file."""
    return True


def python(source: Source) -> bool:
    """Python that a person wrote."""
    return source.is_python


def under(*folders: str) -> Where:
    """Python below one of these folders."""
    return lambda source: source.is_python and source.path.startswith(folders)


def ending(*suffixes: str) -> Where:
    """Files whose names end so, generated ones apart."""
    return lambda source: (
        source.path.endswith(suffixes) and not source.path.startswith("protos/gen/")
    )


def pattern(expression: str, says: str) -> Callable[[Source], Iterator[Finding]]:
    """Find every match of a regular expression (multiline)."""
    compiled = re.compile(expression, re.MULTILINE)

    def find(source: Source) -> Iterator[Finding]:
        for match in compiled.finditer(source.text):
            yield Finding(source.path, source.line_of(match.start()), says)

    return find
