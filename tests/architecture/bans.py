"""Calls this repository doesn't make, each with what to use instead."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass

from tests.architecture.findings import Finding
from tests.architecture.tree import SERVICES, Source

PURE_ROOMS = ("core/", "handlers.py", "ports.py")


@dataclass(frozen=True, slots=True)
class Ban:
    """A dotted name nobody may use in some rooms, and its replacement."""

    name: str
    instead: str
    rooms: tuple[str, ...]
    except_rooms: tuple[str, ...] = ()

    def covers(self, path: str) -> bool:
        """Tell whether the ban holds in a file."""
        return path.startswith(self.rooms) and not path.startswith(self.except_rooms)


EVERYWHERE = ("services/", "local/", "tests/", "bench/", "protos/", "docs/")
IN_SERVICES = ("services/",)
CHASSIS = ("services/chassis/",)
IN_PURE_ROOMS = tuple(f"services/{service}/{room}" for service in SERVICES for room in PURE_ROOMS)
FROM_THE_LOG = "the input's now_ms: time enters through the log"

BANS = (
    Ban("time.time", FROM_THE_LOG, IN_PURE_ROOMS),
    Ban("time.time_ns", FROM_THE_LOG, IN_PURE_ROOMS),
    Ban("datetime.datetime.now", FROM_THE_LOG, IN_PURE_ROOMS),
    Ban("datetime.datetime.utcnow", "datetime.now(UTC)", EVERYWHERE),
    Ban("uuid.uuid4", "out.new_id(): a replay must give the same ids", IN_PURE_ROOMS),
    Ban("random", "a choice made from the input: a replay must decide the same", IN_PURE_ROOMS),
    Ban("os.environ", "a field of the service's settings", IN_SERVICES, CHASSIS),
    Ban("os.getenv", "a field of the service's settings", IN_SERVICES, CHASSIS),
    Ban("logging.getLogger", "structlog.get_logger", IN_SERVICES, CHASSIS),
    Ban("print", "structlog.get_logger", IN_SERVICES, CHASSIS),
    Ban("json.loads", "orjson.loads: it refuses NaN and runaway depth", IN_SERVICES),
    Ban("json.dumps", "orjson.dumps", IN_SERVICES),
    Ban("pickle", "protobuf, or orjson", EVERYWHERE),
    Ban("yaml.load", "yaml.safe_load", EVERYWHERE),
    Ban("asyncio.get_event_loop", "asyncio.get_running_loop", EVERYWHERE),
    Ban("time.sleep", "tests.support.waiting: wait on a state with a deadline", ("tests/",)),
    Ban("time.sleep", "asyncio.sleep: the loop must go on turning", IN_SERVICES),
    Ban("unittest.mock", "a fake in tests/support that passes the port's suite", ("tests/",)),
)


def find(source: Source) -> Iterator[Finding]:
    """Find every use of a banned name, by whatever alias it was imported."""
    bans = [ban for ban in BANS if ban.covers(source.path)]
    for line, used in uses(source.tree()):
        for ban in bans:
            if used == ban.name or used.startswith(ban.name + "."):
                yield Finding(source.path, line, f"{ban.name} is banned here; use {ban.instead}")


def uses(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Give each name a module imports or uses, in full (`datetime.datetime.now`), with its line."""
    known = {name: full for name, full, _ in _imports(tree)}
    yield from ((line, full) for _, full, line in _imports(tree))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute | ast.Name):
            continue
        head, dot, tail = _dotted(node).partition(".")
        if head in known or hasattr(builtins, head):
            yield node.lineno, known.get(head, head) + dot + tail


def _imports(tree: ast.Module) -> Iterator[tuple[str, str, int]]:
    """Give each import: the name it binds here, the name in full, the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                yield name, alias.name if alias.asname else name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}", node.lineno


def _dotted(node: ast.expr) -> str:
    """Give `a.b.c` of an attribute chain that starts at a name, else nothing."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""
