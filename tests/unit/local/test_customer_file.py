"""A CSV file of customers: what is read, what is refused, line by line."""

from __future__ import annotations

from pathlib import Path

import pytest
from switchboard.intake.v1 import model_pb2 as model

from local.customer_file import lines
from local.errors import StackError


def written(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "people.csv"
    path.write_text(text, encoding=encoding)
    return path


def test_a_line_is_a_customer(tmp_path: Path) -> None:
    text = "channel, address,display_name,tier,plan,notes\nsms,+46701740605,Åsa,excellent,family,\n"
    [line] = lines(written(tmp_path, text))
    customer = line.customer
    assert (line.number, line.wrong) == (2, "")
    assert customer.identities[0].channel == model.CHANNEL_SMS
    assert (customer.display_name, customer.tier) == ("Åsa", model.SERVICE_TIER_EXCELLENT)
    assert dict(customer.attributes) == {"plan": "family"}


def test_a_file_that_is_imported_again_has_the_same_requests(tmp_path: Path) -> None:
    text = "channel,address\nsms,+46701740605\nemail,asa@example.com\n"
    path = written(tmp_path, text)
    first, second = list(lines(path)), list(lines(path))
    assert [line.request_id for line in first] == [line.request_id for line in second]
    assert len({line.request_id for line in first}) == 2


def test_a_spreadsheet_s_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    [line] = lines(written(tmp_path, "channel,address\nsms,+46701740605\n", "utf-8-sig"))
    assert not line.wrong


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("pigeon,home,,", "No such channel"),
        ("sms,,,", "no address"),
        ("sms,+46701740605,,GOLD", "no such tier: GOLD"),
        ("sms,+46701740605,,BASIC,more", "more cells than columns"),
    ],
)
def test_a_wrong_line_says_why_and_holds_up_no_other(tmp_path: Path, row: str, why: str) -> None:
    text = f"channel,address,display_name,tier\n{row}\nsms,+46701740605,Åsa,\n"
    wrong, good = lines(written(tmp_path, text))
    assert why in wrong.wrong
    assert (good.number, good.wrong) == (3, "")


@pytest.mark.parametrize(
    ("text", "encoding", "why"),
    [
        ("name\nÅsa\n", "utf-8", "no column channel"),
        ("", "utf-8", "no column channel"),
        ("channel,address\nsms,Å\n", "latin-1", "not UTF-8"),
    ],
)
def test_what_is_no_file_of_customers(tmp_path: Path, text: str, encoding: str, why: str) -> None:
    with pytest.raises(StackError, match=why):
        list(lines(written(tmp_path, text, encoding)))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="cannot be read"):
        list(lines(tmp_path / "absent.csv"))
