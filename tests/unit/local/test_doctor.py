"""The doctor's checks: what fails says why and what to do, and ends its category."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from local import cli
from local.commands import doctor
from local.doctor.check import Category, Check, Outcome, run


def check(description: str, wrong: str | None = None) -> Check:
    async def answer() -> str | None:
        return wrong

    return Check(description, f"mend {description}", answer)


async def test_a_failure_ends_its_category_and_no_other() -> None:
    categories = [
        Category("one", [check("a"), check("b", "b is broken"), check("never asked")]),
        Category("two", [check("c")]),
    ]
    assert await run(categories) == [
        Outcome("one", "a"),
        Outcome("one", "b", "b is broken", "mend b"),
        Outcome("two", "c"),
    ]


async def test_a_check_that_raises_has_failed() -> None:
    async def broken() -> str | None:
        raise ConnectionRefusedError("nobody listens")

    [outcome] = await run([Category("one", [Check("a", "start it", broken)])])
    assert outcome.error == "ConnectionRefusedError: nobody listens"


@pytest.mark.parametrize(("wrong", "status"), [(None, 0), ("no Java", 1)])
def test_exit_status_and_json_tell_the_result(
    wrong: str | None, status: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(
        doctor, "_categories", lambda _home: [Category("machine", [check("java", wrong)])]
    )
    result = CliRunner().invoke(cli.app, ["doctor", "-o", "json", "--home", str(tmp_path)])
    document = orjson.loads(result.stdout)
    assert (result.exit_code, document["success"]) == (status, status == 0)
    assert document["checks"][0]["error"] == (wrong or "")


def test_the_text_form_is_linkerd_s(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    categories = [Category("machine", [check("java runs"), check("disk", "full")])]
    monkeypatch.setattr(doctor, "_categories", lambda _home: categories)
    result = CliRunner().invoke(cli.app, ["doctor", "--home", str(tmp_path)])
    assert result.stdout.splitlines() == [
        "machine",
        "-------",
        "√ java runs",
        "× disk",
        "    full",
        "    mend disk",
        "",
        "Status check results are ×",
    ]
