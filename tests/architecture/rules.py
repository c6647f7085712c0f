"""The house rules a program can check. Each has a test that plants a violation and sees it found.

A pattern that would match its own text is broken by a one-letter class (`TOD[O]`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.architecture import bans
from tests.architecture.findings import (
    Finding,
    Rule,
    anywhere,
    ending,
    pattern,
    python,
    under,
)
from tests.architecture.tree import GENERATED, Source

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
JUNK_DRAWERS = re.compile(r"(^|_)(utils?|common|helpers?|managers?|misc)(_|$)")
REGISTRIES = (
    r"pyp[i]\.org|pythonhoste[d]|registry\.npm[j]s|repo\d?\.mave[n]|proxy\.golan[g]|"
    r"(static|index)\.crate[s]|deb\.debia[n]"
)
MACHINE_PATHS = r"/wor[k]/\w+|/tm[p]/[A-Za-z]|/roo[t]/|/hom[e]/\w+/|/Users/\w+/"
BARE_IGNORE = r"#\s*(type:\s*ignore(\[[^\]]*\])?|noqa(:\s*[A-Z0-9, ]+)?|pragma: no cove[r])\s*$"
CODELESS_IGNORE = r"#\s*(type:\s*ignor[e](?!\[)|noq[a](?!:\s*[A-Z]+\d))"
ASSERTING = re.compile(r"\bassert|raises\(|\bverify|\bcheck|\bexpect|\.run\(|run_state_machine")


def long_file(source: Source) -> Iterator[Finding]:
    """Find a file that holds more than one idea."""
    lines = source.text.count("\n")
    if lines > FILE_LINES_MAX:
        says = f"{lines} lines, {FILE_LINES_MAX} at most: split it by reason to change"
        yield Finding(source.path, 1, says)


def long_function(source: Source) -> Iterator[Finding]:
    """Find a function nobody can read in one look."""
    for node in functions(source):
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            says = f"{node.name} has {lines} lines, {FUNCTION_LINES_MAX} at most"
            yield Finding(source.path, node.lineno, says)


def junk_drawer(source: Source) -> Iterator[Finding]:
    """Find a module or class whose name says nothing of its job."""
    names = [(1, part) for part in PurePosixPath(source.path).with_suffix("").parts]
    for node in ast.walk(source.tree()):
        if isinstance(node, ast.ClassDef):
            snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", node.name).lower()
            names.append((node.lineno, snake))
    for line, name in names:
        if JUNK_DRAWERS.search(name):
            yield Finding(source.path, line, f"`{name}` says nothing: name it by its job")


def asserts_nothing(source: Source) -> Iterator[Finding]:
    """Find a test that can't fail."""
    for node in functions(source):
        if node.name.startswith("test_") and not ASSERTING.search(ast.unparse(node)):
            yield Finding(source.path, node.lineno, f"{node.name} asserts nothing")


def undocumented(source: Source) -> Iterator[Finding]:
    """Find a module without a sentence on what it is for."""
    tree = source.tree()
    if tree.body and ast.get_docstring(tree) is None:
        yield Finding(source.path, 1, "say in a docstring what this module is for")


def functions(source: Source) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Give every function and method of a file."""
    for node in ast.walk(source.tree()):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def holding_tests(source: Source) -> bool:
    """Files that hold tests."""
    return source.is_python and PurePosixPath(source.path).name.startswith("test_")


def not_generated(source: Source) -> bool:
    """Every file but the generated ones, which name their generator's paths."""
    return not source.path.startswith(GENERATED)


SLEEPLESS = "wait on a state with a deadline (tests.support.waiting)"
RULES = (
    Rule("banned call", python, bans.find),
    Rule("long file", python, long_file),
    Rule("long function", python, long_function),
    Rule("junk drawer", python, junk_drawer),
    Rule("undocumented module", under("services/", "local/", "bench/"), undocumented),
    Rule("test that asserts nothing", holding_tests, asserts_nothing),
    Rule(
        "unfinished work",
        ending(".py", ".ts", ".proto", ".sql", ".yaml", ".yml", "Makefile", "Dockerfile"),
        pattern(
            r"\b(TOD[O]|FIXM[E]|XX[X]|HAC[K])\b|NotImplementedErro[r]",
            "finish it, or open an issue and say what holds today",
        ),
    ),
    Rule(
        "swallowed error",
        python,
        pattern(
            r"except( Exception| BaseException)?:\s*\n\s+(pass|continue)\b",
            "name the error and its fate: retry, dead-letter or crash",
        ),
    ),
    Rule(
        "ignore without a reason",
        python,
        pattern(BARE_IGNORE, "write the reason after the code"),
    ),
    Rule(
        "ignore without a code",
        python,
        pattern(CODELESS_IGNORE, "name the code that is ignored"),
    ),
    Rule(
        "skipped test",
        under("tests/"),
        pattern(
            r"pytest\.(mark\.)?(ski[p]|skipi[f]|xfai[l])\b",
            "mend it or delete it; a machine's lack is the tier runner's to report",
        ),
    ),
    Rule(
        "sleeping test",
        under("tests/"),
        pattern(r"\btime\.slee[p]\(|\basyncio\.slee[p]\((?!0\))", SLEEPLESS),
    ),
    Rule(
        "registry address",
        anywhere,
        pattern(REGISTRIES, "the ordinary client knows the registry; name none"),
    ),
    Rule(
        "machine path",
        not_generated,
        pattern(MACHINE_PATHS, "a path of one machine; take it from a setting or a fixture"),
    ),
)
