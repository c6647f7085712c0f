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


def next_home(
    dossier: Dossier, said: commands_pb2.IntakeInput, first: commands_pb2.IntakeInput
) -> str:
    """The home to forward to; empty if the input is for this one.

    `first` is what was said before any forwarding. What was forwarded here and is not of this
    home's customer goes back to its own home, which knows better by now. A command about a
    conversation that has left goes after it.
    """
    if first.HasField("hand_over") and first.hand_over.kind in _COMES_BACK:
        return ""
    if dossier.yields_to:
        return dossier.yields_to
    if said.HasField("forward"):
        homes = dossier.customer.homes if dossier.customer else frozenset[str]()
        if not said.forward.conversation_id and first.home_id not in homes:
            return first.home_id
    return _follows(dossier, first)


def _follows(dossier: Dossier, first: commands_pb2.IntakeInput) -> str:
    kind = first.WhichOneof("kind") or ""
    named = getattr(getattr(first, kind), "conversation_id", "")
    if not named or named in dossier.conversations or kind in {"hand_over", "delivery_result"}:
        return ""
    elsewhere = dossier.referenced.get(named)
    if elsewhere is None or elsewhere.tenant_id != first.tenant_id:
        return ""
    return "" if elsewhere.home_id == dossier.home_id else elsewhere.home_id
