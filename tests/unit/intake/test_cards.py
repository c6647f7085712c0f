"""Card numbers are masked wherever a customer or an agent writes one; other numbers stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.core.cards import LENGTHS, MASK, masked

# Test numbers as the networks and their acquirers publish them.
CARDS = {
    "visa": "4242424242424242",
    "visa of 13": "4222222222222",
    "visa of 19": "4000000000000000006",
    "mastercard": "5555555555554444",
    "mastercard 2": "2223003122003222",
    "american express": "378282246310005",
    "diners": "30569309025904",
    "discover": "6011111111111117",
    "jcb": "3530111333300000",
    "unionpay": "6200000000000005",
    "maestro": "6759649826438453",
}
SCRIPTS = ("0123456789", "０１２３４５６７８９", "٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९")
DOUBLED = str.maketrans("0123456789", "0246813579")  # twice, and its digits added up
GAPS = ("", " ", "-", ".", " -", "\u00a0", "\u2013", "/", "_", "\u200b", "\u200b\u200d ")


def _masked(number: str) -> str:
    return MASK * (len(number) - 4) + number[-4:]


@pytest.mark.parametrize("number", CARDS.values(), ids=CARDS)
def test_the_cards_of_all_large_networks_are_masked(number: str) -> None:
    assert masked(f"My card is {number}, thanks") == f"My card is {_masked(number)}, thanks"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("4242 4242 4242 4242", "•••• •••• •••• 4242"),
        ("4242-4242-4242-4242 12/28 123", "••••-••••-••••-4242 12/28 123"),
        ("3782 822463 10005", "•••• •••••• •0005"),
        ("４２４２４２４２４２４２４２４２", "••••••••••••４２４２"),
        ("4242424242424242 5555555555554444", "••••••••••••4242 ••••••••••••4444"),
        ("Visa4242424242424242.", "Visa••••••••••••4242."),
        ("a4242\u200b4242 4242\u200d4242", "a••••\u200b•••• ••••\u200d4242"),
    ],
)
def test_how_it_is_written_does_not_matter(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Where is my parcel?",
        "4242424242424241",  # no check digit
        "1242424242424243",  # begins like no card
        "424242424242",  # too short
        "42424242424242424242",  # too long
        "+4915123456789",
        "order 4242, 4242, 4242 and 4242",
        "4242\n4242\n4242\n4242",
        "4242 4242 x 4242 4242",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert masked(text) == text


@st.composite
def _numbers(draw: st.DrawFn) -> str:
    """Numbers of any length with the right check digit, as a card's begin."""
    length = draw(st.sampled_from(LENGTHS))
    first = draw(st.sampled_from("23456"))
    body = first + draw(st.text("0123456789", min_size=length - 2, max_size=length - 2))
    doubled = body[::-1].translate(DOUBLED)[::2], body[::-1][1::2]
    return f"{body}{-sum(map(int, ''.join(doubled))) % 10}"


@given(_numbers(), st.data())
def test_no_way_of_writing_a_card_hides_it(number: str, data: st.DataObject) -> None:
    script = data.draw(st.sampled_from(SCRIPTS))
    written = "".join(
        data.draw(st.sampled_from(GAPS)) * bool(place) + script[int(digit)]
        for place, digit in enumerate(number)
    )
    shown = [character for character in masked(f"card: {written}!") if character.isdigit()]
    assert len(shown) <= 4


@given(st.text())
def test_nothing_but_digits_changes_and_once_is_enough(text: str) -> None:
    shown = masked(text)
    assert len(shown) == len(text)
    assert all(b == a or (b == MASK and a.isdigit()) for a, b in zip(text, shown, strict=True))
    assert masked(shown) == shown
