"""The simulator's book and accounts: what is read back, and what is found by what."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import orjson
import pytest

from local.simulator.account import Account, Accounts, is_same, parse
from local.simulator.book import Book
from local.simulator.message import SentMessage, Written

MESSAGE = SentMessage(
    sid="7/1", provider="telegram", account_id="bot", sender="@b", recipient="7", body="hi",
    created_ms=5, facts={"message_id": "1"},
)  # fmt: skip
WRITTEN = Written("telegram", "bot", "7", "7/2", "hello", 6, number=1)
ACCOUNT = Account("bot", "telegram", "@b", secrets={"bot_token": "7:secret"}, webhooks=("u",))


async def test_a_book_is_read_back(tmp_path: Path) -> None:
    before = Book(tmp_path / "book.jsonl")
    before.add(MESSAGE)
    before.write(WRITTEN)
    before.move("7/1", "sent", now_ms=9)
    after = Book(tmp_path / "book.jsonl")
    assert list(after.all()) == [MESSAGE.moved("sent", now_ms=9)] == list(before.all())
    assert (after.written_by("bot", "7"), after.count_written("bot")) == ([WRITTEN], 1)
    assert after.written_as("bot", "7/2") == WRITTEN
    assert after.people("bot") == {"7"}
    assert after.people("another") == set()


async def test_a_book_of_the_time_of_one_provider_is_still_read(tmp_path: Path) -> None:
    line = {
        "kind": "accepted",
        "sid": "SM1",
        "account_sid": "AC1",
        "sender": "+1",
        "recipient": "+2",
        "body": "hi",
        "status_callback": "http://host/",
        "created_ms": 5,
        "status": "queued",
        "sent_ms": 0,
        "error_code": 0,
    }
    (tmp_path / "book.jsonl").write_bytes(orjson.dumps(line) + b"\n")
    [message] = Book(tmp_path / "book.jsonl").all()
    assert (message.provider, message.sid, message.facts) == ("twilio", "SM1", {})


def test_accounts_are_read_from_json_and_show_no_secret() -> None:
    [found] = parse(orjson.dumps([asdict(ACCOUNT)]).decode())
    assert found == ACCOUNT
    assert "7:secret" not in repr(found)


@pytest.mark.parametrize("text", ["", "[1]", '[{"colour": "red"}]', "7"])
def test_what_is_no_list_of_accounts_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"accounts|Expecting"):
        parse(text)


def test_an_account_is_known_by_its_secret_and_by_no_empty_one() -> None:
    accounts = Accounts([ACCOUNT, Account("bare", "telegram")])
    assert accounts.known_by("bot_token", "7:secret") == ACCOUNT
    assert accounts.known_by("bot_token", "7:wrong") is None
    assert accounts.known_by("bot_token", "") is None
    assert accounts.called("page_id", "") is None
    assert not is_same("", "")
