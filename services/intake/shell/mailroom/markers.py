"""Header fields that every mail of ours carries, by which it is known wherever it turns up."""

from __future__ import annotations

from typing import Final

from services.intake.shell.mail.headers import OWN_MARKER

MESSAGE: Final = OWN_MARKER
"""The Message-ID that we gave it, for carriers that give it another one. Nobody's answer has it."""
RECIPIENT: Final = "x-switchboard-recipient"
"""The id of the address that it is written to: reports on it return the header."""
