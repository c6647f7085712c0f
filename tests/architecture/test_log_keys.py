"""Every key that code logs is on the list, else the line would be written without it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.chassis.telemetry.logs import KEYS

SERVICES = Path(__file__).parents[2] / "services"
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def logged(folder: Path) -> Iterator[tuple[str, str]]:
    """Place and key of every keyword in a call like `log.info("event", key=…)`."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _is_log_call(node.func):
                for keyword in node.keywords:
                    assert keyword.arg is not None, (
                        f"{path}:{node.lineno}: name the keys one by one"
                    )
                    yield f"{path.relative_to(SERVICES)}:{node.lineno}", keyword.arg


def _is_log_call(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and function.attr in LEVELS
        and isinstance(function.value, ast.Name)
        and function.value.id == "log"
    )


def own_keys(folder: Path) -> set[str]:
    """What the service adds: the strings of `log_keys` in its `__main__.py`."""
    main = folder / "__main__.py"
    tree = ast.parse(main.read_text()) if main.exists() else ast.Module([], [])
    return {
        constant.value
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "log_keys"
        for constant in ast.walk(node.value)
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
    }


@pytest.mark.parametrize(
    "folder", sorted(path.parent for path in SERVICES.glob("*/__init__.py")), ids=lambda f: f.name
)
def test_logged_keys_are_listed(folder: Path) -> None:
    allowed = KEYS | own_keys(folder) | {"exc_info"}
    assert [f"{place}: {key}" for place, key in logged(folder) if key not in allowed] == []
