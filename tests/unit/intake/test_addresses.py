"""One form for each address."""

from __future__ import annotations

import pytest

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
