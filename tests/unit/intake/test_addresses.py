"""One form for each address."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from services.intake.core.model import Channel
from services.intake.shell.addresses import BadAddress, normalise


@pytest.mark.parametrize(
    ("channel", "given", "region", "expected"),
    [
        (Channel.SMS, "+4930901820", None, "+4930901820"),
        (Channel.SMS, "+49 (0)30 901820", None, "+4930901820"),
        (Channel.VOICE, "030 901820", "DE", "+4930901820"),
        (Channel.WHATSAPP, "+1 650 555 0100", None, "+16505550100"),
        (Channel.SMS, "88811", None, "88811"),
        (Channel.EMAIL, " Grete.X@Example.ORG", None, "grete.x@example.org"),
        (Channel.FORM, "Grete@Example.org", None, "grete@example.org"),
        (Channel.FORM, "0171 2345678", "DE", "+491712345678"),
        (Channel.SLACK, "U2CERLKJA", None, "U2CERLKJA"),
        (Channel.API, "Kunde 7", None, "Kunde 7"),
    ],
)
def test_one_form(channel: Channel, given: str, region: str | None, expected: str) -> None:
    assert normalise(channel, given, region) == expected
    assert normalise(channel, expected, region) == expected


@pytest.mark.parametrize(
    ("channel", "given"),
    [
        (Channel.SMS, ""),
        (Channel.SMS, "  "),
        (Channel.SMS, "030 901820"),
        (Channel.SMS, "+49" * 200),
        (Channel.EMAIL, "grete"),
        (Channel.EMAIL, "a@b@c"),
        (Channel.EMAIL, "gre\u0000te@example.org"),
        (Channel.FORM, "neither"),
        (Channel.API, "line\nbreak"),
    ],
)
def test_what_is_no_address(channel: Channel, given: str) -> None:
    with pytest.raises(BadAddress):
        normalise(channel, given)


@drawn(
    st.sampled_from(sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)),
    st.text("0123456789", min_size=2, max_size=13),
)
def test_what_is_taken_at_a_glance_is_what_the_library_says(country: int, digits: str) -> None:
    """A provider's E.164 is not parsed anew: that must never make a difference."""
    text = f"+{country}{digits}"
    try:
        number = phonenumbers.parse(text)
        wanted = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        possible = phonenumbers.is_possible_number(number)
    except phonenumbers.NumberParseException:
        possible = False
    if possible:
        assert normalise(Channel.SMS, text) == wanted
    else:
        with pytest.raises(BadAddress):
            normalise(Channel.SMS, text)
