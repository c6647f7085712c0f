"""What comes into routing: envelopes to commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from immutables import Map
from switchboard.intake.v1 import events_pb2 as intake_events
from switchboard.intake.v1 import model_pb2 as intake
from switchboard.routing.v1 import commands_pb2 as pb

from services.routing.core import commands as do
from services.routing.core.kinds import Channel, Tier
from services.routing.core.triage.model import EndWork, Observe
from services.routing.core.triage.rules import Conversation
from services.routing.shell.wire import nouns
from services.routing.shell.wire.names import CHANNELS, LEVELS, PRESENCES, TIERS

WITHDRAWN = "withdrawn"
_REASONS = {
    intake.CONVERSATION_STATUS_PENDING: "pending",
    intake.CONVERSATION_STATUS_RESOLVED: "resolved",
    intake.CONVERSATION_STATUS_CLOSED: "closed",
}


def command_of(message: pb.RoutingInput, now_ms: int) -> do.Command | None:
    """The command of an envelope, None for one that a newer contract has added.

    Raises `ValueError` where it can never work: it names a value that nobody knows.
    """
    kind = message.WhichOneof("kind") or ""
    read = _COMMANDS.get(kind)
    return None if read is None else read(getattr(message, kind), now_ms)


def command_name(message: pb.RoutingInput) -> str:
    """The name of the command, for example `accept_offer`."""
    return message.WhichOneof("kind") or "unknown"


def agent_named(message: pb.RoutingInput) -> str:
    """The agent who asks or is asked about; empty where there is none."""
    said = getattr(message, command_name(message), None)
    if isinstance(said, pb.UpsertAgent):
        return said.agent.agent_id
    return str(getattr(said, "agent_id", ""))


def entity_of(message: pb.RoutingInput) -> str:
    """What is parked when the message can never work: the narrowest thing it is about."""
    said = getattr(message, command_name(message), None)
    for kind in ("work", "offer", "conversation", "agent", "edge"):
        name = getattr(getattr(said, "work", said), f"{kind}_id", "")
        if name:
            return f"{kind}/{name}"
    return f"agent/{agent_named(message)}"


def observation_of(event: intake_events.ConversationEvent) -> Observe | None:
    """What a conversation event tells triage; None for one that is about no conversation."""
    ref = event.conversation
    channel = CHANNELS.of_wire(ref.channel)
    if not ref.conversation_id or channel is None:
        return None
    return Observe(
        conversation=_conversation_of(ref, channel),
        is_open=ref.status == intake.CONVERSATION_STATUS_OPEN,
        sequence=event.sequence,
        occurred_ms=event.occurred_at_ms,
        reason="merged" if event.HasField("merged") else _REASONS.get(ref.status, "unknown"),
        customer_wrote=_customer_wrote(event),
    )


def _customer_wrote(event: intake_events.ConversationEvent) -> bool:
    return event.HasField("message_added") and not event.message_added.message.automatic


def end_of(message: pb.TriageInput) -> EndWork:
    """The end of work that the matcher tells triage."""
    if not message.HasField("work_ended"):
        return EndWork(message.work_rejected.work_id)
    ended = message.work_ended
    return EndWork(
        work_id=ended.work_id,
        left=nouns.work_of(ended.work, message.occurred_at_ms) if ended.HasField("work") else None,
        withdrawn_ms=message.occurred_at_ms if ended.reason == WITHDRAWN else 0,
    )


def _conversation_of(ref: intake.ConversationRef, channel: Channel) -> Conversation:
    return Conversation(
        tenant_id=ref.tenant_id,
        conversation_id=ref.conversation_id,
        customer_id=ref.customer_id,
        home_id=ref.home_id,
        channel=channel,
        tier=TIERS.of_wire(ref.tier) or Tier.BASIC,
        language=ref.language,
        pool_hint=ref.pool_hint,
        tags=tuple(ref.tags),
        attributes=Map(ref.attributes),
    )


def _work_requested(said: pb.WorkRequested, now_ms: int) -> do.Command:
    return do.RequestWork(nouns.work_of(said.work, now_ms))


def _work_changed(said: pb.WorkChanged, _: int) -> do.Command:
    return do.ChangeWork(
        work_id=said.work.work_id,
        requirement=nouns.requirement_of(said.work),
        priority=said.work.priority,
        tier=TIERS.of_wire(said.work.tier) or Tier.BASIC,
        language=said.work.language,
    )


def _work_withdrawn(said: pb.WorkWithdrawn, _: int) -> do.Command:
    return do.WithdrawWork(said.work_id, said.reason)


def _assign_work(said: pb.AssignWork, _: int) -> do.Command:
    return do.AssignWork(said.work_id, said.agent_id, said.override)


def _claim_work(said: pb.ClaimWork, _: int) -> do.Command:
    return do.ClaimWork(said.work_id, said.agent_id)


def _transfer_work(said: pb.TransferWork, _: int) -> do.Command:
    return do.TransferWork(
        work_id=said.work_id,
        pool=said.pool,
        agent_id=said.agent_id,
        skills=nouns.skills_of(said.skills),
        reason=said.reason,
        held_by=said.held_by,
    )


def _escalate_work(said: pb.EscalateWork, _: int) -> do.Command:
    return do.EscalateWork(
        work_id=said.work_id,
        conversation_id=said.conversation_id,
        level=LEVELS.required(said.level) if said.level else None,
        skills=nouns.skills_of(said.skills),
        reason=said.reason,
        held_by=said.held_by,
    )


def _reprioritise_work(said: pb.ReprioritiseWork, _: int) -> do.Command:
    return do.ReprioritiseWork(said.work_id, said.priority)


def _withdraw_work(said: pb.WithdrawWork, _: int) -> do.Command:
    return do.CancelWork(said.work_id, said.reason)


def _set_skills(said: pb.SetSkills, _: int) -> do.Command:
    return do.SetSkills(said.agent_id, Map({skill.name: skill.level for skill in said.skills}))


def _set_capacities(said: pb.SetCapacities, _: int) -> do.Command:
    return do.SetCapacities(said.agent_id, nouns.channels_of(said.channels), said.capacity)


def _remove_agent(said: pb.RemoveAgent, _: int) -> do.Command:
    return do.RemoveAgent(said.agent_id)


def _upsert_agent(said: pb.UpsertAgent, _: int) -> do.Command:
    agent = said.agent
    return do.DefineAgent(agent.agent_id, agent.display_name, nouns.profile_of(agent))


def _set_presence(said: pb.SetPresence, _: int) -> do.Command:
    return do.SetPresence(
        agent_id=said.agent_id,
        session_id=said.session_id,
        edge_id=said.edge_id,
        sequence=said.sequence,
        presence=PRESENCES.required(said.presence),
        reason=said.reason,
    )


def _session_heartbeat(said: pb.SessionHeartbeat, _: int) -> do.Command:
    return do.RenewLease(said.edge_id)


def _session_closed(said: pb.SessionClosed, _: int) -> do.Command:
    return do.CloseSession(said.agent_id, said.session_id, said.edge_id, said.signed_off)


def _accept_offer(said: pb.AcceptOffer, _: int) -> do.Command:
    return do.AcceptOffer(said.offer_id, said.agent_id)


def _decline_offer(said: pb.DeclineOffer, _: int) -> do.Command:
    return do.DeclineOffer(said.offer_id, said.agent_id, said.reason)


def _complete_assignment(said: pb.CompleteAssignment, _: int) -> do.Command:
    return do.CompleteWork(said.work_id, said.agent_id, said.reason)


def _end_wrap_up(said: pb.EndWrapUp, _: int) -> do.Command:
    return do.EndWrapUp(said.work_id, said.agent_id)


_COMMANDS: Mapping[str, Callable[[Any, int], do.Command]] = {
    "work_requested": _work_requested,
    "work_changed": _work_changed,
    "work_withdrawn": _work_withdrawn,
    "assign_work": _assign_work,
    "claim_work": _claim_work,
    "transfer_work": _transfer_work,
    "escalate_work": _escalate_work,
    "reprioritise_work": _reprioritise_work,
    "withdraw_work": _withdraw_work,
    "upsert_agent": _upsert_agent,
    "set_skills": _set_skills,
    "set_capacities": _set_capacities,
    "remove_agent": _remove_agent,
    "set_presence": _set_presence,
    "session_heartbeat": _session_heartbeat,
    "session_closed": _session_closed,
    "accept_offer": _accept_offer,
    "decline_offer": _decline_offer,
    "complete_assignment": _complete_assignment,
    "end_wrap_up": _end_wrap_up,
}
