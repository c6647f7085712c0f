"""Every tidy rule bites: a violation planted in a folder of its own is found, at its line."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.architecture.rules import RULES
from tests.architecture.tree import Source, listed

BY_NAME = {rule.name: rule for rule in RULES}
CORE = "services/sla/core/decide.py"
TEST = "tests/unit/sla/test_decide.py"

# rule, file, text that breaks it at its last line
PLANTED = (
    ("banned call", CORE, "import time\nx = time.time()\n"),
    ("banned call", CORE, "from datetime import datetime\nx = datetime.now()\n"),
    ("banned call", CORE, "import uuid as u\nx = u.uuid4()\n"),
    ("banned call", CORE, "import random\n"),
    ("banned call", "services/sla/app.py", "import os\nx = os.environ['A']\n"),
    ("banned call", "services/sla/app.py", "print(1)\n"),
    ("banned call", "local/cli.py", "import yaml\nx = yaml.load('a')\n"),
    ("banned call", TEST, "from unittest import mock\n"),
    ("long function", CORE, "\n" * 3 + "def f():\n" + "    x = 1\n" * 60),
    ("junk drawer", CORE, "class SessionManager: ...\n"),
    ("junk drawer", "services/sla/utils.py", "x = 1\n"),
    ("undocumented module", CORE, "x = 1\n"),
    ("test that asserts nothing", TEST, "def test_it():\n    f()\n"),
    ("unfinished work", "services/sla/migrations/0001_a.sql", "-- TO" + "DO: index\n"),
    ("unfinished work", CORE, "raise NotImplemented" + "Error\n"),
    ("swallowed error", CORE, "try:\n    f()\nexcept Exception:\n    pass\n"),
    ("ignore without a reason", CORE, "x = 1  # no" + "qa: E501\n"),
    ("ignore without a reason", CORE, "x = 1  # type" + ": ignore[attr]\n"),
    ("ignore without a code", CORE, "x = 1  # no" + "qa because\n"),
    ("ignore without a code", CORE, "x = 1  # type" + ": ignore because\n"),
    ("skipped test", TEST, "@pytest.mark.sk" + "ip\n"),
    ("sleeping test", TEST, "await asyncio.sl" + "eep(0.1)\n"),
    ("registry address", "README.md", "see https://pyp" + "i.org/x\n"),
    ("machine path", "docs/a.md", "look in /tm" + "p/here\n"),
    ("machine path", "docs/a.md", "look in /ho" + "me/ann/x\n"),
)

# rule, file, text that only looks like a violation
INNOCENT = (
    ("banned call", "services/sla/shell/http.py", "import time\nx = time.time()\n"),
    ("banned call", CORE, "def f(random):\n    return random.choice\n"),
    ("junk drawer", "services/sla/core/commons_of.py", "class Community: ...\n"),
    ("sleeping test", TEST, "await asyncio.sleep(0)\n"),
    ("ignore without a reason", CORE, "x = 1  # no" + "qa: E501 - a key of a provider\n"),
    ("unfinished work", CORE, "CONTODOS = 1\n"),
    ("test that asserts nothing", TEST, "def test_it():\n    assert f()\n"),
    ("long function", CORE, "def f():\n" + "    x = 1\n" * 59),
)


@pytest.mark.parametrize(("name", "path", "text"), PLANTED)
def test_a_planted_violation_is_found(name: str, path: str, text: str) -> None:
    findings = BY_NAME[name](Source(path, text))
    assert findings
    assert all(finding.path == path and finding.line >= 1 for finding in findings)


@pytest.mark.parametrize(("name", "path", "text"), INNOCENT)
def test_what_only_looks_like_one_is_left_alone(name: str, path: str, text: str) -> None:
    assert BY_NAME[name](Source(path, text)) == []


def test_a_long_file_is_found() -> None:
    assert BY_NAME["long file"](Source(CORE, "x = 1\n" * 401))
    assert not BY_NAME["long file"](Source(CORE, "x = 1\n" * 400))


def test_every_rule_has_been_seen_to_bite() -> None:
    assert set(BY_NAME) == {name for name, _, _ in PLANTED} | {"long file"}


def test_a_ban_names_the_replacement() -> None:
    (finding, *_) = BY_NAME["banned call"](Source(CORE, "import time\nx = time.time()\n"))
    assert str(finding).startswith(f"{CORE}:2: time.time is banned here; use the input's now_ms")


def test_a_file_is_read_before_it_is_committed(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True, timeout=30)
    (tmp_path / "new.py").write_text("x = 1\n")
    (tmp_path / ".gitignore").write_text("built/\n")
    (tmp_path / "built").mkdir()
    (tmp_path / "built" / "out.py").write_text("x = 1\n")
    assert listed(tmp_path) == [".gitignore", "new.py"]
