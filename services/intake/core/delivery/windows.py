"""For how long after a customer has written their provider takes what we like to say. Pure.

WhatsApp: free text for 24 hours, templates at any time.
https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-messages#customer-service-windows
Messenger: 24 hours, and 7 days for what a person writes, under the tag HUMAN_AGENT.
https://developers.facebook.com/docs/messenger-platform/send-messages/message-tags
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from services.intake.core.delivery.model import Dispatch
from services.intake.core.model import Channel, Conversation, Kind

OUTSIDE_WINDOW: Final = "outside_window"
"""The reason of what failed because the customer wrote too long ago: another channel may do."""

FREE_MS: Final = 24 * 3_600_000
HUMAN_AGENT_MS: Final = 7 * FREE_MS


_WITH_WINDOW: Final = frozenset({Channel.WHATSAPP, Channel.MESSENGER})


class Window(StrEnum):
    """What may be sent now."""

    OPEN = "OPEN"
    UNKNOWN = "UNKNOWN"  # nobody knows when they wrote: the provider will say
    HUMAN_AGENT = "HUMAN_AGENT"  # only what a person of ours has written
    CLOSED = "CLOSED"


def window_of(dispatch: Dispatch, now_ms: int) -> Window:
    """The window that a message falls into, on the channels that have one."""
    if dispatch.last_inbound_at_ms == 0:
        return Window.UNKNOWN
    passed_ms = now_ms - dispatch.last_inbound_at_ms
    if passed_ms < FREE_MS:
        return Window.OPEN
    is_a_persons = dispatch.kind is Kind.REPLY
    return Window.HUMAN_AGENT if is_a_persons and passed_ms < HUMAN_AGENT_MS else Window.CLOSED


def reply_window_ends_at_ms(conversation: Conversation) -> int:
    """Until when free text may be sent in answer; 0 where that never ends, or they never wrote."""
    if conversation.channel not in _WITH_WINDOW or not conversation.last_inbound_at_ms:
        return 0
    return conversation.last_inbound_at_ms + FREE_MS
