"""The topics that intake writes and reads."""

from __future__ import annotations

from typing import Final

INPUTS: Final = "intake.inputs.v1"
CONVERSATIONS: Final = "intake.conversations.v1"
OUTBOUND: Final = "intake.outbound.v1"
