"""The checks of the contracts bite: planted faults are found, on copies of the sources."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from protos import compiler, lint

MODEL = "switchboard/sla/v1/model.proto"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(compiler.ROOT / "switchboard", tmp_path / "switchboard")
    return tmp_path


def change(root: Path, old: str, new: str) -> None:
    path = root / MODEL
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_contracts_are_clean_and_break_no_release(copy: Path) -> None:
    assert lint.latest_release() is not None
    assert lint.check(copy) == ""
    assert lint.unformatted() == ""


def test_a_field_without_a_comment_is_found(copy: Path) -> None:
    change(copy, "  // Id: conversation, metric and cycle.\n", "")

    assert "clock_id" in lint.check(copy)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("string clock_id = 1;", "string clock = 1;", id="renamed"),
        pytest.param("string clock_id = 1;", "int64 clock_id = 1;", id="retyped"),
        pytest.param("string clock_id = 1;", "string clock_id = 99;", id="renumbered"),
    ],
)
def test_a_change_that_breaks_a_release_is_found(copy: Path, old: str, new: str) -> None:
    change(copy, old, new)

    assert '"clock_id"' in lint.check(copy)


def test_growth_is_fine(copy: Path) -> None:
    change(
        copy,
        "string clock_id = 1;",
        "string clock_id = 1;\n  // Something new.\n  string something_new = 99;",
    )

    assert lint.check(copy) == ""


def test_an_unused_import_is_an_error(copy: Path) -> None:
    unused = 'import "google/protobuf/struct.proto";\nimport "switchboard/intake'
    change(copy, 'import "switchboard/intake', unused)

    with pytest.raises(compiler.CompilationFailedError, match="unused"):
        lint.check(copy)
