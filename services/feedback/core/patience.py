"""The cooldown of a customer: one survey in a while, whichever of their conversations asks.

The customer's own shard decides, so that two conversations resolved in the same moment on two
shards cannot both ask. A turn once granted counts, even if the survey was taken back meanwhile.
"""

from __future__ import annotations

from dataclasses import replace

from services.feedback.core.model import Contact


def take_turn(
    contact: Contact, survey_id: str, now_ms: int, cooldown_ms: int
) -> tuple[Contact, bool]:
    """Whether `survey_id` may be sent now, and the contact after it; who has a turn keeps it."""
    if contact.survey_id == survey_id:
        return contact, True
    since_ms = contact.granted_at_ms
    if since_ms is not None and now_ms - since_ms < cooldown_ms:
        return contact, False
    return replace(contact, granted_at_ms=now_ms, survey_id=survey_id), True
