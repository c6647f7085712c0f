"""Where an input goes that has reached a home which does not have its customer (any more)."""

from __future__ import annotations

from typing import Final

from switchboard.intake.v1 import commands_pb2

from services.intake.core.model import Dossier

_COMES_BACK: Final = frozenset(
    {
        commands_pb2.HAND_OVER_KIND_UNLINK,
        commands_pb2.HAND_OVER_KIND_RETURN,
        commands_pb2.HAND_OVER_KIND_REPOINT,
    }
)
_TOLD: Final = frozenset({"delivery_receipt", "delivery_result"})


def next_home(
    dossier: Dossier, said: commands_pb2.IntakeInput, first: commands_pb2.IntakeInput
) -> str:
    """The home to forward to; empty if the input is for this one.

    `first` is what was said before any forwarding. A command about a conversation that has left
    goes after it, and so does what is told of a message in it. What else was forwarded here and is
    not of this home's customer goes back to its own home, which knows better by now.
    """
    if first.HasField("hand_over") and first.hand_over.kind in _COMES_BACK:
        return ""
    if dossier.yields_to:
        return dossier.yields_to
    named = _named(dossier, first)
    if named in dossier.conversations:
        return ""
    came_by_home = said.HasField("forward") and not said.forward.conversation_id
    if came_by_home and first.home_id not in _homes(dossier):
        return first.home_id
    elsewhere = dossier.referenced.get(named) if named else None
    if elsewhere is None or elsewhere.tenant_id != first.tenant_id:
        return ""
    return "" if elsewhere.home_id == dossier.home_id else elsewhere.home_id


def _homes(dossier: Dossier) -> frozenset[str]:
    """The homes that are this customer's; those of an erased one are set free, but for this one."""
    if dossier.customer is None:
        return frozenset()
    return frozenset({dossier.home_id}) if dossier.customer.erased else dossier.customer.homes


def _named(dossier: Dossier, first: commands_pb2.IntakeInput) -> str:
    """The conversation that an input is about, by itself or by a message of ours that we know."""
    kind = first.WhichOneof("kind") or ""
    body = getattr(first, kind)
    if kind in _TOLD:
        sent = dossier.deliveries.get(body.message_id)
        return sent.conversation_id if sent else ""
    return "" if kind == "hand_over" else getattr(body, "conversation_id", "")
