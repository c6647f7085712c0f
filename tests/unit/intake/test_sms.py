"""How texts travel as SMS: alphabets, widths, and where segments end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.core.sms import Encoding, Length, measure

GSM7, UCS2 = Encoding.GSM7, Encoding.UCS2


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", Length(GSM7, 0, 1)),
        ("x" * 160, Length(GSM7, 160, 1)),
        ("x" * 161, Length(GSM7, 161, 2)),
        ("x" * 306, Length(GSM7, 306, 2)),
        ("x" * 307, Length(GSM7, 307, 3)),
        ("Größe: 5 £ @ Ç à Å Δ Ξ ¿", Length(GSM7, 24, 1)),
        ("\f^{}\\[~]|€", Length(GSM7, 20, 1)),
        ("€" * 80, Length(GSM7, 160, 1)),
        ("€" * 81, Length(GSM7, 162, 2)),
        ("x" * 152 + "€" + "x" * 7, Length(GSM7, 161, 2)),  # the sign does not fit into the first
        ("x" * 152 + "€" + "x" * 151, Length(GSM7, 305, 2)),
        ("x" * 152 + "€" + "x" * 152, Length(GSM7, 306, 3)),  # cut in two it would be 2
        ("ç", Length(UCS2, 1, 1)),  # only the capital is in the alphabet
        ("`", Length(UCS2, 1, 1)),
        ("я" * 70, Length(UCS2, 70, 1)),
        ("я" * 71, Length(UCS2, 71, 2)),
        ("я" * 134, Length(UCS2, 134, 2)),
        ("я" * 135, Length(UCS2, 135, 3)),
        ("🎉" * 35, Length(UCS2, 70, 1)),
        ("🎉" * 36, Length(UCS2, 72, 2)),
        ("я" + "🎉" * 66, Length(UCS2, 133, 2)),
        ("🎉" * 67, Length(UCS2, 134, 3)),  # 33 of two units fit into 67
        ("x" * 159 + "я", Length(UCS2, 160, 3)),  # one letter makes all of it UCS-2
    ],
)
def test_the_length_of_a_text(text: str, length: Length) -> None:
    assert measure(text) == length


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=700))
def test_units_are_those_of_the_encoding_and_segments_hold_them(text: str) -> None:
    length = measure(text)
    alone, in_parts = (160, 153) if length.encoding is GSM7 else (70, 67)
    if length.encoding is UCS2:
        assert length.units == len(text.encode("utf-16-le")) // 2
    else:
        assert len(text) <= length.units <= 2 * len(text)
    if length.units <= alone:
        assert length.segments == 1
    else:  # a character that does not fit leaves one unit of a part empty at the most
        assert -(-length.units // in_parts) <= length.segments <= -(-length.units // (in_parts - 1))


@given(st.text(max_size=300), st.text(max_size=5))
def test_more_text_is_never_less_to_pay(text: str, more: str) -> None:
    before, after = measure(text), measure(text + more)
    assert after.segments >= before.segments
    assert not (before.encoding is UCS2 and after.encoding is GSM7)
