"""A ledger keeps every finished line over a kill, and passes over one that was cut off."""

from __future__ import annotations

from pathlib import Path

from local.jsonl import Ledger, read


def test_lines_come_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "ledger.jsonl"
    for number in range(3):
        ledger = Ledger(path)
        ledger.append({"n": number, "text": "zwei\nZeilen"})
        ledger.close()
    assert [entry["n"] for entry in read(path)] == [0, 1, 2]


def test_a_torn_line_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(b'{"n":1}\n{"n":')
    ledger = Ledger(path)
    ledger.append({"n": 2})
    ledger.close()
    assert [entry["n"] for entry in read(path)] == [1, 2]


def test_no_file_is_an_empty_ledger(tmp_path: Path) -> None:
    assert list(read(tmp_path / "none.jsonl")) == []
