"""Style as unit tests: every house rule over every file of the repository."""

from __future__ import annotations

import re
from functools import cache

import pytest

from tests.architecture.findings import Rule
from tests.architecture.rules import RULES
from tests.architecture.tree import ROOT, SERVICES, Source, code_lines, sources

# Lines of code, without blank lines, comments and docstrings. They may shrink and never grow: the
# aim is 2,500 for both together (docs/adr/0009-the-size-of-the-chassis.md).
ENGINE_LINES_MAX = 2_500
PLATFORM_LINES_MAX = 1_923
ROOMS = (
    "README.md",
    "__init__.py",
    "__main__.py",
    "app.py",
    "settings.py",
    "metrics.py",
)


@cache
def tree() -> tuple[Source, ...]:
    """Read the repository once."""
    return tuple(sources())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_tree_keeps_the_rule(rule: Rule) -> None:
    findings = [str(finding) for source in tree() for finding in rule(source)]
    assert not findings, "\n".join(findings)


@pytest.mark.parametrize(
    ("part", "most"),
    [("services/chassis/bus/", ENGINE_LINES_MAX), ("services/chassis/", PLATFORM_LINES_MAX)],
    ids=["engine", "platform"],
)
def test_the_chassis_stays_small_enough_to_read(part: str, most: int) -> None:
    lines = {
        source.path: code_lines(source)
        for source in tree()
        if source.path.startswith("services/chassis/")
        and source.path.startswith("services/chassis/bus/") == part.endswith("bus/")
        and source.is_python
    }
    assert sum(lines.values()) <= most, sorted(lines.items(), key=lambda row: -row[1])


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_rooms(service: str) -> None:
    folder = ROOT / "services" / service
    absent = [room for room in ROOMS if not (folder / room).is_file()]
    assert not absent, f"services/{service} lacks {absent}"
    assert (folder / "shell").is_dir()


def test_the_changelog_has_an_unreleased_section() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    section = re.search(r"^## \[?Unreleased\]?\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section is not None
    assert section[1].strip(), "say under Unreleased what changed"
